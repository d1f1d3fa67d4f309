"""Findings about one document, each at the place of the value that caused it.

What `build`, `scenarios` and `checks` write on while they read; it also reads the quantities that
several of them meet: shares, durations, sizes and speeds.
"""

from dataclasses import replace
from typing import Any, Final

from squall.core.diagnostics import Diagnostic, Edit, Position, Severity, Span, printable, short
from squall.core.faults.kinds import Share
from squall.core.playbook.fixes import Fix
from squall.core.playbook.project import NOTHING_AROUND, Project
from squall.core.playbook.source import Document, Path
from squall.core.sizes import parse_flow, parse_size
from squall.core.timing import Duration, parse_duration

MOST_A_SECOND: Final = 1_000_000
_ONLY_NAMES: Final = frozenset({"SQ203", "SQ204", "SQ206"})
_DECLARED: Final = {"SQ201": "scenarios", "SQ202": "targets"}


class Places:
    """The findings of one document so far, and the project it stands in."""

    def __init__(self, document: Document, file: str, around: Project = NOTHING_AROUND) -> None:
        self.document = document
        self.file = file
        self.around = around
        self.found: list[Diagnostic] = []

    @property
    def failed(self) -> bool:
        """Whether an error was found."""
        return any(finding.severity is Severity.ERROR for finding in self.found)

    def note(
        self,
        path: Path,
        code: str,
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        severity: Severity = Severity.ERROR,
        fix: Fix = (),
    ) -> None:
        """Note a finding at the value of `path`, or at its key, unless a hole may be its cause."""
        if self._is_blind(path, code):
            return
        self.found.append(
            Diagnostic(
                file=self.file,
                span=self.document.locate(path, key=key),
                code=code,
                message=printable(message),
                hint=printable(self._with_origin(path, hint)),
                severity=severity,
                fix=fix,
            )
        )

    def note_within(
        self, path: Path, start: int, length: int, code: str, message: str, hint: str = "", *,
        severity: Severity = Severity.ERROR, instead: str | None = None,
    ) -> None:  # fmt: skip
        """Note a finding about a part of a text, from its character `start` on.

        A text that is not written letter for letter on one line is marked as a whole. `instead` is
        what certainly should stand in place of the part.
        """
        before = len(self.found)
        self.note(path, code, message, hint, severity=severity)
        within = self.within(path, start, max(1, length))
        if len(self.found) > before and within is not None:
            fix = () if instead is None else (Edit(within, instead),)
            self.found[-1] = replace(self.found[-1], span=within, fix=fix)

    def within(self, path: Path, start: int, length: int) -> Span | None:
        """Where a part of a text is written; None unless it stands there letter for letter."""
        span = self.document.locate(path)
        written = self.document.text_at(path)
        width = span.end.column - span.start.column
        if span.start.line != span.end.line or written is None:
            return None
        if width not in {len(written), len(written) + 2}:  # without and with quotes
            return None
        column = span.start.column + start + (width - len(written)) // 2
        line = span.start.line
        return Span(Position(line, column), Position(line, column + length))

    def _with_origin(self, path: Path, hint: str) -> str:
        """The hint, and where the value comes from if it is a default that nobody sees here."""
        for length, part in enumerate(path, 1):
            origin = self.around.defaulted_by.get(str(part))
            of_a_step = length > 2 or part == "steady_state"
            if origin is not None and of_a_step and not self.document.has_key(path[:length]):
                by = f"'{part}' is a default of {origin}"
                return f"{hint}; {by}" if hint else by
        return hint

    def declares(self, table: str, name: str) -> bool:
        """Whether a text declares this name, although it may be left out of the data."""
        return (table, name) in self.document.keys or self.around.declares(table, name)

    def _is_blind(self, path: Path, code: str) -> bool:
        """Whether something was left out of the document that this finding depends on."""
        holes = self.document.holes
        if not holes or code in _ONLY_NAMES:
            return False
        if code in _DECLARED:
            data = self.document.data
            if any(hole[: len(path)] == path for hole in holes):
                return True
            return () in holes and isinstance(data, dict) and _DECLARED[code] not in data
        if code == "SQ205":
            return any(hole[:-1] == path[:-2] for hole in holes)
        if code == "SQ301":
            return any(path[:length] in holes for length in range(len(path)))
        return path in holes or path[:-1] in holes

    def lasting(self, path: Path, written: Any, stand_in: Duration) -> Duration:
        """A written duration that is more than nothing; a finding and `stand_in` if it is not."""
        before = len(self.found)
        duration = self.duration(path, written)
        if duration == 0:
            self.note(path, "SQ106", f"'{written}' is out of range: more than 0")
        return duration if len(self.found) == before else stand_in

    def duration(self, path: Path, written: Any) -> Duration:
        """A written duration; a finding and the shortest there is when it is none."""
        duration = parse_duration(written)
        if duration is None:
            self.note(
                path,
                "SQ106",
                f"'{short(written)}' is not a duration that can be waited for",
                "at most 100 years, for example 100ms, 2s, 1h30m",
            )
            return Duration(1)
        return duration

    def share(self, path: Path, written: Any) -> Share:
        """A written share as 0 to 1; a finding and zero when it is none."""
        percent = isinstance(written, str)
        value = float(written.strip().rstrip("% ")) / 100 if percent else float(written)
        if not 0 <= value <= 1:
            hint = "a share is 0% to 100%, or 0 to 1"
            message = f"'{short(written)}' is out of range: at most 100%"
            self.note(path, "SQ106", message, hint)
            return Share(0.0)
        return Share(value)

    def size(self, path: Path, written: Any) -> int:
        """A written size in bytes; a finding and zero when it is none."""
        size = parse_size(written)
        if size is None:
            message = f"'{short(written)}' is out of range: at most 1,000,000 GB"
            self.note(path, "SQ106", message)
        return size or 0

    def flow(self, path: Path, written: Any) -> float:
        """A written flow in bytes a second; a finding and one byte when it is none."""
        flow = parse_flow(written)
        if flow is None:
            message = (
                f"'{short(written)}' is out of range: more than nothing, at most 1,000,000 GB/s"
            )
            self.note(path, "SQ106", message)
        return flow or 1.0

    def per_second(self, path: Path, written: Any) -> float:
        """A written speed, in times a second; a finding and one when it is none."""
        speed = float(written.split("/")[0]) if isinstance(written, str) else float(written)
        if not 0 < speed <= MOST_A_SECOND:
            message = f"'{written}' is out of range: more than 0, at most 1,000,000 a second"
            self.note(path, "SQ106", message)
            return 1.0
        return speed
