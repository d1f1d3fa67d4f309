"""What happens to this one request: active faults and its facts go in, a decision comes out.

The edge asks `decide` for every request while a lease is on its target, and carries the `Decision`
out on sockets. Faults apply in the order packet loss, latency, errors, resets, timeouts: delays add
up, and the first that ends the request is the last. A fault behind it neither sees nor touches the
request, but its dice move on, so every draw belongs to one request whatever else is active.

Nothing here waits, sends or looks at a clock.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from squall.core.faults import dice
from squall.core.faults.effects import Delivery, FaultEvent, Inject
from squall.core.faults.endpoint import Endpoints
from squall.core.faults.kinds import (
    EVERY,
    RETRANSMISSION_TIMEOUT,
    Errors,
    Fault,
    Latency,
    PacketLoss,
    Resets,
    Share,
    Timeouts,
)
from squall.core.faults.matching import Matcher
from squall.core.faults.meter import Meter
from squall.core.timing import Duration

LOST_FOR_GOOD: Final = 8
"""Losses of one segment after which its connection is given up: 51 s of doubling time-outs.

RFC 6298 (2.5) lets an implementation stop doubling at 60 s; a ninth loss would pass that.
"""

LONGEST_PATH_TOLD: Final = 1_024
"""Characters of a path that an event keeps."""

MOST_PLACES: Final = 1_024
"""Steps of runs whose ordinals are remembered; of more, those unused the longest are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The facts of one request. `path` may have a query; `host` and header names in lower case."""

    target: str
    method: str
    path: str
    host: str = ""
    headers: Sequence[tuple[str, str]] = ()
    client: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with `status` instead of asking upstream."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Break:
    """Break the client's connection."""

    kind: Literal["reset", "close"]


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answer."""


Ending = Answer | Break | Silence
"""How a request ends that does not reach its upstream."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One fault that acts on one exchange: what it costs and, if it is the one, how it ends."""

    event: FaultEvent
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request: wait `delay`, then `ending`, or go on upstream without one."""

    touches: tuple[Touch, ...] = ()

    @property
    def delay(self) -> Duration:
        """How long the request is held before anything else happens to it."""
        return Duration(sum(touch.event.delay for touch in self.touches))

    @property
    def ending(self) -> Ending | None:
        """How it ends, or None: it is forwarded."""
        return next((touch.ending for touch in self.touches if touch.ending), None)

    def owed_to(self, leases: Collection[str]) -> "Decision":
        """What is left of it when only these leases are still on."""
        kept = tuple(touch for touch in self.touches if touch.event.lease in leases)
        return self if len(kept) == len(self.touches) else Decision(kept)


NOTHING: Final = Decision()


class _Stream:
    """The draws and the count of one fault at one endpoint."""

    __slots__ = ("count", "key")

    def __init__(self, key: int) -> None:
        self.key = key
        self.count = 0


class Counters:
    """How many requests each fault has seen per endpoint, and the draws that belong to them.

    One per edge: it outlives leases, so a step that is looped or tried again goes on with the next
    draw. Memory is bounded by `MOST_PLACES` and by `squall.core.faults.endpoint.MOST`.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, str, str], PlaceCounters] = OrderedDict()

    def of(self, inject: Inject) -> "PlaceCounters":
        """The counters of a step on a target."""
        key = (inject.run, inject.place, inject.target)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = PlaceCounters()
        self._places.move_to_end(key)
        if len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
        return found


class PlaceCounters:
    """The counters of one step on one target; made by `Counters`."""

    __slots__ = ("_streams", "endpoints")

    def __init__(self) -> None:
        self.endpoints = Endpoints()
        self._streams: dict[tuple[int, int, str], _Stream] = {}

    def stream(self, scenario: int, fault: int, endpoint: str) -> _Stream | None:
        """The stream of this fault at this endpoint, if it has been asked before."""
        return self._streams.get((scenario, fault, endpoint))

    def begin(self, scenario: int, fault: int, endpoint: str, key: int) -> _Stream:
        """Start the stream of this fault at this endpoint."""
        stream = self._streams[scenario, fault, endpoint] = _Stream(key)
        return stream


class _ActiveFault:
    """One fault of an active lease and its tally."""

    __slots__ = ("delays", "fault", "index", "key", "kind", "scenario", "seen", "total", "touched")

    def __init__(self, scenario: int, index: int, fault: Fault, key: str) -> None:
        self.scenario = scenario
        self.index = index
        self.fault = fault
        self.kind = kind_of(fault)
        self.key = key
        self.seen = 0
        self.touched = 0
        self.total = 0
        self.delays = Meter()

    def count(self, delay: Duration) -> None:
        self.touched += 1
        self.total += delay
        if delay:
            self.delays.record(delay, failed=False)

    def delivery(self) -> Delivery:
        return Delivery(
            scenario=self.scenario,
            fault=self.index,
            kind=self.kind,
            asked=self.fault.rate,
            seen=self.seen,
            touched=self.touched,
            delay=Duration(self.total),
            delay_p50=self.delays.quantile(0.50),
            delay_p99=self.delays.quantile(0.99),
        )


