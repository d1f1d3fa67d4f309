"""Findings that were there before: ``squall lint --baseline FILE`` leaves them out.

The file is what ``squall lint --json`` printed then, for the base of a pull request or for the day
the linter came. A finding is known when its file had it, in the same words; where in the file it
stands does not count, so that a mistake that only moved is not a new one.
"""

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from squall.core.diagnostics import Diagnostic, Refused

_PLACE = re.compile(r"(:|\bline )\d+\b")
"""Where a message names a place in another file, or another line."""


class _Known(msgspec.Struct):
    file: str
    code: str
    message: str


class _Baseline(msgspec.Struct):
    findings: list[_Known]


def unknown(findings: Sequence[Diagnostic], baseline: bytes, name: str) -> list[Diagnostic]:
    """The findings that the baseline does not have, each as often as it is there more often.

    Raises `Refused` when the text is not what ``squall lint --json`` prints.
    """
    try:
        before = msgspec.json.decode(baseline, type=_Baseline)
    except msgspec.DecodeError as error:
        raise Refused(
            "SQ428", f"{name} is no baseline: {error}", "write one with 'squall lint --json PATH'"
        ) from None
    known = Counter(_key(one) for one in before.findings)
    new = []
    for finding in findings:
        if known[_key(finding)]:
            known[_key(finding)] -= 1
        else:
            new.append(finding)
    return new


def _key(finding: Diagnostic | _Known) -> tuple[str, str, str]:
    return finding.file, finding.code, _PLACE.sub(r"\1", finding.message)
