"""One keep-alive connection of a load: writes a request, reads its answer, says how it went.

Made by `load`, one request at a time, no pipelining. It keeps no body, measures nothing and
decides nothing: whoever owns it hears `ready`, `answered`, `broke` and `gone`.
"""

import asyncio
from typing import Final, Protocol, cast
from urllib.parse import quote

import httptools

from squall import __version__
from squall.core.playbook.model import Address, Request

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_PATH: Final = "!#$%&'()*+,/:;=?@[]~"


class Ask:
    """A request as bytes, ready to be written again and again."""

    __slots__ = ("data", "head")

    def __init__(self, request: Request, address: Address) -> None:
        lines = [
            f"{request.method} {quote(request.path, safe=_PATH)} HTTP/1.1",
            f"Host: {address}",
            f"User-Agent: squall/{__version__}",
            "Accept: */*",
        ]
        if request.method in _WITH_BODY:
            lines.append("Content-Length: 0")
        self.data: Final = "\r\n".join([*lines, "", ""]).encode("ascii")
        self.head: Final = request.method == "HEAD"


class Owner(Protocol):
    """Who hears what becomes of a connection. `due` is handed back as it was given."""

    def ready(self, wire: "Wire") -> None:
        """It can take a request: newly connected, or its answer is complete."""
        ...

    def answered(self, due: int, status: int) -> None:
        """The whole answer has arrived."""
        ...

    def broke(self, due: int) -> None:
        """The connection ended, or spoke nonsense, before the answer was complete."""
        ...

    def gone(self, wire: "Wire") -> None:
        """The connection is closed; it will not be heard of again."""
        ...


class Wire(asyncio.Protocol):
    """One connection. `due` is when the request in flight should have been sent, None if idle."""

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
        "due",
    )

    def __init__(self, owner: Owner) -> None:
        self.due: int | None = None
        self._owner = owner
        self._ask: Ask | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._begin()

    def send(self, due: int, ask: Ask) -> None:
        """Write a request; only after `ready`."""
        self.due = due
        self._ask = ask
        if self._transport is not None:
            self._transport.write(ask.data)

    def abort(self) -> None:
        """Close at once, whatever is in flight."""
        if self._transport is not None:
            self._transport.abort()

    def give_up(self) -> None:
        """Count the request in flight as broken and close."""
        self._break()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._owner.ready(self)

    def data_received(self, data: bytes) -> None:
        if self.due is None:  # nothing was asked
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._complete, self._keep = True, False
        except httptools.HttpParserError:
            self._break()
            return
        if self._ask is not None and self._ask.head and self._headed:
            # The parser cannot know that no body follows, whatever the headers announce.
            self._parser = httptools.HttpResponseParser(self)
            self._complete = True
        if self._complete:
            self._answer(self.due)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.due is not None:
            if exc is None and self._headed and not self._framed:
                # A body without a length ends with the connection (RFC 9112, 6.3).
                due, self.due = self.due, None
                self._owner.answered(due, self._status)
            else:
                self._break()
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

    def _answer(self, due: int) -> None:
        self.due = None
        keep, status = self._keep, self._status
        self._begin()
        self._owner.answered(due, status)
        if keep:
            self._owner.ready(self)
        else:
            self.abort()

    def _break(self) -> None:
        due, self.due = self.due, None
        if due is not None:
            self._owner.broke(due)
        self.abort()
