"""One fault that is on, and the turn of an exchange that meets it.

`active` keeps the faults of each lease and gives out turns; `decision` asks a turn whether and how
its fault acts, and counts here what it did. What a fault has to remember stands here too: its
limiter, its breaker, its places.
"""

from typing import Final, Literal

from squall.core.faults import dice
from squall.core.faults.effects import Delivery, FaultEvent, Inject
from squall.core.faults.exchange import Exchange, Tell
from squall.core.faults.kinds import (
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Down,
    Errors,
    Fault,
    LimitData,
    RateLimit,
    Resets,
    share_of,
)
from squall.core.faults.limits import Breaker, Gate, RateLimiter, Slot
from squall.core.faults.meter import Meter
from squall.core.faults.stages import Budget
from squall.core.timing import Duration

NO_TIME: Final = Duration(0)
LONGEST_PATH_TOLD: Final = 1_024
"""Characters of a path that an event keeps."""

_ORDER: Final = (
    "down", "circuit_breaker", "bulkhead", "rate_limit", "connections",
    "packet_loss", "latency", "errors", "resets", "timeouts", "partial_responses",
    "corruption", "limit_data", "slicer", "bandwidth", "slow_close",
)  # fmt: skip
"""In which order faults act on an exchange, whoever put them on. Where MockForge has the fault, the
order is its own, but for bandwidth, which acts on bytes as the client gets them: behind what
changes or cuts them."""
_RANKS: Final = {kind: rank for rank, kind in enumerate(_ORDER)}


class ActiveFault:
    """One fault of an active lease, its tally, and what it has to remember."""

    __slots__ = (
        "amount", "at", "began", "breaker", "budgets", "burst", "delays", "fault", "gate",
        "index", "key", "kind", "lease", "limiter", "over", "places", "rank", "scenario", "seen",
        "total", "touched",
    )  # fmt: skip

    def __init__(self, lease: Inject, scenario: int, index: int, fault: Fault, key: str) -> None:
        self.lease = lease
        self.scenario = scenario
        self.index = index
        self.fault = fault
        self.kind = kind_of(fault)
        self.rank = _RANKS[self.kind]
        self.at: Literal["connect", "request"] = "request"
        if isinstance(fault, Down) or (isinstance(fault, Resets) and fault.at == "connect"):
            self.at = "connect"
        self.key = key
        self.seen = 0
        self.touched = 0
        self.total = 0
        self.amount = 0
        self.over = 0
        self.began = 0
        self.burst = (0, 0)
        """Of a burst by time: which stretch it is, and how many failed in it."""
        self.delays = Meter()
        self.limiter = RateLimiter(fault) if isinstance(fault, RateLimit) else None
        self.breaker = Breaker(fault) if isinstance(fault, CircuitBreaker) else None
        self.gate = _gate(fault)
        self.places: dict[int, Slot] = {}
        self.budgets: dict[int, dict[str, Budget]] = {}

    def meet(self, now: int) -> None:
        """An exchange has come this far."""
        self.seen += 1
        self.began = self.began or now
        if self.limiter is not None:
            self.over = now - self.began

    def wait(self, delay: Duration) -> None:
        """It held one up so long."""
        self.total += delay
        if delay:
            self.delays.record(delay, failed=False)

    def in_burst(self, now: int) -> bool:
        """Whether an exchange is among the first of its stretch of time."""
        assert isinstance(self.fault, Errors)
        assert isinstance(self.fault.pattern, Burst)
        pattern = self.fault.pattern
        stretch, failed = self.burst
        current = (now - self.began) // pattern.interval
        failed = failed if current == stretch else 0
        self.burst = (current, failed + 1)
        return failed < pattern.count

    def budget(self, connection: int, way: str) -> Budget:
        """How many bytes may still pass over a connection in one direction."""
        assert isinstance(self.fault, LimitData)
        ways = self.budgets.setdefault(connection, {})
        return ways.setdefault(way, Budget(self.fault.bytes))

    def forget(self, connection: int) -> None:
        """A client connection is gone."""
        self.budgets.pop(connection, None)
        slot = self.places.pop(connection, None)
        if slot is not None and self.gate is not None:
            self.gate.leave(slot)

    def delivery(self, others: int) -> Delivery:
        """What it has done so far; `others`: how many requests had no endpoint of their own."""
        return Delivery(
            scenario=self.scenario,
            fault=self.index,
            kind=self.kind,
            asked=share_of(self.fault),
            seen=self.seen,
            touched=self.touched,
            delay=Duration(self.total),
            delay_p50=self.delays.quantile(0.50),
            delay_p99=self.delays.quantile(0.99),
            delays=self.delays.requests,
            amount=self.amount if self.gate is None else self.gate.peak,
            over=Duration(self.over),
            others=others,
        )


