"""TCP keep-alive: how the edge finds out that a peer is gone which never said so.

A machine that lost its power or its network sends neither FIN nor RST, and nobody would ever write
to an idle connection. Clients that are idle and alive are never closed for it: how long a
connection may rest is between the client and the service, and the edge has room for many. Used for
both sides; sockets that are accepted inherit it from the one that listens.
"""

import socket
from typing import Final

AFTER: Final = 60
"""Seconds without a byte before the first probe."""

EVERY: Final = 15
"""Seconds between probes that get no answer."""

TRIES: Final = 4
"""Probes without an answer after which the peer is gone: within two minutes in all."""


def keep_alive(connection: socket.socket) -> None:
    """Have the kernel probe this connection; what it cannot set stays as the system has it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS calls the first one TCP_KEEPALIVE.
    for name, value in (
        ("TCP_KEEPIDLE" if hasattr(socket, "TCP_KEEPIDLE") else "TCP_KEEPALIVE", AFTER),
        ("TCP_KEEPINTVL", EVERY),
        ("TCP_KEEPCNT", TRIES),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
