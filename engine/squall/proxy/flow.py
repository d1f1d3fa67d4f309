"""Drives a `Stream` with a clock and a socket: one direction of a connection under faults.

Made only where a fault acts on bytes; everywhere else they go from socket to socket untouched. The
pure stream says what may go on and when to ask again; the flow writes, waits, and tells its owner
how it ended. When a lease is lifted, its stages go, and what they held back goes on at once.
"""

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

from squall.core.faults.shaping import Over, Spans, Stage, Stream
from squall.proxy.timers import Timer, Timers

MOST_HELD: Final = 64 * 1024
"""Bytes a flow holds back before whoever feeds it is held back too."""


class Flow:
    """One such direction. `over` is called once, when it has ended or is cut off.

    `eased` is called when it holds little enough again to be fed.
    """

    __slots__ = ("_eased", "_full", "_over", "_stream", "_timer", "_timers", "_write")

    def __init__(
        self,
        stages: Iterable[Stage],
        timers: Timers,
        *,
        write: Callable[[bytes], None],
        over: Callable[[Over], None],
        eased: Callable[[], None],
    ) -> None:
        self._stream = Stream()
        self._stream.add(tuple(stages))
        self._timers = timers
        self._timer: Timer | None = None
        self._write = write
        self._over: Callable[[Over], None] | None = over
        self._eased = eased
        self._full = False

    @property
    def full(self) -> bool:
        """It holds so much that it should not be fed."""
        return self._full

    @property
    def open(self) -> bool:
        """It has neither ended nor been cut off nor closed."""
        return self._over is not None

    @property
    def empty(self) -> bool:
        """Everything that came has gone on."""
        return not self._stream.held

    @property
    def bare(self) -> bool:
        """No fault acts on it any more, and everything has gone on."""
        return self.empty and not self._stream.stages

    def add(self, stages: Iterable[Stage]) -> None:
        """More faults, on what comes from now on."""
        self._stream.add(tuple(stages))

    def push(self, data: bytes, payload: Spans | None = None) -> None:
        """Bytes have come; where in them the payload is, None: everywhere."""
        self._stream.push(data, time.monotonic_ns(), payload)
        self._full = self._stream.held > MOST_HELD
        self._run()

    def end(self) -> None:
        """Nothing more will come."""
        self._stream.end(time.monotonic_ns())
        self._run()

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        self._stream.lift(leases, time.monotonic_ns())
        self._run()

    def close(self) -> None:
        """Nobody cares any more; the faults say what they did."""
        self._over = None
        self._stop()
        self._stream.finish()

    def _run(self) -> None:
        if self._over is None:
            return
        now = time.monotonic_ns()
        data = self._stream.take(now)
        if data:
            self._write(data)
        self._stop()
        how = self._stream.over(now)
        if how != "open":
            over, self._over = self._over, None
            self._stream.finish()
            over(how)
            return
        due = self._stream.due()
        if due is not None:
            self._timer = self._timers.at(due, self._run)
        if self._full and self._stream.held <= MOST_HELD:
            self._full = False
            self._eased()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
