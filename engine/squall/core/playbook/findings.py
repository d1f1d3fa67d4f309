"""How findings read: a line each, the source line with a caret, and what would be right.

Whoever shows findings to people calls `as_text`: the command line, which colours the codes, and the
library, whose `Invalid` reads as ``squall lint`` does.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from squall.core.diagnostics import Diagnostic, Severity

Paint = Callable[[str, Severity], str]
"""Marks a code or a caret as belonging to a finding of that severity."""

_LONGEST_SHOWN: Final = 200


def plain(text: str, _: Severity) -> str:
    """No marks at all."""
    return text


def as_text(
    findings: Iterable[Diagnostic],
    texts: Mapping[str, str],
    *,
    context: bool,
    paint: Paint = plain,
) -> str:
    """``file:line:col: SQnnn message``, with the source line, a caret and the hint below.

    `texts` maps a file to what stands in it; `context` leaves that out for logs and greps.
    """
    lines: list[str] = []
    for finding in findings:
        start = finding.span.start
        label = "" if finding.severity is Severity.ERROR else f"{finding.severity}: "
        code = paint(finding.code, finding.severity)
        lines.append(f"{finding.file}:{start.line}:{start.column}: {code} {label}{finding.message}")
        if context:
            lines += _excerpt(finding, texts.get(finding.file, ""), paint)
        if finding.hint:
            lines.append(f"    {finding.hint}" if context else f"    hint: {finding.hint}")
    return "\n".join(lines)


def _excerpt(finding: Diagnostic, text: str, paint: Paint) -> list[str]:
    start, end = finding.span.start, finding.span.end
    written = text.splitlines()
    if not 0 < start.line <= len(written):
        return []
    line = written[start.line - 1]
    if len(line) > _LONGEST_SHOWN:
        return []
    width = end.column - start.column if end.line == start.line else len(line) - start.column + 1
    # A tab in front of the caret stays a tab, so that both lines are indented alike.
    indent = "".join("\t" if mark == "\t" else " " for mark in line[: start.column - 1])
    gutter = f"{start.line:>5} | "
    caret = paint("^" * max(1, width), finding.severity)
    return [f"{gutter}{line}", " " * (len(gutter) - 2) + f"| {indent}{caret}"]
