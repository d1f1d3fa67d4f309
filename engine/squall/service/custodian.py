"""Answers for leases nobody else answers for any more: leaked ones, and those of dead engines.

Where the edge can be reached it is told to take the faults off again and again, for ever, ever
more seldom. Where it cannot, the lease's own end is waited for: an edge lifts everything when its
channel closes, and each lease by itself when nobody renews it. Until then the lease is kept,
`squall faults` shows it, and its target stays closed to new runs.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Revert
from squall.core.run.journal import LeaseRow
from squall.core.timing import MINUTE, SECOND, Duration
from squall.service.ports import Clock, Store

FIRST_PAUSE: Final = Duration(SECOND)
LONGEST_PAUSE: Final = Duration(MINUTE)

Send = Callable[[Revert], None]


class Custodian:
    """Keeps leases until they are off for certain. One per engine, as long as it lives."""

    def __init__(self, tasks: asyncio.TaskGroup, clock: Clock, store: Store) -> None:
        self._tasks = tasks
        self._clock = clock
        self._store = store
        self._kept: dict[str, asyncio.Task[None]] = {}

    def take(self, row: LeaseRow, send: Send | None) -> None:
        """Answer for a lease; `send` reaches its edge, None when nobody can."""
        self.settled(row.lease)
        keeping = self._outlive(row) if send is None else self._insist(row, send)
        self._kept[row.lease] = self._tasks.create_task(keeping)

    def settled(self, lease: str) -> None:
        """The edge has said that it is off, or is gone itself."""
        kept = self._kept.pop(lease, None)
        if kept is not None:
            kept.cancel()

    def close(self) -> None:
        """Stop; what is still kept is the next engine's."""
        for lease in tuple(self._kept):
            self.settled(lease)

    async def _insist(self, row: LeaseRow, send: Send) -> None:
        pause = FIRST_PAUSE
        while True:
            send(Revert(lease=row.lease, seq=row.seq))
            await self._clock.sleep_until(self._clock.monotonic() + pause)
            pause = min(Duration(2 * pause), LONGEST_PAUSE)

    async def _outlive(self, row: LeaseRow) -> None:
        pause = FIRST_PAUSE
        left = max(0, row.expires - self._clock.wall())
        await self._clock.sleep_until(self._clock.monotonic() + left)
        while True:
            try:
                await self._store.drop(row.lease)
            except Refused:  # the disk's trouble: the row stays until it is over
                await self._clock.sleep_until(self._clock.monotonic() + pause)
                pause = min(Duration(2 * pause), LONGEST_PAUSE)
            else:
                self._kept.pop(row.lease, None)
                return
