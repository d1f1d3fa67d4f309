"""What happens to this one exchange: active faults and its facts go in, a decision comes out.

The edge asks `decide` for every request while a lease is on its target, `decide_answer` once more
when the answer is there, and `decide_connection` for connections; it carries decisions out on
sockets. Faults act in one order, whoever put them on (`squall.core.faults.candidate`): delays add
up, and the first that ends the exchange is the last. A fault behind it neither sees nor touches the
exchange, but its dice move on, so every draw belongs to one request whatever else is active.

Nothing here waits, sends or looks at a clock.
"""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from squall.core.faults.active import ActiveLeases
from squall.core.faults.candidate import NO_TIME, Candidate
from squall.core.faults.effects import FaultEvent
from squall.core.faults.exchange import (
    UNKNOWN,
    Answer,
    Break,
    Ending,
    Exchange,
    Silence,
    Tell,
    Touch,
    Wait,
)
from squall.core.faults.kinds import (
    RETRANSMISSION_TIMEOUT,
    Burst,
    Connections,
    Corruption,
    Down,
    Errors,
    Fault,
    Latency,
    PacketLoss,
    PartialResponses,
    RateLimit,
    Resets,
    SlowClose,
    Timeouts,
    possible,
    share_of,
)
from squall.core.faults.kinds import Sequence as Codes
from squall.core.faults.limits import Breaker, Gate, Slot
from squall.core.faults.shaping import Stage
from squall.core.faults.stages import LOST_FOR_GOOD, losses
from squall.core.faults.ways import Way, latency, stage_of, ways
from squall.core.timing import SECOND, Duration

_Outcome = tuple[Duration, Ending | None, str]
"""The delay, the ending if it is the one, and which variant of the fault it was."""


