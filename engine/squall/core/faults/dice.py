"""Dice that can be thrown again: every draw is a function of its place in the run, not of time.

`draw` mixes a seed, a fault, an endpoint and a count into a number, so the k-th request of an
endpoint meets the same fate at any concurrency, and any draw can be recomputed without those before
it. The decision asks here; nothing else in squall rolls dice for traffic. Not for cryptography.
"""

import math
from hashlib import blake2b
from typing import Final, assert_never

from squall.core.faults.kinds import (
    Distribution,
    Exponential,
    Fixed,
    LogNormal,
    Normal,
    Pareto,
    Uniform,
)
from squall.core.timing import DAY, Duration

LANES: Final = 4
"""Independent draws per request and fault: one for whether, the others for how."""

NOISE: Final = 64
"""How many bytes `noise` gives at a time."""

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
_UNIT: Final = 2.0**-53


def stream(seed: int, fault: str, endpoint: str) -> int:
    """The key of one sequence of draws: 64 bits that differ for each fault and endpoint."""
    name = f"{seed}\0{fault}\0{endpoint}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")


def roll(key: int, k: int, lane: int = 0) -> float:
    """The `k`-th draw of a stream, at least 0 and below 1 (splitmix64, Steele et al. 2014)."""
    z = (key + (k * LANES + lane + 1) * _GOLDEN) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) * _UNIT


def draw(seed: int, fault: str, endpoint: str, k: int, lane: int = 0) -> float:
    """What the `k`-th request of `endpoint` draws under `fault`, at least 0 and below 1."""
    return roll(stream(seed, fault, endpoint), k, lane)


def noise(key: int, block: int) -> bytes:
    """`NOISE` bytes of a stream, any of which is as likely as any other."""
    place = block.to_bytes(8, "little") + key.to_bytes(8, "little")
    return blake2b(place, digest_size=NOISE).digest()


def sample(distribution: Distribution, first: float, second: float) -> Duration:
    """A delay from two draws, by the inverse of the distribution or, if normal, by Box and Muller.

    Never negative and at most a day: a long tail has no end, a request has.
    """
    match distribution:
        case Fixed():
            return distribution.value
        case Uniform():
            drawn = distribution.min + first * (distribution.max - distribution.min)
        case Normal():
            drawn = distribution.mean + distribution.stddev * _bell(first, second)
        case LogNormal():
            drawn = _scaled(distribution.median, distribution.sigma * _bell(first, second))
        case Pareto():
            drawn = _scaled(distribution.scale, -math.log1p(-first) / distribution.shape)
        case Exponential():
            drawn = -distribution.mean * math.log1p(-first)
        case _:
            assert_never(distribution)
    return Duration(round(min(max(drawn, 0.0), DAY)))


def _bell(first: float, second: float) -> float:
    # 1 - first is never 0, of which there is no logarithm.
    return math.sqrt(-2.0 * math.log1p(-first)) * math.cos(2.0 * math.pi * second)


def _scaled(base: Duration, exponent: float) -> float:
    """`base` × e^`exponent`, without overflowing for a spread nobody means."""
    return base * math.exp(min(exponent, 100.0))
