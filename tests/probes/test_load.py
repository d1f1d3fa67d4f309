"""What a load sends, when, and what it says a client felt."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from squall.core.faults.effects import Felt
from squall.core.playbook.model import Address, Load, Request
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.load import Loader

HALF = Duration(SECOND // 2)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def ignore(_felt: Felt) -> None:
    return


def constant(data: bytes):
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


async def felt(address: Address, rate: float, duration: Duration = HALF, **fields) -> Felt:
    loader = Loader(**{"grace": Duration(SECOND // 4), **fields})
    return await loader(Load(rate=rate), [address], duration, progress=ignore, seed=7)


async def test_every_request_due_is_sent_and_counted(serve) -> None:
    seen = 0

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        writer.write(OK)

    measured = await felt(await serve(answer), 200)
    assert (measured.requests, measured.errors, seen) == (100, 0, 100)
    assert measured.rate == 200
    assert 0 < measured.p50 <= measured.p99 <= measured.max


async def test_each_address_gets_the_whole_rate(serve) -> None:
    here, there = await serve(constant(OK)), await serve(constant(OK))
    measured = await Loader()(Load(rate=100), [here, there], HALF, progress=ignore, seed=0)
    assert measured.requests == 100


async def test_the_order_of_the_mix_depends_on_the_seed_alone(serve) -> None:
    heads: list[bytes] = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head.split(b" HTTP")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    mix = (Request(method="GET", path="/", weight=3), Request(method="POST", path="/o"))
    load = Load(rate=400, mix=mix)
    address = await serve(answer)
    loader = Loader(connections=1)  # one connection keeps the order
    orders = []
    for seed in (1, 1, 2):
        await loader(load, [address], HALF, progress=ignore, seed=seed)
        orders.append(tuple(heads))
        heads.clear()
    assert orders[0] == orders[1] != orders[2]
    share = Counter(orders[0])[b"GET /"] / len(orders[0])
    assert 0.65 < share < 0.85


async def test_waiting_for_a_stalled_target_counts_from_when_each_was_due(serve) -> None:
    """One request stalls the only connection: those due meanwhile felt it too."""
    stalled = False

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal stalled
        if not stalled:
            stalled = True
            await asyncio.sleep(0.3)  # noqa: TID251 - the target's own slowness
        writer.write(OK)

    measured = await felt(await serve(answer), 100, connections=1, grace=Duration(2 * SECOND))
    assert measured.requests == 50
    # Thirty were due during the stall; a closed loop would have seen one slow request in fifty.
    assert measured.p50 > 20 * MILLISECOND
    assert measured.max >= 300 * MILLISECOND


async def test_a_slow_target_meets_the_same_rate(serve) -> None:
    """Connections grow until the rate is kept up."""
    loop = asyncio.get_running_loop()

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        done = asyncio.Event()
        loop.call_later(0.1, done.set)
        await done.wait()
        writer.write(OK)

    measured = await felt(await serve(answer), 200, grace=Duration(2 * SECOND))
    assert (measured.requests, measured.errors) == (100, 0)
    assert measured.p50 >= 100 * MILLISECOND


async def test_a_connection_is_used_again(serve) -> None:
    clients = set()

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        clients.add(writer.get_extra_info("peername"))
        writer.write(OK)

    measured = await felt(await serve(answer), 100, connections=4)
    assert measured.requests == 50
    assert len(clients) <= 4


async def test_a_connection_the_target_closes_is_replaced(serve) -> None:
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        writer.close()

    measured = await felt(await serve(answer), 100)
    assert (measured.requests, measured.errors) == (50, 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
    ],
    ids=["no body", "404", "chunked", "early hints"],
)
async def test_a_whole_answer_below_500_is_no_error(serve, answer: bytes) -> None:
    measured = await felt(await serve(constant(answer)), 50)
    assert (measured.requests, measured.errors) == (25, 0)


async def test_a_body_may_end_with_the_connection(serve) -> None:
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        writer.close()

    measured = await felt(await serve(answer), 50)
    assert (measured.requests, measured.errors) == (25, 0)


async def test_the_answer_to_head_has_no_body(serve) -> None:
    address = await serve(constant(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
    load = Load(rate=50, mix=(Request(method="HEAD", path="/"),))
    measured = await Loader(grace=HALF)(load, [address], HALF, progress=ignore, seed=0)
    assert (measured.requests, measured.errors) == (25, 0)


async def cut(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def cut_in_the_body(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")
    writer.close()


@pytest.mark.parametrize(
    "answer",
    [
        cut,
        cut_in_the_body,
        constant(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"),
        constant(b"220 mail ready\r\n\r\n"),
    ],
    ids=["cut", "cut in the body", "503", "no HTTP"],
)
async def test_what_went_wrong_is_an_error(serve, answer) -> None:
    measured = await felt(await serve(answer), 50)
    assert (measured.requests, measured.errors) == (25, 25)


async def test_refused_connections_are_errors(refused: Address) -> None:
    measured = await felt(refused, 200)
    assert (measured.requests, measured.errors) == (100, 100)


async def test_silence_is_an_error_after_patience(serve) -> None:
    address = await serve(constant(b""))
    measured = await felt(address, 20, patience=Duration(200 * MILLISECOND), connections=2)
    assert (measured.requests, measured.errors) == (10, 10)


async def test_silence_at_the_end_is_an_error_after_grace(serve) -> None:
    address = await serve(constant(b""))
    async with asyncio.timeout(5):
        measured = await felt(address, 20)
    assert (measured.requests, measured.errors) == (10, 10)
    assert measured.max >= HALF - 50 * MILLISECOND


async def test_progress_tells_of_the_last_second(serve) -> None:
    told: list[Felt] = []
    address = await serve(constant(OK))
    await Loader()(Load(rate=100), [address], SECOND, progress=told.append, seed=0)
    assert 2 <= len(told) <= 4
    assert 25 < told[-1].requests <= 100
    assert told[-1].p50 > 0


async def test_cancelling_stops_at_once_and_closes_everything() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with suppress(ConnectionError):
            await reader.read()  # returns when the client is gone
        left.set()
        writer.close()

    minute, slow = Duration(60 * SECOND), Load(rate=1)
    async with asyncio.timeout(10), await asyncio.start_server(never_answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        address = Address(host="127.0.0.1", port=port)
        async with asyncio.TaskGroup() as tasks:
            load = Loader()(slow, [address], minute, progress=ignore, seed=0)
            task = tasks.create_task(load)
            await asked.wait()
            task.cancel()
        await left.wait()
    assert task.cancelled()


async def test_without_addresses_nothing_is_felt() -> None:
    assert (await Loader()(Load(rate=10), [], HALF, progress=ignore, seed=0)).requests == 0
