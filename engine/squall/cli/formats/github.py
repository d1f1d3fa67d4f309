"""Findings as workflow commands: GitHub shows each beside its line in the pull request.

A step may show ten of each kind, so the worst come first, and a last line, which is no command,
says when there are more. See "Workflow commands for GitHub Actions".
"""

from typing import Final

from squall.cli.formats.report import WORST_FIRST, Report, in_words
from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.codes import CODES

SHOWN: Final = 10
"""How many annotations of each kind GitHub takes from a step."""

_KINDS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def write(report: Report) -> str:
    """A command a line."""
    lines: list[str] = []
    for severity in WORST_FIRST:
        found = [finding for finding in report.findings if finding.severity is severity]
        lines += [_command(finding, report.path(finding.file)) for finding in found]
        if len(found) > SHOWN:
            lines.append(f"GitHub shows {SHOWN} of these {len(found)} {severity}s; all are above.")
    return "\n".join(lines)


def _command(finding: Diagnostic, path: str) -> str:
    start, end = finding.span.start, finding.span.end
    about: dict[str, object] = {
        "title": f"{finding.code} {CODES[finding.code].title}",
        "file": path,
        "line": start.line,
        "endLine": end.line,
    }
    if start.line == end.line:  # columns of several lines are an error to the runner
        about |= {"col": start.column, "endColumn": max(start.column, end.column - 1)}
    said = ",".join(f"{key}={_property(str(value))}" for key, value in about.items())
    place = f"{path}:{start.line}:{start.column}: {finding.code} "  # the log shows nothing else
    return f"::{_KINDS[finding.severity]} {said}::{_data(place + in_words(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
