"""Findings that were there before: ``squall lint --baseline FILE`` leaves them out.

The file is what ``squall lint --json`` printed then, for the base of a pull request or for the day
the linter came. A finding is known when its file had it, in the same words; where in the file it
stands does not count, so that a mistake that only moved is not a new one.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from squall.core.diagnostics import Diagnostic

_PLACE = re.compile(r"(:|\bline )\d+\b")
"""Where a message names a place in another file, or another line."""


class _Known(msgspec.Struct):
    file: str
    code: str
    message: str


class _Document(msgspec.Struct):
    findings: list[_Known]


class Baseline:
    """The findings that are known, each as often as it was found."""

    def __init__(self, file: str = "") -> None:
        """Read it; raises `click.UsageError`. Without a file nothing is known."""
        self._known: Counter[tuple[str, str, str]] = Counter()
        if not file:
            return
        try:
            document = msgspec.json.decode(Path(file).read_bytes(), type=_Document)
        except OSError as error:
            raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
        except msgspec.DecodeError as error:
            hint = "'squall lint --json PATH' writes one"
            raise click.UsageError(f"{file} is no baseline: {error}; {hint}") from None
        self._known.update(map(_key, document.findings))

    def unknown(self, findings: Iterable[Diagnostic]) -> list[Diagnostic]:
        """The findings it does not have, or not as often."""
        left = self._known.copy()
        new = []
        for finding in findings:
            key = _key(finding)
            if left[key]:
                left[key] -= 1
            else:
                new.append(finding)
        return new


def _key(finding: Diagnostic | _Known) -> tuple[str, str, str]:
    return finding.file, finding.code, _PLACE.sub(r"\1", finding.message)
