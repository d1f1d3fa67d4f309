"""A target that carries bytes alone: what goes in comes out, and one side ends as the other did."""

import asyncio
import hashlib
import random
import socket
from pathlib import Path

import pytest

from squall.core.playbook.model import Address
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.proxy import splice

BULK = 8 * 1024 * 1024
"""Bytes: more than all the buffers on the way hold, and enough to be passed on by the kernel."""


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


async def echo(wire):
    while data := await wire.some():
        wire.send(data)
        await wire.drain()
    wire.end()


def some_bytes(seed, count):
    return random.Random(seed).randbytes(count)


async def send_in_pieces(wire, data, dice):
    place = 0
    while place < len(data):
        size = dice.choice([1, 7, 100, 1_000, 70_000, 300_000])
        wire.send(data[place : place + size])
        place += size
        await wire.drain()
        if not dice.randrange(4):
            await asyncio.sleep(0)  # noqa: TID251 - lets the pieces be seen as pieces


@pytest.mark.parametrize("seed", range(12))
async def test_any_bytes_in_any_pieces_arrive_as_they_are_whoever_ends_first(stage, seed):
    dice = random.Random(seed)
    up, down = (
        some_bytes((seed, way).__hash__(), dice.choice([0, 1, 5_000, 400_000, 4_000_000]))
        for way in range(2)
    )
    heard = []

    async def talk(wire):
        telling = stage.run(tell(wire, down, random.Random(seed + 1)))
        heard.append(await wire.rest())
        await telling

    async def tell(wire, data, dice):
        await send_in_pieces(wire, data, dice)
        wire.end()

    wire = await stage.dial(await stage.before(talk, "tcp"))
    telling = stage.run(tell(wire, up, random.Random(seed + 2)))
    back = await wire.rest()
    await telling
    await stage.until(lambda: bool(heard))
    assert len(back) == len(down)
    assert back == down
    assert heard[0] == up
    await stage.until(lambda: not stage.plane._routes["shop"].clients)


async def test_the_echo_service_says_everything_back(stage):
    wire = await stage.dial(await stage.target(None, protocol="tcp"))
    data = some_bytes(1, 3_000_000)
    telling = stage.run(send_in_pieces(wire, data, random.Random(1)))
    assert await wire.receive(len(data)) == data
    await telling


async def test_what_the_client_has_ended_is_still_answered(stage):
    async def count(wire):
        wire.send(b"%d" % len(await wire.rest()))

    wire = await stage.dial(await stage.before(count, "tcp"))
    wire.send(b"x" * 1_000)
    wire.end()
    assert await wire.rest() == b"1000"


async def test_what_upstream_has_ended_still_listens(stage):
    heard = []

    async def greet(wire):
        wire.send(b"hello")
        wire.end()
        heard.append(await wire.rest())

    wire = await stage.dial(await stage.before(greet, "tcp"))
    assert await wire.rest() == b"hello"
    wire.send(b"still here")
    wire.end()
    await stage.until(lambda: heard == [b"still here"])


async def test_a_reset_by_the_client_is_a_reset_upstream(stage):
    broken = stage.gate()

    async def talk(wire):
        wire.send(await wire.receive(2))
        try:
            await wire.rest()
        except ConnectionResetError:
            broken.set()

    wire = await stage.dial(await stage.before(talk, "tcp"))
    wire.send(b"hi")
    await wire.receive(2)
    wire.reset()
    await asyncio.wait_for(broken.wait(), 10)


