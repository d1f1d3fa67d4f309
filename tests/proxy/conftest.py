"""Raw clients and scripted upstreams around a real plane: bytes in, bytes out, nothing helpful."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field

import pytest

from squall.core.faults.active import ActiveLease
from squall.core.faults.counters import Counters
from squall.core.faults.effects import FaultEvent, Inject
from squall.core.faults.kinds import Fault, Match, Protocol, Scenario
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.plane import Plane

PATIENCE = 10
"""Seconds after which a test gives up: never part of what is measured."""


class Wire:
    """One end of a connection, as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def drain(self) -> None:
        await self.writer.drain()

    async def receive(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), PATIENCE)

    async def some(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(2**16), PATIENCE)

    async def until(self, end: bytes = b"\r\n\r\n") -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(end), PATIENCE)

    async def rest(self) -> bytes:
        """Everything up to the end of the stream; raises `ConnectionResetError` for an RST."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    def end(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await asyncio.wait_for(self.writer.wait_closed(), PATIENCE)

    def reset(self) -> None:
        found = self.writer.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Wire], Awaitable[None]]


@dataclass
class Stage:
    """A plane, and what stands before and behind it."""

    plane: Plane
    events: list[FaultEvent]
    counters: Counters = field(default_factory=Counters)
    wires: list[Wire] = field(default_factory=list)
    servers: list[asyncio.Server] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    accepted: int = 0
    failures: list[BaseException] = field(default_factory=list)

    async def upstream(self, script: Script) -> Address:
        """A server that does what `script` says on every connection."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            wire = Wire(reader, writer)
            self.wires.append(wire)
            task = asyncio.current_task()
            assert task is not None
            self.tasks.append(task)
            try:
                await script(wire)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass
            except BaseException as failure:  # noqa: BLE001 - shown when the test ends
                self.failures.append(failure)
            finally:
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
        self.servers.append(server)
        host, port = server.sockets[0].getsockname()
        return Address(host=host, port=port)

    async def target(
        self, upstream: Address | None, name: str = "shop", protocol: Protocol = "http"
    ) -> Address:
        here = Address(host="127.0.0.1", port=0)
        target = Target(name=name, listen=here, upstream=upstream, protocol=protocol)
        return await self.plane.listen(target)

    async def before(self, script: Script, protocol: Protocol = "http") -> Address:
        """A target before an upstream that does what `script` says."""
        return await self.target(await self.upstream(script), protocol=protocol)

    async def dial(self, address: Address) -> Wire:
        wire = Wire(*await asyncio.open_connection(address.host, address.port, limit=2**20))
        self.wires.append(wire)
        return wire

    async def ask(self, address: Address, data: bytes) -> bytes:
        """Send, and read to the end of the stream."""
        wire = await self.dial(address)
        wire.send(data)
        return await wire.rest()

    def lease(
        self, *faults: Fault, match: Match | None = None, name: str = "lease", seed: int = 7
    ) -> ActiveLease:
        scenario = Scenario(faults=faults, match=match or Match())
        inject = Inject(
            lease=name,
            seq=1,
            run="1",
            path=f"main/{name}#1",
            place=f"main/{name}",
            target="shop",
            scenarios=(scenario,),
            seed=seed,
            ttl=Duration(10 * SECOND),
        )
        return ActiveLease(inject, self.counters)

    def put_on(self, *leases: ActiveLease) -> None:
        self.plane.swap("shop", leases)

    # -- waiting, by what is seen rather than by the clock

    async def turn(self) -> None:
        await asyncio.sleep(0.001)  # noqa: TID251 - nothing announces what is waited for

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self.turn()

    async def still(self, value: Callable[[], object], *, lasting: float = 0.25) -> None:
        """Return once the value has not changed for a while."""
        last, since = value(), self.now()
        async with asyncio.timeout(PATIENCE):
            while self.now() - since < lasting:
                await self.turn()
                if value() != last:
                    last, since = value(), self.now()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 - time itself is what the test is about

    def now(self) -> float:
        return time.monotonic()

    def cpu(self) -> float:
        return time.process_time()

    def gate(self) -> asyncio.Event:
        return asyncio.Event()

    def run(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.append(task)
        return task

    @contextlib.contextmanager
    def quiet_loop(self) -> Iterator[None]:
        """Let the loop not print what it says about accepting in vain."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        try:
            yield
        finally:
            loop.set_exception_handler(None)

    async def close(self) -> None:
        await self.plane.close(Duration(0))
        for server in self.servers:
            server.close()
        for wire in self.wires:
            await wire.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.failures:
            raise self.failures[0]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    events: list[FaultEvent] = []
    made = Stage(Plane(events.append), events)
    yield made
    await made.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {}), id="asyncio"),
        pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
    ]
)
def both_loops(request: pytest.FixtureRequest) -> object:
    """For modules whose behaviour must not depend on the loop; they name it `anyio_backend`."""
    return request.param
