"""What clients see of a whole run: engine, journal on disk, and edge as they are wired for users.

A client in a process of its own says when its answers change and how long they take. Real time, so
other work on the computer is in it: what is compared takes turns within one run, the slowest of a
hundred are told, and medians are held against twice the times that are asked for.
"""

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from squall import app
from squall.core.faults.kinds import EVERY, Errors, Scenario
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import (
    Action,
    Address,
    Group,
    Injection,
    Loop,
    Playbook,
    Step,
    Target,
    Wait,
)
from squall.core.playbook.plan import Plan
from squall.core.run.facts import StepEntered
from squall.core.timing import MICROSECOND, MILLISECOND, MINUTE, Duration
from squall.service.operations import Operations, Running

pytestmark = pytest.mark.timeout(300)

SLACK = 2
HIT = Injection(scenarios=(Scenario(faults=(Errors(rate=EVERY, codes=(503,)),)),))


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plan(port: int, *actions: Action, loop: Loop | None = None) -> Plan:
    """A plan of steps side by side in front of the built-in service; `loop` is for waits.

    Its `finally` takes a moment, so that clients see traffic without faults after a stop.
    """
    steps = tuple(
        Step(
            name=f"s{n}",
            action=action,
            targets=("shop",) if isinstance(action, Injection) else (),
            duration=MINUTE if isinstance(action, Injection) else None,
            loop=loop if isinstance(action, Wait) else None,
        )
        for n, action in enumerate(actions)
    )
    shop = Target(name="shop", listen=Address(host="127.0.0.1", port=port), upstream=None)
    body = Group(steps=steps, parallel=True)
    after = (Step(name="after", action=Wait(duration=Duration(50 * MILLISECOND))),)
    return compile_plan(Playbook(name="bench", body=body, targets=(shop,), finally_=after))


@contextlib.asynccontextmanager
async def begun(operations: Operations, plan: Plan, **how: Any) -> AsyncIterator[Running]:
    running = await operations.start(plan, seed=0, **how)
    yield running
    running.terminate("benchmark")
    await running.outcome()


async def all_active(running: Running, paths: int) -> None:
    """Until so many steps have said that they are on."""
    async for update in running.updates():
        if isinstance(update, StepEntered) and update.phase == "active" and "#" in update.path:
            paths -= 1
            if not paths:
                return


def client(*arguments: object) -> Awaitable[asyncio.subprocess.Process]:
    script = str(Path(__file__).with_name("client.py"))
    command = (sys.executable, script, *map(str, arguments))
    return asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)


@contextlib.asynccontextmanager
async def watching(port: int) -> AsyncIterator[Callable[[int], Awaitable[int]]]:
    """A client; what is yielded waits for a status and returns when the first answer had it."""
    watcher = await client(port)
    assert watcher.stdout is not None

    async def first(wanted: int) -> int:
        assert watcher.stdout is not None
        async for line in watcher.stdout:
            status, at = map(int, line.split())
            if status == wanted:
                return at
        pytest.fail(f"no answer with {wanted}")

    yield first
    await watcher.communicate()


async def exchanges(port: int) -> float:
    """How many microseconds the median exchange takes."""
    out, _ = await (await client(port, 1)).communicate()
    return float(out) / MICROSECOND


def figures(benchmark: Any, work: Callable[[], Any]) -> dict[str, float]:
    found: dict[str, float] = benchmark.pedantic(lambda: app.run(work()), rounds=1)
    benchmark.extra_info.update(found)
    print(found)
    return found


def spread(name: str, took: list[int]) -> dict[str, float]:
    """The median and what 99 of 100 stay below, in milliseconds; of fewer, the worst."""
    ranked = sorted(took)
    return {
        f"{name} p50 ms": round(statistics.median(ranked) / MILLISECOND, 2),
        f"{name} p99 ms": round(ranked[int(len(ranked) * 0.99)] / MILLISECOND, 2),
    }


def test_fifty_parallel_starts(benchmark: Any, tmp_path: Path, free_port: int) -> None:
    """From the run's first event until the edge has said of all fifty that they are on: 20 ms."""
    fifty = plan(free_port, *(HIT for _ in range(50)))

    async def work() -> dict[str, float]:
        took = []
        async with app.engine(tmp_path) as operations:
            for _ in range(20):
                async with begun(operations, fifty) as running:
                    start = time.monotonic_ns()
                    await all_active(running, 50)
                    took.append(time.monotonic_ns() - start)
        return spread("fifty starts", took)

    assert figures(benchmark, work)["fifty starts p50 ms"] <= 20 * SLACK


