"""Which faults act on the bytes of an exchange, in which direction, and with which stage.

At an HTTP target what comes before the answer is decided at once, so only faults on answers and
bodies are stages there. At a target that carries bytes alone, delays and losses are stages too.
Called by `decision`.
"""

from typing import Final, Literal

from squall.core.faults import dice
from squall.core.faults.candidate import Account, Candidate
from squall.core.faults.exchange import Exchange, Tell
from squall.core.faults.kinds import (
    Bandwidth,
    Corruption,
    Direction,
    Fault,
    Latency,
    LimitData,
    PacketLoss,
    PartialResponses,
    Resets,
    Share,
    Slicer,
    SlowClose,
    share_of,
)
from squall.core.faults.shaping import Mark, Stage
from squall.core.faults.stages import (
    Budget,
    Corrupt,
    Cut,
    Delay,
    Linger,
    Losses,
    Pace,
    Slices,
    Truncate,
)
from squall.core.timing import Duration

Way = Literal["request", "response"]

_WAYS: Final[dict[Direction, frozenset[Way]]] = {
    "request": frozenset({"request"}),
    "response": frozenset({"response"}),
    "both": frozenset({"request", "response"}),
}
_NONE: Final[frozenset[Way]] = frozenset()
_HALF: Final = Share(0.5)


def ways(fault: Fault, *, connection: bool) -> frozenset[Way]:
    """In which directions the fault acts on bytes; `connection`: on those of a whole one."""
    match fault:
        case Latency() | SlowClose():
            # At HTTP a request is delayed whole, and its connection upstream is not closed by it.
            found = _WAYS[fault.direction]
            return found if connection else found - {"request"}
        case PacketLoss():
            return _WAYS["both"] if connection else _NONE
        case Resets(at="request"):
            return _WAYS["request"] if connection else _NONE
        case Resets(at="response") | PartialResponses():
            return _WAYS["response"]
        case Corruption() | Bandwidth() | Slicer() | LimitData():
            return _WAYS[fault.direction]
        case _:
            return _NONE


def stage_of(
    candidate: Candidate, exchange: Exchange, way: Way, length: int, tell: Tell
) -> Stage | None:
    """The fault's stage in one direction, or None: the dice spare it, or there is no payload.

    `length` is that of the body: 0 for none, negative when it is not known.
    """
    fault = candidate.active.fault
    if not isinstance(fault, PacketLoss) and candidate.roll() >= share_of(fault):
        return None
    account = Account(candidate, exchange, tell, _detail(fault, way))
    lease = candidate.active.lease.lease
    # A stage draws as often as it likes, from a sequence of its own.
    key = dice.stream(candidate.key, way, str(candidate.ordinal))
    match fault:
        case Latency():
            return Delay(lease, account, latency(fault, candidate))
        case PacketLoss():
            return Losses(lease, account, fault.rate, key)
        case Resets():
            kind: Literal["close", "reset"] = "close" if fault.kind == "close" else "reset"
            return Cut(lease, account, kind, Budget(0), payload_only=True, part=_HALF)
        case PartialResponses():
            return _partial(fault, lease, account, length)
        case Corruption(kind="truncate"):
            return Truncate(lease, account, candidate.roll(1), max(length, 0))
        case Corruption():
            return Corrupt(lease, account, fault, key, max(length, 0))
        case Slicer():
            return Slices(lease, account, fault, key)
        case Bandwidth():
            return Pace(lease, account, fault.limit)
        case SlowClose():
            return Linger(lease, account, fault.delay)
        case LimitData():
            return Cut(lease, account, "close", candidate.active.budget(exchange.connection, way))
        case _:
            return None


def latency(fault: Latency, candidate: Candidate) -> Duration:
    """The delay that this turn draws."""
    delay = dice.sample(fault.delay, candidate.roll(1), candidate.roll(2))
    swing = fault.jitter + fault.jitter_share * delay
    if swing:
        delay = Duration(max(0, round(delay + swing * (2 * candidate.roll(3) - 1))))
    return delay


def _partial(fault: PartialResponses, lease: str, mark: Mark, length: int) -> Cut:
    if fault.keep is not None:
        return Cut(lease, mark, "close", Budget(fault.keep), payload_only=True)
    if length > 0:
        keep = Budget(int(length * fault.keep_share))
        return Cut(lease, mark, "close", keep, payload_only=True)
    return Cut(lease, mark, "close", Budget(0), payload_only=True, part=fault.keep_share)


def _detail(fault: Fault, way: Way) -> str:
    match fault:
        case Corruption() | Resets():
            return fault.kind
        case _:
            return way
