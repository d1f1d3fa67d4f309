"""Bytes nobody meant: the edge neither breaks, hangs nor loses count, and is not smuggled through.

Messages of the framing table and of the campaigns are cut up, joined and bent at random. What is
bent goes through a real plane in a thread; where messages end is compared with llhttp.
"""

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path
from random import Random

import httptools
import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.exchanges import exchange, pieces
from proxy.framing_cases import ANSWERS, REQUESTS
from squall.core.playbook.model import Address, Target
from squall.core.timing import Duration
from squall.proxy.bodies import body_of
from squall.proxy.heads import UNTIL_CLOSE, Malformed, read_answer, read_request
from squall.proxy.plane import Plane

PATIENCE = 10
SHORT = 5_000

SIGNS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b";", b",", b"0", b"1", b"\x00", b"\xff"]
FIELDS = [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close", b"Host: b"]
PARTS = [b"\r\n\r\n", b"0\r\n\r\n", b"5\r\nabcde\r\n", b"HTTP/1.1", b"GET / HTTP/1.1\r\n"]
WORDS = st.sampled_from([*SIGNS, *PARTS, *(field + b"\r\n" for field in FIELDS)])


def messages(cases, made):
    """Valid and invalid ones, not too long."""
    table = [case.raw for case in cases.values() if len(case.raw) < SHORT]
    short = [data for data in (made(number) for number in range(300)) if len(data) < SHORT]
    return st.sampled_from(table) | st.sampled_from(short)


@st.composite
def bent(draw, messages):
    """One or some of them, with some bytes cut out, doubled, or put in."""
    data = b"".join(draw(st.lists(messages, min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 8)))
        how = draw(st.sampled_from(["cut", "double", "put in", "put over"]))
        if how == "cut":
            data = data[:start] + data[stop:]
        elif how == "double":
            data = data[:stop] + data[start:]
        else:
            word = draw(WORDS | st.binary(max_size=4))
            data = data[:start] + word + data[start if how == "put in" else start + len(word) :]
    return data


BENT_REQUESTS = bent(messages(REQUESTS, lambda number: exchange(1, number).request))
BENT_ANSWERS = bent(messages(ANSWERS, lambda number: exchange(1, number).answer))


# -- through a real plane ------------------------------------------------------------------------


class Running:
    """A plane before an upstream that says what it is told to, on a loop in a thread."""

    def __init__(self, new_loop) -> None:
        self.says = None
        self.trouble = []
        self.plane = Plane(lambda _: None)
        self._loop = new_loop()
        self._loop.set_exception_handler(lambda _, context: self.trouble.append(context))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.echo, self.shop = self._do(self._open())

    def close(self) -> None:
        self._do(self.plane.close(Duration(0)))
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, address, data, dice):
        """Send it in pieces, end, and read to the end."""
        with socket.create_connection((address.host, address.port), PATIENCE) as client:
            with contextlib.suppress(OSError):
                for piece in pieces(dice, data):
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while more := client.recv(2**16):
                    answer += more
        return answer

    def settled(self) -> bool:
        """Whether no exchange is left, soon."""
        until = time.monotonic() + PATIENCE
        while self.plane.in_flight() and time.monotonic() < until:
            time.sleep(0.001)  # noqa: TID251 - nothing announces it to a thread
        return not self.plane.in_flight()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _open(self):
        self._server = await asyncio.start_server(self._upstream, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        here = Address(host="127.0.0.1", port=0)
        echo = Target(name="echo", listen=here, upstream=None)
        shop = Target(name="shop", listen=here, upstream=Address(host=host, port=port))
        return await self.plane.listen(echo), await self.plane.listen(shop)

    async def _end(self):
        self._server.close()
        await asyncio.wait_for(self._server.wait_closed(), PATIENCE)

    async def _upstream(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await reader.readuntil(b"\r\n\r\n")
            for piece in self.says:
                writer.write(piece)
                await writer.drain()
        writer.close()


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, uvloop.new_event_loop])
def running(request):
    made = Running(request.param)
    yield made
    made.close()


fuzzed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def open_files():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


@fuzzed
@given(data=BENT_REQUESTS | st.binary(max_size=200), dice=st.randoms(use_true_random=False))
def test_no_request_breaks_the_edge(running, data, dice):
    running.ask(running.echo, data, dice)
    assert running.settled()
    assert running.trouble == []
    assert running.ask(running.echo, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", dice).startswith(
        b"HTTP/1.1 200 OK\r\n"
    )


@fuzzed
@given(data=BENT_ANSWERS | st.binary(max_size=200), dice=st.randoms(use_true_random=False))
def test_no_answer_breaks_the_edge(running, data, dice):
    running.says = pieces(dice, data)
    answer = running.ask(running.shop, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", dice)
    assert running.settled()
    assert running.trouble == []
    assert data.startswith(answer) or b"HTTP/1.1 502 " in answer


def test_no_connection_is_left_behind(running):
    before = open_files()
    for number in range(50):
        running.ask(running.echo, b"POST / HTTP/1.1\r\nHost: a\r\n" * number, Random(1))
    assert running.settled()
    until = time.monotonic() + PATIENCE
    while open_files() > before and time.monotonic() < until:
        time.sleep(0.01)  # noqa: TID251 - nothing announces it to a thread
    assert open_files() <= before


# -- where a message ends ------------------------------------------------------------------------


class Heard:
    def __init__(self) -> None:
        self.complete = 0

    def on_message_complete(self) -> None:
        self.complete += 1


def by_llhttp(parser, data):
    """How many messages it finds in these bytes; None where it refuses them, or leaves HTTP."""
    heard = Heard()
    try:
        parser(heard).feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    return heard.complete


def first_end(read, data):
    """Where the first message ends by our reading; None without one, or without an end."""
    end = data.find(b"\r\n\r\n") + 4
    if end < 4:
        return None
    try:
        head = read(data[:end])
        if head.length == UNTIL_CLOSE:
            return None
        body = body_of(head.length)
        end += body.feed(data[end:])
    except Malformed:
        return None
    return end if body.done else None


@settings(max_examples=1000, deadline=None)
@given(data=BENT_REQUESTS)
def test_a_request_that_both_accept_ends_at_the_same_byte(data):
    end = first_end(read_request, data)
    if end is not None and by_llhttp(httptools.HttpRequestParser, data[:end]) is not None:
        assert by_llhttp(httptools.HttpRequestParser, data[:end]) == 1
        assert by_llhttp(httptools.HttpRequestParser, data[: end - 1]) == 0


@settings(max_examples=1000, deadline=None)
@given(data=BENT_ANSWERS)
def test_an_answer_that_both_accept_ends_at_the_same_byte(data):
    end = first_end(lambda raw: read_answer(raw, "GET"), data)
    if end is not None and by_llhttp(httptools.HttpResponseParser, data[:end]) is not None:
        assert by_llhttp(httptools.HttpResponseParser, data[:end]) == 1
        assert by_llhttp(httptools.HttpResponseParser, data[: end - 1]) == 0
