"""What a load sends, when, and what it says a client felt."""

import asyncio
import resource
import sys
from collections import Counter
from contextlib import suppress

import pytest

from squall.core.faults.effects import Failures, Felt
from squall.core.playbook.model import Address, Load, Poisson, Ramp, Request
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.load import OTHER_FILES, Loader

HALF = Duration(SECOND // 2)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def ignore(_felt: Felt) -> None:
    return


def constant(data: bytes):
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return answer


async def felt(address: Address, rate: float, duration: Duration = HALF, **fields) -> Felt:
    load = Load(**{"rate": rate, "timeout": Duration(5 * SECOND), **fields})
    return await Loader()(load, [address], duration, progress=ignore, seed=7)


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
    load = Load(rate=400, mix=mix, connections=1)  # one connection keeps the order
    address = await serve(answer)
    loader = Loader()
    orders = []
    for seed in (1, 1, 2):
        await loader(load, [address], HALF, progress=ignore, seed=seed)
        orders.append(tuple(heads))
        heads.clear()
    assert orders[0] == orders[1] != orders[2]
    assert Counter(orders[0]) == {b"GET /": 150, b"POST /o": 50}


async def test_waiting_for_a_stalled_target_counts_from_when_each_was_due(serve) -> None:
    """One request stalls the only connection: those due meanwhile felt it too."""
    stalled = False

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal stalled
        if not stalled:
            stalled = True
            await asyncio.sleep(0.3)  # noqa: TID251 - the target's own slowness
        writer.write(OK)

    measured = await felt(await serve(answer), 100, connections=1)
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

    measured = await felt(await serve(answer), 200)
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
    measured = await felt(address, 50, mix=(Request(method="HEAD", path="/"),))
    assert (measured.requests, measured.errors) == (25, 0)


async def cut(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def cut_in_the_body(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")
    writer.close()


async def torn(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (cut, "reset"),
        (cut_in_the_body, "reset"),
        (torn, "reset"),
        (constant(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"), "status"),
        (constant(b"220 mail ready\r\n\r\n"), "malformed"),
    ],
    ids=["cut", "cut in the body", "torn", "503", "no HTTP"],
)
async def test_what_went_wrong_is_an_error_of_its_kind(serve, answer, kind: str) -> None:
    measured = await felt(await serve(answer), 50)
    assert (measured.requests, measured.errors) == (25, 25)
    assert measured.failures == Failures(**{kind: 25})


async def test_refused_connections_are_errors(refused: Address) -> None:
    measured = await felt(refused, 200)
    assert (measured.requests, measured.errors) == (100, 100)
    assert measured.failures == Failures(refused=100)


async def test_a_target_that_comes_back_is_found_again(refused: Address) -> None:
    """Each refusal is felt by one request, so the first accepted connection ends the errors."""
    handlers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(OK)

    opened = asyncio.Event()
    server: list[asyncio.Server] = []

    async def come_back() -> None:
        await opened.wait()
        server.append(await asyncio.start_server(answer, refused.host, refused.port))

    def after_a_while(_felt: Felt) -> None:
        opened.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(come_back())
        load = Load(rate=100)
        measured = await Loader()(load, [refused], SECOND, progress=after_a_while, seed=0)
    server[0].close()
    for writer in handlers:
        writer.close()
    await server[0].wait_closed()
    assert measured.requests == 100
    assert 15 <= measured.failures.refused == measured.errors <= 50


async def test_silence_is_an_error_after_the_time_out(serve) -> None:
    address = await serve(constant(b""))
    measured = await felt(address, 20, timeout=Duration(200 * MILLISECOND))
    assert (measured.requests, measured.errors) == (10, 10)
    assert measured.failures == Failures(timeout=10)
    assert 195 * MILLISECOND <= measured.p50 <= measured.max < 300 * MILLISECOND


async def test_the_last_requests_have_all_of_their_time_out(serve) -> None:
    """Answers that come after the end of the load, and in time, are no errors."""
    loop = asyncio.get_running_loop()

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        loop.call_later(0.6, writer.write, OK)

    began = loop.time()
    measured = await felt(await serve(answer), 20)
    assert (measured.requests, measured.errors) == (10, 0)
    assert measured.p50 >= 590 * MILLISECOND
    assert loop.time() - began < 2


async def test_a_load_lasts_as_long_as_it_was_asked_to(serve) -> None:
    began = asyncio.get_running_loop().time()
    measured = await felt(await serve(constant(OK)), 1)
    assert measured.requests == 1
    assert asyncio.get_running_loop().time() - began >= 0.5


async def test_what_finds_no_free_connection_in_time_is_unsent(serve) -> None:
    sent = 0

    async def silence(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        sent += 1

    burst, timeout = Duration(20 * MILLISECOND), Duration(200 * MILLISECOND)
    address = await serve(silence)
    measured = await felt(address, 10_000, burst, connections=2, timeout=timeout)
    assert measured.requests == measured.errors == 200
    assert measured.failures == Failures(timeout=sent, unsent=200 - sent)
    assert 2 <= sent < 150
    assert measured.p50 >= 195 * MILLISECOND


async def test_more_connections_than_allowed_are_never_open(serve) -> None:
    open_now = most = 0

    async def slow(_head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.05)  # noqa: TID251 - the target's own slowness
        open_now -= 1
        writer.write(OK)

    measured = await felt(await serve(slow), 200, connections=5)
    assert (measured.requests, measured.errors, most) == (100, 0, 5)


async def test_the_limit_on_open_files_is_raised_to_what_a_load_may_open(serve) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        await felt(await serve(constant(OK)), 10, connections=1000)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (1000 + OTHER_FILES, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


FEW_FILES = """
import asyncio, resource, sys
from squall.core.playbook.model import Address, Load
from squall.core.timing import SECOND, Duration
from squall.probes.load import OTHER_FILES, Loader

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
address = Address(host="127.0.0.1", port=int(sys.argv[1]))
second = Duration(SECOND)
load = Loader()(Load(rate=300), [address], second, progress=lambda _: None, seed=0)
felt = asyncio.run(load)
print(felt.requests, felt.errors)
"""


async def test_without_files_to_open_a_load_makes_do_with_what_it_has(serve) -> None:
    """Too few descriptors are a limit of ours, not the target's: requests wait, none is refused."""
    loop = asyncio.get_running_loop()
    clients = set()

    async def slow(_head: bytes, writer: asyncio.StreamWriter) -> None:
        clients.add(writer.get_extra_info("peername"))
        loop.call_later(0.3, writer.write, OK)

    address = await serve(slow)
    command = (sys.executable, "-c", FEW_FILES, str(address.port))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said.split() == [b"300", b"0"]
    assert 30 < len(clients) < 64


async def test_more_than_can_be_sent_is_told_and_ends(serve) -> None:
    """Far beyond what this process can do: every request is accounted for, and it stops in time."""
    address = await serve(constant(b""))
    timeout = Duration(100 * MILLISECOND)
    async with asyncio.timeout(20):
        measured = await felt(address, 100_000, connections=4, timeout=timeout)
    assert measured.requests == measured.errors == 50_000
    assert measured.failures.unsent > measured.failures.timeout
    assert measured.failures.unsent + measured.failures.timeout == 50_000
    assert measured.p50 >= 95 * MILLISECOND


async def test_a_stall_of_the_target_is_felt_by_everybody_it_delays(serve) -> None:
    """Free of coordinated omission: the percentiles are those of users who come at their own time.

    For one second of three nothing is answered. A third of the users come during it, and wait
    for what is left of it; whoever asks one request after the other would see a single slow one.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        left = 2 - (loop.time() - began)
        if 0 < left <= 1:
            await asyncio.sleep(left)  # noqa: TID251 - the target's own slowness
        writer.write(OK)

    for connections in (512, 1):
        began = loop.time()
        measured = await felt(await serve(answer), 100, 3 * SECOND, connections=connections)
        waited = sorted(max(0, 2 - n / 100) if n >= 100 else 0 for n in range(300))
        assert (measured.requests, measured.errors) == (300, 0)
        assert measured.p50 < 50 * MILLISECOND
        assert measured.p95 >= 0.97 * waited[int(0.95 * 299)] * SECOND
        assert measured.p99 >= 0.97 * waited[int(0.99 * 299)] * SECOND
        assert measured.max >= 0.97 * SECOND


async def test_poisson_sends_the_same_for_the_same_seed(serve) -> None:
    loop = asyncio.get_running_loop()
    came: list[float] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        came.append(loop.time())
        writer.write(OK)

    address = await serve(answer)
    load = Load(rate=100, shape=Poisson())
    counts = []
    for seed in (1, 1, 2, 3):
        measured = await Loader()(load, [address], HALF, progress=ignore, seed=seed)
        assert measured.requests == len(came)
        counts.append(len(came))
        came.clear()
    assert counts[0] == counts[1]
    assert len(set(counts)) > 1


async def test_a_ramp_sends_ever_faster(serve) -> None:
    loop = asyncio.get_running_loop()
    came: list[float] = []

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        came.append(loop.time())
        writer.write(OK)

    began = loop.time()
    measured = await felt(await serve(answer), 200, SECOND, shape=Ramp(start=0))
    assert measured.requests == 100
    early = sum(at - began < 0.5 for at in came)
    assert 15 <= early <= 35  # a quarter, of which the machine may be late


async def test_headers_and_bodies_are_sent_as_written() -> None:
    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        got.append(head + await reader.readexactly(length))
        writer.write(OK)
        await reader.read()
        writer.close()

    body = '{"who":"zoë"}'
    headers = (("content-type", "application/json"), ("host", "shop.example"), ("x-who", "zoë"))
    request = Request(method="PATCH", path="/o?a=1", headers=headers, body=body)
    async with await asyncio.start_server(take, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        address = Address(host="127.0.0.1", port=port)
        measured = await felt(address, 2, mix=(request,))
    assert (measured.requests, measured.errors) == (1, 0)
    [sent] = got
    lines = sent.decode().split("\r\n")
    assert lines[0] == "PATCH /o?a=1 HTTP/1.1"
    assert {"Host: shop.example", "X-Who: zoë", "Content-Type: application/json"} <= set(lines)
    assert f"Content-Length: {len(body.encode())}" in lines
    assert lines[-1] == body


async def test_connection_close_opens_one_for_every_request(serve) -> None:
    clients = set()

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        clients.add(writer.get_extra_info("peername"))
        writer.write(OK)

    request = Request(method="GET", path="/", headers=(("connection", "close"),))
    measured = await felt(await serve(answer), 50, mix=(request,))
    assert (measured.requests, measured.errors) == (25, 0)
    assert len(clients) == 25


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
