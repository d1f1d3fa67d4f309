"""What was asked of each fault beside what it delivered, in figures that can be compared.

For everybody who shows a fault's effect: the live view, the lines, the summary. A latency is
compared by its delay, every other fault by its share of the requests. Deliveries of one fault on
several targets or in several iterations are added up first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from squall.core.faults.effects import Delivery
from squall.core.faults.kinds import (
    EVERY,
    Distribution,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Normal,
    Pareto,
    Scenario,
    Share,
    Uniform,
    share_of,
)
from squall.core.faults.wording import describe, describe_match, share, span
from squall.core.timing import MICROSECOND, MILLISECOND, SECOND, Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One fault: its name, also with what it is narrowed to, what was asked, what came of it.

    `delivered` is empty before any request matched.
    """

    fault: str
    what: str
    asked: str
    delivered: str
    touched: int


def compare(scenarios: Sequence[Scenario], deliveries: Iterable[Delivery]) -> list[Compared]:
    """Every fault of a step in the order they were written, with what it did so far."""
    known = list(deliveries)
    rows = []
    for index, scenario in enumerate(scenarios):
        narrowed = describe_match(scenario.match)
        for number, fault in enumerate(scenario.faults):
            mine = [one for one in known if (one.scenario, one.fault) == (index, number)]
            seen = sum(one.seen for one in mine)
            rows.append(
                Compared(
                    fault=describe(fault),
                    what=f"{describe(fault)}, {narrowed}" if narrowed else describe(fault),
                    asked=asked(fault),
                    delivered=_delivered(fault, mine) if seen else "",
                    touched=sum(one.touched for one in mine),
                )
            )
    return rows


def asked(fault: Fault) -> str:
    """``100 ms``, ``30 %``; a latency for some requests only says both."""
    if not isinstance(fault, Latency):
        return share(share_of(fault))
    delay = _typical(fault.delay)
    return delay if fault.rate == EVERY else f"{delay}, {share(fault.rate)}"


def _typical(delay: Distribution) -> str:
    match delay:
        case Fixed():
            return span(delay.value)
        case Uniform():
            return short(Duration((delay.min + delay.max) // 2))
        case Normal() | Exponential():
            return span(delay.mean)
        case LogNormal():
            return span(delay.median)
        case Pareto():
            return short(Duration(round(delay.scale * 2 ** (1 / delay.shape))))
        case _:
            assert_never(delay)


def _delivered(fault: Fault, deliveries: Sequence[Delivery]) -> str:
    seen = sum(one.seen for one in deliveries)
    touched = sum(one.touched for one in deliveries)
    part = _tenths(touched / seen)
    if not isinstance(fault, Latency):
        return part
    if not touched:
        return "none yet"
    if isinstance(fault.delay, LogNormal | Pareto):  # told by their median, as they are asked
        total = sum(one.delay_p50 * one.touched for one in deliveries)
    else:
        total = sum(one.delay for one in deliveries)
    delay = short(Duration(total // touched))
    return delay if fault.rate == EVERY else f"{delay}, {part}"


def _tenths(part: float) -> str:
    return share(Share(round(part, 3)))


def short(duration: Duration) -> str:
    """A measured time in three or four digits: ``0.4 ms``, ``102 ms``, ``1.25 s``."""
    if duration >= SECOND:
        return span(round(duration / (10 * MILLISECOND)) * 10 * MILLISECOND)
    if duration >= 10 * MILLISECOND:
        return span(round(duration / MILLISECOND) * MILLISECOND)
    return span(round(duration / (100 * MICROSECOND)) * 100 * MICROSECOND)
