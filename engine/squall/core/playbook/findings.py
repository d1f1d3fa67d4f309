"""How findings read: a line each, the source line with a caret, and what would be right.

Whoever shows findings to people calls `as_text`: the command line, which colours it, and the
library, whose `Invalid` reads as ``squall lint`` does. `counted` is how many there are, in words.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Final
from unicodedata import combining, east_asian_width

from squall.core.diagnostics import Diagnostic, Severity, printable

Paint = Callable[[str, Severity], str]
"""Marks a code or a caret as belonging to a finding of that severity."""

_WIDEST: Final = 200
_ROOM_BEHIND: Final = 20
"""How much of a cut line is shown behind where a finding begins, if there is as much."""


def plain(text: str, _: Severity) -> str:
    """No marks at all."""
    return text


def as_text(
    findings: Iterable[Diagnostic],
    texts: Mapping[str, str],
    *,
    context: bool,
    paint: Paint = plain,
    width: int | None = None,
) -> str:
    """``file:line:col: SQnnn message``, with the source line, a caret and the hint below.

    `texts` maps a file to what stands in it; `context` leaves that out for logs and greps. With a
    `width`, sentences are wrapped to so many columns, and source lines cut around the caret.
    """
    lines: list[str] = []
    written: dict[str, list[str]] = {}
    for finding in findings:
        start = finding.span.start
        label = "" if finding.severity is Severity.ERROR else f"{finding.severity}: "
        place = f"{printable(finding.file)}:{start.line}:{start.column}: "
        said = wrapped(f"{place}{finding.code} {label}{finding.message}", width)
        head, code, rest = said[: len(place)], finding.code, said[len(place) :]
        lines.append(head + rest.replace(code, paint(code, finding.severity), 1))
        if context:
            if finding.file not in written:
                written[finding.file] = texts.get(finding.file, "").splitlines()
            lines += _excerpt(finding, written[finding.file], paint, width or _WIDEST)
        if finding.hint:
            lines.append(wrapped(f"    {'' if context else 'hint: '}{finding.hint}", width))
    return "\n".join(lines)


def counted(findings: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``; empty when there are none."""
    severities = [finding.severity for finding in findings]
    many = {severity: severities.count(severity) for severity in Severity}
    return ", ".join(count(number, severity.value) for severity, number in many.items() if number)


def count(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def wrapped(text: str, width: int | None) -> str:
    """The text in lines of so many columns, all but the first set in; as it is without a width."""
    if width is None:
        return text
    lines = wrap(
        text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def _excerpt(finding: Diagnostic, written: Sequence[str], paint: Paint, width: int) -> list[str]:
    start, end = finding.span.start, finding.span.end
    if not 0 < start.line <= len(written):
        return []
    line = written[start.line - 1]
    first = min(start.column - 1, len(line))
    last = end.column - 1 if end.line == start.line else len(line)
    gutter = f"{start.line:>5} | "
    line, first, last = _window(line, first, max(first + 1, last), width - len(gutter))
    line = "".join(map(_shown, line))
    # A tab in front of the caret stays a tab, so that both lines are indented alike.
    indent = "".join("\t" if mark == "\t" else " " * _cells(mark) for mark in line[:first])
    caret = paint("^" * max(1, sum(map(_cells, line[first:last]))), finding.severity)
    return [f"{gutter}{line}", " " * (len(gutter) - 2) + f"| {indent}{caret}"]


def _window(line: str, first: int, last: int, width: int) -> tuple[str, int, int]:
    """As much of a line as fits, with what is marked in it, and where that is now."""
    if len(line) <= width:
        return line, first, last
    end = min(len(line), max(width, min(last, first + width // 2) + _ROOM_BEHIND))
    begin = max(0, end - width)
    cut = list(line[begin:end])
    if begin:
        cut[0] = "…"
    if end < len(line):
        cut[-1] = "…"
    return "".join(cut), first - begin, min(last, end) - begin


def _shown(mark: str) -> str:
    """A character as it may stand on a terminal: one that would be obeyed is replaced."""
    return mark if mark.isprintable() or mark == "\t" else "\N{REPLACEMENT CHARACTER}"


def _cells(mark: str) -> int:
    """How many columns of a terminal a character takes."""
    return 0 if combining(mark) else 1 + (east_asian_width(mark) in {"W", "F"})
