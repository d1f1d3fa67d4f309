"""A file with its certain mistakes set right, and nothing else in it touched.

``squall lint --fix`` and ``--diff`` hand in the bytes of a file and a way to lint bytes. Edits go
by span, so comments, line ends and a byte-order mark stay as they are. Fixes that meet wait for the
next round; rounds end when nothing is left to do. Reading and writing files is not done here.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from squall.core.diagnostics import Diagnostic, Edit, Position, Span, line_starts
from squall.core.playbook.load import Loaded

_ROUNDS: Final = 10
_UNREADABLE: Final = "SQ0"
_FILLED: Final = "${{"


class Mended(NamedTuple):
    """The bytes that should stand in the file, and how many findings that settles."""

    data: bytes
    fixes: int


def mended(
    data: bytes, lint: Callable[[bytes], Loaded], wanted: Callable[[Diagnostic], bool]
) -> Mended:
    """Apply the fixes of all wanted findings, and of those that show up once they are applied.

    A round that would make the file harder to read than it was is not taken.
    """
    fixes = 0
    loaded = lint(data)
    mark = BOM_UTF8 if data.startswith(BOM_UTF8) else b""
    for _ in range(_ROUNDS):
        text, applied = edited(loaded.text, [f.fix for f in loaded.diagnostics if wanted(f)])
        after = lint(mark + text.encode()) if applied else loaded
        if not applied or _unreadable(after) > _unreadable(loaded):
            break
        data, fixes, loaded = mark + text.encode(), fixes + applied, after
    return Mended(data, fixes)


def edited(text: str, fixes: Iterable[tuple[Edit, ...]]) -> tuple[str, int]:
    """The text with those fixes that do not meet an earlier one; and how many they are.

    What is filled in from elsewhere is not wrong where it is used, so it is left alone; what only
    takes away may take the braces themselves.
    """
    starts = line_starts(text)
    taken: list[tuple[int, int]] = []
    pieces: list[tuple[int, int, str]] = []
    applied = 0
    for fix in fixes:
        places = [(*_range(starts, edit.span), edit.text) for edit in fix]
        free = all(
            end < other_start or other_end < start
            for start, end, _ in places
            for other_start, other_end in taken
        )
        filled = places and _FILLED in text[places[0][0] : places[-1][1]]
        if places and free and not (filled and any(edit.text for edit in fix)):
            taken += [(start, end) for start, end, _ in places]
            pieces += places
            applied += 1
    for start, end, replacement in sorted(pieces, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text, applied


def as_one(text: str, fix: tuple[Edit, ...]) -> Edit:
    """A fix as a single edit, for those who know no other: all from its first place to its last."""
    starts = line_starts(text)
    first = min(edit.span.start for edit in fix)
    last = max(edit.span.end for edit in fix)
    start, end = _range(starts, Span(first, last))
    length = end - start
    shifted, _ = edited(text, [fix])
    grown = len(shifted) - len(text)
    return Edit(Span(first, last), shifted[start : start + length + grown])


def _range(starts: list[int], span: Span) -> tuple[int, int]:
    return _offset(starts, span.start), _offset(starts, span.end)


def _offset(starts: list[int], place: Position) -> int:
    return starts[place.line - 1] + place.column - 1


def _unreadable(loaded: Loaded) -> int:
    return sum(finding.code.startswith(_UNREADABLE) for finding in loaded.diagnostics)
