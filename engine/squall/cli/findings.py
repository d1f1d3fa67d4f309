"""How findings look on a terminal: for people in colour, for programs as JSON."""

from collections.abc import Iterable, Mapping, Sequence

import click
import msgspec

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.findings import as_text as findings_text

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(findings: Iterable[Diagnostic], texts: Mapping[str, str], *, context: bool) -> str:
    """The findings with codes and carets coloured; `context` shows the source lines."""
    return findings_text(findings, texts, context=context, paint=_painted)


def _painted(text: str, severity: Severity) -> str:
    return click.style(text, fg=_COLOURS[severity], bold=True)


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
