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

Direction = Literal["request", "response", "both"]
"""Towards upstream, towards the client, or both."""


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
    """Hold a request back before it goes upstream, or its answer before it goes to the client.

    `jitter` is either a share of the drawn delay or a duration, applied uniformly in both
    directions. `rate` is the share of requests delayed.
    """

    delay: Distribution
    jitter: Duration = Duration(0)
    jitter_share: Share = Share(0.0)
    rate: Share = EVERY
    direction: Direction = "request"


class Burst(Value, frozen=True, kw_only=True, tag="burst"):
    """The first `count` of every `per` requests, or of every stretch of `interval`, fail.

    One of the two is set. By requests it is counted per endpoint and can be repeated; by time not.
    """

    count: int
    per: int = 0
    interval: Duration = Duration(0)


class Sequence(Value, frozen=True, kw_only=True, tag="sequence"):
    """The k-th request of an endpoint meets the k-th code, over and over; below 400 it passes."""

    codes: tuple[int, ...]


class Errors(Value, frozen=True, kw_only=True, tag="errors"):
    """Answer with an error status instead of asking upstream.

    `pattern` takes the place of `rate`, which then says what share it comes to.
    """

    rate: Share
    codes: tuple[int, ...] = (500, 502, 503, 504)
    pattern: Burst | Sequence | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Timeouts(Value, frozen=True, kw_only=True, tag="timeouts"):
    """Keep the client waiting `after`, then answer 504, or never answer at all."""

    rate: Share
    after: Duration = Duration(5 * SECOND)
    answer: Literal[504] | None = 504


class Resets(Value, frozen=True, kw_only=True, tag="resets"):
    """Break the client's connection: RST, FIN, or a 503 that says so.

    `at`: when the client connects, when its request has come, or in the middle of the answer.
    """

    rate: Share
    kind: Literal["reset", "close", "http_503"] = "reset"
    at: Literal["connect", "request", "response"] = "request"


class PartialResponses(Value, frozen=True, kw_only=True, tag="partial_responses"):
    """Cut the answer's body off and close: after `keep` bytes, or after a share of it."""

    rate: Share
    keep: int | None = None
    keep_share: Share = Share(0.5)


class Corruption(Value, frozen=True, kw_only=True, tag="corruption"):
    """Change what a body says, not where it ends: random bytes, a bit flipped, or cut short.

    `truncate` leaves a whole message with less in it; `partial_responses` breaks the message off.
    """

    rate: Share
    kind: Literal["random_bytes", "bit_flip", "truncate"] = "random_bytes"
    direction: Direction = "response"


class RateLimit(Value, frozen=True, kw_only=True, tag="rate_limit"):
    """Let `limit` requests a second through, `burst` at once, and turn the others away.

    `by` says who shares a limit: all, each client, each endpoint, or each value of a header,
    written ``header:NAME``. MockForge's always has one for all beside it: that is a second fault.
    """

    limit: float
    burst: int = 10
    by: str = "all"
    answer: int = 429


class Bandwidth(Value, frozen=True, kw_only=True, tag="bandwidth"):
    """Pass at most `limit` bytes a second over each connection, in each direction on its own."""

    limit: float
    direction: Direction = "both"
    rate: Share = EVERY


class PacketLoss(Value, frozen=True, kw_only=True, tag="packet_loss"):
    """Lose segments of a stream: each loss costs a retransmission time-out, doubling (RFC 6298)."""

    rate: Share


class Connections(Value, frozen=True, kw_only=True, tag="connections"):
    """Serve at most `max` client connections; a further one waits `timeout` and is turned away."""

    max: int
    timeout: Duration = Duration(0)


class Slicer(Value, frozen=True, kw_only=True, tag="slicer"):
    """Pass the bytes in pieces of `size` ± `variation`, `delay` apart (Toxiproxy's slicer)."""

    size: int
    variation: int = 0
    delay: Duration = Duration(0)
    direction: Direction = "response"
    rate: Share = EVERY


