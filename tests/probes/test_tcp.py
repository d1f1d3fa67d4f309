"""What the `tcp` step sees of whoever answers, and says of every way not to be answered."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest
import trustme

from squall.core.playbook.model import Address, TcpProbe
from squall.core.run.events import CUT, MOST_SEEN, Saw
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.tcp import TcpProber
from squall.probes.trust import Trust

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Listen = Callable[..., Awaitable[Address]]
SHORT = Duration(300 * MILLISECOND)


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Starts servers that talk as they are told."""
    async with AsyncExitStack() as stack:

        async def start(talk: Talk, context: ssl.SSLContext | None = None) -> Address:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with suppress(ConnectionError):
                    await talk(reader, writer)
                writer.transport.abort()

            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
            return Address(host="127.0.0.1", port=server.sockets[0].getsockname()[1])

        yield start


async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    await reader.read(-1)


async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers line by line and keeps the connection open."""
    while line := await reader.readline():
        writer.write(b"+PONG\r\n" if line == b"PING\r\n" else b"-ERR\r\n")


async def test_what_was_sent_is_answered(listen) -> None:
    address = await listen(redis)
    saw = await TcpProber()(TcpProbe(connect=address, send="PING\r\n"))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == "+PONG\r\n"
    assert 0 < saw.named()["latency"] < SECOND


async def test_latency_is_the_time_until_the_answer_and_not_until_the_silence_after(listen) -> None:
    address = await listen(redis)
    silence = Duration(400 * MILLISECOND)
    began = asyncio.get_running_loop().time()
    saw = await TcpProber(silence=silence)(TcpProbe(connect=address, send="PING\r\n"))
    assert asyncio.get_running_loop().time() - began >= 0.4
    assert isinstance(saw, Saw)
    assert saw.named()["latency"] < silence


async def test_a_server_that_speaks_first_is_listened_to(listen) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        await writer.drain()
        writer.close()

    saw = await TcpProber()(TcpProbe(connect=await listen(greet)))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == "220 mail.example ready\r\n"


async def test_a_connection_is_enough_when_nothing_is_sent(listen) -> None:
    saw = await TcpProber()(TcpProbe(connect=await listen(never)))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == ""


async def test_an_answer_in_pieces_is_put_together(listen) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"a", b"b", b"\xc3", b"\xbc"):
            writer.write(piece)
            await writer.drain()
            await reader.read(1)  # one piece for each byte that was sent
        writer.close()

    saw = await TcpProber()(TcpProbe(connect=await listen(drip), send="1234"))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == "abü"


async def test_of_an_endless_answer_the_beginning_is_kept(listen) -> None:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 10_000)
            await writer.drain()

    saw = await TcpProber()(TcpProbe(connect=await listen(flood), send="?"))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == "x" * MOST_SEEN + CUT


async def test_no_answer_to_what_was_sent_is_given_up(listen) -> None:
    address = await listen(never)
    seen = await TcpProber(patience=SHORT)(TcpProbe(connect=address, send="PING\r\n"))
    assert seen == f"tcp {address}: no answer within 0.3 s"


async def test_a_connection_closed_without_an_answer_is_told(listen) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    address = await listen(close)
    seen = await TcpProber()(TcpProbe(connect=address, send="PING\r\n"))
    assert seen == f"tcp {address}: it was closed without an answer"


async def test_a_refused_connection_and_an_unknown_host_are_named(refused) -> None:
    assert await TcpProber()(TcpProbe(connect=refused)) == f"tcp {refused}: connection refused"
    nowhere = Address(host="nowhere.invalid", port=1)
    assert await TcpProber()(TcpProbe(connect=nowhere)) == "tcp nowhere.invalid:1: no such host"


async def test_under_tls_a_trusted_certificate_is_enough(listen) -> None:
    authority = trustme.CA()
    address = await listen(redis, _serving(authority, "127.0.0.1"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    saw = await TcpProber(trust=Trust(trust))(TcpProbe(connect=address, send="PING\r\n", tls=True))
    assert isinstance(saw, Saw)
    assert saw.named()["received"] == "+PONG\r\n"


async def test_under_tls_a_certificate_nobody_vouches_for_is_told(listen) -> None:
    address = await listen(redis, _serving(trustme.CA(), "127.0.0.1"))
    seen = await TcpProber()(TcpProbe(connect=address, tls=True))
    assert isinstance(seen, str)
    assert seen.startswith(f"tls {address}: the certificate is not trusted (")


async def test_under_tls_a_certificate_for_another_host_is_told(listen) -> None:
    authority = trustme.CA()
    address = await listen(redis, _serving(authority, "elsewhere.example"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    seen = await TcpProber(trust=Trust(trust))(TcpProbe(connect=address, tls=True))
    assert isinstance(seen, str)
    assert "the certificate is not trusted (" in seen


async def test_a_server_that_does_not_speak_tls_is_told(listen) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n")
        await writer.drain()
        await never(_reader, writer)

    address = await listen(babble)
    seen = await TcpProber()(TcpProbe(connect=address, tls=True))
    assert isinstance(seen, str)
    assert seen.startswith(f"tls {address}: TLS failed (")


async def test_cancelling_ends_the_question_at_once(listen) -> None:
    connected = asyncio.Event()
    gone = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        connected.set()
        with suppress(ConnectionError):
            await reader.read(-1)
        gone.set()

    address = await listen(silence)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(TcpProber()(TcpProbe(connect=address, send="hello\n")))
        await connected.wait()
        task.cancel()
        await gone.wait()
    assert task.cancelled()


def _serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context
