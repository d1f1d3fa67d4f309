"""The timers of one run: many of them, one appointment with the clock.

The executor starts and cancels them as the machine says. They are never early; how late depends on
the event loop alone. It knows nothing of runs: a timer is a name and when it is due.
"""

from collections.abc import Callable
from heapq import heappop, heappush

from squall.service.ports import Clock


class Timers:
    """Named timers on the clock's monotonic count; `ring` is called with each name that is due."""

    def __init__(self, clock: Clock, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._next: tuple[int, Callable[[], None]] | None = None

    def start(self, timer: str, due: int) -> None:
        """Ring once it is `due`; the same name replaces."""
        self._due[timer] = due
        heappush(self._heap, (due, timer))
        self._arrange()

    def cancel(self, timer: str) -> None:
        """Forget it; one that is over is no error."""
        self._due.pop(timer, None)
        self._tidy()

    def close(self) -> None:
        """Forget them all."""
        self._due.clear()
        self._heap.clear()
        if self._next:
            self._next[1]()
            self._next = None

    def _tidy(self) -> None:
        """Drop what was cancelled or replaced from the top, and everywhere when it is the most."""
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._due):
            self._heap = sorted((due, timer) for timer, due in self._due.items())
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)

    def _arrange(self) -> None:
        self._tidy()
        if not self._heap:
            return
        due = self._heap[0][0]
        if self._next is not None:
            if self._next[0] <= due:
                return
            self._next[1]()
        self._next = due, self._clock.call_at(due, self._wake)

    def _wake(self) -> None:
        self._next = None
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, timer = heappop(self._heap)
            if self._due.get(timer) == due:
                del self._due[timer]
                self._ring(timer)
        self._arrange()
