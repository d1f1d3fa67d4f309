"""What was asked of each fault beside what it delivered, in figures that can be compared.

For everybody who shows a fault's effect: the live view, the lines, the summary. A latency is
compared by its delay, a limit by what it limits, every other fault by its share of the requests.
Deliveries of one fault on several targets or in several iterations are added up first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from squall.core.faults.effects import Delivery
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Distribution,
    Down,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LimitData,
    LogNormal,
    Match,
    Normal,
    Pareto,
    RateLimit,
    Scenario,
    Share,
    SlowClose,
    Uniform,
    share_of,
)
from squall.core.faults.wording import describe, describe_match, share, size, span
from squall.core.playbook.model import Action, Injection
from squall.core.timing import MICROSECOND, MILLISECOND, SECOND, Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One fault: its name, also with what it is narrowed to, what was asked, what came of it.

    `brief` is for where there is no room for more. `delivered` is empty before any request matched.
    """

    fault: str
    brief: str
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
                    brief=_brief(fault),
                    what=f"{describe(fault)}, {narrowed}" if narrowed else describe(fault),
                    asked=asked(fault),
                    delivered=_delivered(fault, mine) if seen else "",
                    touched=sum(one.touched for one in mine),
                )
            )
    return rows


def is_of_all(action: Action) -> bool:
    """Whether what a target's clients felt is what those felt whom this action concerns."""
    return not isinstance(action, Injection) or all(
        scenario.match == Match() for scenario in action.scenarios
    )


def asked(fault: Fault) -> str:
    """``100 ms``, ``30 %``, ``100 KB/s``, ``50 at once``; for some requests only it says both."""
    match fault:
        case Latency():
            return _for_some(_typical(fault.delay), fault)
        case SlowClose():
            return _for_some(span(fault.delay), fault)
        case Bandwidth():
            return _for_some(f"{size(fault.limit)}/s", fault)
        case LimitData():
            return _for_some(size(fault.bytes), fault)
        case RateLimit():
            return f"{fault.limit:g}/s"
        case Connections() | Bulkhead():
            return f"{fault.max:,} at once"
        case CircuitBreaker():
            return f"{fault.failures} in a row"
        case Down():
            return "down"
        case Errors(pattern=Burst(interval=interval, count=count)) if interval:
            return f"{count:,} each {span(interval)}"
        case _:
            return share(fault.rate)


def _for_some(words: str, fault: Fault) -> str:
    part = share_of(fault)
    return words if part == EVERY else f"{words}, {share(part)}"


def _brief(fault: Fault) -> str:
    """``latency 100 ms``, ``30 % errors``, ``bandwidth 100 KB/s``."""
    if isinstance(fault, Latency):
        return f"latency {asked(fault)}"
    return describe(fault).partition(" (")[0]


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
    amount = sum(one.amount for one in deliveries)
    over = sum(one.over for one in deliveries)
    match fault:
        case RateLimit():
            # A burst at the beginning is no speed yet.
            steady = amount > 2 * fault.burst and over >= SECOND
            passed = f"{amount * SECOND / over:.3g}/s" if steady else f"{amount:,} passed"
            return f"{passed}, {part} refused" if touched else passed
        case Connections() | Bulkhead():
            most = max((one.amount for one in deliveries), default=0)
            return f"{most:,} at once, {part} waited or refused" if touched else f"{most:,} at once"
        case CircuitBreaker():
            return f"{part} refused"
        case Down():
            return "down"
        case _ if not touched:
            return "none yet"
        case Latency():
            return _part_of(_delay(fault, deliveries, touched), fault, part)
        case SlowClose():
            return _part_of(_delay(fault, deliveries, touched), fault, part)
        case Bandwidth() if over:
            return _part_of(f"{size(_three(amount * SECOND / over))}/s", fault, part)
        case LimitData():
            return _part_of(size(_three(amount / touched)), fault, part)
        case _:
            return part


def _part_of(words: str, fault: Fault, part: str) -> str:
    return words if share_of(fault) == EVERY else f"{words}, {part}"


def _delay(fault: Latency | SlowClose, deliveries: Sequence[Delivery], touched: int) -> str:
    if isinstance(fault, Latency) and isinstance(fault.delay, LogNormal | Pareto):
        total = sum(one.delay_p50 * one.touched for one in deliveries)  # as it is asked
    else:
        total = sum(one.delay for one in deliveries)
        touched = sum(one.delays for one in deliveries) or touched
    return short(Duration(total // touched))


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _tenths(part: float) -> str:
    return share(Share(round(part, 3)))


def short(duration: Duration) -> str:
    """A measured time in three or four digits: ``0.4 ms``, ``102 ms``, ``1.25 s``."""
    if duration >= SECOND:
        return span(round(duration / (10 * MILLISECOND)) * 10 * MILLISECOND)
    if duration >= 10 * MILLISECOND:
        return span(round(duration / MILLISECOND) * MILLISECOND)
    return span(round(duration / (100 * MICROSECOND)) * 100 * MICROSECOND)
