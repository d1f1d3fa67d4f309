"""How much an edge process holds: memory per connection and per body, and file descriptors."""

import contextlib
import shlex
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from proxy.edge_process import AVAILABLE, EdgeProcess, edge_process

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="there is no /proc to ask")

MEGABYTE = 1_000_000
KILOBYTE = 1_000
GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def cramped(tmp_path):
    """A Python that may open 64 files."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nulimit -n 64\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o700)
    return str(python)


async def crowd(stage, address, count):
    """So many clients, who ask in turn; those that were answered."""
    clients = [await stage.dial(address) for _ in range(count)]
    answered = []
    for client in clients:
        client.send(GET)
        with contextlib.suppress(ConnectionResetError):
            if (await client.some()).startswith(b"HTTP/1.1 200 "):
                answered.append(client)
    return answered


async def test_clients_beyond_the_limit_of_open_files_are_turned_away_in_words(stage, cramped):
    async def answering(wire):
        while await wire.until():
            wire.send(OK)

    async with edge_process(await stage.upstream(answering), cramped) as shop:
        inside = await crowd(stage, shop.address, 100)
        assert 25 <= len(inside) < 60
        outside = await (await stage.dial(shop.address)).rest()
        assert outside.startswith(b"HTTP/1.1 503 ")
        assert b"limit of open files" in outside
        await stage.until(lambda: shop.turned_away > 0)
        used = shop.cpu()
        await stage.pause(0.5)
        assert shop.cpu() - used < 0.25, "it waits, and does not spin"
        for client in inside:
            client.send(GET)
            assert await client.receive(len(OK)) == OK, "who is inside is served"
        full = shop.descriptors()
        for client in inside[: len(inside) // 2]:
            await client.close()
        await stage.until(lambda: shop.descriptors() <= full - len(inside) // 2)
        assert len(await crowd(stage, shop.address, 5)) == 5


async def test_requests_that_find_no_descriptor_to_dial_with_are_told_so(stage, cramped):
    gate = stage.gate()

    async def holding(wire):
        while await wire.until():
            await gate.wait()
            wire.send(OK)

    async with edge_process(await stage.upstream(holding), cramped) as shop:
        spare = 44 - shop.descriptors()
        clients = [await stage.dial(shop.address) for _ in range(spare)]
        await stage.until(lambda: shop.descriptors() == 44)
        for client in clients:
            client.send(GET)
        await stage.until(lambda: shop.turned_away > 0)
        gate.set()
        answers = [await client.until() for client in clients]
        refused = [answer for answer in answers if answer.startswith(b"HTTP/1.1 502 ")]
        assert 0 < len(refused) < len(answers)
        told = clients[answers.index(refused[0])]
        assert b"the edge's limit of open files is reached" in await told.until(b"\n")
        told.send(GET)
        assert (await told.until()).startswith(b"HTTP/1.1 200 ")


async def test_an_idle_connection_costs_little_memory(stage):
    async with edge_process() as shop:
        await crowd(stage, shop.address, 50)
        before = shop.memory()
        assert len(await crowd(stage, shop.address, 500)) == 500
        assert (shop.memory() - before) / 500 < 20 * KILOBYTE


BODY = 64 * MEGABYTE


async def growth(shop: EdgeProcess, transfer: Callable[[], AsyncIterator[None]]) -> int:
    """How much memory the edge takes at most while something is transferred."""
    before, most = shop.memory(), 0
    async for _ in transfer():
        most = max(most, shop.memory() - before)
    return most


async def test_a_large_answer_passes_at_flat_memory(stage):
    async def script(wire):
        while await wire.until():
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY)
            for _ in range(BODY // MEGABYTE):
                wire.send(b"x" * MEGABYTE)
                await wire.drain()

    async with edge_process(await stage.upstream(script)) as shop:
        client = await stage.dial(shop.address)

        async def download():
            client.send(GET)
            await client.until()
            received = 0
            while received < BODY:
                received += len(await client.some())
                yield
            assert received == BODY

        assert await growth(shop, download) < 8 * MEGABYTE


async def test_a_large_upload_passes_at_flat_memory(stage):
    async def script(wire):
        await wire.until()
        received = 0
        while received < BODY:
            received += len(await wire.some())
        wire.send(OK)

    async with edge_process(await stage.upstream(script)) as shop:
        client = await stage.dial(shop.address)

        async def upload():
            client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % BODY)
            for _ in range(BODY // MEGABYTE):
                client.send(b"x" * MEGABYTE)
                await client.drain()
                yield
            assert await client.receive(len(OK)) == OK

        assert await growth(shop, upload) < 8 * MEGABYTE
