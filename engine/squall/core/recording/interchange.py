"""Recordings as MockForge's documents, and back: squall → JSON → squall loses nothing.

A document is a `RecordedScenario`: the scenario, its events, when it began and ended. What squall
knows beyond that stands under a key of its own, ``squall``, which other readers pass over; a
document without it is read all the same. `chaos_config` is derived from the faults the events name:
where there were several of one kind, the strongest is shown. Works on data and bytes; the files are
the callers'.
"""

from collections.abc import Iterable, Iterator
from typing import Final, assert_never

import msgspec
from msgspec import UNSET, Struct, UnsetType

from squall.core.faults.kinds import (
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Distribution,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Normal,
    PacketLoss,
    Pareto,
    PartialResponses,
    RateLimit,
    Resets,
    Sequence,
    Share,
    Timeouts,
    Uniform,
    share_of,
)
from squall.core.recording.model import Event, Head, Tail, encode, nanoseconds, timestamp
from squall.core.timing import MILLISECOND, Duration

Config = dict[str, object]
_CONNECTION_KINDS: Final = {"reset": "tcp_reset", "close": "tcp_close", "http_503": "http503"}
_INJECTED: Final = (Errors, Timeouts, Resets, PartialResponses, Corruption)
_FAULTS: Final = msgspec.json.Decoder(Fault)


class Recording(Struct, frozen=True, kw_only=True):
    """A whole recording in memory; `tail` is missing when it was cut off."""

    head: Head
    events: tuple[Event, ...]
    tail: Tail | None = None


class _Scenario(Struct, kw_only=True):
    name: str
    chaos_config: dict[str, object] = {}


class _Own(Struct, kw_only=True):
    """The part of a document that is squall's own."""

    head: Head
    tail: Tail | None


class _Document(Struct, kw_only=True):
    scenario: _Scenario
    recording_started: str
    events: tuple[Event, ...] = ()
    recording_ended: str | None = None
    squall: _Own | UnsetType = UNSET


def faults_of(events: Iterable[Event]) -> tuple[Fault, ...]:
    """The different faults that events name, in the order they come; unreadable ones left out."""
    found: dict[str, Fault | None] = {}
    for event in events:
        written = event.metadata.get("fault")
        if written is not None and written not in found:
            found[written] = _fault(written)
    return tuple(fault for fault in found.values() if fault is not None)


def _fault(written: str) -> Fault | None:
    try:
        fault: Fault = _FAULTS.decode(written)
    except msgspec.DecodeError:
        return None
    return fault


def document(recording: Recording) -> dict[str, object]:
    """The whole recording as plain data, for writers that cannot stream."""
    parts = _parts(recording.head, faults_of(recording.events), recording.tail)
    return {**parts, "events": [msgspec.to_builtins(event) for event in recording.events]}


def json_chunks(
    head: Head, faults: Iterable[Fault], events: Iterable[Event], tail: Tail | None
) -> Iterator[bytes]:
    """The document as JSON, an event a line, in pieces: memory stays flat however long it is."""
    parts = _parts(head, faults, tail)
    yield b"{\n"
    for name, value in parts.items():
        yield msgspec.json.encode(name) + b": " + msgspec.json.encode(value) + b",\n"
    yield b'"events": ['
    between = b"\n"
    for event in events:
        yield between + encode(event)
        between = b",\n"
    yield b"\n]}\n"


def _parts(head: Head, faults: Iterable[Fault], tail: Tail | None) -> dict[str, object]:
    """Everything but the events."""
    duration = 0 if tail is None else max(0, tail.ended - head.started)
    return {
        "scenario": {
            "name": head.playbook,
            "description": None,
            "chaos_config": chaos_config(faults),
            "duration_seconds": 0,
            "start_time": None,
            "end_time": None,
            "tags": [],
        },
        "recording_started": timestamp(head.started),
        "recording_ended": None if tail is None else timestamp(tail.ended),
        "total_duration_ms": duration // MILLISECOND,
        "squall": {"head": msgspec.to_builtins(head), "tail": msgspec.to_builtins(tail)},
    }


def from_json(data: bytes) -> Recording:
    """Read a document, squall's or MockForge's; raises ValueError saying what is wrong with it."""
    try:
        found = msgspec.json.decode(data, type=_Document)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    if isinstance(found.squall, _Own):
        return Recording(head=found.squall.head, events=found.events, tail=found.squall.tail)
    ended = found.recording_ended
    return Recording(
        head=Head(
            run="",
            playbook=found.scenario.name,
            seed=0,
            started=nanoseconds(found.recording_started),
        ),
        events=found.events,
        tail=None if ended is None else Tail(ended=nanoseconds(ended)),
    )


def chaos_config(faults: Iterable[Fault]) -> Config:
    """MockForge's `ChaosConfig` that comes nearest to these faults together."""
    known = tuple(faults)
    latencies = [fault for fault in known if isinstance(fault, Latency)]
    limits = [fault for fault in known if isinstance(fault, RateLimit)]
    breakers = [fault for fault in known if isinstance(fault, CircuitBreaker)]
    bulkheads = [fault for fault in known if isinstance(fault, Bulkhead)]
    injected = [fault for fault in known if isinstance(fault, _INJECTED)]
    shaping = [fault for fault in known if isinstance(fault, PacketLoss | Bandwidth | Connections)]
    return {
        "enabled": bool(known),
        "latency": _latency(max(latencies, key=_strength)) if latencies else None,
        "fault_injection": _fault_injection(injected) if injected else None,
        "rate_limit": _rate_limit(min(limits, key=lambda one: one.limit)) if limits else None,
        "traffic_shaping": _shaping(shaping) if shaping else None,
        "circuit_breaker": _breaker(breakers[0]) if breakers else None,
        "bulkhead": _bulkhead(min(bulkheads, key=lambda one: one.max)) if bulkheads else None,
    }


