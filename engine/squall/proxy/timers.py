"""Timers that are never early: a heap of deadlines behind one timer of the loop.

uvloop counts whole milliseconds and wakes up to one of them too soon
(https://github.com/MagicStack/uvloop/issues/739), which would break "at least 100 ms". So each wake
asks the monotonic clock what is really due and arms again for the rest. Used for every wait of the
edge; it decides nothing about what is waited for.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Final

_SHORTEST: Final = 0.001
"""Seconds: what an early wake waits for, rather than spinning through the last millisecond."""


class Timer:
    """One deadline; `cancel` it as often as you like."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget it, and let go of what it would have called."""
        self.callback = None


class Timers:
    """The deadlines of one loop, in nanoseconds of `time.monotonic_ns`."""

    __slots__ = ("_armed", "_count", "_due", "_heap", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = itertools.count()
        self._armed: asyncio.TimerHandle | None = None
        self._due = 0

    def at(self, due: int, callback: Callable[[], None]) -> Timer:
        """Call back once `due` has passed, never before."""
        timer = Timer(callback)
        if len(self._heap) > 1_000 and self._mostly_cancelled():
            self._heap = [entry for entry in self._heap if entry[2].callback]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, next(self._count), timer))
        if self._armed is None or due < self._due:
            self._arm(due)
        return timer

    def close(self) -> None:
        """Forget all of them."""
        self._heap.clear()
        if self._armed:
            self._armed.cancel()
            self._armed = None

    def _mostly_cancelled(self) -> bool:
        # A sample keeps this cheap: cancelled ones are spread over the whole heap.
        sample = self._heap[:: max(1, len(self._heap) // 16)]
        return sum(entry[2].callback is None for entry in sample) * 2 > len(sample)

    def _arm(self, due: int) -> None:
        if self._armed:
            self._armed.cancel()
        self._due = due
        left = (due - time.monotonic_ns()) / 1e9
        self._armed = self._loop.call_later(max(left, _SHORTEST), self._wake)

    def _wake(self) -> None:
        self._armed = None
        heap = self._heap
        while heap and (heap[0][2].callback is None or heap[0][0] <= time.monotonic_ns()):
            timer = heapq.heappop(heap)[2]
            callback, timer.callback = timer.callback, None
            if callback:
                callback()
            heap = self._heap
        if heap:
            self._arm(heap[0][0])
