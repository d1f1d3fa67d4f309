"""The faults of the playbook language, as values.

One class per fault, named and shaped as in ``schemas/playbook.schema.json``. They are tagged
`msgspec.Struct`s, so the journal, the control channel and the digest of a playbook all carry them
without a second description of the same fields. Shares are 0 to 1, durations nanoseconds.
"""

from typing import Final, Literal, NewType

from msgspec import Struct

from squall.core.timing import MILLISECOND, SECOND, Duration

Share = NewType("Share", float)
"""A part of a whole, 0 to 1. Written ``10%`` or ``0.1``."""

EVERY: Final = Share(1.0)


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What every value of the language is: frozen, compared by content, exact when encoded."""


class Fixed(Value, frozen=True, kw_only=True, tag="fixed"):
    """The same delay every time."""

    value: Duration


class Uniform(Value, frozen=True, kw_only=True, tag="uniform"):
    """Any delay from `min` to `max`, all equally likely."""

    min: Duration
    max: Duration


class Normal(Value, frozen=True, kw_only=True, tag="normal"):
    """A bell curve around `mean`, cut off at zero."""

    mean: Duration
    stddev: Duration


class LogNormal(Value, frozen=True, kw_only=True, tag="lognormal"):
    """Half of the delays below `median`; `sigma` is the spread of their logarithm."""

    median: Duration
    sigma: float


class Pareto(Value, frozen=True, kw_only=True, tag="pareto"):
    """Never below `scale`, with a long tail; the smaller `shape`, the longer."""

    scale: Duration
    shape: float


class Exponential(Value, frozen=True, kw_only=True, tag="exponential"):
    """Short delays often, long ones seldom, `mean` on average."""

    mean: Duration


Distribution = Fixed | Uniform | Normal | LogNormal | Pareto | Exponential


class Latency(Value, frozen=True, kw_only=True, tag="latency"):
    """Hold a request back before it goes upstream.

    `jitter` is either a share of the drawn delay or a duration, applied uniformly in both
    directions. `rate` is the share of requests delayed.
    """

    delay: Distribution
    jitter: Duration = Duration(0)
    jitter_share: Share = Share(0.0)
    rate: Share = EVERY


class Errors(Value, frozen=True, kw_only=True, tag="errors"):
    """Answer with an error status instead of asking upstream."""

    rate: Share
    codes: tuple[int, ...] = (500, 502, 503, 504)


class Timeouts(Value, frozen=True, kw_only=True, tag="timeouts"):
    """Keep the client waiting `after`, then answer 504, or never answer at all."""

    rate: Share
    after: Duration = Duration(5 * SECOND)
    answer: Literal[504] | None = 504


class Resets(Value, frozen=True, kw_only=True, tag="resets"):
    """Break the client's connection: RST, FIN, or a 503 that says so."""

    rate: Share
    kind: Literal["reset", "close", "http_503"] = "reset"


class PacketLoss(Value, frozen=True, kw_only=True, tag="packet_loss"):
    """Lose segments of a stream: each loss costs a retransmission time-out, doubling (RFC 6298)."""

    rate: Share


Fault = Latency | Errors | Timeouts | Resets | PacketLoss


class Match(Value, frozen=True, kw_only=True):
    """Which requests a scenario touches; every condition given must hold.

    `path` is a glob, or a regular expression after ``~``. Header names are lower case; values
    are compared exactly.
    """

    method: tuple[str, ...] = ()
    path: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Scenario(Value, frozen=True, kw_only=True):
    """A bundle of faults put on and taken off together."""

    faults: tuple[Fault, ...]
    match: Match = Match()
    name: str = ""


RETRANSMISSION_TIMEOUT: Final = Duration(200 * MILLISECOND)
"""Linux's smallest retransmission time-out (TCP_RTO_MIN): what one lost segment costs."""
