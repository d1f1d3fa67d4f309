"""An exchange without faults passes byte for byte, however the bytes are cut."""

import asyncio
import gzip

import pytest


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


GET = b"GET /a?b=c HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKS = b"4;name=value\r\nwiki\r\n5\r\npedia\r\n0\r\nExpires: now\r\nX-Sum: 1\r\n\r\n"

REQUESTS = {
    "plain": GET,
    "odd but valid": b"PURGE /%20~!$&'()*+,;=:@ HTTP/1.1\r\n"
    b"hOsT:shop\r\nX-Empty:\r\nX-Sp:  a  b \t\r\n\r\n",
    "raw utf-8": "GET /grün?q=ß HTTP/1.1\r\nHost: shop\r\nX-Name: Jürgen\r\n\r\n".encode(),
    "hop by hop": b"GET / HTTP/1.1\r\nHost: shop\r\n"
    b"Connection: keep-alive, X-A\r\nX-A: 1\r\nTE: trailers\r\n\r\n",
    "absolute": b"GET http://other/path HTTP/1.1\r\nHost: shop\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n",
    "length": b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\n\x00\r\n\xffx",
    "no body": b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"PUT / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "two codings": b"PUT / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    + CHUNKS,
    "old": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "repeated": b"GET / HTTP/1.1\r\nHost: shop\r\nCookie: a\r\nCookie: a\r\n\r\n",
}

ANSWERS = {
    "length": OK,
    "no phrase": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    "not even a space": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "hints first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
    + OK,
    "204": b"HTTP/1.1 204 No Content\r\nX-Y: z\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 90\r\n\r\n",
    "unknown status": b"HTTP/1.1 799 Odd\r\nContent-Length: 1\r\n\r\nx",
    "binary": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\r\n\r\n\x00\xff",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    % len(gzip.compress(b"x"))
    + gzip.compress(b"x"),
}


@pytest.mark.parametrize("piecewise", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS)
async def test_requests_reach_upstream_as_sent(stage, request_bytes, piecewise):
    seen = []

    async def script(wire):
        seen.append(await wire.receive(len(request_bytes)))
        wire.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")

    client = await stage.dial(await stage.before(script))
    await deliver(client, request_bytes, piecewise)
    answer = await client.rest()
    assert seen == [request_bytes]
    assert answer == b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("piecewise", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_answers_reach_the_client_as_sent(stage, answer, piecewise):
    async def script(wire):
        for _ in range(2):
            await wire.until()
            await deliver(wire, answer, piecewise)

    client = await stage.dial(await stage.before(script))
    for _ in range(2):
        client.send(GET)
        assert await client.receive(len(answer)) == answer
    assert stage.accepted == 1


async def deliver(wire, data, piecewise):
    if not piecewise:
        wire.send(data)
        return
    for position in range(len(data)):
        wire.send(data[position : position + 1])
        await asyncio.sleep(0)  # noqa: TID251 - lets the byte out on its own


async def test_head_gets_the_length_but_no_body(stage):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"

    async def script(wire):
        while True:
            await wire.until()
            wire.send(answer)

    client = await stage.dial(await stage.before(script))
    for _ in range(2):
        client.send(b"HEAD / HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert await client.receive(len(answer)) == answer


async def test_pipelined_requests_are_answered_in_order(stage):
    async def script(wire):
        while True:
            head = await wire.until()
            body = head.split()[1]
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    client = await stage.dial(await stage.before(script))
    count = 500
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % n for n in range(count)))
    client.end()
    answers = await client.rest()
    assert [int(part.rsplit(b"/")[-1]) for part in answers.split(b"HTTP/1.1 200 OK")[1:]] == list(
        range(count)
    )


async def test_a_pipelined_request_is_not_sent_before_its_turn(stage):
    release = asyncio.Event()
    seen = []

    async def script(wire):
        while True:
            seen.append(await wire.until())
            await release.wait()
            wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(GET + GET)
    await stage.until(lambda: len(seen) == 1)
    assert stage.plane.in_flight() == 1
    release.set()
    assert await client.receive(2 * len(OK)) == OK + OK
    assert seen == [GET, GET]


