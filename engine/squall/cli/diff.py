"""What would change in a file, as a patch to read or to apply.

``squall lint --diff`` shows it. Lines end where `patch` and git end them, at the line feed, so that
a file with CR LF keeps them.
"""

from difflib import unified_diff

import click

from squall.core.diagnostics import printable

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def unified(file: str, before: bytes, after: bytes) -> str:
    """The patch that makes the one into the other, each line coloured."""
    name = printable(file)
    pieces = unified_diff(_lines(before), _lines(after), name, name, n=3)
    return "".join(map(_coloured, pieces))


def _lines(data: bytes) -> list[str]:
    lines = [line + "\n" for line in data.decode("utf-8", "replace").split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, f"{last}\n\\ No newline at end of file\n"] if last else lines


def _coloured(line: str) -> str:
    colour = _COLOURS.get(line[0])
    return click.style(line, fg=colour) if colour else line