def _strength(fault: Latency) -> float:
    return _usual(fault.delay) * fault.rate


def _usual(delay: Distribution) -> Duration:
    """The one delay that stands best for a distribution."""
    match delay:
        case Fixed():
            return delay.value
        case Uniform():
            return Duration((delay.min + delay.max) // 2)
        case Normal() | Exponential():
            return delay.mean
        case LogNormal():
            return delay.median
        case Pareto():
            return delay.scale
        case _:
            assert_never(delay)


def _latency(fault: Latency) -> Config:
    delay, usual = fault.delay, _usual(fault.delay)
    uniform = isinstance(delay, Uniform)
    jitter = fault.jitter_share * 100 or (fault.jitter / usual * 100 if usual else 0.0)
    return {
        "enabled": True,
        "fixed_delay_ms": None if uniform else usual // MILLISECOND,
        "random_delay_range_ms": [delay.min // MILLISECOND, delay.max // MILLISECOND]
        if isinstance(delay, Uniform)
        else None,
        "jitter_percent": min(jitter, 100.0),
        "probability": fault.rate,
    }


def _fault_injection(faults: Iterable[Fault]) -> Config:
    known = list(faults)
    errors = [fault for fault in known if isinstance(fault, Errors)]
    timeouts = [fault for fault in known if isinstance(fault, Timeouts)]
    resets = [fault for fault in known if isinstance(fault, Resets)]
    partial = [fault for fault in known if isinstance(fault, PartialResponses)]
    corrupted = [fault for fault in known if isinstance(fault, Corruption)]
    kind = max(resets, key=lambda fault: fault.rate).kind if resets else "http_503"
    patterns = [fault.pattern for fault in errors if fault.pattern is not None]
    return {
        "enabled": True,
        "http_errors": sorted({code for fault in errors for code in fault.codes}),
        "http_error_probability": _highest(errors),
        "connection_errors": bool(resets),
        "connection_error_probability": _highest(resets),
        "connection_error_kind": _CONNECTION_KINDS[kind],
        "timeout_errors": bool(timeouts),
        "timeout_ms": max((fault.after for fault in timeouts), default=0) // MILLISECOND,
        "timeout_probability": _highest(timeouts),
        "partial_responses": bool(partial),
        "partial_response_probability": _highest(partial),
        "payload_corruption": bool(corrupted),
        "payload_corruption_probability": _highest(corrupted),
        "corruption_type": max(corrupted, key=share_of).kind if corrupted else "none",
        "error_pattern": _pattern(patterns[0]) if patterns else None,
        "mockai_enabled": False,
        "request_matcher": None,
    }


def _pattern(pattern: Burst | Sequence) -> Config | None:
    """A burst that counts requests has no counterpart: MockForge's count time."""
    if isinstance(pattern, Sequence):
        return {"type": "sequential", "sequence": list(pattern.codes)}
    if not pattern.interval:
        return None
    return {
        "type": "burst",
        "count": pattern.count,
        "interval_ms": pattern.interval // MILLISECOND,
    }


def _highest(faults: Iterable[Fault]) -> Share:
    return max(map(share_of, faults), default=Share(0.0))


def _rate_limit(fault: RateLimit) -> Config:
    return {
        "enabled": True,
        "requests_per_second": max(1, round(fault.limit)),
        "burst_size": fault.burst,
        "per_ip": fault.by == "client",
        "per_endpoint": fault.by == "endpoint",
    }


def _shaping(faults: Iterable[Fault]) -> Config:
    known = list(faults)
    limits = [fault.limit for fault in known if isinstance(fault, Bandwidth)]
    places = [fault for fault in known if isinstance(fault, Connections)]
    return {
        "enabled": True,
        "bandwidth_limit_bps": round(min(limits, default=0)),
        "packet_loss_percent": _highest(one for one in known if isinstance(one, PacketLoss)) * 100,
        "max_connections": min((one.max for one in places), default=0),
        "connection_timeout_ms": max((one.timeout for one in places), default=30_000 * MILLISECOND)
        // MILLISECOND,
    }


def _breaker(fault: CircuitBreaker) -> Config:
    return {
        "enabled": True,
        "failure_threshold": fault.failures,
        "success_threshold": fault.successes,
        "timeout_ms": fault.timeout // MILLISECOND,
        "half_open_max_requests": fault.half_open,
        "failure_rate_threshold": fault.failure_rate * 100,
        "min_requests_for_rate": fault.min_requests,
        "rolling_window_ms": fault.window // MILLISECOND,
    }


def _bulkhead(fault: Bulkhead) -> Config:
    return {
        "enabled": True,
        "max_concurrent_requests": fault.max,
        "max_queue_size": fault.queue,
        "queue_timeout_ms": fault.timeout // MILLISECOND,
    }
