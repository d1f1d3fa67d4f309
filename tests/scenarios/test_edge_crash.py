"""Processes that die in the middle of a fault: the traffic goes on, the fault does not.

A small engine in a process of its own holds an edge and says on its standard output what it hears.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

PATIENCE = 20

ENGINE = """
import asyncio, sys
from squall.core.faults.effects import Inject, Lapsed, Applied, EdgeLost
from squall.core.faults.kinds import EVERY, Errors, Fixed, Latency, Scenario
from squall.core.playbook.model import Address, Target
from squall.core.timing import Duration
from squall.proxy.remote import RemoteEdge

async def main(ttl, delay):
    edge = RemoteEdge()
    where = await edge.open([
        Target(name=name, listen=Address(host="127.0.0.1", port=0), upstream=None)
        for name in ("broken", "slow")
    ])
    print("open", edge.pid, where["broken"].port, where["slow"].port, flush=True)
    faults = {
        "broken": Errors(rate=EVERY, codes=(503,)),
        "slow": Latency(delay=Fixed(value=Duration(delay))),
    }
    for seq, (target, fault) in enumerate(faults.items()):
        edge.send(Inject(
            lease=f"1:main/hit#1@{target}", seq=seq, run="1", path="main/hit#1", place="main/hit",
            target=target, scenarios=(Scenario(faults=(fault,)),), seed=0, ttl=Duration(ttl),
        ))
    async for report in edge.reports():
        if isinstance(report, Applied | Lapsed | EdgeLost):
            print(type(report).__name__, getattr(report, "reason", ""), flush=True)
    await edge.close(drain=Duration(0))

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""

SECOND = 1_000_000_000


class Engine:
    """The engine's process, its edge's process, and a client of its targets."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.edge = 0
        self.ports: dict[str, int] = {}

    async def hear(self, word: str) -> str:
        """The rest of the next line that begins with this word."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            while True:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"the engine ended without saying {word}"
                if line.startswith(word):
                    return line.removeprefix(word).strip()

    async def get(self, target: str) -> int:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[target])
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            head = await reader.read()
            writer.close()
        return int(head.split(b" ", 2)[1])

    async def keep_asking(self, target: str, until: Callable[[], bool]) -> list[int]:
        """Every answer to a client that asks without a pause; an exception is a lost request."""
        answers = []
        while not until():
            answers.append(await self.get(target))
        return answers

    def alive(self) -> bool:
        """Whether the edge's process is there."""
        try:
            os.kill(self.edge, 0)
        except ProcessLookupError:
            return False
        # An orphan that ended is a zombie until whoever adopted it collects it.
        with contextlib.suppress(OSError):
            return Path(f"/proc/{self.edge}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        return True

    async def gone(self) -> None:
        """Wait until the edge's process is no more."""
        async with asyncio.timeout(PATIENCE):
            while self.alive():
                with contextlib.suppress(OSError, IndexError):
                    # Its port is the last thing to wait on: once closed, the rest is a moment.
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["slow"])
                    await reader.read()
                    writer.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def begin(ttl: float, delay: float) -> Engine:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ENGINE, str(int(ttl * SECOND)), str(int(delay * SECOND))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    engine = Engine(process)
    edge, broken, slow = map(int, (await engine.hear("open")).split())
    engine.edge, engine.ports = edge, {"broken": broken, "slow": slow}
    await engine.hear("Applied")
    await engine.hear("Applied")
    return engine


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """One whose leases outlive every test by far."""
    made = await begin(ttl=600, delay=60)
    yield made
    await end(made)


async def end(engine: Engine) -> None:
    if engine.process.returncode is None:
        engine.process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.kill(engine.edge, signal.SIGKILL)
    await engine.process.communicate()


async def test_an_engine_killed_in_a_fault_takes_it_along_and_loses_no_request(
    engine: Engine,
) -> None:
    assert await engine.get("broken") == 503
    async with asyncio.TaskGroup() as group:
        in_flight = [group.create_task(engine.get("slow")) for _ in range(5)]
        killed = [0.0]
        asking = group.create_task(
            engine.keep_asking("broken", lambda: killed[0] and time.monotonic() > killed[0] + 1)
        )
        # These come back only when their fault is lifted; 503s prove that others were on their way.
        done, _ = await asyncio.wait(in_flight, timeout=0.3)
        assert not done
        engine.process.kill()
        killed[0] = time.monotonic()
    assert [request.result() for request in in_flight] == [200] * 5
    answers = asking.result()
    assert set(answers) == {503, 200}
    assert answers == sorted(answers, reverse=True), "the fault came back"
    # It goes by itself once nobody asks, and leaves nothing behind.
    began = time.monotonic()
    await engine.process.wait()
    await engine.gone()
    assert time.monotonic() - began < 10
    with pytest.raises(ConnectionRefusedError):
        await engine.get("broken")


async def test_a_fault_is_gone_at_once_not_when_its_lease_ends(engine: Engine) -> None:
    engine.process.kill()
    await engine.process.wait()
    began = time.monotonic()
    while await engine.get("broken") == 503:
        assert time.monotonic() - began < 1
    assert time.monotonic() - began < 1


async def test_an_edge_that_is_killed_is_told_of_within_a_second(engine: Engine) -> None:
    os.kill(engine.edge, signal.SIGKILL)
    began = time.monotonic()
    assert await engine.hear("EdgeLost") == "the edge process was killed (SIGKILL)"
    assert time.monotonic() - began < 1
    assert await asyncio.wait_for(engine.process.wait(), PATIENCE) == 0
    assert not engine.alive()


async def test_the_leases_of_an_engine_that_hangs_end_by_themselves() -> None:
    engine = await begin(ttl=1, delay=60)
    try:
        os.kill(engine.process.pid, signal.SIGSTOP)
        assert await engine.get("slow") == 200
        async with asyncio.timeout(PATIENCE):
            while await engine.get("broken") == 503:
                pass
        assert engine.alive()
        os.kill(engine.process.pid, signal.SIGCONT)
        await engine.hear("Lapsed")
        await engine.hear("Lapsed")
    finally:
        await end(engine)


async def test_an_engine_that_is_killed_together_with_its_group_leaves_the_edge_to_finish() -> None:
    """Closing a terminal, or a second Ctrl-C, reaches the engine's group and not the edge."""
    engine = await begin(ttl=600, delay=60)
    try:
        assert os.getpgid(engine.edge) != os.getpgid(engine.process.pid)
        os.kill(engine.process.pid, signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            while (answer := await engine.get("broken")) == 503:
                pass
        assert answer == 200
        await engine.process.wait()
        await engine.gone()
    finally:
        await end(engine)
