"""What the engine costs: per step, at the start of many steps at once, when asked to stop.

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
from squall.core.timing import MICROSECOND, MILLISECOND, MINUTE, SECOND, Duration
from squall.probes.http import HttpProber
from squall.probes.load import Loader
from squall.service.clock import SystemClock
from squall.service.operations import Operations
from squall.service.recovery import GoneEdge
from squall.service.supervisor import together
from squall.store.engines import FileEngines, prepare
from squall.store.sqlite import SqliteStore, Synchronous

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
                prober=HttpProber(),
                loader=Loader(),
                recorders=lambda path, run: pytest.fail(f"{path} {run}"),
                keep_trace=lambda run, trace: pytest.fail(f"{run}: {trace}"),
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
    benchmark.pedantic(lambda: seen.extend(asyncio.run(once())), rounds=rounds, warmup_rounds=1)
    benchmark.extra_info["median_us"] = statistics.median(seen) / MICROSECOND
    benchmark.extra_info["worst_us"] = max(seen) / MICROSECOND
    return seen


@pytest.mark.parametrize("synchronous", ["normal", "full"])
def test_a_chain_of_a_thousand_steps(
    benchmark: Any, tmp_path: Path, synchronous: Synchronous
) -> None:
    """Each waits a microsecond, so each is a timer, a turn and a page: at most 0.4 ms NORMAL.

    From the start of the run until its outcome is on disk, divided by the steps.
    """
    chain = plan(*(Wait(duration=MICROSECOND) for _ in range(1000)))

    async def once() -> list[int]:
        async with engine(tmp_path, InstantEdge(), synchronous) as operations:
            start = CLOCK.monotonic()
            running = await operations.start(chain, seed=0)
            outcome = await running.outcome()
            assert outcome.run.verdict == "passed"
            assert len(outcome.steps) == 1001
            return [(CLOCK.monotonic() - start) // 1000]

    per_step = statistics.median(measured(benchmark, once, 5))
    if synchronous == "normal":
        assert per_step <= 0.4 * MILLISECOND


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


@pytest.mark.parametrize("wish", ["pause", "stop"])
def test_from_a_wish_to_its_effect(benchmark: Any, tmp_path: Path, wish: str) -> None:
    """From the call to the revert's arrival at the edge, beside fifty steps: p99 ≤ 10 ms."""
    busy = plan(HIT, *(Wait(duration=Duration(5 * SECOND)) for _ in range(50)), parallel=True)

    async def once() -> list[int]:
        took = []
        for _ in range(20):
            edge = InstantEdge()
            async with engine(tmp_path, edge) as operations:
                running = await operations.start(busy, seed=0)
                await edge.all_on.wait()
                await CLOCK.sleep_until(CLOCK.monotonic() + 2 * MILLISECOND)
                asked = CLOCK.monotonic()
                getattr(running, wish)("benchmark")
                while not any(isinstance(effect, Revert) for _, effect in edge.asked):
                    await CLOCK.sleep_until(0)
                took.append(edge.asked[-1][0] - asked)
                running.terminate("benchmark")
                await running.outcome()
        return took

    took = sorted(measured(benchmark, once, 10))
    p99 = took[int(len(took) * 0.99)]
    benchmark.extra_info["p99_us"] = p99 / MICROSECOND
    assert p99 <= 10 * MILLISECOND
