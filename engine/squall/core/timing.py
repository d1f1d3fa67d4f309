"""Durations and times as people write them, and as the machine counts them.

Every duration past the parser is a whole number of nanoseconds, so that sums and comparisons are
exact. This module only translates; it never asks what time it is.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

Duration = NewType("Duration", int)
"""A length of time in nanoseconds, never negative."""

Instant = NewType("Instant", int)
"""A moment, in nanoseconds since 1970 began in UTC."""

MICROSECOND: Final = Duration(1_000)
MILLISECOND: Final = Duration(1_000_000)
SECOND: Final = Duration(1_000_000_000)
MINUTE: Final = Duration(60 * SECOND)
HOUR: Final = Duration(60 * MINUTE)
DAY: Final = Duration(24 * HOUR)

_UNITS: Final = {
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d)")
_WHOLE: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:us|µs|ms|s|m|h|d))+")
LONGEST: Final = Duration(100 * 365 * DAY)
"""A century: anything longer is a typing error, and would overflow what stores it."""


@lru_cache(maxsize=4096, typed=True)
def parse_duration(written: str | float) -> Duration | None:
    """Read ``100ms``, ``1h30m``, ``2.5s`` or a number of seconds; None if it is not a duration."""
    if isinstance(written, bool):
        return None
    if isinstance(written, int | float):
        # Not a number and infinity fail the comparison too.
        if not 0 <= written <= LONGEST / SECOND:
            return None
        return Duration(round(written * SECOND))
    text = written.strip()
    if len(text) > 64 or not _WHOLE.fullmatch(text):
        return None
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in _PART.findall(text))
    return Duration(total) if total <= LONGEST else None


def format_duration(duration: int) -> str:
    """Write a duration as ``parse_duration`` reads it: ``1h30m``, ``43.568276ms``."""
    if duration == 0:
        return "0s"
    parts = []
    part = duration % MINUTE if duration % MILLISECOND else 0
    rest = duration - part
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if part:
        units = (("s", SECOND), ("ms", MILLISECOND), ("us", MICROSECOND))
        unit, size = next((each for each in units if part >= each[1]), units[-1])
        whole, below = divmod(part, size)
        decimals = f"{below:0{len(str(size)) - 1}}".rstrip("0")
        parts.append(f"{whole}.{decimals}{unit}" if decimals else f"{whole}{unit}")
    return "".join(parts)


YEARS: Final = range(1970, 2200)
"""Times outside of these are typing errors."""

_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?"
)


def parse_time(written: str) -> datetime | None:
    """Read ``2026-12-24``, ``2026-12-24T18:00`` or ``2026-12-24T18:00:00Z``; None if it is no time.

    One with an offset comes back in UTC, one without has no zone.
    """
    if not _TIME.fullmatch(written):
        return None
    try:
        time = datetime.fromisoformat(written)
        time = time if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year in YEARS else None


def format_instant(instant: int) -> str:
    """Write a moment to the second, in UTC: ``2026-12-24 18:00:00 UTC``."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant // SECOND)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
