"""The recorder: everything in order on disk, and never in anybody's way."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from squall.core.faults.effects import FaultEvent, Happened, Inject
from squall.core.faults.kinds import Errors, Scenario, Share
from squall.core.recording.model import Event, Head, ScenarioTransition, Tail, decode
from squall.core.run.facts import RunEnded, StepEnded, StepEntered
from squall.core.timing import Duration
from squall.service.clock import SystemClock
from squall.service.recorder import Recorder
from squall.store.recording import RecordingFile, RecordingWriter

PATH = "main/a#1"
HEAD = Head(run="7", playbook="shop", seed=42, started=1)


def inject(path: str = PATH) -> Inject:
    return Inject(
        lease=f"7:{path}@shop", seq=1, run="7", path=path, place="main/a", target="shop",
        scenarios=(Scenario(faults=(Errors(rate=Share(0.5)),)),), seed=42, ttl=Duration(10**10),
    )  # fmt: skip


def happened(*ordinals: int, path: str = PATH, dropped: int = 0) -> Happened:
    return Happened(
        events=tuple(
            FaultEvent(
                at=10**18 + ordinal, lease=f"7:{path}@shop", scenario=0, fault=0, kind="errors",
                target="shop", client="127.0.0.1:1", method="GET", path="/", endpoint="GET /",
                ordinal=ordinal, detail="500",
            )
            for ordinal in ordinals
        ),
        dropped=dropped,
    )  # fmt: skip


class Memory:
    """A place for a recording that can be slow or full."""

    path = Path("memory.sqr")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.tail: Tail | None = None
        self.full = 0
        self.free = threading.Event()
        self.free.set()
        self.wrote = threading.Event()

    def append(self, lines: Iterable[bytes], first: int) -> None:
        self.free.wait(30)
        if self.full:
            self.full -= 1
            raise OSError(28, "No space left on device")
        self.lines += lines
        self.wrote.set()

    def close(self, tail: Tail) -> None:
        self.tail = tail

    @property
    def events(self) -> list[Event]:
        return [decode(line) for line in self.lines]

    @property
    def ordinals(self) -> list[int]:
        return [int(event.metadata.get("ordinal", -1)) for event in self.events]


@asynccontextmanager
async def recording(memory: Memory, **settings: int) -> AsyncIterator[Recorder]:
    recorder = Recorder(memory, SystemClock(), run="7", **settings)
    try:
        yield recorder
    finally:
        memory.free.set()
        await recorder.close()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what it waits for is a thread's
            await asyncio.sleep(0.005)  # noqa: TID251 - likewise


async def test_what_happened_is_on_disk_in_order_with_its_step(tmp_path: Path) -> None:
    path = tmp_path / "run.sqr"
    recorder = Recorder(RecordingWriter(path, HEAD), SystemClock(), run="7")
    recorder.injected(inject())
    recorder.fact(StepEntered(at=0, path=PATH, phase="active"))
    for ordinal in range(1_000):
        recorder.happened(happened(ordinal))
    recorder.fact(StepEntered(at=1, path=PATH, phase="undoing"))
    await recorder.close()
    found = RecordingFile(path)
    events = list(found.events())
    assert [event.metadata["ordinal"] for event in events[1:-1]] == [str(i) for i in range(1_000)]
    assert {event.metadata["step"] for event in events} == {PATH}
    assert isinstance(events[0].event_type, ScenarioTransition)
    assert isinstance(events[-1].event_type, ScenarioTransition)
    assert found.tail is not None
    assert found.tail.dropped == 0
    assert recorder.problem() is None


async def test_an_event_is_written_soon_without_anything_else_happening() -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        began = time.monotonic()
        recorder.happened(happened(1))
        await until(memory.wrote.is_set)
        # 100 ms are promised; the rest is for a busy machine.
        assert time.monotonic() - began < 2
    assert memory.ordinals == [1]


async def test_a_slow_disk_holds_nobody_up_and_what_is_lost_is_counted() -> None:
    memory = Memory()
    memory.free.clear()
    async with recording(memory, most_waiting=100) as recorder:
        began = time.monotonic()
        for ordinal in range(10_000):
            recorder.happened(happened(ordinal))
        assert time.monotonic() - began < 2
    assert memory.tail is not None
    assert memory.tail.dropped == 10_000 - len(memory.lines)
    assert memory.tail.dropped > 5_000
    assert recorder.problem() == (
        f"{memory.tail.dropped} events are missing from the recording memory.sqr: "
        "they came faster than they could be written"
    )


async def test_a_full_disk_costs_what_could_not_be_written_and_no_more() -> None:
    memory = Memory()
    memory.full = 1
    async with recording(memory) as recorder:
        recorder.happened(happened(1, 2))
        await until(lambda: recorder.problem() is not None)
        recorder.happened(happened(3))
        await until(memory.wrote.is_set)
    assert memory.ordinals == [3]
    assert memory.tail == Tail(ended=memory.tail.ended, dropped=2)
    assert recorder.problem() == (
        "2 events are missing from the recording memory.sqr: no space left on device"
    )


async def test_what_the_edge_could_not_carry_is_counted_too() -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        recorder.happened(happened(1, dropped=1))
    assert memory.tail is not None
    assert memory.tail.dropped == 1
    assert str(recorder.problem()).startswith("one event is missing")


def transitions(memory: Memory) -> list[tuple[str | None, str]]:
    return [
        (event.event_type.from_scenario, event.event_type.to_scenario)
        for event in memory.events
        if isinstance(event.event_type, ScenarioTransition)
    ]


async def test_only_steps_that_inject_make_transitions() -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        recorder.fact(StepEntered(at=0, path="main/wait#1", phase="active"))
        recorder.injected(inject())
        recorder.fact(StepEntered(at=1, path=PATH, phase="starting"))
        recorder.fact(StepEntered(at=2, path=PATH, phase="active"))
        recorder.fact(StepEntered(at=3, path="main/wait#1", phase="undoing"))
        recorder.fact(StepEntered(at=4, path=PATH, phase="undoing"))
        recorder.fact(StepEnded(at=5, path="main/a", outcome="succeeded", conclusion="succeeded"))
    assert transitions(memory) == [(None, PATH), (PATH, "none")]


@pytest.mark.parametrize("how", ["step", "run"])
async def test_a_step_that_ends_without_an_undo_ends_its_transition(how: str) -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        recorder.injected(inject())
        recorder.fact(StepEntered(at=2, path=PATH, phase="active"))
        if how == "step":
            over = StepEnded(at=3, path="main/a", outcome="failed", conclusion="failed")
            recorder.fact(over)
        recorder.fact(RunEnded(at=4, verdict="failed"))
    assert transitions(memory) == [(None, PATH), (PATH, "none")]


async def test_a_pause_is_two_transitions() -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        for _ in range(2):
            recorder.injected(inject())
            recorder.fact(StepEntered(at=1, path=PATH, phase="active"))
            recorder.fact(StepEntered(at=2, path=PATH, phase="undoing"))
    assert transitions(memory) == [(None, PATH), (PATH, "none")] * 2


async def test_a_loop_that_goes_on_for_ever_does_not_fill_the_memory() -> None:
    memory = Memory()
    async with recording(memory) as recorder:
        paths = [f"main/a[{number}]#1" for number in range(3_000)]
        for path in paths:
            recorder.injected(inject(path))
            recorder.happened(happened(1, path=path))
        recorder.happened(happened(2, path=paths[0]))
        recorder.happened(happened(3, path=paths[-1]))
    steps = [event.metadata.get("step") for event in memory.events]
    assert steps[:-2] == paths
    assert steps[-2:] == [None, paths[-1]]