@pytest.mark.parametrize(("faults", "waits"), [(1, 50), (50, 0)])
def test_from_a_stop_to_its_effect(
    benchmark: Any, tmp_path: Path, free_port: int, faults: int, waits: int
) -> None:
    """From the call until a client gets a good answer: 10 ms for 99 of 100."""
    busy = plan(free_port, *[HIT] * faults, *[Wait(duration=MINUTE)] * waits)

    async def work() -> dict[str, float]:
        took = []
        async with app.engine(tmp_path) as operations:
            for _ in range(40):
                async with begun(operations, busy) as running:
                    await all_active(running, faults + waits)
                    async with watching(free_port) as first:
                        await first(503)
                        asked = time.monotonic_ns()
                        running.stop("benchmark")
                        took.append(await first(200) - asked)
        return spread("stop to effect", took)

    assert figures(benchmark, work)["stop to effect p50 ms"] <= 10 * SLACK


def test_from_a_pause_to_its_effect(benchmark: Any, tmp_path: Path, free_port: int) -> None:
    """The same for a pause, and back, 200 times in one run."""
    busy = plan(free_port, HIT, *[Wait(duration=MINUTE)] * 50)

    async def work() -> dict[str, float]:
        paused, resumed = [], []
        async with app.engine(tmp_path) as operations, begun(operations, busy) as running:
            await all_active(running, 51)
            async with watching(free_port) as first:
                await first(503)
                for _ in range(200):
                    asked = time.monotonic_ns()
                    running.pause("benchmark")
                    paused.append(await first(200) - asked)
                    asked = time.monotonic_ns()
                    running.resume("benchmark")
                    resumed.append(await first(503) - asked)
                    await all_active(running, 1)
                running.terminate("benchmark")
        return spread("pause to effect", paused) | spread("resume to effect", resumed)

    assert figures(benchmark, work)["pause to effect p50 ms"] <= 10 * SLACK


def test_what_recording_adds_to_an_exchange(benchmark: Any, tmp_path: Path, free_port: int) -> None:
    """Every exchange has a fault; the median one takes at most 50 µs longer when it is kept."""
    hit = plan(free_port, HIT)

    async def work() -> dict[str, float]:
        plain, recorded = [], []
        async with app.engine(tmp_path) as operations:
            for n in range(7):
                for took, record in ((plain, None), (recorded, tmp_path / f"{n}.sqr")):
                    async with begun(operations, hit, record=record) as running:
                        await all_active(running, 1)
                        took.append(await exchanges(free_port))
        return {
            "exchange µs": statistics.median(plain),
            "recorded µs": statistics.median(recorded),
            "added µs": statistics.median(b - a for a, b in zip(plain, recorded, strict=True)),
        }

    assert figures(benchmark, work)["added µs"] <= 50


@contextlib.asynccontextmanager
async def stranger() -> AsyncIterator[None]:
    """Another process that keeps one processor busy."""
    command = (sys.executable, "-c", "while True: sum(range(10_000))")
    process = await asyncio.create_subprocess_exec(*command)
    yield
    process.kill()
    await process.wait()


def test_traffic_beside_steps_without_a_pause(
    benchmark: Any, tmp_path: Path, free_port: int
) -> None:
    """The engine goes from step to step as fast as it can: the median exchange takes 20 % longer.

    At most, than beside a stranger that is as busy: what that costs is the computer's.
    """
    calm = plan(free_port, Wait(duration=MINUTE))
    hasty = plan(free_port, Wait(duration=MICROSECOND), loop=Loop(times=None))

    async def work() -> dict[str, float]:
        idle, beside, busy = [], [], []
        async with app.engine(tmp_path) as operations:
            for _ in range(7):
                async with begun(operations, calm):
                    idle.append(await exchanges(free_port))
                    async with stranger():
                        beside.append(await exchanges(free_port))
                async with begun(operations, hasty):
                    busy.append(await exchanges(free_port))
        found = {"idle": idle, "stranger": beside, "busy": busy}
        medians = {f"{name} µs": statistics.median(took) for name, took in found.items()}
        to_idle = statistics.median(b / a for a, b in zip(idle, busy, strict=True))
        to_stranger = statistics.median(b / a for a, b in zip(beside, busy, strict=True))
        return medians | {"to idle": to_idle, "to stranger": to_stranger}

    found = figures(benchmark, work)
    assert min(found["to idle"], found["to stranger"]) <= 1.2
