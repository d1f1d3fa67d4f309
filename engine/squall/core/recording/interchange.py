"""Recordings as MockForge's documents, and back: squall → JSON → squall loses nothing.

A document is a `RecordedScenario`: the scenario, its events, when it began and ended. What squall
knows beyond that stands under a key of its own, ``squall``, which other readers pass over; a
document without it is read all the same. `chaos_config` is derived from the faults the events name:
where there were several of one kind, the strongest is shown. Works on data and bytes; the files are
the callers'.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from squall.core.faults.kinds import Fault
from squall.core.playbook.foreign.chaos_config import chaos_config
from squall.core.recording.model import Event, Head, Tail, encode, nanoseconds, timestamp
from squall.core.timing import MILLISECOND

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
