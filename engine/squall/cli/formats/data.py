"""Findings as data, for programs of one's own: what ``schemas/finding.schema.json`` describes.

``squall lint --json`` prints it. Nothing is left out, and nothing is put in other words.
"""

import msgspec

from squall.cli.formats.report import Report
from squall.core.diagnostics import Edit, Span


def write(report: Report) -> str:
    """One JSON document."""
    rows = [
        {
            "file": finding.file,
            **_place(finding.span),
            "code": finding.code,
            "severity": str(finding.severity),
            "message": finding.message,
            "hint": finding.hint,
            "fix": [_edit(edit) for edit in finding.fix],
        }
        for finding in report.findings
    ]
    counts = {"files": len(report.texts), "suppressed": len(report.suppressed)}
    document = msgspec.json.encode({"findings": rows, **counts})
    return msgspec.json.format(document, indent=2).decode()


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.start.line,
        "column": span.start.column,
        "end_line": span.end.line,
        "end_column": span.end.column,
    }


def _edit(edit: Edit) -> dict[str, object]:
    return {**_place(edit.span), "text": edit.text}
