"""A request that faults keep waiting: for a delay, or for ever.

It waits from when the request came, never too short, and only for leases that are still on: when
one is lifted, what was owed to it alone is owed no more, at once.
"""

import time
from collections.abc import Callable, Collection

from squall.core.faults.decision import Answer, Break, Decision, Silence
from squall.proxy.route import Route
from squall.proxy.timers import Timer


class Hold:
    """One such wait. At its end `then` is told how the request ends, or None: it is forwarded.

    A silence has no end; when its lease is lifted, `lifted` is called instead.
    """

    __slots__ = ("_began", "_decision", "_lifted", "_route", "_then", "_timer", "silent")

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
        self._began = began
        self._then = then
        self._lifted = lifted
        self._timer: Timer | None = None
        self.silent = False
        """The wait is over and nothing will be said."""

    def start(self) -> None:
        """Wait for as long as was decided; without a delay `then` is called from here."""
        self._route.waiting.add(self)
        self._wait()

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        left = self._decision.owed_to(leases)
        if left is self._decision:
            return
        self._decision = left
        if not self.silent:
            self._wait()
        elif not isinstance(left.ending, Silence):
            self.cancel()
            self._lifted()

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._route.waiting.discard(self)
        if self._timer:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        due = self._began + self._decision.delay
        if due > time.monotonic_ns():
            self._timer = self._route.timers.at(due, self._over)
        else:
            self._over()

    def _over(self) -> None:
        ending = self._decision.ending
        if isinstance(ending, Silence):
            self.silent = True
            return
        self.cancel()
        self._then(ending)
