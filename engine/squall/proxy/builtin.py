"""The built-in echo service: something to forward to when nothing else is at hand.

``upstream: builtin:echo`` makes the plane listen here, on a loopback port of its own, so that the
same code path serves it as any other upstream. A request without a body is answered with what it
asked, as JSON; one with a body gets its body back, as it comes. Behind a target that carries bytes
alone, every byte comes back.
"""

import asyncio
from typing import Final, cast

import msgspec

from squall.proxy import answers
from squall.proxy.bodies import Body, body_of
from squall.proxy.heads import CHUNKED, LONGEST_HEAD, Malformed, RequestHead, read_request
from squall.proxy.upstream import HIGH_WATER

_FRAMING: Final = b"HTTP/1.1 200 OK\r\nServer: squall-echo\r\n"


class EchoConnection(asyncio.Protocol):
    """One connection to the echo service."""

    __slots__ = ("_body", "_buffer", "_choked", "_persistent", "_transport")

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = b""
        self._body: Body | None = None
        self._persistent = True
        self._choked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._buffer += data
        try:
            while self._buffer and not self._transport.is_closing() and self._step():
                pass
        except Malformed as wrong:
            self._transport.write(answers.answer(wrong.status, wrong.why, persistent=False))
            self._transport.close()

    def pause_writing(self) -> None:
        """Called by the loop: who does not read is not read from."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._transport.resume_reading()

    def _step(self) -> bool:
        if self._body is None:
            return self._begin()
        taken = self._body.feed(self._buffer)
        self._transport.write(self._buffer[:taken])
        self._buffer = self._buffer[taken:]
        if self._body.done:
            self._end()
        return True

    def _begin(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            if len(self._buffer) > LONGEST_HEAD:
                raise Malformed("the head is too long", 431)
            return False
        head = read_request(self._buffer[:end])
        self._buffer = self._buffer[end:]
        self._persistent = head.persistent
        if head.length == 0:
            self._transport.write(_description(head))
            self._end()
            return True
        if head.expects:
            self._transport.write(answers.CONTINUE)
        length = (
            b"Transfer-Encoding: chunked"
            if head.length == CHUNKED
            else (b"Content-Length: %d" % head.length)
        )
        self._transport.write(_FRAMING + _content_type(head) + length + b"\r\n\r\n")
        self._body = body_of(head.length)
        return True

    def _end(self) -> None:
        self._body = None
        if not self._persistent:
            self._transport.close()


class EchoBytes(asyncio.Protocol):
    """One connection to the echo service behind a target that carries bytes alone."""

    __slots__ = ("_transport",)

    _transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._transport.write(data)

    def pause_writing(self) -> None:
        """Called by the loop: who does not read is not read from."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._transport.resume_reading()


def _content_type(head: RequestHead) -> bytes:
    given = dict(head.fields()).get("content-type", "application/octet-stream")
    return b"Content-Type: " + given.encode("latin-1") + b"\r\n"


def _description(head: RequestHead) -> bytes:
    body = msgspec.json.encode(
        {"method": head.method, "path": head.path, "headers": head.raw.count(b"\r\n") - 2}
    )
    return b"%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        _FRAMING,
        len(body) + 1,
        b"" if head.method == "HEAD" else body + b"\n",
    )
