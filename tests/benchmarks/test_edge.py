"""The control channel of an edge in its own process: how fast effects work, how much it carries.

Each figure is measured inside one loop over a real channel and kept with the benchmark as
`extra_info`. By hand: ``pytest tests/benchmarks/test_edge.py --benchmark-only -s``.
"""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from squall.core.faults.effects import Applied, Happened, Inject, Lifted, Report, Revert
from squall.core.faults.kinds import EVERY, Errors, Scenario
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.remote import RemoteEdge

pytestmark = pytest.mark.timeout(120)

ROUNDS = 2_000
FAULTS = 40_000
SHOP = Target(name="shop", listen=Address(host="127.0.0.1", port=0), upstream=None)

CLIENT = """
import socket, statistics, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
times = []
end = time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    began = time.perf_counter()
    client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    data = client.recv(65536)
    times.append(time.perf_counter() - began)
    assert data.startswith(b"HTTP/1.1 200")
print(statistics.median(times) * 1e6)
"""


MANY = """
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for _ in range(int(sys.argv[2]) // 50):
    client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 50)
    answers = b""
    while answers.count(b"HTTP/1.1 503") < 50:
        answers += client.recv(65536)
"""


def inject(number: int, seq: int) -> Inject:
    return Inject(
        lease=f"1:main/hit#{number}@shop",
        seq=seq,
        run="1",
        path=f"main/hit#{number}",
        place="main/hit",
        target="shop",
        scenarios=(Scenario(faults=(Errors(rate=EVERY, codes=(503,)),)),),
        seed=0,
        ttl=Duration(60 * SECOND),
    )


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[RemoteEdge, Address, AsyncIterator[Report]]]:
    edge = RemoteEdge()
    addresses = await edge.open([SHOP])
    try:
        yield edge, addresses["shop"], edge.reports()
    finally:
        await edge.close(drain=Duration(0))


async def hear(reports: AsyncIterator[Report], kind: type) -> None:
    async for report in reports:
        if isinstance(report, kind):
            return


def run(work: Callable[[], Awaitable[dict[str, float]]]) -> dict[str, float]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name} p50 µs": round(cuts[49] * 1e6), f"{name} p99 µs": round(cuts[98] * 1e6)}


def kept(benchmark: Any, work: Callable[[], Awaitable[dict[str, float]]]) -> dict[str, float]:
    figures = benchmark.pedantic(run, (work,), rounds=1)
    benchmark.extra_info.update(figures)
    print(figures)
    return figures


async def _effects() -> dict[str, float]:
    on, off = [], []
    async with opened() as (edge, _, reports):
        for number in range(ROUNDS):
            began = time.perf_counter()
            edge.send(inject(number, 2 * number))
            await hear(reports, Applied)
            applied = time.perf_counter()
            edge.send(Revert(lease=f"1:main/hit#{number}@shop", seq=2 * number + 1))
            await hear(reports, Lifted)
            on.append(applied - began)
            off.append(time.perf_counter() - applied)
    return percentiles("inject to applied", on) | percentiles("revert to lifted", off)


def test_from_an_effect_to_its_answer(benchmark: Any) -> None:
    """One at a time, no traffic: at most 10 ms for 99 of 100."""
    figures = kept(benchmark, _effects)
    assert figures["inject to applied p99 µs"] < 10_000
    assert figures["revert to lifted p99 µs"] < 10_000


async def _faults() -> dict[str, float]:
    seen = dropped = 0
    async with opened() as (edge, where, reports):
        edge.send(inject(0, 1))
        await hear(reports, Applied)
        command = (sys.executable, "-c", MANY, str(where.port), str(FAULTS))
        client = await asyncio.create_subprocess_exec(*command)
        began = time.perf_counter()
        async for report in reports:
            if isinstance(report, Happened):
                seen, dropped = seen + len(report.events), dropped + report.dropped
            if seen + dropped >= FAULTS:
                break
        took = time.perf_counter() - began
        await client.wait()
    return {"faults told per second": round(seen / took), "dropped": dropped}


def test_faults_through_the_channel(benchmark: Any) -> None:
    """Every request has a fault, every fault is an event: none is lost on the way."""
    assert kept(benchmark, _faults)["dropped"] == 0


async def _start() -> dict[str, float]:
    times = []
    for _ in range(10):
        began = time.perf_counter()
        async with opened():
            times.append(time.perf_counter() - began)
    return {"start to listening ms": round(statistics.median(times) * 1e3)}


def test_from_nothing_to_listening(benchmark: Any) -> None:
    assert kept(benchmark, _start)["start to listening ms"] < 2_000


def _busy(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(range(10_000))


async def _beside_a_busy_engine() -> dict[str, float]:
    idle, busy = [], []
    async with opened() as (_, where, _):

        async def median() -> float:
            command = (sys.executable, "-c", CLIENT, str(where.port), "1")
            client = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            return float((await client.communicate())[0])

        for _ in range(5):
            idle.append(await median())
            stop = threading.Event()
            thread = threading.Thread(target=_busy, args=(stop,))
            thread.start()
            busy.append(await median())
            stop.set()
            thread.join()
    alone, beside = statistics.median(idle), statistics.median(busy)
    return {"idle p50 µs": alone, "busy p50 µs": beside, "ratio": round(beside / alone, 2)}


def test_traffic_beside_an_engine_that_is_busy(benchmark: Any) -> None:
    """A thread of the engine burns one core: the median exchange takes at most 20 % longer."""
    assert kept(benchmark, _beside_a_busy_engine)["ratio"] <= 1.2
