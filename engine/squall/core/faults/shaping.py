"""Bytes on their way in one direction of a connection, as the faults on it change and delay them.

A `Stream` is pushed what has come and says what may go on, and when to ask again; whoever drives it
has the clock and the socket (`squall.proxy.flow`). Its stages stand in a fixed order: what changes
bytes, what cuts them off, then what delays them (`squall.core.faults.stages` has each). Bytes pass
from stage to stage, each holding its own, so delays add up and bytes never overtake each other. A
stage is lifted with its lease, on live connections too: what it held goes on at once, to the next.
"""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

from squall.core.timing import Duration

Spans = Sequence[tuple[int, int]]
"""Where in some bytes the payload is, as half-open ranges in order."""

Piece = tuple[int, bytes]
"""Bytes and when they may go on."""

ROOM: Final = 64 * 1024
"""Bytes that a stage may hold, unless it needs more to do what it is asked."""

Over = Literal["open", "ended", "close", "reset"]


class Mark(Protocol):
    """Where a stage says what it did."""

    def begin(self) -> None:
        """It acts, for the first time."""
        ...

    def count(self, *, touched: bool) -> None:
        """It met one piece, of a fault that is asked for pieces and not for exchanges."""
        ...

    def end(self, *, delay: Duration, amount: int, over: Duration) -> None:
        """Nothing more will come: the delay it caused, the bytes it met, the time that took."""
        ...


class Stage:
    """One fault on one stream: it changes bytes, cuts them off, or holds them back."""

    __slots__ = (
        "_acted", "amount", "delay", "doom", "held", "last", "lease", "mark", "over", "rank",
        "room", "size",
    )  # fmt: skip

    def __init__(self, lease: str, mark: Mark, rank: int) -> None:
        self.lease = lease
        self.mark = mark
        self.rank = rank
        self.amount = 0
        self.delay = Duration(0)
        self.over = Duration(0)
        self.held: deque[Piece] = deque()
        """What waits here, in order."""
        self.size = 0
        """How many bytes that is."""
        self.room = ROOM
        """How many may wait before whoever sends more has to."""
        self.last = 0
        """When the latest piece that ever came may go on: none behind it goes before."""
        self.doom: int | None = None
        """When it breaks the connection, with what it holds from then on."""
        self._acted = False

    def act(self) -> None:
        """It acts; told once."""
        if not self._acted:
            self._acted = True
            self.mark.begin()

    def change(self, data: bytes, payload: Spans) -> bytes:  # noqa: ARG002 - for those that do
        """The bytes as they go on."""
        return data

    def cut(self) -> Literal["close", "reset"] | None:
        """How the stream is cut off behind the bytes changed last; None: it goes on."""
        return None

    def schedule(self, came: int, data: bytes) -> Sequence[Piece]:
        """The bytes in pieces as they go on, none earlier than it came."""
        return ((came, data),)

    def linger(self) -> Duration:
        """How long after the last byte the end comes."""
        return Duration(0)

    def enter(self, came: int, data: bytes) -> None:
        """Hold bytes for as long as it takes."""
        self.size += len(data)
        for due, piece in self.schedule(came, data):
            self.last = max(self.last, due)
            self.held.append((self.last, piece))

    def leave(self) -> Piece:
        """The first of what waits goes on."""
        piece = self.held.popleft()
        self.size -= len(piece[1])
        return piece

    def finish(self) -> None:
        """Say what it did, if it did anything."""
        if self._acted:
            self._acted = False
            self.mark.end(delay=self.delay, amount=self.amount, over=self.over)


class Stream:
    """What one direction of a connection holds, and what may go on."""

    __slots__ = ("_cut", "_ended", "_last", "_out", "stages")

    def __init__(self) -> None:
        self.stages: tuple[Stage, ...] = ()
        self._out: list[bytes] = []
        self._last = 0
        self._ended = False
        self._cut: Literal["close", "reset"] | None = None

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return sum(stage.size for stage in self.stages) + sum(map(len, self._out))

    @property
    def full(self) -> bool:
        """So many wait that no more should be pushed."""
        return any(stage.size > stage.room for stage in self.stages)

    def add(self, stages: Collection[Stage]) -> None:
        """More faults on what is pushed from now on."""
        self.stages = tuple(sorted((*self.stages, *stages), key=lambda stage: stage.rank))

    def lift(self, leases: Collection[str], now: int) -> None:
        """Only these leases are still on: what the others held goes on at once."""
        following: Stage | None = None
        # From the end, so that bytes stay behind those that are further on.
        for stage in reversed(self.stages):
            if stage.lease in leases:
                following = stage
                continue
            for due, data in stage.held:
                self._pass(following, min(due, now), data)
            stage.finish()
        self.stages = tuple(stage for stage in self.stages if stage.lease in leases)

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
        if data:
            self._pass(next(iter(self.stages), None), now, data)

    def end(self, now: int) -> None:
        """Nothing more will come."""
        if not self._ended:
            self._ended = True
            self._last = max(self._last, now)

    def take(self, now: int) -> bytes:
        """What may go on now."""
        for index, stage in enumerate(self.stages):
            following = self.stages[index + 1] if index + 1 < len(self.stages) else None
            broken = stage.doom is not None and stage.doom <= now
            until = now if stage.doom is None or not broken else stage.doom - 1
            while stage.held and stage.held[0][0] <= until:
                self._pass(following, *stage.leave())
            if broken:
                self._break(self.stages[: index + 1])
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def due(self) -> int | None:
        """When there is something to take next, or the end comes; None: nothing is known of it."""
        heads = [stage.held[0][0] for stage in self.stages if stage.held]
        if heads:
            return min(heads)
        return self._closes() if self._ended else None

    def over(self, now: int) -> Over:
        """Whether and how it has ended, once everything has been taken."""
        if any(stage.held for stage in self.stages):
            return "open"
        if self._cut:
            return self._cut
        return "ended" if self._ended and self._closes() <= now else "open"

    def finish(self) -> None:
        """Nobody will ask again: every stage says what it did."""
        for stage in self.stages:
            stage.finish()
        self.stages = ()

    def _pass(self, stage: Stage | None, came: int, data: bytes) -> None:
        """Bytes come to a stage, or out."""
        if stage is not None:
            stage.enter(came, data)
        else:
            self._last = max(self._last, came)
            self._out.append(data)

    def _break(self, stages: Sequence[Stage]) -> None:
        """What these hold is lost, and whatever comes after it."""
        for stage in stages:
            stage.held.clear()
            stage.size = 0
        self._cut = "reset"

    def _closes(self) -> int:
        return self._last + sum(stage.linger() for stage in self.stages)
