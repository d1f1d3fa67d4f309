"""Clients that dawdle, flood or vanish: they are borne or ended, and the others feel little."""

import asyncio
import socket
import threading
import time

import pytest

from squall.core.faults.kinds import Fixed, Latency
from squall.core.playbook.model import Address
from squall.core.timing import MILLISECOND, Duration
from squall.proxy import client as client_module
from squall.proxy import keepalive


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"


async def answering(wire):
    while await wire.until():
        wire.send(OK)


# -- slow ones -----------------------------------------------------------------------------------


async def test_heads_that_trickle_are_given_up_and_others_served_meanwhile(stage, monkeypatch):
    monkeypatch.setattr(client_module, "HEAD_TIMEOUT", 300 * MILLISECOND)
    address = await stage.before(answering)
    slow = [await stage.dial(address) for _ in range(100)]
    other = await stage.dial(address)
    began = stage.now()
    while stage.now() - began < 0.25:
        for client in slow:
            client.send(b"G" if stage.now() == began else b"E")
        other.send(GET)
        assert await other.receive(len(OK)) == OK
    for client in slow:
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")
    other.send(GET)
    assert await other.receive(len(OK)) == OK


async def test_a_body_may_trickle_for_longer_than_a_head(stage, monkeypatch):
    monkeypatch.setattr(client_module, "HEAD_TIMEOUT", 50 * MILLISECOND)

    async def script(wire):
        await wire.until()
        assert await wire.receive(5) == b"....."
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n")
    for _ in range(5):
        await stage.pause(0.03)
        client.send(b".")
    assert await client.receive(len(OK)) == OK


# -- floods --------------------------------------------------------------------------------------

FLOODS = {
    "chunks of a byte": CHUNKED + b"1\r\nx\r\n" * 500_000,
    "chunks of a byte with extensions": CHUNKED + b"1;a=b\r\nx\r\n" * 300_000,
    "chunks of 16 bytes": CHUNKED + (b"10\r\n" + b"x" * 16 + b"\r\n") * 130_000,
    "empty lines": b"\r\n" * 1_500_000,
    "requests": GET * 2_000,
    "a body": b"PUT / HTTP/1.1\r\nHost: shop\r\nContent-Length: 64000000\r\n\r\n"
    + b"x" * 64_000_000,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_does_not_keep_the_edge_to_itself(stage, flood):
    """What the loop does without a pause, in CPU time, which a busy machine does not lengthen."""
    upstream = Swallowing()
    address = await stage.target(upstream.address)
    flooding = threading.Thread(target=pour, args=(address, flood), daemon=True)
    flooding.start()
    longest, last = 0.0, time.thread_time()
    while flooding.is_alive():
        await asyncio.sleep(0)  # noqa: TID251 - one turn of the loop
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    upstream.close()
    assert longest < 0.2


class Swallowing:
    """An upstream in threads of its own that reads all it is sent and says 200 to each read."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        host, port = self._listening.getsockname()
        self.address = Address(host=host, port=port)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._swallow, args=(connection,), daemon=True).start()

    def _swallow(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(2**18):
                    if data.startswith(b"GET"):
                        connection.sendall(OK)
            except OSError:
                pass


def pour(address, flood):
    """Send it all from a thread, and read whatever comes until the edge has taken it."""
    with socket.create_connection((address.host, address.port)) as client:
        reading = threading.Thread(target=drain, args=(client,), daemon=True)
        reading.start()
        for start in range(0, len(flood), 2**18):
            client.sendall(flood[start : start + 2**18])
        client.shutdown(socket.SHUT_WR)
        reading.join()


def drain(client):
    try:
        while client.recv(2**18):
            pass
    except OSError:
        pass


# -- clients that vanish -------------------------------------------------------------------------


async def silent(wire):
    await wire.until()
    await wire.rest()


async def test_upstream_hears_that_a_client_sends_no_more(stage):
    heard = []

    async def script(wire):
        await wire.until()
        heard.append(await wire.rest())
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(GET)
    await stage.until(lambda: stage.accepted == 1)
    client.end()
    assert await client.rest() == OK
    assert heard == [b""]


async def test_a_client_that_goes_while_upstream_is_silent_is_not_waited_for(stage):
    """It closes as a client does that has waited long enough: by FIN, with nothing unread."""
    client = await stage.dial(await stage.before(silent))
    client.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    await client.close()
    await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_a_half_closed_client_that_goes_is_found_gone(stage, monkeypatch):
    monkeypatch.setattr(client_module, "LOOK_AGAIN", 50 * MILLISECOND)
    gate = stage.gate()

    async def never(wire):
        await gate.wait()

    client = await stage.dial(await stage.before(never))
    client.send(GET)
    client.end()
    await stage.until(lambda: stage.plane.in_flight() == 1)
    await stage.pause(0.2)
    assert stage.plane.in_flight() == 1, "it is still there"
    client.reset()
    await stage.until(lambda: stage.plane.in_flight() == 0)
    gate.set()


async def test_a_client_that_vanishes_without_a_word_is_found_gone(stage, monkeypatch):
    monkeypatch.setattr(keepalive, "AFTER", 1)
    monkeypatch.setattr(keepalive, "EVERY", 1)
    client = await stage.dial(await stage.before(silent))
    client.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    vanish(client)
    await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_an_upstream_that_vanishes_without_a_word_is_found_gone(stage, monkeypatch):
    monkeypatch.setattr(keepalive, "AFTER", 1)
    monkeypatch.setattr(keepalive, "EVERY", 1)

    async def script(wire):
        await wire.until()
        vanish(wire)

    client = await stage.dial(await stage.before(script))
    client.send(GET)
    assert (await client.until()).startswith(b"HTTP/1.1 502 ")


def vanish(wire):
    """Take a socket out of the kernel as a power cut does: nothing is sent."""
    repair = 19  # TCP_REPAIR, <linux/tcp.h>
    found = wire.writer.get_extra_info("socket")
    try:
        found.setsockopt(socket.IPPROTO_TCP, repair, 1)
    except OSError as refused:
        pytest.skip(f"only Linux with CAP_NET_ADMIN lets a connection vanish: {refused}")
    wire.writer.transport.abort()


async def test_a_body_that_has_come_is_taken_though_its_client_has_ended(stage):
    size = 300_000
    got = []

    async def script(wire):
        await wire.until()
        got.append(len(await wire.receive(size)))
        wire.send(OK)

    address = await stage.before(script)
    stage.put_on(stage.lease(Latency(delay=Fixed(value=Duration(200 * MILLISECOND)))))
    client = await stage.dial(address)
    client.send(b"PUT / HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    client.end()
    assert await client.rest() == OK
    assert got == [size]


async def test_half_a_request_after_a_whole_one_is_not_waited_for(stage):
    gate = stage.gate()

    async def script(wire):
        await wire.until()
        await gate.wait()
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(GET + GET[:10])
    client.end()
    await stage.until(lambda: stage.accepted == 1)
    began = stage.now()
    gate.set()
    assert await client.rest() == OK
    assert stage.now() - began < 5, "less than a head may take"


async def test_the_rest_of_a_body_that_never_comes_is_not_waited_for(stage):
    gate = stage.gate()

    async def script(wire):
        await wire.until()
        await gate.wait()

    client = await stage.dial(await stage.before(script))
    client.send(CHUNKED + b"5\r\nab")
    client.end()
    assert await client.rest() == b""
    await stage.until(lambda: stage.plane.in_flight() == 0)
    gate.set()
