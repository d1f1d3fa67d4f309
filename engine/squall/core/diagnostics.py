"""What squall says when something is wrong, as values that travel unchanged to whoever shows them.

A `Diagnostic` is the author's mistake: a place, a stable code, a sentence. Checks return them, all
of them; nothing in core raises one. `Refused` is the caller's mistake: a thing asked for that
cannot be done now; the command line turns it into exit code 2. How either looks on a terminal or in
JSON is decided by the command line, not here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache


class Severity(StrEnum):
    """How much a finding matters: errors stop a run, warnings only under ``--strict``."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: line and column, both from 1, columns in code points."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From the first character of something to just behind its last."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Edit:
    """A text to put in place of what stands at a span; at an empty span, between its neighbours."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding: where, which rule, what is wrong, what would be right.

    `fix` are the edits that set it right, all of them together; empty where that is not certain.
    """

    file: str
    span: Span
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    fix: tuple[Edit, ...] = ()


class Refused(Exception):  # noqa: N818 - it names what happened, as the design's glossary does
    """Something asked for cannot be done now; nothing was touched.

    `code` is stable (``SQ4xx``), `message` says what and why, `hint` what to do about it.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """All three, as a program that does not catch it shows them."""
        return f"{self.code} {self.message}" + (f"\n    {self.hint}" if self.hint else "")


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice a person most likely meant, or None when nothing is close."""
    return _nearest(word, tuple(choices))


@lru_cache(maxsize=128)
def _nearest(word: str, choices: tuple[str, ...]) -> str | None:
    """The same mistake is often made more than once."""
    found = get_close_matches(word, choices, n=1, cutoff=0.6)
    return found[0] if found else None


def line_starts(text: str) -> list[int]:
    """Where in a text each line begins: a position's offset is its line's start and its column.

    Lines end where YAML ends them, so that CR LF is one end.
    """
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def printable(text: str) -> str:
    """The text with everything a terminal would obey written as an escape."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)


def short(written: object, most: int = 60) -> str:
    """What was written, on one line and as long as a sentence can bear."""
    text = str(written)
    return printable(text if len(text) <= most else text[: most - 3] + "...")
