"""Bytes on their way in one direction of a connection, as the faults on it change and delay them.

A `Stream` is pushed what has come and says what may go on, and when to ask again; whoever drives it
has the clock and the socket (`squall.proxy.flow`). Its stages stand in a fixed order: what changes
bytes, what cuts them off, then what delays them (`squall.core.faults.stages` has each). Delays add
up and bytes never overtake each other. A stage is lifted with its lease, on live connections too:
what it still held back goes on at once.
"""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Literal, Protocol

from squall.core.timing import Duration

Spans = Sequence[tuple[int, int]]
"""Where in some bytes the payload is, as half-open ranges in order."""

Piece = tuple[int, bytes]
"""Bytes and when they may go on."""

Over = Literal["open", "ended", "close", "reset"]


class Mark(Protocol):
    """Where a stage says what it did."""

    def begin(self) -> None:
        """It acts, for the first time or again."""
        ...

    def end(self, *, delay: Duration, amount: int, over: Duration) -> None:
        """Nothing more will come: the delay it caused, the bytes it met, the time that took."""
        ...


class Stage:
    """One fault on one stream. Most change either the bytes or their time."""

    __slots__ = ("amount", "delay", "lease", "mark", "over", "rank")

    def __init__(self, lease: str, mark: Mark, rank: int) -> None:
        self.lease = lease
        self.mark = mark
        self.rank = rank
        self.amount = 0
        self.delay = Duration(0)
        self.over = Duration(0)

    def change(self, data: bytes, payload: Spans) -> bytes:  # noqa: ARG002 - for those that do
        """The bytes as they go on."""
        return data

    def cut(self) -> Literal["close", "reset"] | None:
        """How the stream is cut off behind the bytes changed last; None: it goes on."""
        return None

    def schedule(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces as they go on, none earlier than it came."""
        return pieces

    def linger(self) -> Duration:
        """How long after the last byte the end comes."""
        return Duration(0)

    def finish(self) -> None:
        """Say what it did, if it did anything."""
        if self.amount:
            self.mark.end(delay=self.delay, amount=self.amount, over=self.over)
            self.amount = 0


class Stream:
    """What one direction of a connection holds, and what may go on."""

    __slots__ = ("_cut", "_ended", "_last", "_queue", "held", "stages")

    def __init__(self) -> None:
        self.stages: tuple[Stage, ...] = ()
        self._queue: deque[Piece] = deque()
        self._last = 0
        self._ended = False
        self._cut: Literal["close", "reset"] | None = None
        self.held = 0
        """Bytes that wait."""

    def add(self, stages: Collection[Stage]) -> None:
        """More faults on what is pushed from now on."""
        self.stages = tuple(sorted((*self.stages, *stages), key=lambda stage: stage.rank))

    def lift(self, leases: Collection[str], now: int) -> None:
        """Only these leases are still on: what others held back goes on at once."""
        lifted = [stage for stage in self.stages if stage.lease not in leases]
        if not lifted:
            return
        self.stages = tuple(stage for stage in self.stages if stage.lease in leases)
        self._queue = deque((min(due, now), data) for due, data in self._queue)
        self._last = min(self._last, now)
        for stage in lifted:
            stage.finish()

    def push(self, data: bytes, now: int, payload: Spans | None = None) -> None:
        """Bytes have come; `payload` says where in them it is, None: all of it is payload."""
        if self._cut or not data:
            return
        spans = ((0, len(data)),) if payload is None else payload
        for stage in self.stages:
            data = stage.change(data, spans)
            self._cut = stage.cut()
            if self._cut:
                break
        pieces: list[Piece] = [(now, data)] if data else []
        for stage in self.stages if data else ():
            pieces = stage.schedule(pieces)
            self._cut = self._cut or stage.cut()
        for due, piece in pieces:
            self._last = max(self._last, due)
            self._queue.append((self._last, piece))
        self.held += len(data)

    def end(self, now: int) -> None:
        """Nothing more will come."""
        if not self._ended:
            self._ended = True
            self._last = max(self._last, now)
            if not self._cut:
                self._last += sum(stage.linger() for stage in self.stages)

    def take(self, now: int) -> bytes:
        """What may go on now."""
        queue, parts = self._queue, []
        while queue and queue[0][0] <= now:
            parts.append(queue.popleft()[1])
        taken = b"".join(parts)
        self.held -= len(taken)
        return taken

    def due(self) -> int | None:
        """When there is something to take next, or the end comes; None: nothing is known of it."""
        if self._queue:
            return self._queue[0][0]
        return self._last if self._ended or self._cut else None

    def over(self, now: int) -> Over:
        """Whether and how it has ended, once everything has been taken."""
        if self._queue or (self._last > now and (self._ended or self._cut)):
            return "open"
        return self._cut or ("ended" if self._ended else "open")

    def finish(self) -> None:
        """Nobody will ask again: every stage says what it did."""
        for stage in self.stages:
            stage.finish()
        self.stages = ()
