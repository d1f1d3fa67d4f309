"""Findings as a code quality report: GitLab shows them in the merge request.

The artifact of ``artifacts: reports: codequality``. GitLab compares fingerprints between branches,
and shows one finding only of several with the same.
"""

from typing import Final

import msgspec

from squall.cli.formats.report import Report, in_words
from squall.core.diagnostics import Severity

_SEVERITIES: Final = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def write(report: Report) -> str:
    """One JSON document, a list."""
    issues = [
        {
            "description": f"{finding.code}: {in_words(finding)}",
            "check_name": finding.code,
            "fingerprint": fingerprint,
            "severity": _SEVERITIES[finding.severity],
            "location": {
                "path": report.path(finding.file),
                "lines": {"begin": finding.span.start.line, "end": finding.span.end.line},
            },
        }
        for finding, fingerprint in zip(report.findings, report.fingerprints(), strict=False)
    ]
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode()
