"""One keep-alive connection of a load: writes a request, reads its answer, says how it went.

Made by `load`, one request at a time, no pipelining. It keeps no body, measures nothing and
decides nothing: whoever owns it hears `ready`, `answered`, `broke` and `gone`. Nothing is sent a
second time: a reset is what the client felt, also on a connection that was open before.
"""

import asyncio
from typing import Final, Literal, Protocol, cast
from urllib.parse import quote

import httptools

from squall import __version__
from squall.core.playbook.model import Address, Request

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_PATH: Final = "!#$%&'()*+,/:;=?@[]~"


class Ask:
    """A request as bytes, ready to be written again and again.

    `head`: its answer has no body. `last`: it says that its connection is not used again.
    """

    __slots__ = ("data", "head", "last")

    def __init__(self, request: Request, address: Address) -> None:
        headers = {
            "host": str(address),
            "user-agent": f"squall/{__version__}",
            "accept": "*/*",
            **dict(request.headers),
        }
        body = (request.body or "").encode()
        if body or request.method in _WITH_BODY:
            headers["content-length"] = str(len(body))
        target = quote(request.path, safe=_PATH)
        lines = [f"{request.method} {target} HTTP/1.1"]
        lines += [f"{name.title()}: {value}" for name, value in headers.items()]
        self.data: Final = "\r\n".join([*lines, "", ""]).encode() + body
        self.head: Final = request.method == "HEAD"
        self.last: Final = headers.get("connection", "").strip().lower() == "close"


class Owner(Protocol):
    """Who hears what becomes of a connection."""

    def ready(self, wire: "Wire") -> None:
        """It can take a request: newly connected, or its answer is complete."""
        ...

    def answered(self, wire: "Wire", status: int) -> None:
        """The whole answer has arrived."""
        ...

    def broke(self, wire: "Wire", how: Literal["reset", "malformed"]) -> None:
        """The connection ended, or spoke nonsense, before the answer was complete."""
        ...

    def gone(self, wire: "Wire") -> None:
        """The connection is closed; it will not be heard of again."""
        ...


class Wire(asyncio.Protocol):
    """One connection, with one request in flight or none."""

    __slots__ = (
        "_ask",
        "_complete",
        "_framed",
        "_headed",
        "_keep",
        "_owner",
        "_parser",
        "_status",
        "_transport",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._ask: Ask | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._begin()

    def send(self, ask: Ask) -> None:
        """Write a request; only after `ready`."""
        self._ask = ask
        if self._transport is not None:
            self._transport.write(ask.data)

    def abort(self) -> None:
        """Close at once; of what is in flight nothing will be heard."""
        self._ask = None
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._owner.ready(self)

    def data_received(self, data: bytes) -> None:
        if self._ask is None:  # nothing was asked
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete, self._keep = True, False
        except httptools.HttpParserError:
            self._break("malformed")
            return
        if self._ask.head and self._headed:
            # The parser cannot know that no body follows, whatever the headers announce.
            self._parser = httptools.HttpResponseParser(self)
            self._complete = True
        if self._complete:
            self._answer(self._ask)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._ask is not None:
            if exc is None and self._headed and not self._framed:
                # A body without a length ends with the connection (RFC 9112, 6.3).
                self._ask = None
                self._owner.answered(self, self._status)
            else:
                self._break("reset")
        self._transport = None
        self._owner.gone(self)

    # What httptools calls.

    def on_header(self, name: bytes, _value: bytes) -> None:
        if len(name) in {14, 17} and name.lower() in {b"content-length", b"transfer-encoding"}:
            self._framed = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status
            self._headed = True
            self._keep = self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        if self._headed:  # not after 100 Continue and its like
            self._complete = True

    # How an exchange ends.

    def _begin(self) -> None:
        self._complete = self._framed = self._headed = False
        self._keep = True
        self._status = 101

    def _answer(self, ask: Ask) -> None:
        keep, status = self._keep and not ask.last, self._status
        self._ask = None
        self._begin()
        self._owner.answered(self, status)
        if keep:
            self._owner.ready(self)
        else:
            self.abort()

    def _break(self, how: Literal["reset", "malformed"]) -> None:
        self._owner.broke(self, how)
        self.abort()
