"""Listening sockets: one address each, bound before anything is promised.

Accepting is the loop's business: both loops turn a connection away, or wait a second, when the
process has no descriptor left, so that running out never becomes a busy loop. A listener can refuse
for a while, as if nobody listened, and keeps its address meanwhile.
"""

import asyncio
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
        self._starting: asyncio.Task[None] | None = None
        self._again: Timer | None = None
        self._accepting = True
        """What is wanted; it may take a moment."""
        self._closed = False
        host, port = listening.getsockname()[:2]
        self.address = Address(host=host, port=port)
        """Where it really listens."""

    async def start(self) -> None:
        """Accept connections."""
        if not self._accepting:
            return
        loop = asyncio.get_running_loop()
        # The loop closes the socket it is given; the address must outlive that.
        server = await loop.create_server(
            self._connection, sock=self._socket.dup(), backlog=_BACKLOG
        )
        self._use(server)

    def refuse(self) -> None:
        """From now on connections are refused."""
        if self._accepting:
            self._stop()
            self._silence()

    def accept(self) -> None:
        """Connections are accepted again."""
        if not (self._accepting or self._closed):
            self._accepting = True
            self._listen()

    def close(self) -> None:
        """Accept no more; connections that were accepted stay."""
        self._closed = True
        self._stop()
        self._socket.close()

    def _listen(self) -> None:
        try:
            self._socket.listen(_BACKLOG)
        except OSError:  # somebody else took the address meanwhile, and may go again
            self._again = self._timers.at(time.monotonic_ns() + _AGAIN, self._listen)
            return
        if self._starting is None or self._starting.done():
            # Held here and awaited by nobody: what it can fail at was done by `listen`.
            self._starting = asyncio.get_running_loop().create_task(self.start())

    def _use(self, server: asyncio.Server) -> None:
        if self._accepting:
            self._server = server
        else:  # meanwhile something else was wanted
            server.close()
            self._silence()

    def _stop(self) -> None:
        self._accepting = False
        if self._again is not None:
            self._again.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None

    def _silence(self) -> None:
        if not self._closed:
            self._socket.shutdown(socket.SHUT_RD)  # Linux: bound, and not listening


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
    family, kind, protocol, _, place = found[0]
    if not address.port:
        # Linux takes a port that was not asked for by its number away when nobody listens any more.
        with socket.socket(family, kind, protocol) as trial:
            trial.bind(place)
            place = trial.getsockname()
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keep_alive(listening)
        listening.setblocking(False)
        listening.bind(place)
        listening.listen(_BACKLOG)
        made = Listener(listening, connection, timers)
        await made.start()
    except BaseException:
        listening.close()
        raise
    return made
