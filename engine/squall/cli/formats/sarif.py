"""Findings as SARIF 2.1.0, for code scanning and for whatever else reads the standard.

Files are named relative to ``%SRCROOT%``, the root of the repository, so that every machine means
the same; the fingerprint has a name of its own, and GitHub's uploader adds its own beside it. What
comments suppress is in it too, marked so: GitHub's code scanning does not heed the mark.
"""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

import msgspec

from squall import __version__
from squall.cli.formats.report import Report, in_words
from squall.core.diagnostics import Diagnostic, Position, Severity, Span
from squall.core.playbook.codes import CODES, layer

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT: Final = "squall/v1"
_ROOT: Final = "%SRCROOT%"
_PROBLEMS: Final = {
    Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation",
}  # fmt: skip


def write(report: Report) -> str:
    """One JSON document: a log of one run."""
    every = [*report.findings, *(one.finding for one in report.suppressed)]
    codes = sorted({finding.code for finding in every})
    driver = {
        "name": "squall",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "results": list(_results(report, codes)),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode()


def _rule(code: str) -> dict[str, Any]:
    about = CODES[code]
    examples = [("Wrong", about.bad), ("Right", about.good)] if about.bad else []
    shown = "".join(f"\n\n{word}:\n\n```yaml\n{text.rstrip()}\n```" for word, text in examples)
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in about.title.split()),
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": about.why},
        "help": {
            "text": f"{about.why} {about.advice}".strip(),
            "markdown": f"{about.why}\n\n{about.advice}{shown}",
        },
        "defaultConfiguration": {"level": str(about.severity)},
        "properties": {
            "tags": ["chaos-engineering", layer(code)],
            "precision": "very-high",
            "problem.severity": _PROBLEMS[about.severity],
        },
    }


def _results(report: Report, codes: list[str]) -> Iterator[dict[str, Any]]:
    reasons = [*[""] * len(report.findings), *(one.by.reason for one in report.suppressed)]
    every = [*report.findings, *(one.finding for one in report.suppressed)]
    for finding, reason, fingerprint in zip(every, reasons, report.fingerprints(), strict=True):
        artifact = _artifact(report.path(finding.file))
        region = _region(_seen(finding.span))
        result = {
            "ruleId": finding.code,
            "ruleIndex": codes.index(finding.code),
            "level": str(finding.severity),
            "message": {"text": in_words(finding)},
            "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
            "partialFingerprints": {FINGERPRINT: fingerprint},
            "suppressions": [{"kind": "inSource", "justification": reason}] if reason else [],
        }
        yield {**result, "fixes": [_fix(finding, artifact)]} if finding.fix else result


def _fix(finding: Diagnostic, artifact: dict[str, str]) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        for edit in finding.fix
    ]
    return {
        "description": {"text": finding.hint or "as --fix would have it"},
        "artifactChanges": [{"artifactLocation": artifact, "replacements": replacements}],
    }


def _artifact(path: str) -> dict[str, str]:
    if PurePath(path).is_absolute():
        return {"uri": PurePath(path).as_uri()}
    return {"uri": quote(path), "uriBaseId": _ROOT}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _seen(span: Span) -> Span:
    """The span, or the one character behind it when it is empty and could not be seen."""
    start = span.start
    return span if span.end > start else Span(start, Position(start.line, start.column + 1))
