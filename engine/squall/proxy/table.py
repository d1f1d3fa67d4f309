"""Which faults are on: leases with their fence and their end, on passed-in time.

An edge has one table and hands every effect to it; the table answers and swaps what is active on
the plane. It holds the edge's half of the promise that no fault outlives its run: the highest
number seen of a lease is remembered, also after its end, so an effect that comes late changes
nothing, and a lease that nobody renews ends by itself.

It does not wait, look at a clock, or send anything: `expire` is called by who has a timer.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from squall.core.faults.active import ActiveLease
from squall.core.faults.counters import Counters
from squall.core.faults.effects import (
    Applied,
    Delivery,
    Effect,
    Felt,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
    Renew,
    Revert,
)
from squall.core.faults.kinds import Protocol
from squall.core.faults.wording import meaningless
from squall.core.timing import Duration

MOST_REMEMBERED: Final = 4_096
"""Ended leases whose number is remembered one by one; of older ones, one number per run is."""

_NEVER: Final = -1
"""Below every sequence number."""


@dataclass(slots=True)
class _Live:
    """A lease that is on, since when, and until when unless it is renewed."""

    active: ActiveLease
    since: int
    expires: int

    def tally(self, now: int) -> tuple[tuple[Delivery, ...], Felt]:
        """What its faults did, and what clients felt meanwhile."""
        over = Duration(max(0, now - self.since))
        return self.active.deliveries(), self.active.felt(over)


class LeaseTable:
    """The leases of one edge. `swap` puts what is active on a target in place, at once.

    Times are nanoseconds of any clock that never goes back. Memory is bounded: when more than
    `remembered` leases have ended, the fence of the oldest becomes the fence of its whole run.
    That is safe because all leases of a run draw their numbers from one counter: whatever is new
    has a higher number than whatever is forgotten.
    """

    def __init__(
        self,
        targets: Mapping[str, Protocol],
        swap: Callable[[str, tuple[ActiveLease, ...]], None],
        *,
        remembered: int = MOST_REMEMBERED,
    ) -> None:
        self._targets = dict(targets)
        self._swap = swap
        self._remembered = remembered
        self._counters = Counters()
        self._on: dict[str, _Live] = {}
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._floors: dict[str, int] = {}

    def perform(self, effect: Effect, now: int) -> Applied | Rejected | Lifted | None:
        """Do it, and what to answer, if anything.

        The same inject again is answered `Applied` again and does not live longer for it. A revert
        is answered even if there is nothing to take off, unless a later inject has put the lease
        on again: then nothing is done and nothing said, for whoever sent it has been overtaken.
        """
        match effect:
            case Inject():
                return self._inject(effect, now)
            case Revert():
                return self._revert(effect, now)
            case Renew():
                self._renew(effect, now)
                return None
            case _:
                assert_never(effect)

    def expire(self, now: int) -> tuple[Lapsed, ...]:
        """End every lease whose time is up."""
        due = [(lease, live) for lease, live in self._on.items() if live.expires <= now]
        for lease, live in due:
            del self._on[lease]
            self._remember(lease, live.active.inject.seq)
        self._show({live.active.inject.target for _, live in due})
        return tuple(_lapsed(lease, live, now) for lease, live in due)

    def clear(self) -> None:
        """End every lease now, saying nothing."""
        targets = {live.active.inject.target for live in self._on.values()}
        for lease, live in self._on.items():
            self._remember(lease, live.active.inject.seq)
        self._on.clear()
        self._show(targets)

    def next_expiry(self) -> int | None:
        """When `expire` has something to do next, if nobody renews; None: nothing is on."""
        return min((live.expires for live in self._on.values()), default=None)

    def deliveries(self, target: str) -> tuple[tuple[str, tuple[Delivery, ...]], ...]:
        """What the faults that are on a target have done so far, by lease."""
        return tuple(
            (lease, live.active.deliveries())
            for lease, live in self._on.items()
            if live.active.inject.target == target
        )

    def _inject(self, inject: Inject, now: int) -> Applied | Rejected:
        lease, seq = inject.lease, inject.seq
        before = self._on.get(lease)
        if before and before.active.inject == inject:
            return Applied(lease=lease, seq=seq)
        fence = self._fence(lease)
        if seq <= fence:
            reason = f"overtaken: number {seq} came when number {fence} had already been seen"
            return Rejected(lease=lease, seq=seq, reason=reason)
        # From here on the earlier faults of the lease are off, whatever becomes of the new ones.
        changed = {inject.target} & self._targets.keys()
        if before:
            changed.add(before.active.inject.target)
            del self._on[lease]
        active = self._compile(inject)
        if isinstance(active, ActiveLease):
            self._ended.pop(lease, None)
            self._on[lease] = _Live(active, now, now + inject.ttl)
        else:
            self._remember(lease, seq)
        self._show(changed)
        if isinstance(active, ActiveLease):
            return Applied(lease=lease, seq=seq)
        return Rejected(lease=lease, seq=seq, reason=active)

    def _compile(self, inject: Inject) -> ActiveLease | str:
        """The faults, ready to be asked; or in a sentence why that cannot be."""
        if inject.target not in self._targets:
            known = ", ".join(sorted(self._targets)) or "none"
            return f"there is no target {inject.target!r} at this edge; it has: {known}"
        if self._targets[inject.target] == "tcp":
            for what in (what for one in inject.scenarios for what in meaningless(one)):
                return f"{what} has no meaning at {inject.target!r}, which carries bytes alone"
        try:
            return ActiveLease(inject, self._counters)
        except ValueError as problem:
            return str(problem)

    def _revert(self, revert: Revert, now: int) -> Lifted | None:
        lease, seq = revert.lease, revert.seq
        live = self._on.get(lease)
        if live is None:
            self._remember(lease, max(seq, self._fence(lease)))
            return Lifted(lease=lease, seq=seq)
        if seq < live.active.inject.seq:
            return None
        del self._on[lease]
        self._show({live.active.inject.target})
        self._remember(lease, seq)
        deliveries, felt = live.tally(now)
        return Lifted(lease=lease, seq=seq, deliveries=deliveries, felt=felt)

    def _renew(self, renew: Renew, now: int) -> None:
        for lease in renew.leases:
            live = self._on.get(lease)
            # A renewal that was held up must not shorten what a later one gave.
            if live:
                live.expires = max(live.expires, now + renew.ttl)

    def _show(self, targets: Collection[str]) -> None:
        for target in targets:
            live = (live.active for live in self._on.values())
            self._swap(target, tuple(active for active in live if active.inject.target == target))

    def _fence(self, lease: str) -> int:
        live = self._on.get(lease)
        if live:
            return live.active.inject.seq
        return self._ended.get(lease, self._floors.get(_run_of(lease), _NEVER))

    def _remember(self, lease: str, seq: int) -> None:
        self._ended[lease] = seq
        self._ended.move_to_end(lease)
        while len(self._ended) > self._remembered:
            oldest, number = self._ended.popitem(last=False)
            run = _run_of(oldest)
            self._floors[run] = max(number, self._floors.get(run, _NEVER))


def _lapsed(lease: str, live: _Live, now: int) -> Lapsed:
    deliveries, felt = live.tally(now)
    return Lapsed(lease=lease, deliveries=deliveries, felt=felt)


def _run_of(lease: str) -> str:
    """Leases are named ``RUN:STEP@TARGET``."""
    return lease.partition(":")[0]
