"""Ten thousand connections and gigabytes: what they cost an edge process in memory."""

import asyncio

from proxy.edge_process import edge_process
from squall.core.playbook.model import Address

BYTES = 1_000_000_000
PIECE = b"x" * 1_000_000
GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WARM = 50
AT_ONCE = 200


async def idle_memory(count: int) -> float:
    """Bytes that an edge needs for a connection that has asked once and rests."""
    async with edge_process() as edge:
        writers: list[asyncio.StreamWriter] = []

        async def ask() -> None:
            address = edge.address
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writers.append(writer)
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")

        await asyncio.gather(*(ask() for _ in range(WARM)))
        before = edge.memory()
        for start in range(0, count, AT_ONCE):
            await asyncio.gather(*(ask() for _ in range(min(AT_ONCE, count - start))))
        grown = edge.memory() - before
        assert not edge.turned_away, "the limit of open files is too low for so many"
        for writer in writers:
            writer.close()
    return grown / count


async def transfer(size: int, direction: str) -> int:
    """How many bytes an edge's memory grows by, at most, while one body passes."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if direction == "up":
            await _swallow(reader, size)
            writer.write(OK)
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            await _pour(writer, size)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with edge_process(Address(host=host, port=port)) as edge:
        before, most = edge.memory(), 0
        work = asyncio.ensure_future(_client(edge.address, size, direction))
        while not work.done():
            await asyncio.wait({work}, timeout=0.05)
            most = max(most, edge.memory() - before)
        await work
    server.close()
    return most


async def _client(address: Address, size: int, direction: str) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    if direction == "up":
        writer.write(b"PUT / HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % size)
        await _pour(writer, size)
        assert await reader.readexactly(len(OK)) == OK
    else:
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        await _swallow(reader, size)
    writer.close()


async def _pour(writer: asyncio.StreamWriter, size: int) -> None:
    for start in range(0, size, len(PIECE)):
        writer.write(PIECE[: size - start])
        await writer.drain()


async def _swallow(reader: asyncio.StreamReader, size: int) -> None:
    received = 0
    while received < size:
        data = await reader.read(2**18)
        assert data, f"it ended after {received} bytes"
        received += len(data)
