"""MockForge's documents: squall's recordings survive them, and MockForge's are read."""

import json

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults.kinds import (
    Errors,
    Exponential,
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
from squall.core.playbook.writing import to_yaml
from squall.core.recording.interchange import (
    Recording,
    chaos_config,
    document,
    faults_of,
    from_json,
    json_chunks,
)
from squall.core.recording.model import Lease
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.worktree import schema_text


def as_json(recording: Recording) -> bytes:
    faults = faults_of(recording.events)
    return b"".join(json_chunks(recording.head, faults, recording.events, recording.tail))


@given(st.data())
def test_squall_to_json_to_squall_loses_nothing(any_recording, data: st.DataObject) -> None:
    recording = data.draw(any_recording)
    assert from_json(as_json(recording)) == recording


@given(st.data())
def test_json_and_yaml_say_the_same(any_recording, data: st.DataObject) -> None:
    recording = data.draw(any_recording)
    plain = document(recording)
    assert json.loads(as_json(recording)) == plain
    assert yaml.safe_load(to_yaml(plain)) == plain


@given(st.data())
def test_what_is_written_fits_its_schema(any_recording, data: st.DataObject) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_text("recording")))
    validator.validate(document(data.draw(any_recording)))


MOCKFORGES = b"""{"scenario":{"name":"slow","chaos_config":{"enabled":true},"duration_seconds":0,
"tags":[]},"events":[{"timestamp":"2026-01-01T00:00:00.250Z","event_type":{"type":
"LatencyInjection","delay_ms":120,"endpoint":"/orders"},"metadata":{}},{"timestamp":
"2026-01-01T00:00:00.5Z","event_type":{"type":"RateLimitExceeded"},"metadata":{"x":"y"}}],
"recording_started":"2026-01-01T00:00:00Z","recording_ended":"2026-01-01T00:00:01Z",
"total_duration_ms":1000}"""


def test_mockforges_own_recording_is_read() -> None:
    recording = from_json(MOCKFORGES)
    assert recording.head.playbook == "slow"
    assert recording.head.started == 1_767_225_600 * SECOND
    assert recording.tail is not None
    assert recording.tail.ended - recording.head.started == SECOND
    assert [type(event.event_type).__name__ for event in recording.events] == [
        "LatencyInjection",
        "RateLimitExceeded",
    ]


def test_the_shortest_form_is_read() -> None:
    short = b"""{"scenario":{"name":"x"},"recording_started":"2026-01-01T00:00:00Z"}"""
    assert from_json(short).tail is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "Input data was truncated"),
        (b"{}", "missing required field `scenario`"),
        (b'{"scenario":{"name":"x"},"recording_started":"yesterday"}', "yesterday"),
        (
            b'{"scenario":{"name":"x"},"recording_started":"2026-01-01T00:00:00Z","events":[{}]}',
            "events[0]",
        ),
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(data: bytes, said: str) -> None:
    with pytest.raises(ValueError) as raised:
        from_json(data)
    assert said in str(raised.value)


def test_every_kind_of_fault_survives_a_document(made) -> None:
    lease = Lease(made.inject())
    events = tuple(lease.event(made.fault_event(number)) for number in range(len(made.faults)))
    recording = from_json(MOCKFORGES)
    found = from_json(as_json(Recording(head=recording.head, events=events, tail=recording.tail)))
    assert found.events == events
    assert faults_of(found.events) == made.faults


def test_faults_come_from_events_each_once(made) -> None:
    lease = Lease(made.inject())
    events = [lease.event(made.fault_event(number)) for number in (2, 0, 2, 5)]
    foreign = from_json(MOCKFORGES).events
    assert faults_of([*foreign, *events]) == tuple(made.faults[number] for number in (2, 0, 5))


def test_a_fault_that_makes_no_sense_is_passed_over() -> None:
    odd = from_json(MOCKFORGES.replace(b'"x":"y"', b'"fault":"?"'))
    assert odd.events[1].metadata == {"fault": "?"}
    assert faults_of(odd.events) == ()


def ms(count: int) -> Duration:
    return Duration(count * MILLISECOND)


def test_no_fault_is_a_config_that_does_nothing() -> None:
    assert chaos_config(()) == {
        "enabled": False,
        "latency": None,
        "fault_injection": None,
        "rate_limit": None,
        "traffic_shaping": None,
        "circuit_breaker": None,
        "bulkhead": None,
    }


@pytest.mark.parametrize(
    ("fault", "fixed", "between"),
    [
        (Latency(delay=Fixed(value=ms(100))), 100, None),
        (Latency(delay=Uniform(min=ms(10), max=ms(20))), None, [10, 20]),
        (Latency(delay=Normal(mean=ms(200), stddev=ms(20))), 200, None),
        (Latency(delay=LogNormal(median=ms(70), sigma=0.5)), 70, None),
        (Latency(delay=Pareto(scale=ms(50), shape=2)), 50, None),
        (Latency(delay=Exponential(mean=ms(30))), 30, None),
    ],
)
def test_a_latency_becomes_the_nearest_config(
    fault: Latency, fixed: int | None, between: list[int] | None
) -> None:
    assert chaos_config([fault])["latency"] == {
        "enabled": True,
        "fixed_delay_ms": fixed,
        "random_delay_range_ms": between,
        "jitter_percent": 0.0,
        "probability": 1.0,
    }


def test_the_strongest_of_several_is_shown_and_jitter_is_a_share_of_the_delay() -> None:
    weak = Latency(delay=Fixed(value=ms(1000)), rate=Share(0.1))
    strong = Latency(delay=Fixed(value=ms(200)), jitter=ms(50))
    latency = chaos_config([weak, strong])["latency"]
    assert isinstance(latency, dict)
    assert latency["fixed_delay_ms"] == 200
    assert latency["jitter_percent"] == 25.0


def test_errors_time_outs_and_resets_share_one_config_and_loss_has_its_own() -> None:
    config = chaos_config(
        [
            Errors(rate=Share(0.1), codes=(503,)),
            Errors(rate=Share(0.3), codes=(500,)),
            Timeouts(rate=Share(0.05), after=ms(700)),
            Resets(rate=Share(0.01)),
            PacketLoss(rate=Share(0.25)),
        ]
    )
    injection, shaping = config["fault_injection"], config["traffic_shaping"]
    assert isinstance(injection, dict)
    assert isinstance(shaping, dict)
    assert injection["http_errors"] == [500, 503]
    assert injection["http_error_probability"] == 0.3
    assert (injection["timeout_errors"], injection["timeout_ms"]) == (True, 700)
    assert (injection["connection_errors"], injection["connection_error_kind"]) == (
        True,
        "tcp_reset",
    )
    assert shaping["packet_loss_percent"] == 25.0