class Decision:
    """What happens to one exchange: have a place, wait, then end it, or let it go on.

    While there is a `wait` nothing behind it is decided: once its place is had, or not needed any
    more, `go_on`. `onward` and `back` are stages on the bytes that go upstream and to the client.
    `answering` is what is to be asked again when the answer is there. `after` is owed a call at the
    end, with the time and whether the exchange failed.
    """

    __slots__ = (
        "_left", "_meet", "after", "answering", "back", "exchange", "onward", "tell", "touches",
        "wait",
    )  # fmt: skip

    def __init__(
        self,
        exchange: Exchange,
        candidates: Iterable[Candidate],
        meet: "Callable[[Decision, Candidate], None]",
        tell: Tell,
    ) -> None:
        self.exchange = exchange
        self.tell = tell
        self._left = iter(candidates)
        self._meet = meet
        self.touches: list[Touch] = []
        self.wait: Wait | None = None
        self.onward: list[Stage] = []
        self.back: list[Stage] = []
        self.answering: list[Candidate] = []
        self.after: list[Callable[[int, bool], None]] = []

    @property
    def delay(self) -> Duration:
        """How long the exchange is held before anything else happens to it."""
        return Duration(sum(touch.event.delay for touch in self.touches))

    @property
    def ending(self) -> Ending | None:
        """How it ends, or None: it is forwarded."""
        return self.touches[-1].ending if self.touches else None

    def owed_to(self, leases: Collection[str]) -> tuple[Duration, Ending | None]:
        """What is left of the delay and the ending when only these leases are still on."""
        owed = [touch for touch in self.touches if touch.event.lease in leases]
        delay = sum(touch.event.delay for touch in owed)
        return Duration(delay), owed[-1].ending if owed else None

    def go_on(self, now: int, leases: Collection[str]) -> None:
        """Decide about what follows, by the leases that are still on; what others owed is gone."""
        self.wait = None
        self.touches = [touch for touch in self.touches if touch.event.lease in leases]
        past = now - self.exchange.now
        self.exchange = replace(self.exchange, now=now, at=self.exchange.at + past)
        self.decide(leases)

    def decide(self, leases: Collection[str]) -> None:
        """Meet one fault after the other, up to one that ends the exchange or makes it wait."""
        for candidate in self._left:
            if candidate.active.lease.lease in leases:
                self._meet(self, candidate)
                if self.ending or self.wait:
                    return

    def meet(self, candidate: Candidate) -> None:
        """One fault: it may refuse, hold up, end the exchange, or leave it alone."""
        active = candidate.active
        candidate.meet(self.exchange.now)
        if active.breaker is not None:
            self._ask_breaker(candidate, active.breaker)
        elif active.gate is not None:
            self._enter(candidate, active.gate)
        elif active.limiter is not None:
            self._touch(candidate, _limited(candidate, self.exchange))
        else:
            self._touch(candidate, _outcome(candidate, self.exchange.now))

    def shape(self, candidate: Candidate, way: Way, length: int) -> None:
        """One fault on the bytes that go one way, `length` of them or `UNKNOWN`."""
        if not isinstance(candidate.active.fault, PacketLoss):  # which counts what is lost itself
            candidate.meet(self.exchange.now)
        stage = stage_of(candidate, self.exchange, way, length, self.tell)
        if stage is not None:
            (self.onward if way == "request" else self.back).append(stage)

    def _touch(self, candidate: Candidate, outcome: _Outcome | None) -> None:
        if outcome is None:
            return
        delay, ending, detail = outcome
        event = self._told(candidate, delay, detail)
        self.touches.append(Touch(event, ending))

    def _told(self, candidate: Candidate, delay: Duration, detail: str) -> FaultEvent:
        candidate.touch(delay)
        event = candidate.event(self.exchange, delay=delay, detail=detail)
        self.tell(event)
        return event

    def _ask_breaker(self, candidate: Candidate, breaker: Breaker) -> None:
        era = breaker.admit(self.exchange.now)
        if era is None:
            self._touch(candidate, (NO_TIME, Answer(503, "circuit_breaker"), "open"))
            return
        self.after.append(lambda now, failed: breaker.record(era, now, failed=failed))

    def _enter(self, candidate: Candidate, gate: Gate) -> None:
        active, connection = candidate.active, self.exchange.connection
        lasting = isinstance(active.fault, Connections)
        if lasting and connection in active.places:
            return
        slot = gate.enter(self.exchange.now, there=self.exchange.live)
        turned_away = Answer(503, active.kind, last=lasting)
        if slot.state == "refused":
            self._touch(candidate, (NO_TIME, turned_away, "full"))
            return
        if lasting:
            active.places[connection] = slot
        else:
            self.after.append(lambda _now, _failed: gate.leave(slot))
        if slot.state == "queued":
            self.wait = Wait(
                lease=active.lease.lease,
                slot=slot,
                entered=partial(self._entered, candidate, slot),
                turned_away=partial(self._turned_away, candidate, slot, gate, turned_away),
            )

    def _entered(self, candidate: Candidate, slot: Slot, now: int) -> None:
        self._told(candidate, Duration(now - slot.since), "queued")

    def _turned_away(
        self, candidate: Candidate, slot: Slot, gate: Gate, ending: Ending, now: int
    ) -> Ending:
        gate.leave(slot)
        candidate.active.places.pop(self.exchange.connection, None)
        self._told(candidate, Duration(now - slot.since), "full")
        return ending


def _nobody(_: FaultEvent) -> None:
    """Tell nobody."""


def decide(leases: ActiveLeases, exchange: Exchange, tell: Tell = _nobody) -> Decision:
    """What happens to this request; counts and tells it, so ask once per request."""
    decision = Decision(exchange, leases.candidates(exchange), _meet_request, tell)
    decision.decide(leases.names)
    return decision


def _meet_request(decision: Decision, candidate: Candidate) -> None:
    fault, body = candidate.active.fault, decision.exchange.body
    found = ways(fault, connection=False)
    if "response" in found:
        decision.answering.append(candidate)
    if "request" in found:
        if _has_payload(fault, body):
            decision.shape(candidate, "request", body)
    elif not found or (isinstance(fault, Latency) and fault.direction == "both"):
        decision.meet(candidate)


def decide_answer(
    candidates: Iterable[Candidate],
    leases: ActiveLeases,
    exchange: Exchange,
    *,
    body: int,
    last: bool,
    tell: Tell = _nobody,
) -> tuple[Stage, ...]:
    """What happens to the bytes of an answer, by the faults that are still on.

    `body` is its length, 0 for none, or `UNKNOWN`; `last`: the connection ends with it. `exchange`
    has the time of the answer.
    """
    stages = []
    for candidate in candidates:
        fault = candidate.active.fault
        closing = isinstance(fault, SlowClose)
        if candidate.active.lease.lease not in leases.names or (closing and not last):
            continue
        if not _has_payload(fault, body):
            continue
        candidate.meet(exchange.now)
        stage = stage_of(candidate, exchange, "response", body, tell)
        stages += [stage] if stage else []
    return tuple(stages)


