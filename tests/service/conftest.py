"""A clock that jumps, an edge that does as it is told, and an engine made of them."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import (
    Applied,
    EdgeLost,
    Effect,
    Felt,
    Inject,
    Lifted,
    Renew,
    Report,
    Revert,
)
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.playbook.model import Address, HttpProbe, Load, Probe, Target
from squall.core.playbook.plan import Plan
from squall.core.run.events import Saw
from squall.core.run.records import Run
from squall.core.timing import Duration
from squall.service.operations import Operations
from squall.service.recorder import Recorder
from squall.service.secrets import Secrets
from squall.service.supervisor import together
from squall.store.memory import MemoryStore
from squall.worktree import schema_text

SCHEMA = Path(__file__).parents[2] / "schemas" / "playbook.schema.json"
T = TypeVar("T")
EPOCH = 1_700_000_000 * 10**9


class VirtualClock:
    """Time that stands still while anything happens, then jumps to the next appointment."""

    def __init__(self) -> None:
        self.now = 0
        self._order = itertools.count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._cancelled: set[int] = set()

    def monotonic(self) -> int:
        return self.now

    def wall(self) -> int:
        return EPOCH + self.now

    async def sleep_until(self, due: int) -> None:
        woken = asyncio.Event()
        cancel = self.call_at(due, woken.set)
        try:
            await woken.wait()
        finally:
            cancel()

    def call_at(self, due: int, action: Callable[[], None]) -> Callable[[], None]:
        number = next(self._order)
        heapq.heappush(self._due, (due, number, action))
        return lambda: self._cancelled.add(number)

    async def until(self, true: Callable[[], bool], *, at_most: int = 10**18) -> None:
        """Let time pass until it is so."""
        end = self.now + at_most
        while not true():
            for _ in range(30):  # as many turns as the longest chain of wake-ups needs, and more
                await _turn()
                if true():
                    return
            self._jump(end)

    async def run(self, doing: Coroutine[object, object, T]) -> T:
        """Let time pass until it is done."""
        async with together() as tasks:
            task = tasks.create_task(doing)
            await self.until(task.done)
        return task.result()

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(50):
            await _turn()

    def _jump(self, end: int) -> None:
        while self._due and self._due[0][1] in self._cancelled:
            heapq.heappop(self._due)
        assert self._due, "nothing will ever happen again"
        due, _, action = heapq.heappop(self._due)
        assert due <= end, "it did not happen in time"
        self.now = max(self.now, due)
        action()


async def _turn() -> None:
    """One turn of the event loop."""
    woken = asyncio.Event()
    asyncio.get_running_loop().call_soon(woken.set)
    await woken.wait()


@dataclass
class ScriptedEdge:
    """An edge that keeps what it was sent. It answers like a good one unless told to be silent."""

    effects: list[Effect] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    closed: bool = False
    _reports: asyncio.Queue[Report | None] = field(default_factory=asyncio.Queue)

    async def open(self, targets: Sequence[Target]) -> Mapping[str, Address]:
        for target in targets:
            if target.listen.port in self.taken:
                raise Refused("SQ410", f"{target.listen} is already in use")
        return {target.name: target.listen for target in targets}

    def send(self, effect: Effect) -> None:
        self.effects.append(effect)
        if type(effect).__name__ in self.silent:
            return
        match effect:
            case Inject(lease=lease, seq=seq):
                self.say(Applied(lease=lease, seq=seq))
            case Revert(lease=lease, seq=seq):
                self.say(Lifted(lease=lease, seq=seq))
            case Renew():
                pass

    def say(self, report: Report) -> None:
        self._reports.put_nowait(report)

    async def reports(self) -> AsyncIterator[Report]:
        while (report := await self._reports.get()) is not None:
            yield report
            if isinstance(report, EdgeLost):
                return

    async def close(self, *, drain: Duration) -> None:
        self.closed = True
        self._reports.put_nowait(None)

    def sent(self, kind: type[Effect]) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]


class Probes:
    """Answers probes by their URL; ``http://never`` keeps one waiting, ``http://bug`` breaks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.probes: list[Probe] = []
        self.folders: list[Path] = []

    async def __call__(self, probe: Probe, folder: Path) -> Saw | str:
        assert isinstance(probe, HttpProbe)
        self.asked.append(probe.url)
        self.probes.append(probe)
        self.folders.append(folder)
        if "never" in probe.url:
            await asyncio.Event().wait()
        if "bug" in probe.url:
            raise KeyError("ours", *(value for _, value in probe.headers))
        if "echo" in probe.url:
            return Saw(values=(("status", 200), ("body", f"you said {probe.body}")))
        if "gone" in probe.url:
            return f"no answer to {probe.body}"
        return Saw(values=(("status", 500 if "bad" in probe.url else 200),))


