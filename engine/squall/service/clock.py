"""The one place that looks at the time and waits for it.

Services get a `Clock` (see `ports`) and never ask the system themselves, so that tests can run them
on a clock of their own. Event loops may wake up to a millisecond early; nothing here does. An
engine runs on `event_loop`, which is not a millisecond late either.
"""

import asyncio
import select
import selectors
import sys
import time
from collections.abc import Callable

from squall.core.timing import SECOND


class SystemClock:
    """The computer's clocks, waiting on the running event loop."""

    def monotonic(self) -> int:
        """Nanoseconds that never go back."""
        return time.monotonic_ns()

    def wall(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    async def sleep_until(self, due: int) -> None:
        """Return when `monotonic()` is at least `due`; gives way at least once."""
        await asyncio.sleep(0)  # noqa: TID251 - this is where sleeping is done
        while (left := due - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(left / SECOND)  # noqa: TID251

    def call_at(self, due: int, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once it is `due`; returns what takes the appointment back."""
        return _Appointment(due, action).cancel


class _Appointment:
    """A call in the future that is made again when the loop wakes too early for it."""

    __slots__ = ("_action", "_due", "_handle", "_loop")

    def __init__(self, due: int, action: Callable[[], None]) -> None:
        self._due = due
        self._action = action
        self._loop = asyncio.get_running_loop()
        self._handle = self._wait()

    def cancel(self) -> None:
        self._handle.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        left = max(0, self._due - time.monotonic_ns())
        return self._loop.call_later(left / SECOND, self._ring)

    def _ring(self) -> None:
        if time.monotonic_ns() < self._due:
            self._handle = self._wait()
        else:
            self._action()


if sys.platform == "linux":

    class _Selector(selectors.EpollSelector):
        """epoll rounds a wait up to whole milliseconds; `select`, watching it, to microseconds."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None and timeout > 0:
                select.select((self.fileno(),), (), (), timeout)
                timeout = 0
            return super().select(timeout)
else:
    _Selector = selectors.DefaultSelector


def event_loop() -> asyncio.AbstractEventLoop:
    """An event loop whose timers are as fine as the system's."""
    return asyncio.SelectorEventLoop(_Selector())
