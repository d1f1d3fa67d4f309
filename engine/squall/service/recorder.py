"""The recorder: what happens in a run goes to disk as it happens, and nobody waits for it.

The executor tells it of leases, injected faults and the run's facts; each call only puts something
in a queue. A thread of its own makes events of them, and writes at the latest 100 ms after the
first one it holds. When the disk is full or too slow, events are dropped and counted, `problem`
says so in a sentence, and the run goes on. Files and their format are the writer's.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Protocol

from squall.core.faults.effects import FaultEvent, Happened, Inject
from squall.core.recording.model import Event, Lease, Tail, Transitions, encode, orphan
from squall.core.run.facts import RunEnded, RunFact, StepEnded, StepEntered
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.service.ports import Clock

FLUSH: Final = Duration(100 * MILLISECOND)
"""How long an event may wait before it is written: what a crash may cost."""
MOST_WAITING: Final = 100_000
"""Events that may wait for a slow disk before more are dropped."""
_BATCH: Final = 256 * 1024
"""Bytes of events that are written at once, before they are compressed."""
_LEASES: Final = 1_024
_PATIENCE: Final = Duration(5 * SECOND)


class Writer(Protocol):
    """Where a recording goes; used from one thread at a time."""

    @property
    def path(self) -> Path:
        """What it is called."""
        ...

    def append(self, lines: Iterable[bytes], first: int) -> None:
        """Keep encoded events, the first of which happened at `first`; raises OSError."""
        ...

    def close(self, tail: Tail) -> None:
        """Say how it ended, and close; raises OSError."""
        ...


class Recorder:
    """Records one run. `close` must be awaited, and nothing called after it."""

    def __init__(
        self, writer: Writer, clock: Clock, *, run: str, most_waiting: int = MOST_WAITING
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._most_waiting = most_waiting
        self._queue: SimpleQueue[Inject | Happened | tuple[int, RunFact] | None] = SimpleQueue()
        # Each counter is written by one thread only: `_put`, `_lost` by the loop's, the others by
        # the writer's.
        self._put = self._lost = self._taken = self._unwritten = 0
        self._error = ""
        self._scribe = _Scribe(run)
        self._lines: list[bytes] = []
        self._size = 0
        self._first = 0
        self._due: int | None = None
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="squall-recorder", daemon=True)
        self._thread.start()

    def injected(self, inject: Inject) -> None:
        """A lease was asked for: events will name it."""
        self._queue.put(inject)

    def happened(self, report: Happened) -> None:
        """Faults were injected. Never blocks: beyond what may wait, they are dropped."""
        count = len(report.events)
        self._lost += report.dropped
        if self._put - self._taken + count > self._most_waiting:
            self._lost += count
            return
        self._put += count
        self._queue.put(report)

    def fact(self, fact: RunFact) -> None:
        """The run said something about itself; scenario steps that begin and end are recorded."""
        if isinstance(fact, StepEntered | StepEnded | RunEnded):
            self._queue.put((self._clock.wall(), fact))

    def problem(self) -> str | None:
        """In a sentence what is missing from the recording, and why; None when nothing is."""
        missing = self._lost + self._unwritten
        if not missing and not self._error:
            return None
        lost = f"{missing} events are missing" if missing != 1 else "one event is missing"
        why = self._error or "they came faster than they could be written"
        return f"{lost} from the recording {self._writer.path}: {why}"

    async def close(self) -> None:
        """Write what is left and how it ended; gives up on a disk that does not answer."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, _PATIENCE / SECOND)
        if self._thread.is_alive():
            self._lost += self._put - self._taken
            self._error = "the disk does not answer"

    def _work(self) -> None:
        """The writer's thread, until `close`."""
        while True:
            try:
                item = self._queue.get(timeout=self._left())
            except Empty:
                self._flush()
                continue
            if item is None:
                break
            self._take(item)
            if self._size >= _BATCH or self._left() == 0:
                self._flush()
        self._flush()
        tail = Tail(ended=self._clock.wall(), dropped=self._lost + self._unwritten)
        try:
            self._writer.close(tail)
        except OSError as error:
            self._error = self._error or _reason(error)

    def _left(self) -> float | None:
        """Seconds until what is held must be written; None when nothing is."""
        if self._due is None:
            return None
        return max(0, self._due - self._clock.monotonic()) / SECOND

    def _take(self, item: Inject | Happened | tuple[int, RunFact]) -> None:
        match item:
            case Inject():
                self._scribe.injected(item)
            case Happened(events=events):
                for happened in events:
                    self._hold(self._scribe.event(happened), happened.at)
                self._taken += len(events)
            case (at, fact):
                for event in self._scribe.fact(fact, at):
                    self._hold(event, at)

    def _hold(self, event: Event, at: int) -> None:
        if self._due is None:
            self._first = at
            self._due = self._clock.monotonic() + FLUSH
        line = encode(event)
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        lines, self._lines, self._size, self._due = self._lines, [], 0, None
        if not lines:
            return
        try:
            self._writer.append(lines, self._first)
        except OSError as error:
            self._unwritten += len(lines)
            self._error = self._error or _reason(error)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


class _Scribe:
    """Makes events of what the recorder is told, remembering the leases they belong to."""

    def __init__(self, run: str) -> None:
        self._leases: dict[str, Lease] = {}
        self._transitions = Transitions(run)
        self._paths: set[str] = set()

    def injected(self, inject: Inject) -> None:
        self._leases.pop(inject.lease, None)
        self._leases[inject.lease] = Lease(inject)
        self._paths.add(inject.path)
        if len(self._leases) > _LEASES:
            # Long over: a loop makes a new lease each time it goes round.
            del self._leases[next(iter(self._leases))]

    def event(self, event: FaultEvent) -> Event:
        lease = self._leases.get(event.lease)
        return orphan(event) if lease is None else lease.event(event)

    def fact(self, fact: RunFact, at: int) -> list[Event]:
        match fact:
            case StepEntered(path=path, phase="active") if path in self._paths:
                return _some(self._transitions.began(path, at))
            case StepEntered(path=path, phase="undoing"):
                return self._ended(path, at)
            case StepEnded(path=step):
                over = [path for path in self._paths if path.rpartition("#")[0] == step]
                return [event for path in over for event in self._ended(path, at)]
            case RunEnded():
                return self._transitions.all_ended(at)
            case _:
                return []

    def _ended(self, path: str, at: int) -> list[Event]:
        self._paths.discard(path)
        return _some(self._transitions.ended(path, at))


def _some(event: Event | None) -> list[Event]:
    return [] if event is None else [event]
