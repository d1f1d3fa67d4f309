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
    Resets,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.recording.model import Event, Head, Tail, encode, nanoseconds, timestamp
from squall.core.timing import MILLISECOND, Duration

Config = dict[str, object]
_CONNECTION_KINDS: Final = {"reset": "tcp_reset", "close": "tcp_close", "http_503": "http503"}
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
    lost = [fault for fault in known if isinstance(fault, PacketLoss)]
    others = [fault for fault in known if isinstance(fault, Errors | Timeouts | Resets)]
    return {
        "enabled": bool(known),
        "latency": _latency(max(latencies, key=_strength)) if latencies else None,
        "fault_injection": _fault_injection(others) if others else None,
        "rate_limit": None,
        "traffic_shaping": _shaping(_highest(lost)) if lost else None,
        "circuit_breaker": None,
        "bulkhead": None,
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


def _fault_injection(faults: list[Errors | Timeouts | Resets]) -> Config:
    errors = [fault for fault in faults if isinstance(fault, Errors)]
    timeouts = [fault for fault in faults if isinstance(fault, Timeouts)]
    resets = [fault for fault in faults if isinstance(fault, Resets)]
    kind = max(resets, key=lambda fault: fault.rate).kind if resets else "http_503"
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
        "partial_responses": False,
        "partial_response_probability": 0.0,
        "payload_corruption": False,
        "payload_corruption_probability": 0.0,
        "corruption_type": "none",
        "error_pattern": None,
        "mockai_enabled": False,
        "request_matcher": None,
    }


def _highest(faults: Iterable[Errors | Timeouts | Resets | PacketLoss]) -> Share:
    return max((fault.rate for fault in faults), default=Share(0.0))


def _shaping(loss: Share) -> Config:
    return {
        "enabled": True,
        "bandwidth_limit_bps": 0,
        "packet_loss_percent": loss * 100,
        "max_connections": 0,
        "connection_timeout_ms": 30000,
    }
