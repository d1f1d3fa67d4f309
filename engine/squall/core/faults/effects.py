"""What is said to an edge and what it answers: the protocol that puts faults on and takes them off.

Every effect carries ``(lease, seq)``. An edge remembers the highest sequence number it has seen per
lease, also after a revert, and rejects anything lower: an inject from a dead engine that arrives
after its successor's revert changes nothing. A lease that nobody renews ends by itself.
"""

from typing import Final

from squall.core.faults.kinds import LIMITS, Scenario, Share, Value
from squall.core.timing import SECOND, Duration


class Inject(Value, frozen=True, kw_only=True, tag="inject"):
    """Put a step's scenarios on one target, all at once.

    `lease` is unique over all runs of a state folder. `place` is the step's path without
    iterations, which keys the dice; `path` is the very step attempt, which events name.
    `ttl` is how long the faults live without a `Renew`.
    """

    lease: str
    seq: int
    run: str
    path: str
    place: str
    target: str
    scenarios: tuple[Scenario, ...]
    seed: int
    ttl: Duration


class Revert(Value, frozen=True, kw_only=True, tag="revert"):
    """Take a lease's faults off. Repeating it, or reverting what is not there, is no error."""

    lease: str
    seq: int


class Renew(Value, frozen=True, kw_only=True, tag="renew"):
    """Keep leases alive for another `ttl`. Unknown ones are passed over."""

    leases: tuple[str, ...]
    ttl: Duration


Effect = Inject | Revert | Renew


class Delivery(Value, frozen=True, kw_only=True):
    """What one fault of a lease really did.

    `scenario` and `fault` are indices into the lease's scenarios and their faults. `seen` counts
    the exchanges that matched and that no fault before it had ended, `touched` those acted on.
    `delay` is the sum over `delays` of them, more than one to an exchange if it acts both ways.
    Losses on a whole connection are counted by pieces. `amount` over `over` is the speed of a fault
    that limits one: bytes, or requests let through; of one that limits places it is the most taken.
    `others` of the step's requests went to endpoints beyond those told apart and share their draws.
    """

    scenario: int
    fault: int
    kind: str
    asked: Share
    seen: int = 0
    touched: int = 0
    delay: Duration = Duration(0)
    delay_p50: Duration = Duration(0)
    delay_p99: Duration = Duration(0)
    delays: int = 0
    amount: int = 0
    over: Duration = Duration(0)
    others: int = 0

    @property
    def met(self) -> bool:
        """Whether it did its work: it touched something, or held a limit that was not reached."""
        return self.touched > 0 or (self.seen > 0 and self.kind in LIMITS)


class Failures(Value, frozen=True, kw_only=True):
    """How many requests failed, by what became of them.

    `status`: answered with 500 or above. `reset`: the connection ended before the answer was
    whole. `refused`: no connection could be made. `timeout`: sent, and no whole answer in time.
    `malformed`: what came back is no HTTP. `unsent`: never left, because no connection was free or
    could be opened in time.
    """

    status: int = 0
    reset: int = 0
    refused: int = 0
    timeout: int = 0
    malformed: int = 0
    unsent: int = 0


PICTURE: Final = Duration(SECOND)
"""How far back a picture of what clients feel right now goes, at the edge and in a load."""


class Felt(Value, frozen=True, kw_only=True):
    """What clients felt over some stretch of time: counts, rate per second, latency percentiles.

    `errors` counts answers with a status of 500 or above and exchanges that broke. A load also
    tells them apart in `failures`, and in `late` (99th percentile) how far behind its own schedule
    it was; that is part of the latencies.
    """

    requests: int = 0
    errors: int = 0
    rate: float = 0.0
    p50: Duration = Duration(0)
    p95: Duration = Duration(0)
    p99: Duration = Duration(0)
    max: Duration = Duration(0)
    failures: Failures = Failures()
    late: Duration = Duration(0)

    @property
    def error_rate(self) -> Share:
        """The share of requests that ended in an error; 0 without any."""
        return Share(self.errors / self.requests if self.requests else 0.0)


class Applied(Value, frozen=True, kw_only=True, tag="applied"):
    """The faults of this lease are on."""

    lease: str
    seq: int


class Rejected(Value, frozen=True, kw_only=True, tag="rejected"):
    """The inject was not carried out; none of its faults is on."""

    lease: str
    seq: int
    reason: str


class Lifted(Value, frozen=True, kw_only=True, tag="lifted"):
    """The faults of this lease are off, and what they did while they were on."""

    lease: str
    seq: int
    deliveries: tuple[Delivery, ...] = ()
    felt: Felt = Felt()


class Lapsed(Value, frozen=True, kw_only=True, tag="lapsed"):
    """The lease ran out of time by itself; its faults are off."""

    lease: str
    deliveries: tuple[Delivery, ...] = ()
    felt: Felt = Felt()


class FaultEvent(Value, frozen=True, kw_only=True, array_like=True):
    """One fault injected into one exchange, as the edge saw it.

    `at` is wall time in nanoseconds since the epoch. `ordinal` is how many requests this endpoint
    had seen under this fault, from 0. `detail` says which variant (a status, a kind of reset),
    `size` how many bytes it acted on.
    """

    at: int
    lease: str
    scenario: int
    fault: int
    kind: str
    target: str
    client: str
    method: str
    path: str
    endpoint: str
    ordinal: int
    delay: Duration = Duration(0)
    detail: str = ""
    size: int = 0


class Happened(Value, frozen=True, kw_only=True, tag="happened"):
    """A batch of faults injected; `dropped` counts those lost since the last batch."""

    events: tuple[FaultEvent, ...]
    dropped: int = 0


class Counted(Value, frozen=True, kw_only=True, tag="counted"):
    """A picture of one target now: traffic over the last second, deliveries of live leases.

    `turned_away` counts the clients, since the target was opened, for which the edge had no file
    descriptor, or none to ask upstream with.
    """

    target: str
    felt: Felt
    deliveries: tuple[tuple[str, tuple[Delivery, ...]], ...] = ()
    turned_away: int = 0


class EdgeLost(Value, frozen=True, kw_only=True, tag="edge_lost"):
    """The edge is gone and its sockets with it: nothing is injected any more."""

    reason: str


Report = Applied | Rejected | Lifted | Lapsed | Happened | Counted | EdgeLost
