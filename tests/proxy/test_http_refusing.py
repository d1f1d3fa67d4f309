"""What cannot be understood stops at the edge, wherever it comes in a connection.

Single messages are in `framing_cases`.
"""

import pytest

from squall.proxy import client as client_module


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


HOST = b"Host: shop\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


async def never_asked(wire):
    raise AssertionError("the upstream was asked")


async def test_a_head_may_be_large(stage):
    request = b"GET /" + b"p" * 8000 + b" HTTP/1.1\r\n" + HOST
    request += b"".join(b"X-%d: %b\r\n" % (n, b"v" * 500) for n in range(90)) + b"\r\n"
    seen = []

    async def script(wire):
        seen.append(await wire.receive(len(request)))
        wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    client = await stage.dial(await stage.before(script))
    client.send(request)
    await client.until()
    assert seen == [request]


async def test_a_slow_head_is_given_up(stage, monkeypatch):
    monkeypatch.setattr(client_module, "HEAD_TIMEOUT", 50_000_000)
    answer = await stage.ask(await stage.before(never_asked), b"GET / HTTP/1.1\r\nHost:")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_the_rest_of_a_body_that_goes_wrong_stops_at_the_edge(stage):
    got = []

    async def script(wire):
        await wire.until()
        got.append(await wire.rest())

    client = await stage.dial(await stage.before(script))
    client.send(CHUNKED + b"3\r\nabc\r\n")
    await client.drain()
    while stage.accepted == 0:
        await stage.turn()
    client.send(b"zz\r\nevil")
    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
    await stage.until(lambda: bool(got))
    assert b"evil" not in got[0]


async def test_requests_before_a_bad_one_are_answered(stage):
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    async def script(wire):
        while await wire.until():
            wire.send(ok)

    answer = await stage.ask(await stage.before(script), GET + GET + b"nonsense\r\n\r\n" + GET)
    first, second, third = answer[: len(ok)], answer[len(ok) : 2 * len(ok)], answer[2 * len(ok) :]
    assert (first, second) == (ok, ok)
    assert third.startswith(b"HTTP/1.1 400 ")
