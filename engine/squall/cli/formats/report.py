"""What a run of the linter found, as the formats beside this module write it down.

Also what several of them need alike: the worst first, a fingerprint that stays the same while lines
move, columns counted in bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from squall.core.diagnostics import Diagnostic, Position, Severity
from squall.core.playbook.suppressions import Suppressed

WORST_FIRST: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The findings of some files.

    `texts` holds what stands in each file that was checked, in order; `paths` what whoever reads
    the report calls a file, where that is not what it is called here. `strict`: warnings fail.
    """

    findings: Sequence[Diagnostic]
    texts: Mapping[str, str]
    suppressed: Sequence[Suppressed] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False

    def path(self, file: str) -> str:
        """The file as the reader calls it."""
        return self.paths.get(file, file)

    def fails(self, finding: Diagnostic) -> bool:
        """Whether the finding makes the linter end with 1."""
        worst = {Severity.ERROR, Severity.WARNING} if self.strict else {Severity.ERROR}
        return finding.severity in worst

    def line(self, finding: Diagnostic) -> str:
        """The line in which the finding begins; empty when there is none."""
        lines, number = self._lines.get(finding.file, []), finding.span.start.line
        return lines[number - 1] if number <= len(lines) else ""

    def byte_column(self, file: str, place: Position) -> int:
        """The column of a place as those count it who count bytes of UTF-8, from 1."""
        lines = self._lines.get(file, [])
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        before = line[: place.column - 1]
        return len(before.encode()) + place.column - len(before)

    def fingerprints(self) -> list[str]:
        """One for each finding and then for each suppressed one, none twice.

        Made of the file, the code and the line's text: what is written above or below plays no
        part. Equal findings in equal lines are told apart by their order.
        """
        import hashlib  # slow to import, and most formats do without

        seen: Counter[tuple[str, str, str]] = Counter()
        made = []
        for finding in [*self.findings, *(one.finding for one in self.suppressed)]:
            what = self.path(finding.file), finding.code, self.line(finding).strip()
            seen[what] += 1
            digest = hashlib.sha256("\0".join([*what, str(seen[what])]).encode())
            made.append(digest.hexdigest()[:32])
        return made

    @cached_property
    def _lines(self) -> dict[str, list[str]]:
        return {file: text.splitlines() for file, text in self.texts.items()}


def in_words(finding: Diagnostic) -> str:
    """What is wrong and, in a second sentence, what would be right."""
    return f"{finding.message}; {finding.hint}" if finding.hint else finding.message
