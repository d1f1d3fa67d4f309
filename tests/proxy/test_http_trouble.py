"""When the other side fails, trickles, floods or leaves: a clear end, and flat memory."""

import errno
import resource
import socket

import pytest

from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


GET = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def answering(wire):
    while await wire.until():
        wire.send(OK)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_an_upstream_that_is_down_is_named(stage):
    upstream = Address(host="127.0.0.1", port=free_port())
    client = await stage.dial(await stage.target(upstream))
    for _ in range(2):
        client.send(GET)
        head = await client.until()
        assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\nConnection: keep-alive\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        text = (await client.receive(length)).decode()
        assert "target shop" in text
        assert str(upstream) in text
        assert "Connection refused" in text
    assert stage.plane.felt("shop").errors == 2


async def test_an_upload_to_an_upstream_that_is_down_is_answered_and_the_next_too(stage):
    upstream = Address(host="127.0.0.1", port=free_port())
    client = await stage.dial(await stage.target(upstream))
    size = 1_000_000
    client.send(
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size + GET
    )
    client.end()
    assert (await client.rest()).count(b"HTTP/1.1 502 ") == 2


@pytest.mark.parametrize("partial", [b"", b"HTTP/1.1 200 O"])
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_an_upstream_that_gives_up_before_answering(stage, how, partial):
    async def script(wire):
        await wire.until()
        wire.send(partial)
        await wire.drain()
        if how == "reset":
            wire.reset()

    client = await stage.dial(await stage.before(script))
    client.send(GET)
    head = await client.until()
    assert head.startswith(b"HTTP/1.1 502 ")
    assert f"{how} the connection before it answered" in (await client.until(b"\n")).decode()


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
async def test_an_answer_cut_short_is_cut_short_for_the_client(stage, framing):
    start = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n5\r\nab"

    async def script(wire):
        await wire.until()
        wire.send(start)

    assert await stage.ask(await stage.before(script), GET) == start
    assert stage.plane.felt("shop").errors == 1


