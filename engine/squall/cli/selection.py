"""Which codes ``squall lint`` is to speak of: ``--select`` and ``--ignore``.

A code may be named in full or by its beginning: ``SQ3`` is all of SQ3xx. What is both selected and
ignored is ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import click

from squall.core.diagnostics import Diagnostic
from squall.core.playbook.codes import CODES, meant_code


@dataclass(frozen=True, slots=True)
class Selection:
    """The beginnings of codes that are wanted, and of those that are not."""

    selected: tuple[str, ...] = ("",)
    ignored: tuple[str, ...] = ()

    def takes(self, finding: Diagnostic) -> bool:
        """Whether the finding is to be spoken of."""
        return finding.code.startswith(self.selected) and not finding.code.startswith(self.ignored)


def selection(select: Iterable[str], ignore: Iterable[str]) -> Selection:
    """What the two options ask for; raises `click.UsageError` for a code there is not."""
    return Selection(tuple(_codes(select)) or ("",), tuple(_codes(ignore)))


def _codes(written: Iterable[str]) -> list[str]:
    codes = [code.strip() for each in written for code in each.split(",") if code.strip()]
    for code in codes:
        if not any(known.startswith(code) for known in CODES):
            close = meant_code(code, CODES)
            hint = f"Did you mean '{close}'?" if close else "'squall explain' lists them."
            raise click.UsageError(f"There is no code '{code}'. {hint}")
    return codes