def decide_connection(
    leases: ActiveLeases,
    exchange: Exchange,
    tell: Tell = _nobody,
    *,
    whole: bool,
    besides: Collection[str] = (),
) -> Decision:
    """What happens to a connection, by leases not met before.

    `whole`: it is all there is, as at a target that carries bytes; else only what happens before a
    request can come. Faults that are about requests and answers leave a whole connection alone.
    What is about making connections leaves a live one alone, and where places are limited it has
    one.
    """
    candidates = leases.connecting(exchange, only=not whole, besides=besides)
    decision = Decision(exchange, candidates, _meet_whole if whole else _meet_connection, tell)
    decision.decide(leases.names)
    return decision


def _meet_whole(decision: Decision, candidate: Candidate) -> None:
    fault = candidate.active.fault
    if not possible(fault, "tcp"):
        return
    found = ways(fault, connection=True)
    for way in found:
        decision.shape(candidate, way, UNKNOWN)
    if not found and not (decision.exchange.live and _makes(fault)):
        decision.meet(candidate)


def _makes(fault: Fault) -> bool:
    """Whether it is about making a connection, not about having one."""
    return isinstance(fault, RateLimit) or (isinstance(fault, Resets) and fault.at == "connect")


def _meet_connection(decision: Decision, candidate: Candidate) -> None:
    decision.meet(candidate)


def _has_payload(fault: Fault, body: int) -> bool:
    """Whether there is something for it: what acts on bodies needs one."""
    return body != 0 or not isinstance(fault, Corruption | PartialResponses | Resets)


def _limited(candidate: Candidate, exchange: Exchange) -> _Outcome | None:
    """Whether a rate limit turns the request away, and when it may come again."""
    active, limiter = candidate.active, candidate.active.limiter
    fault = active.fault
    assert isinstance(fault, RateLimit)
    assert limiter is not None
    left = limiter.admit(_shared_by(fault, candidate, exchange), exchange.now)
    if not left:
        active.amount += 1
        return None
    seconds = -(-left // SECOND)
    headers = (("Retry-After", str(seconds)),)
    return NO_TIME, Answer(fault.answer, "rate_limit", headers=headers), fault.by


def _shared_by(fault: RateLimit, candidate: Candidate, exchange: Exchange) -> str:
    match fault.by.partition(":"):
        case ("client", _, _):
            return exchange.client
        case ("endpoint", _, _):
            return candidate.endpoint
        case ("header", _, name):
            return dict(exchange.headers).get(name, "")
        case _:
            return ""


def _outcome(candidate: Candidate, now: int) -> _Outcome | None:
    """What the dice say of one fault and one exchange; None: it is spared."""
    fault = candidate.active.fault
    if isinstance(fault, PacketLoss):
        return _lost(losses(fault.rate, candidate.roll()))
    if isinstance(fault, Errors):
        return _error(fault, candidate, now)
    if candidate.roll() >= share_of(fault):
        return None
    match fault:
        case Latency():
            return latency(fault, candidate), None, ""
        case Resets():
            if fault.kind == "http_503":
                return NO_TIME, Answer(503, "resets"), fault.kind
            return NO_TIME, Break(fault.kind), fault.kind
        case Timeouts():
            if fault.answer is None:
                return fault.after, Silence(), "none"
            return fault.after, Answer(fault.answer, "timeouts"), str(fault.answer)
        case Down():
            return NO_TIME, Break("reset"), "down"
        case _:
            return None


def _error(fault: Errors, candidate: Candidate, now: int) -> _Outcome | None:
    """The status it answers with, by chance or by its pattern."""
    ordinal, pattern = candidate.ordinal, fault.pattern
    status = 0
    match pattern:
        case Burst(interval=0):
            spared = ordinal % pattern.per >= pattern.count
        case Burst():
            spared = not candidate.active.in_burst(now)
        case Codes():
            status = pattern.codes[ordinal % len(pattern.codes)]
            spared = status < 400
        case None:
            spared = candidate.roll() >= fault.rate
        case _:
            assert_never(pattern)
    if spared:
        return None
    status = status or fault.codes[int(candidate.roll(1) * len(fault.codes))]
    return NO_TIME, Answer(status, "errors", fault.body, fault.headers), str(status)


def _lost(times: int) -> _Outcome | None:
    if not times:
        return None
    delay = Duration(RETRANSMISSION_TIMEOUT * (2**times - 1))
    ending = Break("reset") if times == LOST_FOR_GOOD else None
    return delay, ending, f"{times} lost"
