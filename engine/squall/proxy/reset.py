"""Breaking a connection with an RST, as a peer that crashed or a firewall does.

Used by both kinds of client connections for faults, and to pass on what the other side did. When
that should happen is theirs to decide.
"""

import asyncio
import socket
import struct
from typing import Final

_AT_ONCE: Final = struct.pack("ii", 1, 0)


def reset(transport: asyncio.Transport) -> None:
    """Close it now; the peer gets an RST, and what was written but not sent is lost."""
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is not None and not transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
