"""What a run has to say while it goes on, for one reader who may be slow.

The run never waits for the reader. Pictures (counts, progress) are only worth having new: of each
kind the latest is kept. Facts are all kept, up to a bound; beyond it the oldest go.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from squall.core.faults.effects import Counted
from squall.core.run.facts import RunEnded, RunFact
from squall.core.run.records import Progress

MOST_FACTS: Final = 10_000

Update = RunFact | Counted | Progress


class Updates:
    """A channel from a run to whoever watches it."""

    def __init__(self) -> None:
        self._facts: deque[RunFact] = deque(maxlen=MOST_FACTS)
        self._pictures: dict[str, Counted | Progress] = {}
        self._ended = False
        self._woken = asyncio.Event()

    def fact(self, fact: RunFact) -> None:
        """Something became true."""
        self._facts.append(fact)
        self._ended = self._ended or isinstance(fact, RunEnded)
        self._woken.set()

    def picture(self, picture: Counted | Progress) -> None:
        """How something looks now; replaces how it looked before."""
        if isinstance(picture, Counted):
            self._pictures[f"target {picture.target}"] = picture
        else:
            self._pictures[f"load {picture.path}"] = picture
        self._woken.set()

    async def read(self) -> AsyncIterator[Update]:
        """Everything since the run began; ends after `RunEnded`."""
        while True:
            while self._facts:
                fact = self._facts.popleft()
                yield fact
                if isinstance(fact, RunEnded):
                    return
            pictures, self._pictures = self._pictures, {}
            for picture in pictures.values():
                yield picture
            if self._ended and not self._facts:
                return
            if self._facts or self._pictures:
                continue
            self._woken.clear()
            await self._woken.wait()
