"""Values on their way into the CEL library and out of it.

Called by `programs`. The library keeps nanoseconds but hands durations over in microseconds, so
they travel as texts. What would make it stumble (numbers past 64 bits, halves of characters, data
without bottom) is told before.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from squall.core.diagnostics import short
from squall.core.playbook.expressions.costs import ITEM, Size
from squall.core.playbook.kind import Kind
from squall.core.playbook.source import Data
from squall.core.timing import MICROSECOND, format_duration

_DEEPEST: Final = 64
_LARGEST: Final = 2**63
_SECONDS: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?s")


class Failure(NamedTuple):
    """An evaluation that came to no value, and why, as a sentence without its full stop."""

    reason: str


Answer: TypeAlias = "Data | Failure"
"""What an expression comes to."""


class Unfit(Exception):  # noqa: N818 - never leaves the package
    """A value that cannot be worked with; its text says why."""


def taken(value: Data, kind: Kind) -> tuple[Any, Size]:
    """The value as the library takes it, and how large it is."""
    if kind == "duration":
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unfit("a duration is missing")
        return f"{value}ns", Size(ITEM)
    return _copied(value, 0)


def _copied(value: Any, depth: int) -> tuple[Any, Size]:
    if depth > _DEEPEST:
        raise Unfit(f"a value nests deeper than {_DEEPEST} levels")
    match value:
        case str():
            return _whole(value), Size(ITEM + len(value))
        case bool() | float() | None:
            return value, Size(ITEM)
        case int():
            # JSON has no whole numbers: one too large for 64 bits is a decimal number.
            return value if -_LARGEST <= value < _LARGEST else float(value), Size(ITEM)
        case list() | tuple():
            parts = [_copied(part, depth + 1) for part in value]
            return [part for part, _ in parts], _together(parts)
        case Mapping():
            parts = [_copied(part, depth + 1) for part in value.values()]
            keys = [_copied(str(key), depth + 1) for key in value]
            copy = {key: part for (key, _), (part, _) in zip(keys, parts, strict=True)}
            return copy, _together([*keys, *parts])
    raise Unfit(f"a value is a {short(type(value).__name__)}")


def _together(parts: list[tuple[Any, Size]]) -> Size:
    longest = max((size.items for _, size in parts), default=0)
    return Size(ITEM + sum(size.size for _, size in parts), max(longest, len(parts)))


def _whole(text: str) -> str:
    """The text without halves of characters and NUL, at which the library stumbles or stops."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def given(value: Any) -> Data:
    """A value of the library as plain data; durations in it as texts, to the microsecond."""
    match value:
        case bool() | int() | float() | str() | None:
            return value
        case list():
            return [given(part) for part in value]
        case dict():
            return {_key(key): given(part) for key, part in value.items()}
        case dt.timedelta():
            return written(value // dt.timedelta(microseconds=1) * MICROSECOND)
        case dt.datetime():
            return value.isoformat()
    raise Unfit("it gives bytes or a type; string() makes a text of bytes")


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def written(duration: int) -> str:
    """Nanoseconds as a playbook has them: ``250ms``; with a minus before less than nothing."""
    return f"-{format_duration(-duration)}" if duration < 0 else format_duration(duration)


def nanoseconds(text: str) -> int:
    """A duration as the library writes it, ``-1.000000001s``, to the nanosecond."""
    found = _SECONDS.fullmatch(text)
    assert found is not None
    sign, seconds, part = found.groups()
    count = int(seconds) * 1_000_000_000 + int((part or "").ljust(9, "0"))
    return -count if sign else count
