"""When each request of a load is due, and which of its mix it is.

A pure function of the load, how long it lasts and a key of dice, so the same seed sends the same
traffic. The sender in `probes.load` performs it and decides nothing; whether the target keeps up
has no say here, which is what makes the loop open.

Constant and ramp are exact: the n-th request is due when the integral of the rate reaches n, so
their number is the integral to the nearest whole request, and at least one. Poisson is a process:
gaps are drawn, and the number varies as that of independent users does.
"""

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, count
from typing import Final, assert_never

from squall.core.faults.dice import roll
from squall.core.playbook.model import Constant, Load, Poisson, Ramp
from squall.core.timing import SECOND, Duration

LONGEST_ROUND: Final = 1_000
"""A mix whose weights add up to more, in lowest terms, is drawn instead of dealt."""

_GAP: Final = 0
_PICK: Final = 1


def arrivals(load: Load, duration: Duration, key: int) -> Iterator[tuple[Duration, int]]:
    """Each request in order: when it is due after the beginning, and its index in `load.mix`."""
    return zip(
        due_times(load, duration, key),
        picks([request.weight for request in load.mix], key),
        strict=False,
    )


def due_times(load: Load, duration: Duration, key: int) -> Iterator[Duration]:
    """When requests are due: never decreasing, all before `duration`."""
    match load.shape:
        case Constant():
            return _along(load.rate, load.rate, duration)
        case Ramp(start=start):
            return _along(start, load.rate, duration)
        case Poisson():
            return _at_random(load.rate, duration, key)
        case _:
            assert_never(load.shape)


def picks(weights: Sequence[float], key: int) -> Iterator[int]:
    """Which of the mix each request is, without end.

    Dealt like cards: in every round each comes exactly as often as its weight says, in an order
    shuffled by the dice. A fixed order would beat in time with whatever takes turns behind the
    target; independent draws would leave rare requests out of short loads.
    """
    deck = [index for index, share in enumerate(_lowest_terms(weights)) for _ in range(share)]
    if not deck:
        return _drawn(weights, key)
    return _dealt(deck, key)


def _along(start: float, end: float, duration: Duration) -> Iterator[Duration]:
    """The rate goes evenly from `start` to `end`, both per second."""
    first = start / SECOND
    slope = (end - start) / SECOND / duration
    whole = (start + end) / 2 * duration / SECOND
    for n in range(max(1, round(whole))):
        # The root of n = first·t + slope·t²/2 in the form that loses no digits.
        below = first + math.sqrt(max(0.0, first * first + 2 * slope * n))
        yield Duration(min(round(2 * n / below), duration - 1) if n else 0)


def _at_random(rate: float, duration: Duration, key: int) -> Iterator[Duration]:
    mean = SECOND / rate
    at = 0.0
    for k in count():
        at -= mean * math.log1p(-roll(key, k, _GAP))
        if at >= duration:
            return
        yield Duration(int(at))


def _lowest_terms(weights: Sequence[float]) -> list[int]:
    """The weights as the smallest whole numbers; none if a round of them would be too long."""
    exact = [Fraction(repr(weight)) for weight in weights]
    bottom = math.lcm(*(share.denominator for share in exact))
    whole = [int(share * bottom) for share in exact]
    top = math.gcd(*whole)
    return [share // top for share in whole] if sum(whole) <= LONGEST_ROUND * top else []


def _dealt(deck: list[int], key: int) -> Iterator[int]:
    for dealt in count(step=len(deck)):
        for last in range(len(deck) - 1, 0, -1):
            other = int(roll(key, dealt + last, _PICK) * (last + 1))
            deck[last], deck[other] = deck[other], deck[last]
        yield from deck


def _drawn(weights: Sequence[float], key: int) -> Iterator[int]:
    below = list(accumulate(weights))
    for k in count():
        yield bisect(below, roll(key, k, _PICK) * below[-1])
