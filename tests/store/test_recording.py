"""The container: what was flushed is there, whatever happens to the rest of the file."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squall.core.recording.model import Event, FaultInjection, Head, Tail, encode, timestamp
from squall.store.recording import RecordingFile, RecordingWriter, Unreadable

HEAD = Head(run="7", playbook="shop", seed=42, started=1_767_225_600_000_000_000, digest="sha256:0")
TAIL = Tail(ended=HEAD.started + 10**9, dropped=3)


def event(number: int) -> Event:
    return Event(
        timestamp=timestamp(HEAD.started + number),
        event_type=FaultInjection(fault_type="http_error", endpoint="/orders/*"),
        metadata={"ordinal": str(number)},
    )


def written(path: Path, batches: int = 4, each: int = 10) -> tuple[list[Event], list[int]]:
    """A whole recording; its events, and where in the file each frame ends."""
    events = [event(number) for number in range(batches * each)]
    writer = RecordingWriter(path, HEAD)
    ends = [path.stat().st_size]
    for batch in range(batches):
        lines = [encode(one) for one in events[batch * each : (batch + 1) * each]]
        writer.append(lines, HEAD.started + batch * each)
        ends.append(path.stat().st_size)
    writer.close(TAIL)
    ends.append(path.stat().st_size)
    return events, ends


def test_what_is_written_is_read(tmp_path: Path) -> None:
    events, _ = written(tmp_path / "a.sqr")
    found = RecordingFile(tmp_path / "a.sqr")
    assert found.head == HEAD
    assert list(found.events()) == events
    assert list(found.events()) == events
    assert (found.tail, found.damaged) == (TAIL, 0)


def test_a_recording_in_progress_is_read_as_it_stands(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.sqr", HEAD)
    writer.append([encode(event(1))], HEAD.started)
    found = RecordingFile(tmp_path / "a.sqr")
    assert list(found.events()) == [event(1)]
    assert found.tail is None
    writer.close(TAIL)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.sqr"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a pipe"):
        RecordingWriter(pipe, HEAD)


def test_a_cut_costs_the_frame_it_cuts_and_nothing_before(tmp_path: Path) -> None:
    events, ends = written(tmp_path / "whole.sqr", batches=3)
    whole = (tmp_path / "whole.sqr").read_bytes()
    path = tmp_path / "cut.sqr"
    for start, end in pairwise(ends):
        for cut in (start, start + 1, (start + end) // 2, end - 1):
            path.write_bytes(whole[:cut])
            found = RecordingFile(path)
            frames = ends.index(start)
            assert list(found.events()) == events[: 10 * frames]
            assert found.tail is None
            assert found.damaged == (cut != start)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_behind_the_head_costs_one_frame_only(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "whole.sqr"
    events, ends = written(path)
    whole = bytearray(path.read_bytes())
    place = data.draw(st.integers(ends[0], len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    frame = next(number for number, end in enumerate(ends) if place < end)
    found = RecordingFile(path)
    assert list(found.events()) == events[: 10 * (frame - 1)] + events[10 * frame :]
    assert found.damaged == 1
    assert (found.tail is None) == (frame == len(ends) - 1)


@given(st.binary(max_size=300), st.sampled_from([b"", b"SQR1"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_refused_kindly(tmp_path: Path, garbage: bytes, mark: bytes) -> None:
    path = tmp_path / "garbage.sqr"
    path.write_bytes(mark + garbage)
    with pytest.raises(Unreadable) as raised:
        RecordingFile(path)
    assert str(path) in str(raised.value)


def test_a_newer_format_says_so(tmp_path: Path) -> None:
    (tmp_path / "new.sqr").write_bytes(b"SQR2" + bytes(100))
    with pytest.raises(Unreadable, match="newer squall"):
        RecordingFile(tmp_path / "new.sqr")


def test_a_file_that_is_not_there_is_the_callers_business(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RecordingFile(tmp_path / "none.sqr")
    with pytest.raises(FileNotFoundError):
        RecordingWriter(tmp_path / "no" / "folder.sqr", HEAD)


def test_a_recording_replaces_a_recording_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path / "a.sqr")
    events, _ = written(tmp_path / "a.sqr", batches=1)
    assert list(RecordingFile(tmp_path / "a.sqr").events()) == events
    playbook = tmp_path / "playbook.yaml"
    playbook.write_text("name: precious\n")
    with pytest.raises(FileExistsError, match="is no recording"):
        RecordingWriter(playbook, HEAD)
    assert playbook.read_text() == "name: precious\n"


def test_a_full_disk_is_told_when_the_file_is_made() -> None:
    with pytest.raises(OSError, match="No space left"):
        RecordingWriter(Path("/dev/full"), HEAD)


def test_reading_a_long_recording_does_not_fill_the_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "long.sqr"
    writer = RecordingWriter(path, HEAD)
    lines = [encode(event(number)) for number in range(1_000)]
    for batch in range(100):
        writer.append(lines, HEAD.started + batch)
    writer.close(TAIL)
    tracemalloc.start()
    try:
        count = sum(1 for _ in RecordingFile(path).events())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 4 * len(b"\n".join(lines))
