"""A request that faults keep waiting: for a place, for a delay, or for ever.

Delays count from when the request came, or had its places, and are never too short. It waits only
for leases that are still on: when one is lifted, what was owed to it alone is owed no more, at
once.
"""

import asyncio
import time
from collections.abc import Callable, Collection

from squall.core.faults.decision import Decision
from squall.core.faults.exchange import Answer, Break, Ending, Silence, Wait
from squall.proxy.route import Route
from squall.proxy.timers import Timer


class Hold:
    """One such wait. At its end `then` is told how the request ends, or None: it is forwarded.

    A silence has no end; when its lease is lifted, `lifted` is called instead.
    """

    __slots__ = (
        "_decision", "_lifted", "_over", "_route", "_since", "_then", "_timer", "silent"
    )  # fmt: skip

    def __init__(
        self,
        route: Route,
        decision: Decision,
        began: int,
        *,
        then: Callable[[Answer | Break | None], None],
        lifted: Callable[[], None],
    ) -> None:
        self._route = route
        self._decision = decision
        self._since = began
        self._then = then
        self._lifted = lifted
        self._timer: Timer | None = None
        self._over = False
        self.silent = False
        """The wait is over and nothing will be said."""

    def start(self) -> None:
        """Wait for as long as was decided; without a reason to, `then` is called from here."""
        self._route.waiting.add(self)
        self._wait()

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        if self._over:
            return
        if not self.silent:
            self._wait()
        elif not isinstance(self._decision.owed_to(leases)[1], Silence):
            self.cancel()
            self._lifted()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._over = True
        self._route.waiting.discard(self)
        self._stop()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._over:
            return
        self._stop()
        if not self._has_place():
            return
        leases = self._route.leases.names
        delay, ending = self._decision.owed_to(leases)
        if ending is None and self._decision.ending is not None:
            # What would have ended it is lifted: what stands behind has not been decided yet.
            self._decision.go_on(time.monotonic_ns(), leases)
            self._wait()
            return
        due = self._since + delay
        if due > time.monotonic_ns():
            self._timer = self._route.timers.at(due, self._wait)
        else:
            self._finish(ending)

    def _has_place(self) -> bool:
        """Whether there is no place it needs and has not; else that is seen to."""
        leases = self._route.leases.names
        while (wait := self._decision.wait) is not None:
            now = time.monotonic_ns()
            if wait.lease in leases:
                if wait.slot.state == "queued":
                    self._queue(wait, now)
                    return False
                wait.entered(now)
                self._since = now
            self._decision.go_on(now, leases)
        return True

    def _queue(self, wait: Wait, now: int) -> None:
        if now >= wait.slot.deadline:
            self._finish(wait.turned_away(now))
            return
        # Not from within the end of who had the place before: a long queue would be a deep stack.
        loop = asyncio.get_running_loop()
        wait.slot.called = lambda: loop.call_soon(self._wait)
        self._timer = self._route.timers.at(wait.slot.deadline, self._wait)

    def _finish(self, ending: Ending | None) -> None:
        if isinstance(ending, Silence):
            self.silent = True
            return
        self.cancel()
        self._then(ending)