class ActiveLease:
    """The faults of one lease while they are on: compiled once, asked for every request.

    Raises `ValueError` with a sentence when a match cannot be used. `meter` is what clients of the
    target felt while the lease was on; the edge feeds it.
    """

    __slots__ = ("_counters", "_faults", "_matchers", "inject", "meter")

    def __init__(self, inject: Inject, counters: Counters) -> None:
        self.inject = inject
        self.meter = Meter()
        self._counters = counters.of(inject)
        self._matchers = tuple(Matcher(scenario.match) for scenario in inject.scenarios)
        self._faults = tuple(
            _ActiveFault(s, f, fault, key)
            for (s, f, fault), key in zip(_listed(inject), fault_keys(inject), strict=True)
        )

    def deliveries(self) -> tuple[Delivery, ...]:
        """What each fault has done so far, in the order written."""
        return tuple(fault.delivery() for fault in self._faults)

    def candidates(self, exchange: Exchange) -> Iterable[tuple[_ActiveFault, str, int, int]]:
        """The faults whose scenario matches, each with endpoint, stream key and ordinal."""
        path = exchange.path.partition("?")[0]
        matched = [
            matcher(exchange.method, path, exchange.host, exchange.headers)
            for matcher in self._matchers
        ]
        if not any(matched):
            return
        counters = self._counters
        endpoint = counters.endpoints.name(exchange.method, path)
        for fault in self._faults:
            if not matched[fault.scenario]:
                continue
            stream = counters.stream(fault.scenario, fault.index, endpoint)
            if stream is None:
                key = dice.stream(self.inject.seed, fault.key, endpoint)
                stream = counters.begin(fault.scenario, fault.index, endpoint, key)
            ordinal = stream.count
            stream.count += 1
            yield fault, endpoint, stream.key, ordinal


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


_ORDER: Final = {"packet_loss": 0, "latency": 1, "errors": 2, "resets": 3, "timeouts": 4}


def decide(leases: tuple[ActiveLease, ...], exchange: Exchange) -> Decision:
    """What happens to this request; counts it, so ask once per request."""
    found = [(lease, *candidate) for lease in leases for candidate in lease.candidates(exchange)]
    found.sort(key=lambda candidate: _ORDER[candidate[1].kind])
    # Without the query, which may hold secrets, and short: events are kept by the thousand.
    path = exchange.path.partition("?")[0][:LONGEST_PATH_TOLD]
    touches: list[Touch] = []
    ended = False
    for lease, active, endpoint, key, ordinal in found:
        if ended:
            break
        active.seen += 1
        result = _outcome(active.fault, key, ordinal)
        if result is None:
            continue
        delay, ending, detail = result
        ended = ending is not None
        active.count(delay)
        event = FaultEvent(
            at=exchange.at,
            lease=lease.inject.lease,
            scenario=active.scenario,
            fault=active.index,
            kind=active.kind,
            target=exchange.target,
            client=exchange.client,
            method=exchange.method,
            path=path,
            endpoint=endpoint,
            ordinal=ordinal,
            delay=delay,
            detail=detail,
        )
        touches.append(Touch(event, ending))
    return Decision(tuple(touches)) if touches else NOTHING


_Outcome = tuple[Duration, Ending | None, str]


def _outcome(fault: Fault, key: int, ordinal: int) -> _Outcome | None:
    """What the dice say of one fault and one request; None: it is spared."""
    if isinstance(fault, PacketLoss):
        return _losses(fault.rate, key, ordinal)
    if dice.roll(key, ordinal) >= fault.rate:
        return None
    match fault:
        case Latency():
            return _held_back(fault, key, ordinal), None, ""
        case Errors():
            status = fault.codes[int(dice.roll(key, ordinal, 1) * len(fault.codes))]
            return Duration(0), Answer(status, "errors"), str(status)
        case Resets():
            if fault.kind == "http_503":
                return Duration(0), Answer(503, "resets"), fault.kind
            return Duration(0), Break(fault.kind), fault.kind
        case Timeouts():
            if fault.answer is None:
                return fault.after, Silence(), "none"
            return fault.after, Answer(fault.answer, "timeouts"), str(fault.answer)
        case _:
            assert_never(fault)


def _held_back(fault: Latency, key: int, ordinal: int) -> Duration:
    first, second = dice.roll(key, ordinal, 1), dice.roll(key, ordinal, 2)
    delay = dice.sample(fault.delay, first, second)
    swing = fault.jitter + fault.jitter_share * delay
    if swing:
        delay = Duration(max(0, round(delay + swing * (2 * dice.roll(key, ordinal, 3) - 1))))
    return delay


def _losses(rate: Share, key: int, ordinal: int) -> _Outcome | None:
    """How often the request's segment is lost in a row, from one draw: geometric."""
    drawn = dice.roll(key, ordinal)
    lost, chance = 0, float(rate)
    while lost < LOST_FOR_GOOD and (rate >= EVERY or drawn < chance):
        lost += 1
        chance *= rate
    if not lost:
        return None
    delay = Duration(RETRANSMISSION_TIMEOUT * (2**lost - 1))
    ending = Break("reset") if lost == LOST_FOR_GOOD else None
    return delay, ending, f"{lost} lost"
