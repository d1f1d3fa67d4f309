"""An edge with a client in front of it and somebody who listens to what it says."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import pytest

from squall.core.faults.effects import Effect, FaultEvent, Happened, Inject, Report
from squall.core.faults.kinds import Fault, Scenario
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.local import LocalEdge
from squall.proxy.remote import RemoteEdge
from squall.service.ports import Edge

PATIENCE = 10
"""Seconds after which a test gives up: never part of what is measured."""

ANYWHERE = Address(host="127.0.0.1", port=0)

FLOOD = """
import socket, sys, threading
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def swallow():
    while client.recv(1 << 18):
        pass
threading.Thread(target=swallow, daemon=True).start()
while True:
    client.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" * 1000)
"""

R = TypeVar("R", bound=Report)


class Rig:
    """An edge, its reports as they come, and a client."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.heard: list[Report] = []
        self.ended = False
        self.addresses: dict[str, Address] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._seq = 0

    async def open(self, *names: str, upstream: Address | None = None) -> None:
        targets = [Target(name=name, listen=ANYWHERE, upstream=upstream) for name in names]
        self.addresses = dict(await self.edge.open(targets))
        self.spawn(self._listen())

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        return task

    async def _listen(self) -> None:
        async for report in self.edge.reports():
            self.heard.append(report)
            self._news.set()
        self.ended = True
        self._news.set()

    # -- the engine's side

    def number(self) -> int:
        self._seq += 1
        return self._seq

    def effect(self, fault: Fault, *, name: str = "hit", **changes: Any) -> Inject:
        target = changes.get("target", "shop")
        fields: dict[str, Any] = {
            "lease": f"1:main/{name}#1@{target}",
            "seq": self.number(),
            "run": "1",
            "path": f"main/{name}#1",
            "place": f"main/{name}",
            "target": target,
            "scenarios": (Scenario(faults=(fault,)),),
            "seed": 0,
            "ttl": Duration(30 * SECOND),
        }
        return Inject(**(fields | changes))

    def inject(self, fault: Fault, **changes: Any) -> Inject:
        made = self.effect(fault, **changes)
        self.edge.send(made)
        return made

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was heard fulfils the condition."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def hear(self, kind: type[R], **fields: object) -> R:
        """The first report of a kind whose fields have these values."""
        found: list[R] = []

        def heard() -> bool:
            found[:] = [
                report
                for report in self.heard
                if isinstance(report, kind)
                and all(getattr(report, field) == value for field, value in fields.items())
            ]
            return bool(found)

        await self.until(heard)
        return found[0]

    def events(self) -> list[FaultEvent]:
        batches = [report for report in self.heard if isinstance(report, Happened)]
        return [event for batch in batches for event in batch.events]

    # -- the client's side

    async def get(self, target: str = "shop", path: str = "/") -> int | None:
        """The status of an answer; None: the connection was closed without one."""
        where = self.addresses[target]
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(where.host, where.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            try:
                head = await reader.read()
            except ConnectionResetError:
                head = b""
            writer.close()
        return int(head.split(b" ", 2)[1]) if head else None

    async def flood(self, target: str = "shop") -> None:
        """Ask without ever waiting for an answer, from a process of its own, until cancelled."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FLOOD, str(self.addresses[target].port)),
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await process.wait()
        finally:
            process.kill()
            await process.wait()

    async def accepts(self, target: str = "shop") -> bool:
        where = self.addresses[target]
        try:
            _, writer = await asyncio.open_connection(where.host, where.port)
        except OSError:
            return False
        writer.close()
        return True

    async def in_flight(self, count: int = 1, **effect: Any) -> list[asyncio.Task[int | None]]:
        """Requests that a fault is holding back: sent, and met by it."""
        before = len(self.events())
        tasks = [self.spawn(self.get(**effect)) for _ in range(count)]
        await self.until(lambda: len(self.events()) >= before + count)
        return tasks

    def now(self) -> float:
        return time.monotonic()

    async def close(self) -> None:
        await self.edge.close(drain=Duration(0))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Unruly:
    """A channel in front of an edge that delays, reorders, doubles and loses effects."""

    def __init__(self, edge: LocalEdge, seed: int) -> None:
        self._edge = edge
        self._dice = random.Random(seed)
        self._under_way = 0
        self.reliable = False

    def send(self, effect: Effect) -> None:
        copies = self._dice.choice([0, 1, 1, 1, 2])
        for _ in range(1 if self.reliable else copies):
            self._under_way += 1
            delay = self._dice.choice([0, 0, 0.002, 0.02, 0.1])
            asyncio.get_running_loop().call_later(delay, self._deliver, effect)

    def _deliver(self, effect: Effect) -> None:
        self._under_way -= 1
        self._edge.send(effect)

    @property
    def quiet(self) -> bool:
        return self._under_way == 0

    async def open(self, targets: Sequence[Target]) -> Any:
        return await self._edge.open(targets)

    def reports(self) -> AsyncIterator[Report]:
        return self._edge.reports()

    async def close(self, *, drain: Duration) -> None:
        await self._edge.close(drain=drain)


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """An edge must not depend on its engine's loop."""
    return request.param


@pytest.fixture(params=[LocalEdge, RemoteEdge], ids=["local", "remote"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    made = Rig(request.param())
    yield made
    await made.close()


@pytest.fixture(params=range(6), ids=lambda seed: f"seed {seed}")
async def unruly(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    made = Rig(Unruly(LocalEdge(), request.param))
    yield made
    await made.close()
