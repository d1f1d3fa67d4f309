"""Conversations of random valid exchanges, directly and through an edge: the same bytes both ways.

Client and upstream each know what must arrive. `compare` talks so for as long as it is told; what
arrives otherwise is in `Tally.differences`. An edge may stand between them or not: either way the
bytes are compared with the same, and so with one another.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import cast

from campaign.exchanges import conversation, exchange, number_of, pieces
from squall.core.playbook.model import Address

PATIENCE = 30


@dataclass
class Tally:
    """What came of it so far."""

    exchanges: int = 0
    connections: int = 0
    bytes: int = 0
    differences: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Begin anew."""
        self.exchanges = self.connections = self.bytes = 0
        self.differences.clear()


class Upstream(asyncio.Protocol):
    """Checks each request and answers it, one after the other."""

    def __init__(self, seed: int, tally: Tally) -> None:
        self._seed = seed
        self._tally = tally
        self._buffer = b""
        self._left: list[bytes] = []
        self._last = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._left:
            self._next()

    def _next(self) -> None:
        if b"\r\n" not in self._buffer or self._transport.is_closing():
            return
        number = number_of(self._buffer)
        expected = exchange(self._seed, number)
        came = self._buffer[: len(expected.request)]
        if len(came) < len(expected.request):
            return
        if came != expected.request:
            self._tally.differences.append(f"request {number} arrived as {came[:200]!r}")
        self._buffer = self._buffer[len(expected.request) :]
        self._last = expected.last
        self._left = pieces(Random(number), expected.answer)[::-1]
        self._say()

    def _say(self) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(self._left.pop())
        if self._left:
            asyncio.get_running_loop().call_soon(self._say)
        elif self._last:
            self._transport.close()
        else:
            self._next()


class Client(asyncio.Protocol):
    """Sends a conversation in pieces, and collects what comes until all has come or the end."""

    def __init__(self, awaited: int, *, last: bool, parts: list[bytes]) -> None:
        self.heard = bytearray()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited = awaited
        self._last = last
        self._parts = parts[::-1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._say()

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if not self._last and len(self.heard) >= self._awaited:
            self._end()

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def close(self) -> None:
        self._transport.close()

    def _say(self) -> None:
        if self._parts and not self._transport.is_closing():
            self._transport.write(self._parts.pop())
            asyncio.get_running_loop().call_soon(self._say)

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def serve(seed: int, tally: Tally) -> tuple[asyncio.Server, Address]:
    """An upstream that knows the exchanges of this seed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(seed, tally), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    return server, Address(host=host, port=port)


async def compare(
    seed: int, address: Address, tally: Tally, *, more: Callable[[], bool], connections: int = 16
) -> None:
    """Talk over so many connections at a time for as long as there shall be `more`."""
    numbers = itertools.count(0, 50)

    async def talk() -> None:
        while more() and len(tally.differences) < 10:
            first = next(numbers)
            end = first + 50
            while first < end:
                first += await _converse(seed, address, tally, first, end)

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(talk())


async def _converse(seed: int, address: Address, tally: Tally, first: int, end: int) -> int:
    """One connection; how many exchanges it had."""
    talk = conversation(seed, first, end)
    sent = b"".join(one.request for one in talk)
    expected = b"".join(one.answer for one in talk)
    parts = pieces(Random(first), sent)
    _, client = await asyncio.get_running_loop().create_connection(
        lambda: Client(len(expected), last=talk[-1].last, parts=parts), address.host, address.port
    )
    try:
        await asyncio.wait_for(client.over, PATIENCE)
    except TimeoutError:
        tally.differences.append(f"exchanges {first} to {first + len(talk)}: nothing more came")
    client.close()
    if client.heard != expected:
        place = next(
            (n for n, (a, b) in enumerate(zip(client.heard, expected, strict=False)) if a != b),
            min(len(client.heard), len(expected)),
        )
        tally.differences.append(
            f"exchanges {first} to {first + len(talk)}: from byte {place} of {len(expected)} on "
            f"came {bytes(client.heard[place : place + 80])!r}, "
            f"not {expected[place : place + 80]!r}"
        )
    tally.exchanges += len(talk)
    tally.connections += 1
    tally.bytes += len(sent) + len(expected)
    return len(talk)


def until(tally: Tally, exchanges: int) -> Callable[[], bool]:
    """More, until there were so many."""
    return lambda: tally.exchanges < exchanges


def lasting(seconds: float) -> Callable[[], bool]:
    """More, for so long."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end
