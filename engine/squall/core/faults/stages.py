"""What faults do to bytes: a class for each way to change, cut off or delay them.

`ways` makes them of faults and draws; a `squall.core.faults.shaping.Stream` puts them in order, by
their rank, and asks them. Each says to its mark what it did.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

from squall.core.faults import dice
from squall.core.faults.kinds import EVERY, RETRANSMISSION_TIMEOUT, Corruption, Share, Slicer
from squall.core.faults.shaping import ROOM, Mark, Piece, Spans, Stage
from squall.core.timing import MILLISECOND, SECOND, Duration

LOST_FOR_GOOD: Final = 8
"""Losses of one segment after which its connection is given up: 51 s of doubling time-outs.

RFC 6298 (2.5) lets an implementation stop doubling at 60 s; a ninth loss would pass that.
"""

_TICK: Final = 20 * MILLISECOND
"""How much of its speed a paced stream passes at a time."""
_SMALLEST: Final = 16
_MOST_AHEAD: Final = 4 * 1024 * 1024
_UNDER_WAY: Final = 1024 * 1024
_APART: Final = 10
"""Of so many bytes, one is corrupted on average."""

_HIT: Final = 256 // _APART
_OTHERS: Final = bytes((37 * noise + 41) % 255 + 1 if noise <= _HIT else 0 for noise in range(256))
_FLIPS: Final = bytes(1 << noise % 8 if noise <= _HIT else 0 for noise in range(256))
"""What a byte of noise makes of one of the payload: mostly nothing."""


class Corrupt(Stage):
    """Other bytes here and there in the payload, the same for the same draw and length.

    `length` is that of the whole payload, 0 when it is not known. At least one byte is changed.
    """

    __slots__ = ("_first", "_key", "_seen", "_table")

    def __init__(self, lease: str, mark: Mark, fault: Corruption, key: int, length: int) -> None:
        super().__init__(lease, mark, 0)
        self._table = _FLIPS if fault.kind == "bit_flip" else _OTHERS
        self._key = key
        self._seen = 0
        self._first = int(dice.roll(key, 0) * min(_APART, max(length, 1)))

    def change(self, data: bytes, payload: Spans) -> bytes:
        """Replace the bytes whose turn it is."""
        if not payload:
            return data
        changed = bytearray(data)
        for start, end in payload:
            mask = self._mask(end - start)
            changed[start:end] = _xor(data[start:end], mask)
            self.amount += len(mask) - mask.count(0)
        if self.amount:
            self.act()
        return bytes(changed)

    def _mask(self, size: int) -> bytes:
        """What the next `size` bytes of payload are combined with; mostly zeros."""
        block, skipped = divmod(self._seen, dice.NOISE)
        blocks = range(block, -(-(self._seen + size) // dice.NOISE))
        noise = b"".join(dice.noise(self._key, number) for number in blocks)
        mask = noise[skipped : skipped + size].translate(self._table)
        first = self._first - self._seen
        if 0 <= first < size and not mask[first]:
            mask = mask[:first] + self._table[:1] + mask[first + 1 :]
        self._seen += size
        return mask


def _xor(data: bytes, mask: bytes) -> bytes:
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(mask, "little")
    return mixed.to_bytes(len(data), "little")


class Truncate(Stage):
    """A whole message with less in it: whoever frames it asks how much of its payload stays.

    `share` stays of `length`, or of the first piece where no length is known (0).
    """

    __slots__ = ("_share", "left")

    def __init__(self, lease: str, mark: Mark, share: float, length: int) -> None:
        super().__init__(lease, mark, 0)
        self._share = share
        self.left = int(share * length) if length else None
        """Bytes of payload that still stay, once that is known."""

    def kept(self, size: int) -> int:
        """How many of the next `size` bytes of payload stay."""
        if self.left is None:
            self.left = int(self._share * size)
        kept = min(size, self.left)
        self.left -= kept
        if kept < size:
            self.act()
            self.amount += size - kept
        return kept


class Budget:
    """How many bytes may still pass; shared by the streams of one connection that follow."""

    __slots__ = ("left", "passed")

    def __init__(self, left: int) -> None:
        self.left = left
        self.passed = 0


class Cut(Stage):
    """Cuts the stream off when more comes than its budget has left, of payload or of all bytes.

    With `part` the budget is that share of the first bytes it meets.
    """

    __slots__ = ("_budget", "_kind", "_part", "_payload_only", "_reached")

    def __init__(
        self,
        lease: str,
        mark: Mark,
        kind: Literal["close", "reset"],
        budget: Budget,
        *,
        payload_only: bool = False,
        part: Share | None = None,
    ) -> None:
        super().__init__(lease, mark, 1)
        self._kind = kind
        self._budget = budget
        self._payload_only = payload_only
        self._part = part
        self._reached = False

    def change(self, data: bytes, payload: Spans) -> bytes:
        """As much as may still pass."""
        budget = self._budget
        counted = payload if self._payload_only else ((0, len(data)),)
        size = sum(end - start for start, end in counted)
        if self._part is not None and size:
            budget.left, self._part = int(size * self._part), None
        if size <= budget.left or not size:
            budget.left -= size
            budget.passed += size
            return data
        self._reached = True
        self.act()
        self.amount = budget.passed + budget.left
        passed, budget.left = data[: _place(counted, budget.left)], 0
        return passed

    def cut(self) -> Literal["close", "reset"] | None:
        """Once more has come than may pass."""
        return self._kind if self._reached else None


def _place(spans: Spans, count: int) -> int:
    """Where the first `count` bytes of the spans end."""
    for start, end in spans:
        if count < end - start:
            return start + count
        count -= end - start
    return spans[-1][1] if spans else 0


class Delay(Stage):
    """Everything comes `delay` later (Toxiproxy's latency).

    With `whole` that is one message: it begins so much later, and the rest of it follows as it
    comes.
    """

    __slots__ = ("_each", "_until", "_whole")

    def __init__(self, lease: str, mark: Mark, delay: Duration, *, whole: bool = False) -> None:
        super().__init__(lease, mark, 2)
        self._each = delay
        self._whole = whole
        self._until = 0
        # What is under way on a long line does not make it a slow one.
        self.room = _UNDER_WAY

    def schedule(self, came: int, data: bytes) -> Sequence[Piece]:
        """Later."""
        self.act()
        self.delay = self._each
        self.amount += len(data)
        if not (self._whole and self._until):
            self._until = came + self._each
        return ((max(came, self._until), data),)


class Losses(Stage):
    """Pieces are lost and sent again after a retransmission time-out, which doubles (RFC 6298).

    What follows a lost piece waits with it. One that is lost too often breaks the connection.
    """

    __slots__ = ("_count", "_key", "_rate")

    def __init__(self, lease: str, mark: Mark, rate: Share, key: int) -> None:
        super().__init__(lease, mark, 3)
        self._rate = rate
        self._key = key
        self._count = 0

    def schedule(self, came: int, data: bytes) -> Sequence[Piece]:
        """As late as its losses make it."""
        lost = losses(self._rate, dice.roll(self._key, self._count))
        self._count += 1
        wait = Duration(RETRANSMISSION_TIMEOUT * (2**lost - 1))
        self.mark.count(touched=lost > 0)
        if lost:
            self._acted = True
            self.amount += len(data)
            self.delay = Duration(self.delay + wait)
        if lost == LOST_FOR_GOOD and self.doom is None:
            self.doom = max(self.last, came + wait)
        return ((came + wait, data),)


def losses(rate: Share, drawn: float) -> int:
    """How often a segment is lost in a row, from one draw: geometric, `LOST_FOR_GOOD` at most."""
    lost, chance = 0, float(rate)
    while lost < LOST_FOR_GOOD and (rate >= EVERY or drawn < chance):
        lost += 1
        chance *= rate
    return lost


class Slices(Stage):
    """Small pieces with gaps between them (Toxiproxy's slicer)."""

    __slots__ = ("_count", "_fault", "_free", "_key")

    def __init__(self, lease: str, mark: Mark, fault: Slicer, key: int) -> None:
        super().__init__(lease, mark, 4)
        self._fault = fault
        self._key = key
        self._count = 0
        self._free = 0

    def schedule(self, came: int, data: bytes) -> Sequence[Piece]:
        """Cut up, one after the other."""
        self.act()
        sliced = []
        position = 0
        while position < len(data):
            size = self._size()
            due = max(came, self._free)
            sliced.append((due, data[position : position + size]))
            self._free = due + self._fault.delay
            self.delay = max(self.delay, Duration(due - came))
            position += size
        self.amount += len(data)
        return sliced

    def _size(self) -> int:
        swing = self._fault.variation * (2 * dice.roll(self._key, self._count) - 1)
        self._count += 1
        return max(1, round(self._fault.size + swing))


class Pace(Stage):
    """So many bytes a second and no more."""

    __slots__ = ("_free", "_limit", "_most")

    def __init__(self, lease: str, mark: Mark, limit: float) -> None:
        super().__init__(lease, mark, 5)
        self._limit = limit
        self._most = max(_SMALLEST, round(limit * _TICK / SECOND))
        # A fast line needs enough to send until its owner is awake again and has read more.
        self.room = max(ROOM, min(self._most, _MOST_AHEAD))
        self._free = 0

    def schedule(self, came: int, data: bytes) -> Sequence[Piece]:
        """One after the other, each when the line has carried it."""
        self.act()
        paced = []
        for position in range(0, len(data), self._most):
            part = data[position : position + self._most]
            start = max(came, self._free)
            self._free = start + math.ceil(len(part) * SECOND / self._limit)
            self.over = Duration(self.over + self._free - start)
            paced.append((self._free, part))
        self.delay = max(self.delay, Duration(self._free - came))
        self.amount += len(data)
        return paced


class Linger(Stage):
    """The end comes `delay` after the last byte (Toxiproxy's slow_close)."""

    __slots__ = ("_wait",)

    def __init__(self, lease: str, mark: Mark, wait: Duration) -> None:
        super().__init__(lease, mark, 6)
        self._wait = wait

    def linger(self) -> Duration:
        """So long."""
        self.act()
        self.delay = self._wait
        return self._wait
