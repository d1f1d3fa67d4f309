"""Listening sockets: one address each, bound before anything is promised.

Accepting is the loop's business: both loops turn a connection away, or wait a second, when the
process has no descriptor left, so that running out never becomes a busy loop. A listener can refuse
for a while, as if nobody listened, and keeps its address meanwhile.
"""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Callable
from typing import Final

from squall.core.playbook.model import Address
from squall.core.timing import MILLISECOND
from squall.proxy.keepalive import keep_alive
from squall.proxy.timers import Timer, Timers

_BACKLOG: Final = 1024
_AGAIN: Final = 100 * MILLISECOND
"""How long after failing to listen again it is tried once more."""


class Listener:
    """Hands every accepted connection to a protocol made by `connection`."""

    __slots__ = (
        "_accepting",
        "_again",
        "_closed",
        "_connection",
        "_family",
        "_place",
        "_server",
        "_socket",
        "_starting",
        "_timers",
        "address",
    )

    def __init__(
        self,
        listening: socket.socket,
        connection: Callable[[], asyncio.Protocol],
        timers: Timers,
    ) -> None:
        self._socket = listening
        self._connection = connection
        self._timers = timers
        self._server: asyncio.Server | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._again: Timer | None = None
        self._accepting = True
        """What is wanted; it may take a moment."""
        self._closed = False
        self._family = listening.family
        self._place = listening.getsockname()
        host, port = self._place[:2]
        self.address = Address(host=host, port=port)
        """Where it really listens."""

    async def start(self) -> None:
        """Accept connections."""
        await self._serve(self._socket)

    def refuse(self) -> None:
        """From now on connections are refused."""
        if self._accepting:
            self._stop()
            with contextlib.suppress(OSError):
                self._bind()

    def accept(self) -> None:
        """Connections are accepted again."""
        if not (self._accepting or self._closed):
            self._accepting = True
            self._listen()

    def close(self) -> None:
        """Accept no more; connections that were accepted stay."""
        self._closed = True
        self._stop()

    def _listen(self) -> None:
        try:
            self._bind()
            self._socket.listen(_BACKLOG)
        except OSError:  # somebody else took the address meanwhile, and may go again
            self._again = self._timers.at(time.monotonic_ns() + _AGAIN, self._listen)
            return
        # Held here and awaited by nobody: what it can fail at was done by `listen`.
        task = asyncio.get_running_loop().create_task(self._serve(self._socket))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def _bind(self) -> None:
        """Have a socket that is bound and does not listen: it keeps the address for later."""
        if self._socket.fileno() < 0:
            self._socket = _socket(self._family)
        if self._socket.getsockname()[1] != self.address.port:
            self._socket.bind(self._place)

    async def _serve(self, listening: socket.socket) -> None:
        if not self._wanted(listening):
            return
        loop = asyncio.get_running_loop()
        # The loop closes the socket it is given; the address must outlive that.
        server = await loop.create_server(self._connection, sock=listening.dup(), backlog=_BACKLOG)
        if self._wanted(listening):
            self._server = server
        else:
            server.close()

    def _wanted(self, listening: socket.socket) -> bool:
        """Whether nothing else has been asked for since this one was to listen."""
        return self._accepting and listening is self._socket

    def _stop(self) -> None:
        self._accepting = False
        if self._again is not None:
            self._again.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        # At once: the loop may take another turn to close what it has of the same socket.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()


def _socket(family: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where it is told that this is TCP.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keep_alive(made)  # inherited by every connection
    made.setblocking(False)
    return made


async def listen(
    address: Address, connection: Callable[[], asyncio.Protocol], timers: Timers
) -> Listener:
    """Listen at an address, on a free port for port 0; raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    if not found:
        raise OSError(errno.EADDRNOTAVAIL, f"{address.host} has no address")
    family, _, _, _, place = found[0]
    listening = _socket(family)
    try:
        listening.bind(place)
        listening.listen(_BACKLOG)
        made = Listener(listening, connection, timers)
        await made.start()
    except BaseException:
        listening.close()
        raise
    return made
