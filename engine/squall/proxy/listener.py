"""Listening sockets: one address each, bound before anything is promised.

Accepting is the loop's business: both loops turn a connection away, or wait a second, when the
process has no descriptor left, so that running out never becomes a busy loop.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

from squall.core.playbook.model import Address

_BACKLOG: Final = 1024


class Listener:
    """Hands every accepted connection to a protocol made by `connection`."""

    __slots__ = ("_server", "address")

    def __init__(self, server: asyncio.Server, address: Address) -> None:
        self._server = server
        self.address = address
        """Where it really listens."""

    def close(self) -> None:
        """Accept no more; connections that were accepted stay."""
        self._server.close()


async def listen(address: Address, connection: Callable[[], asyncio.Protocol]) -> Listener:
    """Listen at an address, on a free port for port 0; raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    if not found:
        raise OSError(errno.EADDRNOTAVAIL, f"{address.host} has no address")
    family, kind, protocol, _, place = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setblocking(False)
        listening.bind(place)
        server = await loop.create_server(connection, sock=listening, backlog=_BACKLOG)
    except BaseException:
        listening.close()
        raise
    host, port = listening.getsockname()[:2]
    return Listener(server, Address(host=host, port=port))
