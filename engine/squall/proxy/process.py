"""The edge as a process of its own: ``python -m squall.proxy.process CONTROL [LOCK]``.

Started by `remote`, which holds the other end of the control channel, an inherited socket. Its
traffic does not feel how busy the engine is, and outlives it: when the channel closes without an
order, all faults are lifted at once, the lock (an inherited file) is let go of to say so, and the
traffic goes on without any until nobody needs it any more. It ends by itself in bounded time,
whatever happens to the engine.

It is in a session of its own and does not hear the terminal: what Ctrl-C means is the engine's to
decide.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final, assert_never, cast

from squall.core.diagnostics import Refused
from squall.core.faults.effects import EdgeLost, Inject, Renew, Revert
from squall.core.timing import SECOND, Duration
from squall.proxy.control import (
    Broken,
    Close,
    NotOpened,
    Open,
    Opened,
    Order,
    Word,
    frame,
    orders,
)
from squall.proxy.local import LocalEdge

QUIET: Final = Duration(2 * SECOND)
"""Without a request for this long, traffic no longer needs an edge whose engine died."""

LONGEST_LINGER: Final = Duration(10 * SECOND)
"""How long an edge whose engine died accepts requests at most."""

DRAIN: Final = Duration(5 * SECOND)
"""What requests in flight get when nobody is there to say otherwise."""

LAST_WORDS: Final = 1.0
"""Seconds that an engine gets to read what is left when the edge ends."""

MOST_UNREAD: Final = 10_000
"""Reports that may wait for an engine which goes on ordering but does not read."""


class Terminated:
    """Somebody sent SIGTERM."""


class Abandoned:
    """The engine is gone, or what it says makes no sense."""


Ending = Close | Terminated | Abandoned


class Channel(asyncio.Protocol):
    """The edge's end of the control channel: effects go straight in, other orders are queued."""

    _transport: asyncio.WriteTransport

    def __init__(self, edge: LocalEdge, lifted: Callable[[], None]) -> None:
        self._edge = edge
        self._lifted = lifted
        self._frames = orders()
        self._writable = asyncio.Event()
        self._writable.set()
        self._over = False
        self.orders: asyncio.Queue[Open | Ending] = asyncio.Queue()
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if self._over:
            return
        try:
            for order in self._frames.feed(data):
                self._obey(order)
        except Broken as problem:
            sys.stderr.write(f"control channel: {problem}\n")
            self._abandon()
        if self._edge.unread() > MOST_UNREAD:
            self._abandon()

    def eof_received(self) -> None:
        self._abandon()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - gone is gone
        self.gone.set()
        self._abandon()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def say(self, word: Word) -> None:
        """Send; without an engine it goes nowhere."""
        if not self._transport.is_closing():
            self._transport.write(frame(word))

    async def tell(self, word: Word) -> None:
        """Send, and wait while the engine reads slowly."""
        self.say(word)
        await self._writable.wait()

    def close(self) -> None:
        """Nothing more is said; what was said is still delivered if somebody reads."""
        self._over = True
        self._transport.close()

    def _obey(self, order: Order) -> None:
        match order:
            case Inject() | Revert() | Renew():
                self._edge.send(order)
            case Open() | Close():
                self.orders.put_nowait(order)
            case _:
                assert_never(order)

    def _abandon(self) -> None:
        self._writable.set()
        if self._over:
            return
        # Mercy first, here and now: nobody is left to take the faults off.
        self._edge.lift()
        self._lifted()
        self.close()
        self.orders.put_nowait(Abandoned())


async def carry(control: socket.socket, lifted: Callable[[], None]) -> None:
    """Be an edge for the engine at the other end of `control`, until it is over.

    `lifted` is called when the engine is gone and no fault is on any more.
    """
    loop = asyncio.get_running_loop()
    edge = LocalEdge()
    _, channel = await loop.create_unix_connection(lambda: Channel(edge, lifted), sock=control)
    loop.add_signal_handler(signal.SIGTERM, channel.orders.put_nowait, Terminated())
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_report(edge, channel))
        ending = await _serve(edge, channel)
        match ending:
            case Close():
                await edge.close(drain=ending.drain)
            case Terminated():
                channel.say(EdgeLost(reason="the edge process was told to end (SIGTERM)"))
                await edge.close(drain=DRAIN)
            case Abandoned():
                await _linger(edge, channel)
                await edge.close(drain=DRAIN)
        await asyncio.wait({telling}, timeout=LAST_WORDS)
        telling.cancel()
    channel.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(channel.gone.wait(), LAST_WORDS)


async def _serve(edge: LocalEdge, channel: Channel) -> Ending:
    """Open targets as ordered, until it is over; why it is."""
    while True:
        order = await channel.orders.get()
        if not isinstance(order, Open):
            return order
        await channel.tell(await _open(edge, order))


async def _open(edge: LocalEdge, order: Open) -> Opened | NotOpened:
    try:
        return Opened(addresses=dict(await edge.open(order.targets)))
    except Refused as refused:
        return NotOpened(code=refused.code, message=refused.message, hint=refused.hint)


async def _report(edge: LocalEdge, channel: Channel) -> None:
    async for report in edge.reports():
        await channel.tell(report)


async def _linger(edge: LocalEdge, channel: Channel) -> None:
    """Go on without faults while there are requests, but not for long; SIGTERM ends it."""
    end = time.monotonic_ns() + LONGEST_LINGER
    while True:
        left = min(QUIET - edge.idle_for(), end - time.monotonic_ns())
        if left <= 0:
            return
        try:
            await asyncio.wait_for(channel.orders.get(), left / SECOND)
        except TimeoutError:
            continue
        return


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - there is none on some systems
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _allow_many_connections() -> None:
    import resource  # noqa: PLC0415 - only this process needs it

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems promise more than they give
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _close_all(files: list[int]) -> None:
    while files:
        os.close(files.pop())


def main() -> None:
    """Carry traffic for the engine at the inherited socket, then end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    locks = [int(lock) for lock in sys.argv[2:]]
    _allow_many_connections()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(carry(control, lambda: _close_all(locks)))
        sys.stderr.flush()
        # Leaving the runner would wait for name look-ups still under way in threads.
        os._exit(0)


if __name__ == "__main__":
    main()