class SlowClose(Value, frozen=True, kw_only=True, tag="slow_close"):
    """Hold the end back: the last byte has gone, the close comes `delay` later (Toxiproxy's).

    At an HTTP target it holds back the end of a connection's last answer, and of no request.
    """

    delay: Duration
    direction: Direction = "response"
    rate: Share = EVERY


class LimitData(Value, frozen=True, kw_only=True, tag="limit_data"):
    """Close a connection once `bytes` have passed over it (Toxiproxy's limit_data)."""

    bytes: int
    direction: Direction = "response"
    rate: Share = EVERY


class Down(Value, frozen=True, kw_only=True, tag="down"):
    """Refuse connections and close those there are: the target is not there at all."""


class CircuitBreaker(Value, frozen=True, kw_only=True, tag="circuit_breaker"):
    """Turn requests away with 503 after failures, until `timeout` has passed and some succeed.

    Opens after `failures` in a row, or when `failure_rate` of at least `min_requests` within
    `window` failed. After `timeout` it lets `half_open` requests through at once and closes after
    `successes` of them. A failure is a status of 500 or above, or an exchange that broke.
    """

    failures: int = 5
    successes: int = 2
    timeout: Duration = Duration(60 * SECOND)
    half_open: int = 3
    failure_rate: Share = Share(0.5)
    min_requests: int = 10
    window: Duration = Duration(10 * SECOND)


class Bulkhead(Value, frozen=True, kw_only=True, tag="bulkhead"):
    """Let `max` requests in at once; `queue` more wait up to `timeout`; the others get a 503."""

    max: int = 100
    queue: int = 10
    timeout: Duration = Duration(5 * SECOND)


Fault = (
    Latency
    | Errors
    | Timeouts
    | Resets
    | PartialResponses
    | Corruption
    | RateLimit
    | Bandwidth
    | PacketLoss
    | Connections
    | Slicer
    | SlowClose
    | LimitData
    | Down
    | CircuitBreaker
    | Bulkhead
)


class Match(Value, frozen=True, kw_only=True):
    """Which requests a scenario touches; every condition given must hold.

    `path` is a glob, or a regular expression after ``~``. Header names are lower case; values
    are compared exactly. `client` holds networks in CIDR notation, one of which must contain the
    client. A request has at least `min_body` and at most `max_body` bytes of body; one in chunks
    says no length and meets neither. `share` is the share of clients, by address: who is in it
    stays in it.
    """

    method: tuple[str, ...] = ()
    path: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    client: tuple[str, ...] = ()
    min_body: int | None = None
    max_body: int | None = None
    share: Share = EVERY


class Scenario(Value, frozen=True, kw_only=True):
    """A bundle of faults put on and taken off together."""

    faults: tuple[Fault, ...]
    match: Match = Match()
    name: str = ""


LIMITS: Final = frozenset(
    {"rate_limit", "connections", "limit_data", "circuit_breaker", "bulkhead"}
)
"""Faults that touch only what goes beyond them."""

Protocol = Literal["http", "tcp"]
"""What a target carries: requests and answers, or bytes alone."""


def possible(fault: Fault, protocol: Protocol) -> bool:
    """Whether the fault has a meaning at a target of this protocol."""
    if protocol == "http":
        return True
    match fault:
        case Errors() | PartialResponses() | CircuitBreaker() | Bulkhead():
            return False
        case Corruption(kind="truncate") | Resets(kind="http_503"):
            return False
        case RateLimit():
            return fault.by in {"all", "client"}
        case _:
            return True


def share_of(fault: Fault) -> Share:
    """The share of requests a fault is asked to touch; of those that have none, every one."""
    return getattr(fault, "rate", EVERY)


RETRANSMISSION_TIMEOUT: Final = Duration(200 * MILLISECOND)
"""Linux's smallest retransmission time-out (TCP_RTO_MIN): what one lost segment costs."""