async def test_continue_is_passed_on_before_the_body_is_sent(stage):
    head = b"PUT / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"

    async def script(wire):
        assert await wire.until() == head
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await wire.receive(4) == b"body"
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(head)
    assert await client.until() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"body")
    assert await client.receive(len(OK)) == OK


async def test_a_refused_expectation_closes_because_the_body_may_or_may_not_come(stage):
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def script(wire):
        await wire.until()
        wire.send(refusal)
        await wire.rest()

    client = await stage.dial(await stage.before(script))
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert await client.rest() == refusal


async def test_an_early_answer_does_not_stop_the_upload(stage):
    body = b"x" * 300_000
    got = []

    async def script(wire):
        await wire.until()
        wire.send(OK)
        got.append(await wire.receive(len(body)))
        assert await wire.until() == GET
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert await client.receive(len(OK)) == OK
    client.send(body + GET)
    assert await client.receive(len(OK)) == OK
    assert got == [body]


async def test_an_upgrade_relays_bytes_both_ways_until_both_have_ended(stage):
    head = b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    switching = (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    ended = asyncio.Event()

    async def script(wire):
        assert await wire.until() == head
        wire.send(switching + b"\x81\x00first")
        assert await wire.receive(11) == b"early\r\n\r\n.."
        wire.send(b"second")
        assert await wire.rest() == b"GET / not HTTP"
        wire.send(b"last")
        ended.set()

    client = await stage.dial(await stage.before(script))
    client.send(head + b"early")
    assert await client.receive(len(switching) + 7) == switching + b"\x81\x00first"
    client.send(b"\r\n\r\n..")
    assert await client.receive(6) == b"second"
    client.send(b"GET / not HTTP")
    client.end()
    assert await client.rest() == b"last"
    await asyncio.wait_for(ended.wait(), 5)
    await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_a_refused_upgrade_is_an_ordinary_answer(stage):
    async def script(wire):
        while True:
            await wire.until()
            wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + GET)
    assert await client.receive(2 * len(OK)) == OK + OK


async def test_a_body_that_ends_with_its_connection(stage):
    async def script(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(3):
            wire.send(b"part")

    assert (
        await stage.ask(await stage.before(script), GET) == b"HTTP/1.1 200 OK\r\n\r\npartpartpart"
    )
    assert stage.plane.felt("shop").errors == 0


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), OK),
        (GET, OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")),
        (b"GET / HTTP/1.0\r\n\r\n", OK),
        (GET, OK.replace(b"1.1", b"1.0")),
    ],
    ids=["client says close", "upstream says close", "old client", "old upstream"],
)
async def test_a_connection_ends_when_either_side_says_so(stage, request_bytes, answer):
    async def script(wire):
        assert await wire.until() == request_bytes
        wire.send(answer)
        assert await wire.rest() == b""

    assert await stage.ask(await stage.before(script), request_bytes) == answer


async def test_an_old_client_may_keep_its_connection(stage):
    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"

    async def script(wire):
        while True:
            await wire.until()
            wire.send(answer)

    client = await stage.dial(await stage.before(script))
    for _ in range(2):
        client.send(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert await client.receive(len(answer)) == answer


async def test_a_client_that_has_ended_its_side_is_still_answered(stage):
    release = asyncio.Event()

    async def script(wire):
        await wire.until()
        await release.wait()
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(GET)
    client.end()
    await stage.until(lambda: stage.plane.in_flight() == 1)
    release.set()
    assert await client.rest() == OK


async def test_empty_lines_before_a_request_are_passed_over(stage):
    async def script(wire):
        assert await wire.until() == GET
        wire.send(OK)

    client = await stage.dial(await stage.before(script))
    client.send(b"\r\n\r\n" + GET)
    assert await client.receive(len(OK)) == OK


async def test_connections_are_reused_over_clients(stage):
    async def script(wire):
        while True:
            await wire.until()
            wire.send(OK)

    address = await stage.before(script)
    for _ in range(5):
        client = await stage.dial(address)
        client.send(GET)
        assert await client.receive(len(OK)) == OK
        await client.close()
    assert stage.accepted == 1