@pytest.mark.parametrize("said", [b"", b"x" * 10, b"x" * BULK], ids=["nothing", "some", "bulk"])
async def test_a_reset_by_upstream_is_a_reset_for_the_client(stage, said):
    go = stage.gate()

    async def talk(wire):
        await wire.receive(2)
        wire.send(said)
        await wire.drain()
        await go.wait()
        wire.reset()

    wire = await stage.dial(await stage.before(talk, "tcp"))
    wire.send(b"hi")
    assert await wire.receive(len(said) // 2) == said[: len(said) // 2]
    go.set()
    with pytest.raises(ConnectionResetError):
        await wire.rest()
    await stage.until(lambda: stage.plane.felt("shop").errors == 1)


async def test_a_reset_by_the_client_in_the_middle_of_much_is_passed_on(stage):
    broken = stage.gate()

    async def talk(wire):
        try:
            while True:
                wire.send(b"x" * 65_536)
                await wire.drain()
        except (ConnectionResetError, BrokenPipeError):
            broken.set()

    wire = await stage.dial(await stage.before(talk, "tcp"))
    await wire.receive(BULK)
    wire.reset()
    await asyncio.wait_for(broken.wait(), 10)


async def test_an_upstream_that_is_not_there_is_a_reset(stage):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Address(host="127.0.0.1", port=free.getsockname()[1])
        wire = await stage.dial(await stage.target(nobody, protocol="tcp"))
        wire.send(b"hello?")
        with pytest.raises(ConnectionResetError):
            await wire.rest()
    felt = stage.plane.felt("shop")
    assert (felt.requests, felt.errors) == (1, 1)
    assert stage.plane.in_flight() == 0


async def test_targets_that_forward_in_a_circle_break_connections_and_make_no_more(stage):
    first = await stage.target(None, "first", protocol="tcp")
    second = await stage.target(first, "second", protocol="tcp")
    routes = stage.plane._routes
    routes["first"].pool.address = second
    wire = await stage.dial(first)
    with pytest.raises(ConnectionResetError):
        await wire.rest()
    await stage.until(lambda: not (routes["first"].clients or routes["second"].clients))
    numbers = [next(route.numbers) for route in routes.values()]
    assert sum(numbers) < 20


@pytest.mark.parametrize("loud", ["upstream", "client"])
async def test_who_reads_nothing_is_sent_no_more_than_buffers_hold(stage, loud):
    sent = [0]

    async def shout(wire):
        wire.writer.transport.set_write_buffer_limits(0)
        while True:
            wire.send(b"x" * 65_536)
            await wire.drain()
            sent[0] += 65_536

    async def listen(wire):
        if loud == "upstream":
            await shout(wire)
        wire.reader._transport.pause_reading()
        await stage.gate().wait()

    wire = await stage.dial(await stage.before(listen, "tcp"))
    if loud == "client":
        stage.run(shout(wire))
    else:
        wire.reader._transport.pause_reading()
    await stage.until(lambda: sent[0] > 100_000)
    await stage.still(lambda: sent[0])
    # Sockets of the kernel grow to megabytes, and there are two pairs of them and a pipe.
    assert sent[0] < 40_000_000


async def test_slow_readers_get_everything(stage):
    data = some_bytes(3, BULK)

    async def talk(wire):
        wire.send(data)
        wire.end()
        await wire.rest()

    wire = await stage.dial(await stage.before(talk, "tcp"))
    found = hashlib.sha256()
    count = 0
    while count < len(data):
        part = await wire.some()
        await stage.turn()
        found.update(part)
        count += len(part)
    assert found.digest() == hashlib.sha256(data).digest()


async def test_bulk_goes_through_the_kernel_and_talk_does_not(stage):
    wire = await stage.dial(await stage.target(None, protocol="tcp"))
    (relay,) = await connected(stage, 1)
    wire.send(b"hi")
    await wire.receive(2)
    assert relay._down._splice is None
    data = some_bytes(4, BULK)
    telling = stage.run(send_all(wire, data))
    assert await wire.receive(len(data)) == data
    await telling
    assert splice.Splice.possible is False or relay._down._splice or relay._up._splice
    for _ in range(100):
        wire.send(b"hi")
        assert await wire.receive(2) == b"hi"
    assert relay._down._splice is relay._up._splice is None


async def send_all(wire, data):
    wire.send(data)
    await wire.drain()


async def connected(stage, count):
    clients = stage.plane._routes["shop"].clients
    await stage.until(lambda: len(clients) == count)
    return list(clients)


async def test_without_a_descriptor_left_bulk_is_carried_all_the_same(stage, monkeypatch):
    def none_left(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(splice.os, "pipe2", none_left)
    wire = await stage.dial(await stage.target(None, protocol="tcp"))
    data = some_bytes(5, BULK)
    telling = stage.run(send_all(wire, data))
    assert await wire.receive(len(data)) == data
    await telling


async def test_a_kernel_that_does_not_splice_sockets_is_asked_once(stage, monkeypatch):
    asked = []

    def refuse(*_, **__):
        asked.append(1)
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(splice.Splice, "possible", True)
    monkeypatch.setattr(splice.os, "splice", refuse)
    wire = await stage.dial(await stage.target(None, protocol="tcp"))
    data = some_bytes(6, BULK)
    telling = stage.run(send_all(wire, data))
    assert await wire.receive(len(data)) == data
    await telling
    assert len(asked) <= 2


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_what_was_opened_for_a_connection_is_closed_with_it(stage, how):
    def descriptors():
        return len(list(Path("/proc/self/fd").iterdir()))

    address = await stage.target(None, protocol="tcp")
    data = some_bytes(7, BULK)
    before = descriptors()
    wires = [await stage.dial(address) for _ in range(8)]
    for wire in wires:
        telling = stage.run(send_all(wire, data))
        assert await wire.receive(len(data)) == data
        await telling
    assert descriptors() > before + 3 * len(wires)
    for wire in wires:
        getattr(wire, how)()
        await wire.close()
    await stage.until(lambda: descriptors() == before)


# -- what is felt, and when it is over


async def test_a_turn_is_what_a_client_says_and_the_first_bytes_back(stage):
    async def slowly(wire):
        while await wire.some():
            await stage.pause(0.03)
            wire.send(b"answer")

    wire = await stage.dial(await stage.before(slowly, "tcp"))
    for _ in range(5):
        wire.send(b"question")
        await wire.receive(6)
    felt = stage.plane.felt("shop")
    assert (felt.requests, felt.errors) == (5, 0)
    assert 30 * MILLISECOND <= felt.p50 <= felt.max < SECOND


async def test_a_greeting_is_a_turn_and_silence_before_the_first_word_is_none(stage):
    async def greet(wire):
        wire.send(b"220 ready")
        await echo(wire)

    wire = await stage.dial(await stage.before(greet, "tcp"))
    await wire.receive(9)
    await stage.pause(0.1)
    wire.send(b"hi")
    await wire.receive(2)
    felt = stage.plane.felt("shop")
    assert felt.requests == 2
    assert felt.max < 100 * MILLISECOND


async def test_who_waits_for_an_answer_is_in_flight_and_who_does_not_is_not(stage):
    answer = stage.gate()

    async def hesitate(wire):
        await wire.receive(2)
        await answer.wait()
        wire.send(b"ok")
        await wire.rest()

    wire = await stage.dial(await stage.before(hesitate, "tcp"))
    await connected(stage, 1)
    await stage.until(lambda: stage.accepted == 1 and stage.plane.in_flight() == 0)
    wire.send(b"hi")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    assert stage.plane.idle_for() == 0
    answer.set()
    await wire.receive(2)
    assert stage.plane.in_flight() == 0
    await stage.pause(0.05)
    assert stage.plane.idle_for() >= 0.04 * SECOND


async def test_leaving_without_a_word_is_no_failure(stage):
    address = await stage.target(None, protocol="tcp")
    wire = await stage.dial(address)
    await connected(stage, 1)
    await wire.close()
    await connected(stage, 0)
    assert stage.plane.felt("shop").requests == 0
    assert stage.plane.in_flight() == 0


async def test_an_open_connection_without_traffic_does_not_keep_the_plane_from_ending(stage):
    wire = await stage.dial(await stage.target(None, protocol="tcp"))
    wire.send(b"hi")
    await wire.receive(2)
    began = stage.now()
    await stage.plane.close(Duration(10 * SECOND))
    assert stage.now() - began < 2
    assert await wire.rest() == b""


@pytest.mark.parametrize("begun", [False, True])
async def test_an_answer_under_way_is_finished_before_the_plane_ends(stage, begun):
    go = stage.gate()

    async def answer(wire):
        await wire.receive(2)
        await go.wait()
        for _ in range(10):
            wire.send(b"x" * 1_000)
            await stage.pause(0.02)
        await wire.rest()

    wire = await stage.dial(await stage.before(answer, "tcp"))
    wire.send(b"hi")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    heard = b""
    if begun:
        go.set()
        heard = await wire.receive(1)
    closing = stage.run(stage.plane.close(Duration(10 * SECOND)))
    await stage.turn()
    go.set()
    heard += await wire.rest()
    assert len(heard) == 10_000
    await closing


async def test_an_answer_that_never_comes_is_waited_for_only_so_long(stage):
    async def silent(wire):
        await wire.rest()

    wire = await stage.dial(await stage.before(silent, "tcp"))
    wire.send(b"hi")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    began = stage.now()
    await stage.plane.close(Duration(SECOND // 5))
    assert 0.2 <= stage.now() - began < 2
    assert await wire.rest() == b""
