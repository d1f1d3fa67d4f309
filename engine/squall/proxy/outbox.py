"""What an edge has to say and nobody has read yet: in order, bounded, never waited for.

The edge puts reports in, one reader takes them out. A reader that is slow or gone costs fault
events and pictures, which are dropped with a count, and never an answer or the traffic: answers are
as few as the effects that were sent.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from squall.core.faults.effects import Counted, FaultEvent, Happened, Report

MOST_EVENTS: Final = 20_000
"""Fault events kept for a slow reader; later ones are counted and dropped."""

_BATCH: Final = 512
"""Events that are handed on without waiting for the next tick: keeps batches, and frames, small."""


class Outbox:
    """Reports from one edge to one reader. `soon` is called when a batch of events has begun."""

    def __init__(self, soon: Callable[[], None], *, most_events: int = MOST_EVENTS) -> None:
        self._soon = soon
        self._most = most_events
        self._queue: deque[Report] = deque()
        self._batch: list[FaultEvent] = []
        self._events = 0
        self._dropped = 0
        self._closed = False
        self._news = asyncio.Event()

    def happened(self, event: FaultEvent) -> None:
        """One fault was injected. Told with others at the next `flush`; cheap."""
        if self._events >= self._most:
            self._dropped += 1
            return
        self._events += 1
        self._batch.append(event)
        if len(self._batch) == 1:
            self._soon()
        elif len(self._batch) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand on the events since the last time, and how many were dropped."""
        if self._batch:
            self._put(Happened(events=tuple(self._batch), dropped=self._dropped))
            self._batch.clear()
            self._dropped = 0

    def say(self, report: Report) -> None:
        """Hand on an answer, behind every event that came before it."""
        self.flush()
        self._put(report)

    def counted(self, picture: Counted) -> None:
        """Hand on a picture of a target, in place of one that was not read yet."""
        for index, waiting in enumerate(self._queue):
            if isinstance(waiting, Counted) and waiting.target == picture.target:
                self._queue[index] = picture
                return
        self._put(picture)

    def close(self) -> None:
        """Say no more; what is here can still be read."""
        self.flush()
        if self._dropped:
            self._put(Happened(events=(), dropped=self._dropped))
            self._dropped = 0
        self._closed = True
        self._news.set()

    def __len__(self) -> int:
        """How many reports nobody has read."""
        return len(self._queue)

    async def reports(self) -> AsyncIterator[Report]:
        """All reports in order; ends after `close`. One reader."""
        while True:
            while self._queue:
                report = self._queue.popleft()
                if isinstance(report, Happened):
                    self._events -= len(report.events)
                yield report
            if self._closed:
                return
            self._news.clear()
            await self._news.wait()

    def _put(self, report: Report) -> None:
        if not self._closed:
            self._queue.append(report)
            self._news.set()