async def test_an_answer_that_is_reset_is_reset_for_the_client(stage):
    async def script(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        await wire.drain()
        await wire.some()
        wire.reset()

    client = await stage.dial(await stage.before(script))
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
    await client.until()
    client.send(b"body")
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_a_stale_connection_costs_a_repeatable_request_nothing(stage):
    async def once(wire):
        await wire.until()
        wire.send(OK)
        await wire.until()  # and leave, without a word

    client = await stage.dial(await stage.before(once))
    for _ in range(3):
        client.send(GET)
        assert await client.receive(len(OK)) == OK
    assert stage.accepted == 3


async def test_a_request_that_may_have_had_an_effect_is_not_sent_twice(stage):
    seen = []

    async def once(wire):
        await wire.until()
        wire.send(OK)
        seen.append(await wire.until())

    client = await stage.dial(await stage.before(once))
    client.send(GET)
    await client.receive(len(OK))
    client.send(POST)
    assert (await client.until()).startswith(b"HTTP/1.1 502 ")
    assert len(seen) == 1
    assert stage.accepted == 1


async def test_words_after_an_answer_do_not_become_the_next_answer(stage):
    async def script(wire):
        await wire.until()
        wire.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await wire.rest()

    client = await stage.dial(await stage.before(script))
    for _ in range(2):
        client.send(GET)
        assert await client.receive(len(OK)) == OK
    assert stage.accepted == 2


async def test_an_upstream_that_trickles_is_passed_on_as_it_comes(stage):
    async def script(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            await wire.receive(1)
            wire.send(b"1\r\nx\r\n")
        wire.send(b"0\r\n\r\n")

    client = await stage.dial(await stage.before(script))
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
    await client.until()
    for _ in range(3):
        client.send(b".")
        assert await client.receive(6) == b"1\r\nx\r\n"
    assert await client.receive(5) == b"0\r\n\r\n"


async def test_a_client_that_leaves_takes_its_request_with_it(stage):
    left = []

    async def script(wire):
        await wire.until()
        try:
            left.append(await wire.rest())
        except ConnectionResetError:
            left.append(b"")

    client = await stage.dial(await stage.before(script))
    client.send(GET)
    await stage.until(lambda: stage.accepted == 1)
    client.reset()
    await stage.until(lambda: bool(left))
    assert stage.plane.in_flight() == 0
    assert stage.plane.felt("shop").errors == 1


async def test_a_client_that_leaves_in_the_middle_of_its_body(stage):
    got = []

    async def script(wire):
        await wire.until()
        try:
            got.append(await wire.rest())
        except ConnectionResetError:
            got.append(b"")

    client = await stage.dial(await stage.before(script))
    client.send(POST[:-1])
    await stage.until(lambda: stage.accepted == 1)
    client.end()
    assert await client.rest() == b""
    await stage.until(lambda: bool(got))
    assert stage.plane.in_flight() == 0


MEGABYTE = 1_000_000
BODY = 64 * MEGABYTE


async def test_a_client_that_does_not_read_stops_its_upstream(stage):
    sent = 0

    async def script(wire):
        nonlocal sent
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY)
        for _ in range(BODY // MEGABYTE):
            wire.send(b"x" * MEGABYTE)
            await wire.drain()
            sent += MEGABYTE

    client = await stage.dial(await stage.before(script))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.send(GET)
    await client.until()
    await stage.still(lambda: sent)
    assert sent < BODY // 2
    received = 0
    while received < BODY:
        received += len(await client.some())
    assert received == BODY
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < BODY // 1024 // 2


async def test_an_upstream_that_does_not_read_stops_the_client(stage):
    gate = stage.gate()
    got = 0

    async def script(wire):
        nonlocal got
        await wire.until()
        await gate.wait()
        while got < BODY:
            got += len(await wire.some())
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    sent = 0

    async def upload():
        nonlocal sent
        client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % BODY)
        for _ in range(BODY // MEGABYTE):
            client.send(b"x" * MEGABYTE)
            await client.drain()
            sent += MEGABYTE

    uploading = stage.run(upload())
    await stage.until(lambda: sent > 0)
    await stage.still(lambda: sent)
    assert sent < BODY // 2
    gate.set()
    assert await client.receive(len(OK)) == OK
    await uploading
    assert got == BODY


async def test_an_upstream_that_dies_while_it_does_not_read(stage):
    gate = stage.gate()

    async def script(wire):
        await wire.until()
        await gate.wait()
        wire.reset()

    client = await stage.dial(await stage.before(script))
    size = 64 * MEGABYTE
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    client.send(b"x" * size)
    await stage.still(client.writer.transport.get_write_buffer_size)
    assert client.writer.transport.get_write_buffer_size() > 0
    gate.set()
    assert (await client.until()).startswith(b"HTTP/1.1 502 ")
    await stage.until(lambda: client.writer.transport.get_write_buffer_size() == 0)
    await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_all_requests_are_answered_when_the_client_ends_before_it_reads(stage):
    body = b"x" * 100_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def script(wire):
        while await wire.until():
            wire.send(answer)

    client = await stage.dial(await stage.before(script))
    client.writer.transport.pause_reading()
    client.send(GET * 300)
    client.end()
    await stage.still(lambda: stage.plane.felt("shop").requests, lasting=1.2)
    client.writer.transport.resume_reading()
    for _ in range(300):
        assert await client.receive(len(answer)) == answer
    assert await client.rest() == b""


async def test_pipelined_requests_wait_outside_while_one_is_answered(stage):
    gate = stage.gate()

    async def script(wire):
        await wire.until()
        await gate.wait()
        wire.send(OK)
        await answering(wire)

    client = await stage.dial(await stage.before(script))
    many = GET * 200_000
    sent = 0

    async def pour():
        nonlocal sent
        for start in range(0, len(many), MEGABYTE):
            client.send(many[start : start + MEGABYTE])
            await client.drain()
            sent += MEGABYTE

    pouring = stage.run(pour())
    await stage.still(lambda: sent)
    assert sent < len(many) - MEGABYTE
    client.reset()
    gate.set()
    with pytest.raises((OSError, RuntimeError)):  # as the loop says that it is closed
        await pouring


async def test_a_target_cannot_be_its_own_upstream(stage):
    here = Address(host="127.0.0.1", port=free_port())
    with pytest.raises(OSError, match="listens") as refused:
        await stage.plane.listen(Target(name="shop", listen=here, upstream=here))
    assert refused.value.errno == errno.ELOOP


async def test_two_targets_before_each_other_do_not_forward_for_ever(stage):
    first, second = free_port(), free_port()
    for name, listen, upstream in (("a", first, second), ("b", second, first)):
        await stage.plane.listen(
            Target(
                name=name,
                listen=Address(host="127.0.0.1", port=listen),
                upstream=Address(host="localhost", port=upstream),
            )
        )
    client = await stage.dial(Address(host="127.0.0.1", port=first))
    client.send(GET)
    assert (await client.until()).startswith(b"HTTP/1.1 502 ")
    assert b"leads back" in await client.until(b"\n")


async def test_one_target_may_stand_before_another(stage):
    behind = await stage.target(await stage.upstream(answering), name="behind")
    client = await stage.dial(await stage.target(behind))
    client.send(GET)
    assert await client.receive(len(OK)) == OK


async def test_running_out_of_descriptors_turns_clients_away_and_passes(stage):
    address = await stage.before(answering)
    client = await stage.dial(address)
    client.send(GET)
    await client.receive(len(OK))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = socket.socket()
    probe.setblocking(False)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 1, hard))
    try:
        with stage.quiet_loop():
            probe.connect_ex((address.host, address.port))
            client.send(GET)
            assert await client.receive(len(OK)) == OK
            busy = stage.cpu()
            await stage.pause(0.3)
            assert stage.cpu() - busy < 0.2
    finally:
        probe.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await stage.pause(1.1)
    again = await stage.dial(address)
    again.send(GET)
    assert await again.receive(len(OK)) == OK


async def test_a_port_in_use_is_an_os_error(stage):
    address = await stage.before(answering)
    with pytest.raises(OSError) as refused:
        await stage.plane.listen(Target(name="other", listen=address, upstream=None))
    assert refused.value.errno == errno.EADDRINUSE


async def test_closing_lets_a_request_finish_and_takes_no_more(stage):
    gate = stage.gate()

    async def script(wire):
        await wire.until()
        await gate.wait()
        wire.send(OK)

    address = await stage.before(script)
    client, idle = await stage.dial(address), await stage.dial(address)
    client.send(GET)
    await stage.until(lambda: stage.accepted == 1)
    closing = stage.run(stage.plane.close(Duration(5 * SECOND)))
    assert await idle.rest() == b""
    with pytest.raises(OSError):
        await (await stage.dial(address)).rest()
    gate.set()
    assert await client.rest() == OK
    await closing


async def test_closing_does_not_wait_longer_than_it_was_told(stage):
    async def silent(wire):
        await wire.rest()

    client = await stage.dial(await stage.before(silent))
    client.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    began = stage.now()
    await stage.plane.close(Duration(SECOND // 10))
    assert 0.1 <= stage.now() - began < 3
    assert await client.rest() == b""
