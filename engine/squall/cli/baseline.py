"""Findings that were there before: ``squall lint --baseline FILE`` leaves them out.

The file is what ``squall lint --json`` printed then, for the base of a pull request or on the day
the linter came. A finding is known when its file had it, in the same words, as often; where in the
file it stands does not count, so that a mistake that only moved is not a new one.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import msgspec

from squall.cli.formats.report import Report
from squall.core.diagnostics import Diagnostic

_PLACE: Final = re.compile(r"(:|\bline )\d+\b")
"""Where a message names a place in another file, or another line."""


class _Known(msgspec.Struct):
    file: str
    code: str
    message: str


class _Baseline(msgspec.Struct):
    findings: list[_Known]


def beyond(report: Report, file: str) -> Report:
    """The report without what the baseline has; raises `click.UsageError` when it is none."""
    try:
        baseline = msgspec.json.decode(Path(file).read_bytes(), type=_Baseline)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        hint = "'squall lint --json PATH' writes one"
        raise click.UsageError(f"{file} is no baseline: {error}; {hint}") from None
    known = Counter(map(_key, baseline.findings))
    new = []
    for finding in report.findings:
        key = _key(finding)
        if known[key]:
            known[key] -= 1
        else:
            new.append(finding)
    return replace(report, findings=new)


def _key(finding: Diagnostic | _Known) -> tuple[str, str, str]:
    return finding.file, finding.code, _PLACE.sub(r"\1", finding.message)
