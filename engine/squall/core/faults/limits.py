"""Faults that depend on time and on what else goes on: rate limits, places, breakers.

Each is what one lease keeps for one of its faults, starting afresh with it. All times are
nanoseconds of a clock that never goes back, passed in; nothing here waits. Who is kept waiting
holds a `Slot` and is called back when its turn comes. Unlike the dice these cannot be repeated from
a seed: they depend on when requests come.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from squall.core.faults.kinds import CircuitBreaker, RateLimit
from squall.core.timing import SECOND, Duration

MOST_KEYS: Final = 10_000
"""Clients, endpoints or header values told apart by one rate limit; the idlest is forgotten."""


class RateLimiter:
    """Lets so many requests a second through for each key (GCRA, ITU-T I.371)."""

    __slots__ = ("_interval", "_slack", "_theirs")

    def __init__(self, fault: RateLimit) -> None:
        self._interval = max(1, round(SECOND / fault.limit))
        self._slack = self._interval * (fault.burst - 1)
        self._theirs: OrderedDict[str, int] = OrderedDict()

    def admit(self, key: str, now: int) -> Duration:
        """Zero if the request may pass, else how long until one may."""
        due = max(now, self._theirs.get(key, now))
        early = due - self._slack - now
        if early > 0:
            return Duration(early)
        self._theirs[key] = due + self._interval
        self._theirs.move_to_end(key)
        if len(self._theirs) > MOST_KEYS:
            self._theirs.popitem(last=False)
        return Duration(0)


class Slot:
    """A place behind a gate, or in the queue before it; `deadline` ends the waiting."""

    __slots__ = ("called", "deadline", "since", "state")

    def __init__(
        self, state: Literal["in", "queued", "refused"], since: int, deadline: int
    ) -> None:
        self.state = state
        self.since = since
        self.deadline = deadline
        self.called: Callable[[], object] | None = None
        """Whom to tell that the place is free now."""


class Gate:
    """At most `places` inside, and at most `queue` waiting up to `timeout`; None: any number."""

    __slots__ = ("_inside", "_places", "_queue", "_timeout", "_waiting", "peak")

    def __init__(self, places: int, queue: int | None, timeout: Duration) -> None:
        self._places = places
        self._queue = queue
        self._timeout = timeout
        self._inside = 0
        self._waiting: dict[Slot, None] = {}
        self.peak = 0
        """The most there ever were inside at once."""

    def enter(self, now: int, *, there: bool = False) -> Slot:
        """A place, a place in the queue, or neither; who is `there` already has one anyway."""
        if there or self._inside < self._places:
            self._inside += 1
            self.peak = max(self.peak, self._inside)
            return Slot("in", now, now)
        full = self._queue is not None and len(self._waiting) >= self._queue
        if full or not self._timeout:
            return Slot("refused", now, now)
        slot = Slot("queued", now, now + self._timeout)
        self._waiting[slot] = None
        return slot

    def leave(self, slot: Slot) -> None:
        """Give up a place, or the waiting for one; whoever has waited longest moves up."""
        held, slot.state = slot.state == "in", "refused"
        self._waiting.pop(slot, None)
        if not held:
            return
        following = next(iter(self._waiting), None)
        if following is None or self._inside > self._places:
            self._inside -= 1
            return
        del self._waiting[following]
        following.state = "in"
        if following.called:
            following.called()


@dataclass(slots=True)
class _Slice:
    """What was answered in one tenth of the window."""

    ends: int
    total: int = 0
    failed: int = 0


class Breaker:
    """A circuit breaker: closed, open, or half open and trying."""

    __slots__ = ("_era", "_fault", "_in_row", "_opened", "_slices", "_state", "_trying", "_well")

    def __init__(self, fault: CircuitBreaker) -> None:
        self._fault = fault
        self._state: Literal["closed", "open", "half_open"] = "closed"
        self._era = 0
        """Rises with every change of state: what was let in before it says nothing after it."""
        self._opened = 0
        self._in_row = 0
        self._trying = 0
        self._well = 0
        self._slices: deque[_Slice] = deque()

    def admit(self, now: int) -> int | None:
        """What to `record` the request's end with, or None: it is turned away."""
        if self._state == "open" and now - self._opened >= self._fault.timeout:
            self._turn("half_open")
        if self._state == "open":
            return None
        if self._state == "half_open":
            if self._trying >= self._fault.half_open:
                return None
            self._trying += 1
        return self._era

    def record(self, era: int, now: int, *, failed: bool) -> None:
        """How a request that was let in has ended."""
        if era != self._era:
            return
        if self._state == "half_open":
            self._trying -= 1
            self._well += not failed
            if failed:
                self._open(now)
            elif self._well >= self._fault.successes:
                self._turn("closed")
            return
        self._in_row = self._in_row + 1 if failed else 0
        self._count(now, failed=failed)
        if self._in_row >= self._fault.failures or self._too_many(now):
            self._open(now)

    def _open(self, now: int) -> None:
        self._opened = now
        self._turn("open")

    def _turn(self, state: Literal["closed", "open", "half_open"]) -> None:
        self._state = state
        self._era += 1
        self._in_row = self._trying = self._well = 0
        self._slices.clear()

    def _count(self, now: int, *, failed: bool) -> None:
        if not self._slices or self._slices[-1].ends <= now:
            self._slices.append(_Slice(now + self._fault.window // 10))
        self._slices[-1].total += 1
        self._slices[-1].failed += failed

    def _too_many(self, now: int) -> bool:
        while self._slices and self._slices[0].ends <= now - self._fault.window:
            self._slices.popleft()
        total = sum(one.total for one in self._slices)
        failed = sum(one.failed for one in self._slices)
        enough = total >= self._fault.min_requests
        return enough and 0 < failed >= self._fault.failure_rate * total
