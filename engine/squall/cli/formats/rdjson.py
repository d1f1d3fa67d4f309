"""Findings in the Reviewdog Diagnostic Format: reviewdog shows them, and suggests their fixes.

``reviewdog -f=rdjson`` reads it. Columns count bytes; files are named as seen from the folder
reviewdog runs in.
"""

from typing import Any, Final

import msgspec

from squall.cli.formats.report import Report, in_words
from squall.core.diagnostics import Diagnostic, Severity, Span
from squall.core.playbook.mending import as_one

_SEVERITIES: Final = {
    Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO",
}  # fmt: skip


def write(report: Report) -> str:
    """One JSON document, a ``DiagnosticResult``."""
    result = {
        "source": {"name": "squall"},
        "diagnostics": [_diagnostic(report, finding) for finding in report.findings],
    }
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode()


def _diagnostic(report: Report, finding: Diagnostic) -> dict[str, Any]:
    file = finding.file
    said: dict[str, Any] = {
        "message": in_words(finding),
        "location": {"path": report.path(file), "range": _range(report, file, finding.span)},
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.code},
    }
    if finding.fix:  # several suggestions would be several ways to choose from
        edit = as_one(report.texts[file], finding.fix)
        said["suggestions"] = [{"range": _range(report, file, edit.span), "text": edit.text}]
    return said


def _range(report: Report, file: str, span: Span) -> dict[str, dict[str, int]]:
    return {
        name: {"line": place.line, "column": report.byte_column(file, place)}
        for name, place in (("start", span.start), ("end", span.end))
    }
