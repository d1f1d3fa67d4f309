"""Connections to what stands behind a target: dialled when needed, kept while they last.

A pool belongs to one target. It hands out the connection used last, because that one is the least
likely to have been closed meanwhile. Whether a request may be sent again after a stale connection
failed is the transaction's business, not the pool's.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, cast

from squall.core.playbook.model import Address
from squall.core.timing import SECOND
from squall.proxy.descriptors import EXHAUSTED
from squall.proxy.keepalive import keep_alive

HIGH_WATER: Final = 64 * 1024
"""Bytes waiting to be written beyond which the other side is held back."""

MOST_IDLE: Final = 512
"""Connections kept for later: so many requests at once need not dial each time."""

FRESH: Final = SECOND
"""How long after its last use a connection is safe enough for a request that cannot be repeated."""

DIAL_TIMEOUT: Final = 5.0

_LEADS_BACK: Final = "leads back to this target: forwarding would never end"


class Peer(NamedTuple):
    """The far end of a connection; `ours`: it is an address of this very machine."""

    host: str
    port: int
    ours: bool = False


class User(Protocol):
    """Who is being answered by an upstream connection."""

    def answer_arrived(self, data: bytes) -> None:
        """Bytes came from upstream."""
        ...

    def upstream_ended(self) -> bool:
        """Upstream will send no more; True keeps the other direction open."""
        ...

    def upstream_lost(self, error: Exception | None) -> None:
        """The connection is gone; the user has been detached from it."""
        ...

    def upstream_choked(self, choked: bool) -> None:  # noqa: FBT001 - a callback's only word
        """Upstream takes no more bytes for now, or takes them again."""
        ...


class UpstreamConnection(asyncio.Protocol):
    """One connection; it belongs to its `user`, or to the pool while there is none."""

    __slots__ = ("_pool", "idle_since", "reused", "transport", "user")

    transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self.user: User | None = None
        self.reused = False
        self.idle_since = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self._pool.everyone.add(self)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self.user is None:
            # Nobody asked: what it says next would be taken for an answer.
            self.discard()
        else:
            self.user.answer_arrived(data)

    def eof_received(self) -> bool:
        """Called by the loop."""
        return self.user is not None and self.user.upstream_ended()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._pool.forget(self)
        user, self.user = self.user, None
        if user:
            user.upstream_lost(exc)

    def pause_writing(self) -> None:
        """Called by the loop."""
        if self.user:
            self.user.upstream_choked(True)

    def resume_writing(self) -> None:
        """Called by the loop."""
        if self.user:
            self.user.upstream_choked(False)

    def discard(self) -> None:
        """Close at once, without a word to the user."""
        self.user = None
        self.transport.abort()


class Dial:
    """An attempt to connect that can be called off."""

    __slots__ = ("done",)

    def __init__(self, done: "Callable[[UpstreamConnection | str], None]") -> None:
        self.done: Callable[[UpstreamConnection | str], None] | None = done

    def cancel(self) -> None:
        """Forget who asked; a connection that comes about goes to the pool."""
        self.done = None


class Pool:
    """The connections to one upstream. `allowed` says whether a peer may be forwarded to."""

    __slots__ = (
        "_allowed", "_circular", "_dials", "_idle", "_loop", "address", "everyone", "starved"
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: Address, allowed: Callable[[Peer], bool]
    ) -> None:
        self._loop = loop
        self.address = address
        self._allowed = allowed
        self._circular = 0
        """Until when it is known to lead back to its own target."""
        self._idle: list[UpstreamConnection] = []
        self._dials: set[asyncio.Task[None]] = set()
        self.everyone: set[UpstreamConnection] = set()
        self.starved = 0
        """Times there was no descriptor to dial with."""

    def take(self, *, repeatable: bool) -> UpstreamConnection | None:
        """An idle connection; a just used one for a request that cannot be repeated."""
        while self._idle:
            connection = self._idle[-1]
            if not repeatable and time.monotonic_ns() - connection.idle_since > FRESH:
                return None
            self._idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def give(self, connection: UpstreamConnection) -> None:
        """Take back a connection on which another request can be sent."""
        connection.user = None
        if connection.transport.is_closing():
            return
        if len(self._idle) >= MOST_IDLE:
            connection.discard()
            return
        connection.reused = True
        connection.idle_since = time.monotonic_ns()
        self._idle.append(connection)

    def shrink(self) -> None:
        """Close what nobody uses: its descriptors are needed."""
        for connection in list(self._idle):
            connection.discard()
        self._idle.clear()

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop a connection that is gone."""
        self.everyone.discard(connection)
        if connection.user is None and connection in self._idle:
            self._idle.remove(connection)

    def dial(self, done: Callable[[UpstreamConnection | str], None]) -> Dial:
        """Connect; `done` gets the connection, or a sentence's end that says why not."""
        dial = Dial(done)
        # Held here until it ends and awaited by close(): a callback has no task group to join.
        task = self._loop.create_task(self._connect(dial))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)
        return dial

    async def close(self) -> None:
        """Close everything, whether in use or not."""
        for task in self._dials:
            task.cancel()
        await asyncio.gather(*self._dials, return_exceptions=True)
        for connection in list(self.everyone):
            connection.transport.abort()

    async def _connect(self, dial: Dial) -> None:
        result: UpstreamConnection | str
        if time.monotonic_ns() < self._circular:
            # Where a connection is enough to make another, one too many makes them for ever.
            _answer(dial, _LEADS_BACK)
            return
        try:
            async with asyncio.timeout(DIAL_TIMEOUT):
                _, result = await self._loop.create_connection(
                    lambda: UpstreamConnection(self), self.address.host, self.address.port
                )
            keep_alive(result.transport.get_extra_info("socket"))
        except TimeoutError:
            result = f"did not accept a connection within {DIAL_TIMEOUT:g} s"
        except OSError as error:
            self.starved += error.errno in EXHAUSTED
            result = f"cannot be reached: {_reason(error)}"
        if isinstance(result, UpstreamConnection) and not self._allowed(_peer(result.transport)):
            result.discard()
            result = _LEADS_BACK
            self._circular = time.monotonic_ns() + SECOND
        if not _answer(dial, result) and isinstance(result, UpstreamConnection):
            self.give(result)


def _answer(dial: Dial, result: UpstreamConnection | str) -> bool:
    """Whether somebody still wanted to know."""
    if dial.done:
        dial.done(result)
    return dial.done is not None


def _reason(error: OSError) -> str:
    if error.errno in EXHAUSTED:
        return "the edge's limit of open files is reached"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def _peer(transport: asyncio.Transport) -> Peer:
    peer: Any = transport.get_extra_info("peername")
    local: Any = transport.get_extra_info("sockname")
    if not peer or not local:
        return Peer("", 0)
    return Peer(str(peer[0]), int(peer[1]), ours=peer[0] == local[0])