class Loads:
    """Sends nothing, for as long as asked."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.sent: list[tuple[Address, ...]] = []
        self.seeds: list[int] = []

    async def __call__(
        self,
        load: Load,
        addresses: Sequence[Address],
        duration: Duration,
        *,
        progress: Callable[[Felt], None],
        seed: int,
    ) -> Felt:
        self.sent.append(tuple(addresses))
        self.seeds.append(seed)
        progress(Felt(requests=1))
        await self.clock.sleep_until(self.clock.monotonic() + duration)
        return Felt(requests=2)


@dataclass
class Engines:
    """Engines that are alive until told otherwise, with edges that say nothing."""

    me: str = "me"
    dead: set[str] = field(default_factory=set)
    harmless: set[str] = field(default_factory=set)

    def alive(self, engine: str) -> bool:
        return engine not in self.dead

    def may_harm(self, engine: str) -> bool:
        return engine not in self.harmless


@dataclass
class World:
    """Everything an engine is made of, to be looked at and to be broken."""

    clock: VirtualClock
    store: MemoryStore = field(default_factory=MemoryStore)
    engines: Engines = field(default_factory=Engines)
    edges: list[ScriptedEdge] = field(default_factory=list)
    probes: Probes = field(default_factory=Probes)
    traces: list[str] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)
    recordings: Callable[[Path, Run], Recorder] | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    loads: Loads = field(init=False)

    def __post_init__(self) -> None:
        self.loads = Loads(self.clock)

    @property
    def edge(self) -> ScriptedEdge:
        """The newest."""
        return self.edges[-1]

    def make_edge(self) -> ScriptedEdge:
        self.edges.append(ScriptedEdge(taken=self.taken))
        return self.edge

    def keep_trace(self, run: int, trace: str) -> str:
        self.traces.append(trace)
        return f"run-{run}.txt"

    def record(self, path: Path, run: Run) -> Recorder:
        if self.recordings is None:
            raise Refused("SQ424", f"{path} cannot be written")
        return self.recordings(path, run)

    @contextlib.asynccontextmanager
    async def engine(self) -> AsyncIterator[Operations]:
        """An engine of this world."""
        async with together() as tasks:
            operations = Operations(
                tasks,
                clock=self.clock,
                store=self.store,
                engines=self.engines,
                edges=self.make_edge,
                prober=self.probes,
                loader=self.loads,
                recorders=self.record,
                keep_trace=self.keep_trace,
                schema=schema_text(),
                secrets=Secrets(self.secrets),
            )
            try:
                yield operations
            finally:
                await self.clock.run(operations.close())


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def world(clock: VirtualClock) -> World:
    return World(clock)


@pytest.fixture
def plan_of() -> Callable[[str], Plan]:
    """Steps, in YAML, as the plan of a playbook with the targets shop and bank."""

    def plan(steps: str, name: str = "friday") -> Plan:
        text = (
            f"name: {name}\n"
            "targets:\n"
            '  shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}\n'
            '  bank: {http: {listen: "127.0.0.1:7071", upstream: "builtin:echo"}}\n'
            f"{steps}"
        )
        loaded = load(text.encode(), "playbook.yaml", SCHEMA.read_text())
        assert loaded.playbooks, loaded.diagnostics
        return compile_plan(loaded.playbooks[0].playbook)

    return plan
