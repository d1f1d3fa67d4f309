"""What recording costs: on the way of the traffic's reports, and in the thread that writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from squall.core.faults.effects import FaultEvent, Happened, Inject
from squall.core.faults.kinds import Errors, Scenario, Share
from squall.core.recording.model import Head, Lease, encode
from squall.core.timing import MICROSECOND, SECOND, Duration
from squall.service.clock import SystemClock
from squall.service.recorder import Recorder
from squall.store.recording import RecordingFile, RecordingWriter

BATCH = 100
HEAD = Head(run="7", playbook="shop", seed=42, started=1)
INJECT = Inject(
    lease="7:main/a#1@shop", seq=1, run="7", path="main/a#1", place="main/a", target="shop",
    scenarios=(Scenario(faults=(Errors(rate=Share(0.5)),)),), seed=42, ttl=Duration(10**10),
)  # fmt: skip
REPORT = Happened(
    events=tuple(
        FaultEvent(
            at=10**18 + number, lease=INJECT.lease, scenario=0, fault=0, kind="errors",
            target="shop", client="127.0.0.1:40000", method="GET", path=f"/orders/{number}",
            endpoint="GET /orders/*", ordinal=number, detail="500",
        )
        for number in range(BATCH)
    )
)  # fmt: skip


class Nowhere:
    """Takes everything at once."""

    path = Path("nowhere.sqr")

    def append(self, lines: object, first: int) -> None: ...

    def close(self, tail: object) -> None: ...


@pytest.fixture
def waiting() -> Iterator[list[Recorder]]:
    made: list[Recorder] = []
    yield made
    for recorder in made:
        recorder._queue.put(None)
        recorder._thread.join(10)


def test_one_event_on_the_way_of_the_reports(benchmark: Any, waiting: list[Recorder]) -> None:
    """A batch of one, with the writer's thread at work beside it: at most 50 µs."""
    recorder = Recorder(Nowhere(), SystemClock(), run="7", most_waiting=10**9)
    waiting.append(recorder)
    one = Happened(events=REPORT.events[:1])
    benchmark.pedantic(recorder.happened, (one,), rounds=200, iterations=100)
    assert benchmark.stats["median"] * SECOND < 50 * MICROSECOND


def test_making_and_encoding_an_event(benchmark: Any) -> None:
    """What the writer's thread does for each event before it is packed."""
    lease = Lease(INJECT)
    benchmark(lambda: encode(lease.event(REPORT.events[0])))
    assert benchmark.stats["median"] * SECOND < 50 * MICROSECOND


async def _record(path: Path, reports: int) -> None:
    recorder = Recorder(RecordingWriter(path, HEAD), SystemClock(), run="7", most_waiting=10**9)
    recorder.injected(INJECT)
    for _ in range(reports):
        recorder.happened(REPORT)
    await recorder.close()


def test_a_hundred_thousand_events_to_disk(benchmark: Any, tmp_path: Path) -> None:
    """From the report to the closed file, and all of them there."""
    import asyncio

    path = tmp_path / "run.sqr"
    benchmark.pedantic(lambda: asyncio.run(_record(path, 1_000)), rounds=3)
    assert sum(1 for _ in RecordingFile(path).events()) == 1_000 * BATCH
    benchmark.extra_info["events_per_second"] = round(1_000 * BATCH / benchmark.stats["median"])
    benchmark.extra_info["bytes_per_event"] = round(path.stat().st_size / 1_000 / BATCH, 1)
