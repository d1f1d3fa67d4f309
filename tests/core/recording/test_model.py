"""Events in MockForge's shape, made of what the edge reports."""

import json
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from squall.core.faults.kinds import Fault
from squall.core.recording.model import (
    NO_SCENARIO,
    Event,
    Lease,
    Transitions,
    decode,
    encode,
    nanoseconds,
    orphan,
    timestamp,
)
from squall.core.timing import MICROSECOND, MILLISECOND, Duration

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/event.schema.json").read_text())


def test_a_latency_is_a_latency_injection(made) -> None:
    delay = Duration(119_600 * MICROSECOND)
    event = Lease(made.inject()).event(made.fault_event(0, delay=delay))
    assert json.loads(encode(event)) == {
        "timestamp": "2026-01-01T00:00:00.000000Z",
        "event_type": {"type": "LatencyInjection", "delay_ms": 120, "endpoint": "/orders/*"},
        "metadata": {
            "run": "7",
            "step": "main/a#1",
            "target": "shop",
            "client": "127.0.0.1:40000",
            "method": "GET",
            "path": "/orders/17",
            "ordinal": "5",
            "delay_us": "119600",
            "fault": '{"type":"latency","delay":{"type":"fixed","value":120000000}}',
        },
    }


@pytest.mark.parametrize(
    ("fault", "detail", "fault_type"),
    [
        (2, "503", "http_error"),
        (3, "504", "timeout"),
        (3, "none", "timeout"),
        (4, "reset", "tcp_reset"),
        (4, "close", "tcp_close"),
        (4, "http_503", "connection_error"),
        (5, "", "packet_loss"),
    ],
)
def test_every_other_fault_has_the_label_of_mockforges_metrics(
    made, fault: int, detail: str, fault_type: str
) -> None:
    event = Lease(made.inject()).event(made.fault_event(fault, detail=detail))
    written = json.loads(encode(event))
    assert written["event_type"] == {
        "type": "FaultInjection",
        "fault_type": fault_type,
        "endpoint": "/orders/*",
    }
    assert written["metadata"].get("detail", "") == detail
    jsonschema_rs.validator_for(SCHEMA).validate(written)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("partial_responses", {"type": "FaultInjection", "fault_type": "partial_response"}),
        ("corruption", {"type": "FaultInjection", "fault_type": "payload_corruption"}),
        ("rate_limit", {"type": "RateLimitExceeded", "client_ip": "127.0.0.1:40000"}),
        ("bandwidth", {"type": "TrafficShaping", "action": "bandwidth_throttle", "bytes": 77}),
        ("connections", {"type": "TrafficShaping", "action": "connection_limit", "bytes": 77}),
        ("slicer", {"type": "TrafficShaping", "action": "slicer", "bytes": 77}),
        ("slow_close", {"type": "TrafficShaping", "action": "slow_close", "bytes": 77}),
        ("limit_data", {"type": "TrafficShaping", "action": "limit_data", "bytes": 77}),
        ("down", {"type": "FaultInjection", "fault_type": "down"}),
        ("circuit_breaker", {"type": "FaultInjection", "fault_type": "circuit_breaker"}),
        ("bulkhead", {"type": "FaultInjection", "fault_type": "bulkhead"}),
    ],
)
def test_every_kind_is_one_of_mockforges_six_types(made, kind: str, written: object) -> None:
    (number,) = [n for n in range(len(made.faults)) if made.fault_event(n).kind == kind]
    event = json.loads(encode(Lease(made.inject()).event(made.fault_event(number, size=77))))
    assert event["event_type"].items() >= written.items()
    assert event["metadata"]["bytes"] == "77"
    jsonschema_rs.validator_for(SCHEMA).validate(event)


def test_an_event_carries_its_fault_in_full(made) -> None:
    lease = Lease(made.inject())
    for number, fault in enumerate(made.faults):
        event = lease.event(made.fault_event(number))
        assert msgspec.json.decode(event.metadata["fault"], type=Fault) == fault


def test_an_event_whose_lease_nobody_knows_is_still_an_event(made) -> None:
    event = orphan(made.fault_event(2))
    assert event.metadata["path"] == "/orders/17"
    assert not {"run", "step", "fault"} & set(event.metadata)
    jsonschema_rs.validator_for(SCHEMA).validate(json.loads(encode(event)))


def test_bytes_that_are_no_text_do_not_keep_an_event_from_being_written(made) -> None:
    event = Lease(made.inject()).event(made.fault_event(2, path="/\udcff", endpoint="GET /\udcff"))
    assert decode(encode(event)).metadata["path"] == "/?"


@pytest.mark.parametrize(
    ("written", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-01T00:00:00.250Z", 1_767_225_600_250_000_000),
        ("2026-01-01T01:00:00.250000+01:00", 1_767_225_600_250_000_000),
        ("2026-01-01T00:00:00.123456789Z", 1_767_225_600_123_456_000),
    ],
)
def test_times_are_read_with_any_offset(written: str, nanos: int) -> None:
    assert nanoseconds(written) == nanos


def test_times_are_written_in_utc_to_the_microsecond() -> None:
    at = 1_767_225_600_123_456_789
    assert timestamp(at) == "2026-01-01T00:00:00.123456Z"
    assert nanoseconds(timestamp(at)) == at // MICROSECOND * MICROSECOND
    with pytest.raises(ValueError, match="no time zone"):
        nanoseconds("2026-01-01T00:00:00")


def changes(found: list[Event | None]) -> list[object]:
    return [
        None if event is None else (event.event_type.from_scenario, event.event_type.to_scenario)
        for event in found
    ]


def test_transitions_say_what_came_and_what_is_left() -> None:
    on = Transitions("7")
    found = [
        on.began("main/a#1", 0),
        on.began("main/a#1", 1),
        on.began("main/b#1", 2),
        on.ended("main/a#1", 3),
        on.ended("main/a#1", 4),
        on.ended("main/b#1", 5),
    ]
    assert changes(found) == [
        (None, "main/a#1"),
        None,
        ("main/a#1", "main/b#1"),
        ("main/a#1", "main/b#1"),
        None,
        ("main/b#1", NO_SCENARIO),
    ]
    jsonschema_rs.validator_for(SCHEMA).validate(json.loads(encode(found[0])))


def test_the_end_of_a_run_ends_whatever_was_on() -> None:
    on = Transitions("7")
    on.began("a", 0)
    on.began("b", 0)
    assert changes(on.all_ended(9 * MILLISECOND)) == [("a", "b"), ("b", NO_SCENARIO)]
    assert on.all_ended(10 * MILLISECOND) == []