def _gate(fault: Fault) -> Gate | None:
    match fault:
        case Bulkhead():
            return Gate(fault.max, fault.queue, fault.timeout)
        case Connections():
            return Gate(fault.max, None, fault.timeout)
        case _:
            return None


class Candidate:
    """A fault that an exchange meets, and whose turn it is."""

    __slots__ = ("_met", "_touched", "active", "endpoint", "key", "ordinal")

    def __init__(self, active: ActiveFault, endpoint: str, key: int, ordinal: int) -> None:
        self.active = active
        self.endpoint = endpoint
        self.key = key
        self.ordinal = ordinal
        self._met = False
        self._touched = False

    def roll(self, lane: int = 0) -> float:
        """A draw of this turn; lane 0 says whether, the others say how."""
        return dice.roll(self.key, self.ordinal, lane)

    def meet(self, now: int) -> None:
        """The exchange has come this far: counted once, whatever happens to it on how many ways."""
        if not self._met:
            self._met = True
            self.active.meet(now)

    def touch(self, delay: Duration = NO_TIME) -> None:
        """The fault acts on it, and holds it up so long: counted once, the time each time."""
        if not self._touched:
            self._touched = True
            self.active.touched += 1
        self.active.wait(delay)

    def event(
        self, exchange: Exchange, *, delay: Duration = NO_TIME, detail: str = "", size: int = 0
    ) -> FaultEvent:
        """What is told of it: without the query, which may hold secrets, and short."""
        active = self.active
        return FaultEvent(
            at=exchange.at,
            lease=active.lease.lease,
            scenario=active.scenario,
            fault=active.index,
            kind=active.kind,
            target=exchange.target,
            client=exchange.client,
            method=exchange.method,
            path=exchange.path.partition("?")[0][:LONGEST_PATH_TOLD],
            endpoint=self.endpoint,
            ordinal=self.ordinal,
            delay=delay,
            detail=detail,
            size=size,
        )


class Account:
    """What a fault does to the bytes of one exchange in one direction."""

    __slots__ = ("_candidate", "_detail", "_exchange", "_tell")

    def __init__(self, candidate: Candidate, exchange: Exchange, tell: Tell, detail: str) -> None:
        self._candidate = candidate
        self._exchange = exchange
        self._tell = tell
        self._detail = detail

    def begin(self) -> None:
        """It acts."""
        self._candidate.touch()

    def count(self, *, touched: bool) -> None:
        """It met one piece."""
        self._candidate.active.seen += 1
        self._candidate.active.touched += touched

    def end(self, *, delay: Duration, amount: int, over: Duration) -> None:
        """Nothing more will come."""
        active = self._candidate.active
        active.wait(delay)
        active.amount += amount
        active.over += over
        self._tell(
            self._candidate.event(self._exchange, delay=delay, detail=self._detail, size=amount)
        )


def kind_of(fault: Fault) -> str:
    """The fault's name in the language: ``latency``, ``packet_loss``."""
    return str(fault.__struct_config__.tag)
