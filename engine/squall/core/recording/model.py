"""A recording as values: each fault that was injected is an event, in MockForge's shape.

The six types of event and their fields are those of MockForge's chaos recordings, so a recording
can be read by what reads those. Everything squall knows beyond them stands in `metadata`, a map of
strings. The recorder makes events here out of what the edge reports; `interchange` turns whole
recordings into documents and back. Nothing here touches a file or a clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from squall.core.faults.effects import FaultEvent, Inject
from squall.core.timing import MICROSECOND, MILLISECOND, SECOND


class _Kind(Struct, frozen=True, kw_only=True, tag_field="type"):
    """One of the six types; unlike squall's own values, unset fields are written as null."""


class LatencyInjection(_Kind, frozen=True, kw_only=True, tag="LatencyInjection"):
    """A request was held back."""

    delay_ms: int
    endpoint: str | None = None


class FaultInjection(_Kind, frozen=True, kw_only=True, tag="FaultInjection"):
    """A request met an error, a time-out, a reset or lost packets; `fault_type` says which."""

    fault_type: str
    endpoint: str | None = None


class RateLimitExceeded(_Kind, frozen=True, kw_only=True, tag="RateLimitExceeded"):
    """A request was turned away by a rate limit."""

    client_ip: str | None = None
    endpoint: str | None = None


class TrafficShaping(_Kind, frozen=True, kw_only=True, tag="TrafficShaping"):
    """Traffic was slowed or dropped."""

    action: str
    bytes: int


class ProtocolEvent(_Kind, frozen=True, kw_only=True, tag="ProtocolEvent"):
    """Something happened in a protocol other than HTTP."""

    protocol: str
    event: str
    details: dict[str, str]


class ScenarioTransition(_Kind, frozen=True, kw_only=True, tag="ScenarioTransition"):
    """Another scenario is on now."""

    to_scenario: str
    from_scenario: str | None = None


EventType = (
    LatencyInjection
    | FaultInjection
    | RateLimitExceeded
    | TrafficShaping
    | ProtocolEvent
    | ScenarioTransition
)


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened at `timestamp` (RFC 3339)."""

    timestamp: str
    event_type: EventType
    metadata: dict[str, str]


class Head(Struct, frozen=True, kw_only=True):
    """What a recording is of. `started` is wall time in nanoseconds since the epoch."""

    run: str
    playbook: str
    seed: int
    started: int
    digest: str = ""


class Tail(Struct, frozen=True, kw_only=True):
    """How a recording ended; `dropped` counts the events that could not be kept."""

    ended: int
    dropped: int = 0


NO_SCENARIO: Final = "none"
"""What a transition leads to when no scenario is on any more."""

_DECODER: Final = msgspec.json.Decoder(Event)
_ENCODER: Final = msgspec.json.Encoder()
_FAULT_TYPES: Final = {
    "errors": "http_error",
    "timeouts": "timeout",
    "packet_loss": "packet_loss",
    "reset": "tcp_reset",
    "close": "tcp_close",
    "http_503": "connection_error",
    "partial_responses": "partial_response",
    "corruption": "payload_corruption",
    "circuit_breaker": "circuit_breaker",
    "bulkhead": "bulkhead",
    "down": "down",
}
_SHAPING: Final = {
    "bandwidth": "bandwidth_throttle",
    "connections": "connection_limit",
    "slicer": "slicer",
    "slow_close": "slow_close",
    "limit_data": "limit_data",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode(event: Event) -> bytes:
    """The event as one line of JSON."""
    return _ENCODER.encode(event)


def decode(line: bytes) -> Event:
    """Read what `encode` wrote; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(line)


def timestamp(wall: int) -> str:
    """Nanoseconds since the epoch as RFC 3339 in UTC, to the microsecond."""
    seconds, rest = divmod(wall, SECOND)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest // MICROSECOND:06d}Z"


def nanoseconds(written: str) -> int:
    """Read any RFC 3339 time; raises ValueError for anything else."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError(f"{written!r} has no time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1) * MICROSECOND


class Lease:
    """What events need to know of a lease, prepared once: its run, its step, its faults as JSON."""

    __slots__ = ("_faults", "_known", "path")

    def __init__(self, inject: Inject) -> None:
        self.path = inject.path
        self._known = {"run": inject.run, "step": inject.path}
        self._faults = [
            [msgspec.json.encode(fault, order="deterministic").decode() for fault in one.faults]
            for one in inject.scenarios
        ]

    def event(self, event: FaultEvent) -> Event:
        """One injected fault, with everything there is to know about it."""
        return _event(event, self._known, self._faults[event.scenario][event.fault])


def orphan(event: FaultEvent) -> Event:
    """An injected fault whose lease nobody knows any more."""
    return _event(event, {}, "")


def _event(event: FaultEvent, known: dict[str, str], fault: str) -> Event:
    metadata = {
        **known,
        "target": event.target,
        "client": event.client,
        "method": _sound(event.method),
        "path": _sound(event.path),
        "ordinal": str(event.ordinal),
        "delay_us": str(event.delay // MICROSECOND),
    }
    if event.detail:
        metadata["detail"] = event.detail
    if event.size:
        metadata["bytes"] = str(event.size)
    if fault:
        metadata["fault"] = fault
    # An endpoint is a method and a path; MockForge's is the path.
    endpoint = _sound(event.endpoint.partition(" ")[2] or event.endpoint)
    return Event(
        timestamp=timestamp(event.at), event_type=_type(event, endpoint), metadata=metadata
    )


def _type(event: FaultEvent, endpoint: str) -> EventType:
    if event.kind == "latency":
        delay = (event.delay + MILLISECOND // 2) // MILLISECOND
        return LatencyInjection(delay_ms=delay, endpoint=endpoint)
    if event.kind == "rate_limit":
        return RateLimitExceeded(client_ip=event.client or None, endpoint=endpoint)
    if event.kind in _SHAPING:
        return TrafficShaping(action=_SHAPING[event.kind], bytes=event.size)
    kind = event.detail if event.kind == "resets" else event.kind
    return FaultInjection(fault_type=_FAULT_TYPES.get(kind, kind), endpoint=endpoint)


def _sound(text: str) -> str:
    """The text without the halves of characters that undecodable bytes leave behind."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


class Transitions:
    """Which scenario steps of a run are on, and the event of each change.

    With several on at once, a transition names the one that came on last.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._on: dict[str, None] = {}

    def began(self, path: str, at: int) -> Event | None:
        """A scenario step attempt's faults are on; None when they were already."""
        if path in self._on:
            return None
        before = next(reversed(self._on), None)
        self._on[path] = None
        return self._event(path, at, ScenarioTransition(from_scenario=before, to_scenario=path))

    def ended(self, path: str, at: int) -> Event | None:
        """Its faults are off; None when they were not on."""
        if path not in self._on:
            return None
        del self._on[path]
        after = next(reversed(self._on), NO_SCENARIO)
        return self._event(path, at, ScenarioTransition(from_scenario=path, to_scenario=after))

    def all_ended(self, at: int) -> list[Event]:
        """The run is over, and so is whatever was still on."""
        return [event for path in tuple(self._on) if (event := self.ended(path, at))]

    def _event(self, path: str, at: int, event_type: ScenarioTransition) -> Event:
        metadata = {"run": self._run, "step": path}
        return Event(timestamp=timestamp(at), event_type=event_type, metadata=metadata)
