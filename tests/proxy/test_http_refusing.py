"""What has two meanings is refused with a reason, and nothing of it reaches the upstream."""

import pytest

from squall.proxy import client as client_module


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


HOST = b"Host: shop\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"

SMUGGLING = {
    "length and coding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": POST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "a signed length": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"Content-Length: 0x4\r\n\r\nabcd",
    "an underscored length": POST + b"Content-Length: 1_0\r\n\r\nabcdefghij",
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "an enormous length": POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a length in superscript": POST + "Content-Length: ²\r\n\r\nab".encode("latin-1"),
    "coding unknown": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding with a control": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "coding twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "coding in two fields": POST
    + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "not chunked at all": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "coding empty": POST + b"Transfer-Encoding:\r\n\r\n",
    "coding in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"Content-Length : 4\r\n\r\nabcd",
    "tab before the colon": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "folded": POST + b"X-A: 1\r\n Content-Length: 4\r\n\r\nabcd",
    "folded at the start": b"GET / HTTP/1.1\r\n Host: shop\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: shop\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: shop\nX-A: 1\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: shop\rX-A: 1\r\n\r\n",
    "line feed in a name": POST + b"X-\nA: 1\r\n\r\n",
    "NUL in a value": POST + b"X-A: \x00\r\n\r\n",
    "no name": POST + b": 1\r\n\r\n",
    "no colon": POST + b"Content-Length\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "not a target": b"GET shop HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk for GET": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of signs": b"G{T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "chunk size not hexadecimal": CHUNKED + b"g\r\n\r\n0\r\n\r\n",
    "chunk size signed": CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk size with 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk size empty": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "chunk size enormous": CHUNKED + b"00000000000000003\r\nabc\r\n0\r\n\r\n",
    "chunk size before a bare line feed": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "line feed in a chunk extension": CHUNKED + b"3;a\nabc\r\n0\r\n\r\n",
    "chunk longer than said": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk shorter than said": CHUNKED + b"5\r\nabc\r\n0\r\n\r\n\r\n",
    "bad trailer": CHUNKED + b"0\r\nX : 1\r\n\r\n",
    "endless chunk extension": CHUNKED + b"3;" + b"x" * 9000,
}


async def never_asked(wire):
    raise AssertionError("the upstream was asked")


@pytest.mark.parametrize("attempt", SMUGGLING.values(), ids=SMUGGLING)
async def test_a_request_with_two_meanings_goes_nowhere(stage, attempt):
    answer = await stage.ask(await stage.before(never_asked), attempt + GET)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(answer.partition(b"\r\n\r\n")[2]) > len("squall: ")
    assert stage.accepted == 0
    assert stage.plane.in_flight() == 0


REFUSED = {
    "CONNECT": (b"CONNECT shop:443 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "long target": (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "endless target": (b"GET /" + b"x" * 40_000, 414),
    "many fields": (b"GET / HTTP/1.1\r\n" + HOST + b"X: 1\r\n" * 150 + b"\r\n", 431),
    "big head": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"1" * 70_000 + b"\r\n\r\n", 431),
    "endless head": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"1" * 70_000, 431),
}


@pytest.mark.parametrize(("attempt", "status"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_served_is_told_so(stage, attempt, status):
    answer = await stage.ask(await stage.before(never_asked), attempt)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert stage.accepted == 0


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
