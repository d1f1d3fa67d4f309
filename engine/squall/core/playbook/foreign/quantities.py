"""Shares, durations and flows as the playbook language writes them, and back as numbers.

Called by both directions. What is written reads as exactly the same value: a text where a person
would write one, a bare number where no text of that form is exact.
"""

from decimal import Decimal

from squall.core.timing import MILLISECOND, SECOND, Duration, format_duration

_FLOWS = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))


def plain(number: float) -> str:
    """A number without exponent and without a point that says nothing: ``20``, ``0.5``."""
    digits = format(Decimal(repr(number)), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def percent(number: float) -> str:
    """A number of percent: ``20%``."""
    return f"{plain(number)}%"


def share(part: float) -> str | float:
    """A share of 0 to 1: ``10%``, or the number itself where no percentage is it exactly."""
    hundredths = as_percent(part)
    return percent(hundredths) if hundredths / 100 == part else part


def as_percent(part: float) -> float:
    """The shortest number of percent that is this share."""
    for digits in range(18):
        hundredths = round(part * 100, digits)
        if hundredths / 100 == part:
            return hundredths
    return part * 100


def milliseconds(count: int) -> str:
    """``250ms``, ``2s``."""
    return format_duration(count * MILLISECOND)


def seconds(count: int) -> str:
    """``60s`` as ``1m``."""
    return format_duration(count * SECOND)


def whole(duration: Duration, unit: Duration) -> tuple[int, bool]:
    """How many units a duration has, rounded up, and whether that is exact."""
    return -(-duration // unit), duration % unit == 0


def flow(count: int) -> str:
    """Bytes a second in the largest unit that is exact: ``100KB/s``."""
    for unit, size in _FLOWS:
        if count % size == 0:
            return f"{count // size}{unit}/s"
    return f"{count}B/s"
