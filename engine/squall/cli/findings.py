"""How findings look: for people with the source line and a caret, for programs as JSON."""

from collections.abc import Iterable, Mapping, Sequence

import click
import msgspec

from squall.core.diagnostics import Diagnostic, Severity

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(findings: Iterable[Diagnostic], texts: Mapping[str, str], *, context: bool) -> str:
    """``file:line:col: SQnnn message``, with the source line, a caret and the hint below.

    `texts` maps a file to what stands in it; `context` leaves that out for logs and greps.
    """
    lines: list[str] = []
    for finding in findings:
        start = finding.span.start
        colour = _COLOURS[finding.severity]
        label = "" if finding.severity is Severity.ERROR else f"{finding.severity}: "
        lines.append(
            f"{finding.file}:{start.line}:{start.column}: "
            + click.style(finding.code, fg=colour, bold=True)
            + f" {label}{finding.message}"
        )
        if context:
            lines += _excerpt(finding, texts.get(finding.file, ""), colour)
        if finding.hint:
            lines.append(f"    {finding.hint}" if context else f"    hint: {finding.hint}")
    return "\n".join(lines)


def _excerpt(finding: Diagnostic, text: str, colour: str) -> list[str]:
    start, end = finding.span.start, finding.span.end
    written = text.splitlines()
    if not 0 < start.line <= len(written):
        return []
    line = written[start.line - 1]
    if len(line) > 200:
        return []
    width = end.column - start.column if end.line == start.line else len(line) - start.column + 1
    # A tab in front of the caret stays a tab, so that both lines are indented alike.
    indent = "".join("\t" if mark == "\t" else " " for mark in line[: start.column - 1])
    gutter = f"{start.line:>5} | "
    caret = click.style("^" * max(1, width), fg=colour)
    return [f"{gutter}{line}", " " * (len(gutter) - 2) + f"| {indent}{caret}"]


def as_json(findings: Sequence[Diagnostic], files: int) -> str:
    """``{"findings": [...], "files": n}``, as ``schemas/finding.schema.json`` says."""
    rows = [
        {
            "file": finding.file,
            "line": finding.span.start.line,
            "column": finding.span.start.column,
            "end_line": finding.span.end.line,
            "end_column": finding.span.end.column,
            "code": finding.code,
            "severity": str(finding.severity),
            "message": finding.message,
            "hint": finding.hint,
        }
        for finding in findings
    ]
    document = msgspec.json.encode({"findings": rows, "files": files})
    return msgspec.json.format(document, indent=2).decode()
