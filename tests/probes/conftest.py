"""Servers that answer as a test says, on free ports of the loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from squall.core.playbook.model import Address

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Answer], Awaitable[Address]]


class Site:
    """A server that reads heads (and no bodies), and hands each to `answer`."""

    def __init__(self, answer: Answer) -> None:
        self.connections = 0
        self._answer = answer
        self._open: set[asyncio.StreamWriter] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                await self._answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(answer: Answer) -> Address:
            site = Site(answer)
            server = await asyncio.start_server(site.talk, "127.0.0.1", 0)
            stack.push_async_callback(server.wait_closed)
            stack.callback(site.close)
            stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            return Address(host="127.0.0.1", port=port)

        yield start
        await asyncio.sleep(0)  # noqa: TID251 - lets closed connections be told so


@pytest.fixture
async def refused() -> Address:
    """An address where nobody listens."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return Address(host="127.0.0.1", port=port)
