"""Timers that are never early: a heap of deadlines behind one alarm of the loop.

An alarm may ring too soon, which would break "at least 100 ms". So each time it rings the monotonic
clock is asked what is really due, and it is set again for the rest. Used for every wait of the
edge; it decides nothing about what is waited for.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

from squall.proxy.alarm import alarm


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

    __slots__ = ("_alarm", "_count", "_due", "_heap")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = alarm(loop, self._wake)
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = itertools.count()
        self._due = 0
        """When the alarm is set to, 0 if it is not."""

    def at(self, due: int, callback: Callable[[], None]) -> Timer:
        """Call back once `due` has passed, never before."""
        timer = Timer(callback)
        if len(self._heap) > 1_000 and self._mostly_cancelled():
            self._heap = [entry for entry in self._heap if entry[2].callback]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (due, next(self._count), timer))
        if not self._due or due < self._due:
            self._arm(due)
        return timer

    def close(self) -> None:
        """Forget all of them."""
        self._heap.clear()
        self._alarm.close()

    def _mostly_cancelled(self) -> bool:
        # A sample keeps this cheap: cancelled ones are spread over the whole heap.
        sample = self._heap[:: max(1, len(self._heap) // 16)]
        return sum(entry[2].callback is None for entry in sample) * 2 > len(sample)

    def _arm(self, due: int) -> None:
        self._due = due
        self._alarm.set(due)

    def _wake(self) -> None:
        self._due = 0
        heap = self._heap
        while heap and (heap[0][2].callback is None or heap[0][0] <= time.monotonic_ns()):
            timer = heapq.heappop(heap)[2]
            callback, timer.callback = timer.callback, None
            if callback:
                callback()
            heap = self._heap
        if heap:
            self._arm(heap[0][0])
