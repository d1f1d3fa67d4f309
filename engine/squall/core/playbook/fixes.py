"""What can be set right without asking: the edits behind ``squall lint --fix``.

Called by whoever words a finding, with the span of what is written and what should stand there.
Only what has a single meaning is here: words of the language itself, never names that people give.
Nothing is changed where the text at the span is not simply what was read from it, as with anchors,
tags and escapes. `mending` applies the edits.
"""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

from squall.core.diagnostics import Edit, Span

Fix = tuple[Edit, ...]

_VERY_CLOSE: Final = 0.8
_NUMBER_AND_WORD: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) *([a-z]+)", re.IGNORECASE)
_UNITS: Final = {
    "us": "us", "microsecond": "us", "microseconds": "us",
    "ms": "ms", "msec": "ms", "msecs": "ms", "millisecond": "ms", "milliseconds": "ms",
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
}  # fmt: skip


def meant(written: str, choices: Iterable[str]) -> str | None:
    """The only choice that is very close to what is written; None when none or several are."""
    close = get_close_matches(written, list(choices), n=2, cutoff=_VERY_CLOSE)
    return close[0] if len(close) == 1 else None


def meant_key(
    written: str, known: Collection[str], present: Collection[str], spelt: Collection[str]
) -> str | None:
    """The key that a misspelt one of a mapping can only be.

    `present` are all keys of the mapping. One of `spelt`, the words of the whole language, is
    spelt well and stands in the wrong place; which place was meant is not certain.
    """
    if written in spelt:
        return None
    key = meant(written, [each for each in known if each not in present])
    if key is None:
        return None
    rivals = [each for each in present if each not in known and meant(each, [key])]
    return key if rivals == [written] else None


def instead(span: Span, written: str, text: str) -> Fix:
    """Put a plain word in place of a plain or quoted one; quotes stay."""
    width = _width(span)
    if width == len(written):
        return (Edit(span, text),)
    return (Edit(span, f'"{text}"'),) if width == len(written) + 2 else ()


def quoted(span: Span, written: str) -> Fix:
    """Put quotes around something that stands there without any."""
    if _width(span) != len(written):
        return ()
    return Edit(Span(span.start, span.start), '"'), Edit(Span(span.end, span.end), '"')


def percent(span: Span, value: object, *, file: str) -> Fix:
    """Give a whole number from 2 to 100, where only a share fits, the sign it lacks."""
    whole = isinstance(value, int) and 2 <= value <= 100
    return number(span, value, f"{value}%", file=file) if whole else ()


def number(span: Span, value: object, text: str, *, file: str) -> Fix:
    """Put a quantity with its unit in place of a number."""
    if _width(span) != len(str(value)):
        return ()
    return (Edit(span, f'"{text}"' if file.endswith(".json") else text),)


def duration(span: Span, written: str) -> Fix:
    """Write ``30 seconds`` as ``30s``: a number and one unit, however that is spelt."""
    parts = _NUMBER_AND_WORD.fullmatch(written)
    if parts is None:
        return ()
    word = parts[2].lower() if len(parts[2]) > 1 else parts[2]
    return instead(span, written, parts[1] + _UNITS[word]) if word in _UNITS else ()


def _width(span: Span) -> int | None:
    """In columns; None when it is not all in one line."""
    start, end = span.start, span.end
    return end.column - start.column if start.line == end.line else None
