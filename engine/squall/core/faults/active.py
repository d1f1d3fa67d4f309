"""Faults that are on: leases compiled once, asked for every exchange, counting what they did.

The edge swaps one `ActiveLeases` per target for another; `decision` asks it which faults an
exchange meets and in which order.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, Literal

from squall.core.faults import dice
from squall.core.faults.counters import Counters
from squall.core.faults.effects import Delivery, FaultEvent, Felt, Inject
from squall.core.faults.exchange import CONNECTION, Exchange, Tell
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
from squall.core.faults.matching import Matcher
from squall.core.faults.meter import Meter
from squall.core.faults.stages import Budget
from squall.core.timing import Duration

NO_TIME: Final = Duration(0)
LONGEST_PATH_TOLD: Final = 1_024
"""Characters of a path that an event keeps."""

_MOST_SELECTED: Final = 4_096
"""Requests of different method, path and host for which the choice of scenarios is remembered."""
_MOST_EPOCHS: Final = 8
"""Stretches without a change on a target that a lease keeps apart for exchanges that end late."""

_ORDER: Final = (
    "down", "circuit_breaker", "bulkhead", "rate_limit", "connections",
    "packet_loss", "latency", "errors", "resets", "timeouts", "partial_responses",
    "corruption", "limit_data", "slicer", "bandwidth", "slow_close",
)  # fmt: skip
"""In which order faults act on an exchange, whoever put them on. Where MockForge has the fault, the
order is its own, but for resets, which come before time-outs as they cost no waiting."""
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

    def count(self, delay: Duration) -> None:
        """It acted on one, at this cost."""
        self.touched += 1
        self.wait(delay)

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

    def delivery(self) -> Delivery:
        """What it has done so far."""
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
            amount=self.amount if self.gate is None else self.gate.peak,
            over=Duration(self.over),
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

    __slots__ = ("_account", "active", "endpoint", "key", "ordinal")

    def __init__(self, active: ActiveFault, endpoint: str, key: int, ordinal: int) -> None:
        self.active = active
        self.endpoint = endpoint
        self.key = key
        self.ordinal = ordinal
        self._account: Account | None = None

    def roll(self, lane: int = 0) -> float:
        """A draw of this turn; lane 0 says whether, the others say how."""
        return dice.roll(self.key, self.ordinal, lane)

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

    def account(self, exchange: Exchange, tell: Tell, detail: str) -> "Account":
        """Where its stages, of both directions, say what they did."""
        if self._account is None:
            self._account = Account(self, exchange, tell, detail)
        return self._account


class Account:
    """What a fault did to the bytes of one exchange, in both directions together."""

    __slots__ = ("_begun", "_candidate", "_detail", "_exchange", "_tell")

    def __init__(self, candidate: Candidate, exchange: Exchange, tell: Tell, detail: str) -> None:
        self._candidate = candidate
        self._exchange = exchange
        self._tell = tell
        self._detail = detail
        self._begun = False

    def begin(self) -> None:
        """It acts: counted once."""
        if not self._begun:
            self._begun = True
            self._candidate.active.touched += 1

    def end(self, *, delay: Duration, amount: int, over: Duration) -> None:
        """One of its stages is done."""
        active = self._candidate.active
        active.wait(delay)
        active.amount += amount
        active.over += over
        self._tell(
            self._candidate.event(self._exchange, delay=delay, detail=self._detail, size=amount)
        )


class ActiveLease:
    """The faults of one lease while they are on: compiled once, asked for every exchange.

    Raises `ValueError` with a sentence when a match cannot be used.
    """

    __slots__ = ("_counters", "_epochs", "_felt", "faults", "inject", "matchers")

    def __init__(self, inject: Inject, counters: Counters) -> None:
        self.inject = inject
        self._felt = Meter()
        self._epochs: list[Meter] = []
        self._counters = counters.of(inject)
        self.matchers = tuple(
            Matcher(scenario.match, dice.stream(inject.seed, inject.place, str(number)))
            for number, scenario in enumerate(inject.scenarios)
        )
        self.faults = tuple(
            ActiveFault(inject, s, f, fault, key)
            for (s, f, fault), key in zip(_listed(inject), fault_keys(inject), strict=True)
        )

    def deliveries(self) -> tuple[Delivery, ...]:
        """What each fault has done so far, in the order written."""
        return tuple(fault.delivery() for fault in self.faults)

    def live_through(self, epoch: Meter) -> None:
        """What clients feel from now on is felt under this lease, until the next epoch."""
        self._epochs.append(epoch)
        if len(self._epochs) > _MOST_EPOCHS:
            self._felt.merge(self._epochs.pop(0))

    def felt(self, over: Duration) -> Felt:
        """What clients of the target felt while the lease was on; `over` is how long that was."""
        whole = Meter()
        for meter in (self._felt, *self._epochs):
            whole.merge(meter)
        return whole.felt(over)

    def candidates(self, exchange: Exchange, scenarios: Iterable[int]) -> Iterator[Candidate]:
        """The faults of these scenarios that a request meets, each with its turn."""
        met = set(scenarios)
        path = exchange.path.partition("?")[0]
        endpoint = self._counters.endpoints.name(exchange.method, path)
        for fault in self.faults:
            if fault.scenario in met and fault.at == "request":
                yield self._candidate(fault, endpoint)

    def connecting(self, exchange: Exchange, *, only: bool) -> Iterator[Candidate]:
        """The faults a connection meets; `only`: those that act on nothing but connections."""
        met = {
            number
            for number, matcher in enumerate(self.matchers)
            if matcher.names("", "", "") and matcher.admits((), exchange.client, exchange.body)
        }
        for fault in self.faults:
            if fault.scenario in met and (fault.at == "connect" or not only):
                yield self._candidate(fault, CONNECTION)

    def _candidate(self, fault: ActiveFault, endpoint: str) -> Candidate:
        key, ordinal = self._counters.turn(
            self.inject.seed, fault.scenario, fault.index, fault.key, endpoint
        )
        return Candidate(fault, endpoint, key, ordinal)


_Selected = tuple[tuple[ActiveLease, int, Matcher], ...]


class ActiveLeases:
    """All leases on one target. Empty, it is false."""

    __slots__ = ("_selected", "connects", "down", "epoch", "leases", "names", "reads_headers")

    def __init__(self, leases: Sequence[ActiveLease] = ()) -> None:
        self.leases = tuple(leases)
        self.names = frozenset(lease.inject.lease for lease in leases)
        self.epoch = Meter()
        """What clients feel while exactly these leases are on."""
        for lease in leases:
            lease.live_through(self.epoch)
        faults = [fault for lease in leases for fault in lease.faults]
        self.down = any(isinstance(fault.fault, Down) for fault in faults)
        self.connects = any(fault.at == "connect" for fault in faults)
        """Whether something happens to connections before they say anything."""
        self.reads_headers = any(
            matcher.reads_headers for lease in leases for matcher in lease.matchers
        ) or any(
            isinstance(fault.fault, RateLimit) and fault.fault.by.startswith("header:")
            for fault in faults
        )
        self._selected: dict[tuple[str, str, str], _Selected] = {}

    def __bool__(self) -> bool:
        return bool(self.leases)

    def candidates(self, exchange: Exchange) -> list[Candidate]:
        """Every fault a request meets, in the order in which they act."""
        chosen: dict[ActiveLease, list[int]] = {}
        for lease, scenario, matcher in self._select(exchange):
            if matcher.plain or matcher.admits(exchange.headers, exchange.client, exchange.body):
                chosen.setdefault(lease, []).append(scenario)
        found = [
            candidate
            for lease, scenarios in chosen.items()
            for candidate in lease.candidates(exchange, scenarios)
        ]
        found.sort(key=_rank)
        return found

    def connecting(
        self, exchange: Exchange, *, only: bool, besides: Collection[str] = ()
    ) -> list[Candidate]:
        """Every fault a connection meets, in order; not of the leases it has met before."""
        found = [
            candidate
            for lease in self.leases
            if lease.inject.lease not in besides
            for candidate in lease.connecting(exchange, only=only)
        ]
        found.sort(key=_rank)
        return found

    def forget(self, connection: int) -> None:
        """A client connection is gone."""
        for lease in self.leases:
            for fault in lease.faults:
                if fault.places or fault.budgets:
                    fault.forget(connection)

    def _select(self, exchange: Exchange) -> _Selected:
        """The scenarios meant by method, path and host; mostly they have been asked for before."""
        path = exchange.path.partition("?")[0]
        key = (exchange.method, path, exchange.host)
        selected = self._selected.get(key)
        if selected is None:
            if len(self._selected) >= _MOST_SELECTED:
                self._selected.clear()
            selected = self._selected[key] = tuple(
                (lease, number, matcher)
                for lease in self.leases
                for number, matcher in enumerate(lease.matchers)
                if matcher.names(*key)
            )
        return selected


def _rank(candidate: Candidate) -> int:
    return candidate.active.rank


def kind_of(fault: Fault) -> str:
    """The fault's name in the language: ``latency``, ``packet_loss``."""
    return str(fault.__struct_config__.tag)


def fault_keys(inject: Inject) -> tuple[str, ...]:
    """What keys the dice of each fault: place, target, kind, numbered where a kind comes twice."""
    counts: dict[str, int] = {}
    keys = []
    for _, _, fault in _listed(inject):
        kind = kind_of(fault)
        counts[kind] = number = counts.get(kind, 0) + 1
        suffix = f"#{number}" if number > 1 else ""
        keys.append(f"{inject.place}@{inject.target}/{kind}{suffix}")
    return tuple(keys)


def _listed(inject: Inject) -> Iterable[tuple[int, int, Fault]]:
    for s, scenario in enumerate(inject.scenarios):
        for f, fault in enumerate(scenario.faults):
            yield s, f, fault
