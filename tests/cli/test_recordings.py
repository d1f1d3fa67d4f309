"""``squall recordings`` as a person types it."""

import json
import resource
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from squall.cli.recordings import recordings
from squall.core.recording.model import (
    Event,
    FaultInjection,
    Head,
    LatencyInjection,
    ScenarioTransition,
    Tail,
    encode,
    timestamp,
)
from squall.store.recording import RecordingWriter

START = 1_767_225_600_000_000_000
METADATA = {"run": "7", "step": "main/a#1", "method": "GET", "path": "/orders/17"}
EVENTS = [
    Event(
        timestamp=timestamp(START),
        event_type=ScenarioTransition(to_scenario="main/a#1"),
        metadata={"run": "7", "step": "main/a#1"},
    ),
    *(
        Event(
            timestamp=timestamp(START + number),
            event_type=LatencyInjection(delay_ms=100, endpoint="/orders/*"),
            metadata={
                **METADATA,
                "fault": '{"type":"latency","delay":{"type":"fixed","value":100000000}}',
            },
        )
        for number in range(3)
    ),
    Event(
        timestamp=timestamp(START),
        event_type=FaultInjection(fault_type="http_error", endpoint="/\x1b[31m"),
        metadata=METADATA,
    ),
]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.sqr"
    writer = RecordingWriter(path, Head(run="7", playbook="shop", seed=42, started=START))
    writer.append([encode(event) for event in EVENTS], START)
    writer.close(Tail(ended=START + 1_500_000_000, dropped=2))
    return path


def squall(*arguments: object) -> Result:
    return CliRunner().invoke(recordings, [str(argument) for argument in arguments])


def test_show_counts_what_happened(recording: Path) -> None:
    done = squall("show", recording)
    assert done.exit_code == 0
    assert done.stdout == (
        "run 7 of shop, seed 42\n"
        "started 2026-01-01T00:00:00.000000Z\n"
        "ended   2026-01-01T00:00:01.500000Z\n"
        "2 events were dropped while recording\n"
        "5 events\n"
        "\n"
        "by type:\n"
        "         3  LatencyInjection\n"
        "         1  ScenarioTransition\n"
        "         1  http_error\n"
        "\n"
        "by endpoint:\n"
        "         3  GET /orders/*\n"
        "         1  GET /\ufffd[31m\n"
        "\n"
        "by step:\n"
        "         4  main/a#1\n"
    )


def test_show_json_is_one_document(recording: Path) -> None:
    found = json.loads(squall("show", recording, "--json").stdout)
    assert found["events"] == 5
    assert found["dropped"] == 2
    assert found["types"] == {"ScenarioTransition": 1, "LatencyInjection": 3, "http_error": 1}
    assert found["steps"] == {"main/a#1": 4}


def test_export_writes_mockforges_json_and_yaml(recording: Path, tmp_path: Path) -> None:
    for name in ("out.json", "out.yaml"):
        assert squall("export", recording, "-o", tmp_path / name).exit_code == 0
    exported = json.loads((tmp_path / "out.json").read_text())
    assert exported == yaml.safe_load((tmp_path / "out.yaml").read_text())
    assert exported["scenario"]["name"] == "shop"
    assert exported["scenario"]["chaos_config"]["latency"]["fixed_delay_ms"] == 100
    assert exported["total_duration_ms"] == 1500
    assert len(exported["events"]) == 5


def test_what_was_exported_is_shown_as_the_recording_itself(
    recording: Path, tmp_path: Path
) -> None:
    squall("export", recording, "-o", tmp_path / "out.json")
    assert squall("show", tmp_path / "out.json").stdout == squall("show", recording).stdout


def test_a_damaged_recording_is_shown_and_exported_as_far_as_it_goes(
    recording: Path, tmp_path: Path
) -> None:
    recording.write_bytes(recording.read_bytes()[:-5])
    shown = squall("show", recording)
    assert shown.exit_code == 0
    assert "not ended: the recording was cut off" in shown.stdout
    assert "damaged in one place" in shown.stdout
    done = squall("export", recording, "-o", tmp_path / "out.json")
    assert done.exit_code == 0
    assert "is damaged" in done.stderr
    exported = json.loads((tmp_path / "out.json").read_text())
    assert exported["recording_ended"] is None
    assert len(exported["events"]) == 5


@pytest.mark.parametrize("content", [b"", b"name: x\n", b"{}", b"SQR1", b"SQR9"])
def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.sqr"
    file.write_bytes(content)
    done = squall("show", file)
    assert done.exit_code == 2
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    done = squall("show", tmp_path / "none.sqr")
    assert done.exit_code == 2
    assert "none.sqr cannot be read: No such file or directory" in done.stderr


def test_an_output_of_another_kind_or_in_no_folder_is_refused(
    recording: Path, tmp_path: Path
) -> None:
    wrong = squall("export", recording, "-o", tmp_path / "out.csv")
    assert wrong.exit_code == 2
    assert "must end in .json, .yaml or .yml" in wrong.stderr
    nowhere = squall("export", recording, "-o", tmp_path / "no" / "out.json")
    assert nowhere.exit_code == 2
    assert "cannot be written: No such file or directory" in nowhere.stderr


def test_a_recording_is_never_overwritten_by_its_export(recording: Path, tmp_path: Path) -> None:
    exported = tmp_path / "out.json"
    squall("export", recording, "-o", exported)
    before = exported.read_bytes()
    done = squall("export", exported, "-o", exported)
    assert done.exit_code == 2
    assert "is the recording itself" in done.stderr
    assert exported.read_bytes() == before


def test_endpoints_beyond_those_that_are_told_apart_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "many.sqr"
    writer = RecordingWriter(path, Head(run="7", playbook="shop", seed=42, started=START))
    crowd = Event(
        timestamp=timestamp(START),
        event_type=FaultInjection(fault_type="http_error", endpoint="other"),
        metadata=METADATA,
    )
    writer.append([encode(crowd)], START)
    writer.close(Tail(ended=START))
    shown = squall("show", path).stdout
    assert "         1  GET other\n" in shown
    assert shown.endswith(
        "'other': requests that came when a target had had 10,000 endpoints already\n"
    )


@pytest.mark.parametrize("name", ["out.json", "out.yaml"])
def test_an_export_that_fails_leaves_what_was_there(
    recording: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    output.write_text("what was there")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        done = squall("export", recording, "-o", output)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.exit_code == 2
    assert "cannot be written: File too large" in done.stderr
    assert output.read_text() == "what was there"
    assert sorted(tmp_path.iterdir()) == sorted([output, recording])
