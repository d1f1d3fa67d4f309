"""What the engine costs: per step, and at the start of many steps at once.

Each figure is of a whole engine in this process: machine, executor, journal on disk, an edge that
answers at once. Real time, so other work on the computer is in it; medians are compared.
"""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from squall import app
from squall.core.faults.effects import Applied, Effect, Inject, Lifted, Revert
from squall.core.faults.kinds import EVERY, Errors, Scenario
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import (
    Action,
    Address,
    Group,
    Injection,
    Playbook,
    Step,
    Target,
    Wait,
)
from squall.core.playbook.plan import Plan
from squall.core.timing import MICROSECOND, MILLISECOND, MINUTE
from squall.probes.load import Loader
from squall.probes.prober import Prober
from squall.service.clock import SystemClock
from squall.service.operations import Operations
from squall.service.recovery import GoneEdge
from squall.service.secrets import Secrets
from squall.service.supervisor import together
from squall.store.engines import FileEngines, prepare
from squall.store.sqlite import SqliteStore, Synchronous
from squall.worktree import schema_text

SHOP = Target(name="shop", listen=Address(host="127.0.0.1", port=7070), upstream=None)
CLOCK = SystemClock()


class InstantEdge(GoneEdge):
    """Answers at once, and notes when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, Effect]] = []
        self.all_on = asyncio.Event()
        self.wanted = 1

    def send(self, effect: Effect) -> None:
        self.asked.append((CLOCK.monotonic(), effect))
        match effect:
            case Inject(lease=lease, seq=seq):
                self._answers.put_nowait(Applied(lease=lease, seq=seq))
                self.wanted -= 1
                if not self.wanted:
                    self.all_on.set()
            case Revert(lease=lease, seq=seq):
                self._answers.put_nowait(Lifted(lease=lease, seq=seq))
            case _:
                pass


@contextlib.asynccontextmanager
async def engine(
    state: Path, edge: InstantEdge, synchronous: Synchronous = "auto"
) -> AsyncIterator[Operations]:
    with FileEngines(prepare(state)) as engines:
        store = SqliteStore(state, synchronous=synchronous)
        async with together() as tasks:
            operations = Operations(
                tasks,
                clock=CLOCK,
                store=store,
                engines=engines,
                edges=lambda: edge,
                prober=Prober({}),
                loader=Loader(),
                recorders=lambda path, run: pytest.fail(f"{path} {run}"),
                keep_trace=lambda run, trace: pytest.fail(f"{run}: {trace}"),
                schema=schema_text(),
                secrets=Secrets({}),
            )
            yield operations
            await operations.close()
        await store.close()


def plan(*actions: Action, parallel: bool = False) -> Plan:
    """A plan of steps that do these, one after the other or side by side."""
    steps = tuple(
        Step(
            name=f"s{n}",
            action=action,
            targets=("shop",) if isinstance(action, Injection) else (),
            duration=MINUTE if isinstance(action, Injection) else None,
        )
        for n, action in enumerate(actions)
    )
    body = Group(steps=steps, parallel=parallel)
    return compile_plan(Playbook(name="bench", body=body, targets=(SHOP,)))


HIT = Injection(scenarios=(Scenario(faults=(Errors(rate=EVERY),)),))


def measured(
    benchmark: Any, once: Callable[[], Coroutine[Any, Any, list[int]]], rounds: int
) -> list[int]:
    """Run it so often, each in a loop of its own; every duration it measured, in nanoseconds."""
    seen: list[int] = []
    benchmark.pedantic(lambda: seen.extend(app.run(once())), rounds=rounds, warmup_rounds=1)
    benchmark.extra_info["median_us"] = statistics.median(seen) / MICROSECOND
    benchmark.extra_info["best_us"] = min(seen) / MICROSECOND
    benchmark.extra_info["worst_us"] = max(seen) / MICROSECOND
    return seen


async def _steps(state: Path, chain: Plan, synchronous: Synchronous) -> int:
    """From the start of a run until its outcome is on disk, divided by the steps."""
    async with engine(state, InstantEdge(), synchronous) as operations:
        start = CLOCK.monotonic()
        running = await operations.start(chain, seed=0)
        outcome = await running.outcome()
        assert outcome.run.verdict == "passed"
        assert len(outcome.steps) == 1001
        return (CLOCK.monotonic() - start) // 1000


async def _timers() -> int:
    """What a bare timer of the loop takes for a wait of a millisecond, one after the other."""
    start = CLOCK.monotonic()
    for _ in range(1000):
        await CLOCK.sleep_until(CLOCK.monotonic() + MILLISECOND)
    return (CLOCK.monotonic() - start) // 1000


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_chain_of_a_thousand_steps(
    benchmark: Any, tmp_path: Path, synchronous: Synchronous
) -> None:
    """Each waits a microsecond, so each is a timer, a turn and a page: at most 0.4 ms NORMAL."""
    chain = plan(*[Wait(duration=MICROSECOND)] * 1000)

    async def once() -> list[int]:
        return [await _steps(tmp_path, chain, synchronous)]

    per_step = statistics.median(measured(benchmark, once, 9))
    if synchronous == "normal":
        assert per_step <= 0.4 * MILLISECOND


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_thousand_waits_of_a_millisecond(
    benchmark: Any, tmp_path: Path, synchronous: Synchronous
) -> None:
    """What each takes over the millisecond: at most 0.4 ms NORMAL.

    Bare timers are measured beside them: what those take over it is the system's.
    """
    chain = plan(*[Wait(duration=MILLISECOND)] * 1000)
    bare: list[int] = []

    async def once() -> list[int]:
        bare.append(await _timers() - MILLISECOND)
        return [await _steps(tmp_path, chain, synchronous) - MILLISECOND]

    over = statistics.median(measured(benchmark, once, 5))
    benchmark.extra_info["bare_timer_us"] = statistics.median(bare) / MICROSECOND
    if synchronous == "normal":
        assert over <= 0.4 * MILLISECOND


def test_fifty_parallel_starts(benchmark: Any, tmp_path: Path) -> None:
    """From the first event of the run until the last of fifty injects is sent: at most 20 ms.

    All are harm: the journal is on disk (FULL) before the first is sent.
    """
    fifty = plan(*(HIT for _ in range(50)), parallel=True)

    async def once() -> list[int]:
        edge = InstantEdge()
        edge.wanted = 50
        async with engine(tmp_path, edge) as operations:
            running = await operations.start(fifty, seed=0)
            start = CLOCK.monotonic()
            await edge.all_on.wait()
            took = CLOCK.monotonic() - start
            running.terminate("benchmark")
            await running.outcome()
            return [took]

    assert statistics.median(measured(benchmark, once, 10)) <= 20 * MILLISECOND
