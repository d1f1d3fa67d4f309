"""What happens to this one exchange: active faults and its facts go in, a decision comes out.

The edge asks `decide` for every request while a lease is on its target, `decide_answer` once more
when the answer is there, and `decide_connection` for connections; it carries decisions out on
sockets. Faults act in one order, whoever put them on (`squall.core.faults.active`): delays add up,
and the first that ends the exchange is the last. A fault behind it neither sees nor touches the
exchange, but its dice move on, so every draw belongs to one request whatever else is active.

Nothing here waits, sends or looks at a clock.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, assert_never

from squall.core.faults.active import ActiveLeases, Candidate
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

_NO_TIME: Final = Duration(0)

_Outcome = tuple[Duration, Ending | None, str]
"""The delay, the ending if it is the one, and which variant of the fault it was."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one exchange: have the `waits`, wait `delay`, then `ending`, or go on.

    `onward` and `back` are stages on the bytes that go upstream and to the client. `answering` is
    what is to be asked again when the answer is there. `after` is owed a call at the end, with the
    time and whether the exchange failed.
    """

    touches: tuple[Touch, ...] = ()
    waits: tuple[Wait, ...] = ()
    onward: tuple[Stage, ...] = ()
    back: tuple[Stage, ...] = ()
    answering: tuple[Candidate, ...] = ()
    after: tuple[Callable[[int, bool], None], ...] = field(default=(), compare=False)

    @property
    def delay(self) -> Duration:
        """How long the request is held before anything else happens to it."""
        return Duration(sum(touch.event.delay for touch in self.touches))

    @property
    def ending(self) -> Ending | None:
        """How it ends, or None: it is forwarded."""
        return next((touch.ending for touch in self.touches if touch.ending), None)

    def owed_to(self, leases: Collection[str]) -> "Decision":
        """What is left of its waiting and ending when only these leases are still on."""
        touches = tuple(touch for touch in self.touches if touch.event.lease in leases)
        waits = tuple(wait for wait in self.waits if wait.lease in leases)
        if len(touches) == len(self.touches) and len(waits) == len(self.waits):
            return self
        return Decision(touches, waits, self.onward, self.back, self.answering, self.after)


NOTHING: Final = Decision()


def _nobody(_: FaultEvent) -> None:
    """Tell nobody."""


class _Deciding:
    """A decision on its way: what has been found so far for one exchange."""

    def __init__(self, exchange: Exchange, tell: Tell) -> None:
        self.exchange = exchange
        self.tell = tell
        self.touches: list[Touch] = []
        self.waits: list[Wait] = []
        self.onward: list[Stage] = []
        self.back: list[Stage] = []
        self.answering: list[Candidate] = []
        self.after: list[Callable[[int, bool], None]] = []
        self.ended = False

    def made(self) -> Decision:
        found = (self.touches, self.waits, self.onward, self.back, self.answering, self.after)
        if not any(found):
            return NOTHING
        return Decision(*map(tuple, found))  # type: ignore[arg-type] # each into its own

    def touch(self, candidate: Candidate, outcome: _Outcome) -> None:
        delay, ending, detail = outcome
        candidate.active.count(delay)
        event = candidate.event(self.exchange, delay=delay, detail=detail)
        self.tell(event)
        self.touches.append(Touch(event, ending))
        self.ended = ending is not None

    def meet(self, candidate: Candidate) -> None:
        """One fault: it may refuse, hold up, end the exchange, or leave it alone."""
        active = candidate.active
        active.meet(self.exchange.now)
        if active.breaker is not None:
            self._ask_breaker(candidate, active.breaker)
        elif active.gate is not None:
            self._enter(candidate, active.gate)
        elif active.limiter is not None:
            outcome = _limited(candidate, self.exchange)
            if outcome is not None:
                self.touch(candidate, outcome)
        else:
            outcome = _outcome(candidate, self.exchange.now)
            if outcome is not None:
                self.touch(candidate, outcome)

    def _ask_breaker(self, candidate: Candidate, breaker: Breaker) -> None:
        era = breaker.admit(self.exchange.now)
        if era is None:
            self.touch(candidate, (_NO_TIME, Answer(503, "circuit_breaker"), "open"))
            return
        self.after.append(lambda now, failed: breaker.record(era, now, failed=failed))

    def _enter(self, candidate: Candidate, gate: Gate) -> None:
        active, exchange = candidate.active, self.exchange
        lasting = isinstance(active.fault, Connections)
        if lasting and exchange.connection in active.places:
            return
        slot = gate.enter(exchange.now)
        turned_away: Ending = Answer(503, active.kind, last=lasting)
        if slot.state == "refused":
            self.touch(candidate, (_NO_TIME, turned_away, "full"))
            return
        if lasting:
            active.places[exchange.connection] = slot
        else:
            self.after.append(lambda _now, _failed: gate.leave(slot))
        if slot.state == "queued":
            self.waits.append(
                Wait(
                    lease=active.lease.lease,
                    slot=slot,
                    entered=partial(self._entered, candidate, slot),
                    turned_away=partial(self._turned_away, candidate, slot, gate, turned_away),
                )
            )

    def _entered(self, candidate: Candidate, slot: Slot, now: int) -> None:
        delay = Duration(now - slot.since)
        candidate.active.count(delay)
        self.tell(candidate.event(self.exchange, delay=delay, detail="queued"))

    def _turned_away(
        self, candidate: Candidate, slot: Slot, gate: Gate, ending: Ending, now: int
    ) -> Ending:
        gate.leave(slot)
        candidate.active.places.pop(self.exchange.connection, None)
        delay = Duration(now - slot.since)
        candidate.active.count(delay)
        self.tell(candidate.event(self.exchange, delay=delay, detail="full"))
        return ending


def decide(leases: ActiveLeases, exchange: Exchange, tell: Tell = _nobody) -> Decision:
    """What happens to this request; counts and tells it, so ask once per request."""
    deciding = _Deciding(exchange, tell)
    for candidate in leases.candidates(exchange):
        if deciding.ended:
            break
        fault = candidate.active.fault
        found = ways(fault, connection=False)
        if "request" in found and _has_payload(fault, exchange.body):
            candidate.active.meet(exchange.now)
            stage = stage_of(candidate, exchange, "request", exchange.body, tell)
            deciding.onward += [stage] if stage else []
        elif not found or (isinstance(fault, Latency) and fault.direction == "both"):
            deciding.meet(candidate)
        if "response" in found:
            deciding.answering.append(candidate)
    return deciding.made()


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
        if getattr(fault, "direction", "") != "both":
            candidate.active.meet(exchange.now)
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
    """What happens to a connection when it is made; to a live one, by leases not met before.

    `whole`: it is all there is, as at a target that carries bytes; else only what happens before a
    request can come. Faults that are about requests and answers leave a whole connection alone.
    """
    deciding = _Deciding(exchange, tell)
    for candidate in leases.connecting(exchange, only=not whole, besides=besides):
        if deciding.ended:
            break
        fault = candidate.active.fault
        found: frozenset[Way] = ways(fault, connection=True) if whole else frozenset()
        if found:
            candidate.active.meet(exchange.now)
            for way in found:
                stage = stage_of(candidate, exchange, way, UNKNOWN, tell)
                stages = deciding.onward if way == "request" else deciding.back
                stages += [stage] if stage else []
        elif possible(fault, "tcp"):
            deciding.meet(candidate)
    return deciding.made()


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
    return _NO_TIME, Answer(fault.answer, "rate_limit", headers=headers), fault.by


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
                return _NO_TIME, Answer(503, "resets"), fault.kind
            return _NO_TIME, Break(fault.kind), fault.kind
        case Timeouts():
            if fault.answer is None:
                return fault.after, Silence(), "none"
            return fault.after, Answer(fault.answer, "timeouts"), str(fault.answer)
        case Down():
            return _NO_TIME, Break("reset"), "down"
        case _:
            return None


def _error(fault: Errors, candidate: Candidate, now: int) -> _Outcome | None:
    """The status it answers with, by chance or by its pattern."""
    ordinal, pattern = candidate.ordinal, fault.pattern
    status = fault.codes[int(candidate.roll(1) * len(fault.codes))]
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
    return _NO_TIME, Answer(status, "errors", fault.body, fault.headers), str(status)


def _lost(times: int) -> _Outcome | None:
    if not times:
        return None
    delay = Duration(RETRANSMISSION_TIMEOUT * (2**times - 1))
    ending = Break("reset") if times == LOST_FOR_GOOD else None
    return delay, ending, f"{times} lost"
