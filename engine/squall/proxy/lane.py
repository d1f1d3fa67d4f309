"""One direction of a relayed connection: from its source to its sink, faults on the way or none.

Bytes go straight from transport to transport, in bulk through the kernel (`squall.proxy.splice`),
and through a flow while faults act on them. While something holds the whole connection back they
wait here. The source is read from only as fast as they go on, so what waits is bounded. Two of them
make a connection (`squall.proxy.relay`), which is told how each ends and decides what that means.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final, Literal

from squall.core.faults.shaping import Over, Stage
from squall.proxy.flow import Flow
from squall.proxy.splice import SMALL, Splice
from squall.proxy.timers import Timers
from squall.proxy.upstream import HIGH_WATER

End = Literal["ended", "broken", "close", "reset"]
"""Its source has ended it or broken it off, or a fault has cut it."""

_LARGE: Final = 32 * 1024
_IN_A_ROW: Final = 4
"""So many large pieces are bulk."""
_SMALL_IN_A_ROW: Final = 16
"""So many small ones are bulk no more."""


class Lane:
    """One direction. `went` is called when bytes have gone on, `came` when they came unseen.

    `over` is called when nothing more can come of it, and once more if its source breaks after its
    end.
    """

    __slots__ = (
        "_came", "_choked", "_closed", "_ended", "_flow", "_in_a_row", "_open", "_over", "_paused",
        "_pending", "_reset", "_splice", "_timers", "_went", "done", "sink", "source",
    )  # fmt: skip

    def __init__(
        self,
        timers: Timers,
        *,
        came: Callable[[], None],
        went: Callable[[], None],
        over: Callable[[End], None],
    ) -> None:
        self._timers = timers
        self._came = came
        self._went = went
        self._over = over
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None
        self._pending = bytearray()
        self._flow: Flow | None = None
        self._splice: Splice | None = None
        self._in_a_row = 0
        self._open = False
        self._choked = False
        self._paused = False
        self._ended = False
        self._reset = False
        self._closed = False
        self.done = False
        """Everything that came has gone on, and nothing more will come."""

    # -- from the source ----------------------------------------------------------------------

    def push(self, data: bytes) -> None:
        """Bytes have come."""
        if self._closed:
            return
        if not self._open:
            self._pending += data
        elif self._flow is not None:
            self._flow.push(data)
        else:
            self._write(data)
            self._in_a_row = self._in_a_row + 1 if len(data) >= _LARGE else 0
            if self._in_a_row < _IN_A_ROW:
                return
            self._go_through_the_kernel()
        self.regulate()

    def end(self, *, reset: bool = False) -> None:
        """Nothing more will come; `reset`: the source has broken the connection."""
        before, self._ended = self._ended, True
        self._reset |= reset
        self._unsplice()
        if self.done:
            if reset:
                self._over("broken")
        elif self._open and not before:
            self._end()

    # -- from the sink ------------------------------------------------------------------------

    def choke(self, choked: bool) -> None:  # noqa: FBT001 - a callback's only word
        """The sink takes no more bytes for now, or takes them again."""
        self._choked = choked
        self.regulate()

    # -- from the relay -----------------------------------------------------------------------

    def open(self) -> None:
        """What comes may go on, and what has come."""
        if self._open or self._closed:
            return
        self._open = True
        pending, self._pending = bytes(self._pending), bytearray()
        if pending:
            self.push(pending)
        if self._ended and not self._closed:
            self._end()
        self.regulate()

    def hold(self) -> None:
        """Nothing more goes on for now."""
        self._open = False
        self._unsplice()
        self.regulate()

    def shape(self, stages: Collection[Stage]) -> None:
        """More faults on what comes from now on."""
        if not stages or self._ended or self._closed:
            return
        self._unsplice()
        if self._flow is None:
            self._flow = Flow(
                stages, self._timers, write=self._write, over=self._cut, eased=self.regulate
            )
        else:
            self._flow.add(stages)

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        flow = self._flow
        if flow is None:
            return
        flow.reconsider(leases)
        if flow is self._flow and flow.bare and not self._ended:
            flow.close()
            self._flow = None
        self.regulate()

    def close(self) -> None:
        """Nothing goes on any more; what still comes is dropped."""
        self._unsplice()
        self._closed = True
        if self._flow is not None:
            self._flow.close()
        self._pending.clear()
        self.regulate()

    def regulate(self) -> None:
        """Read from the source only as fast as bytes go on."""
        source = self.source
        full = self._flow is not None and self._flow.full
        waits = self._choked or full or len(self._pending) > HIGH_WATER
        pause = (waits or self._splice is not None) and not self._closed
        if source is None or pause is self._paused or self._ended or source.is_closing():
            return
        self._paused = pause
        if pause:
            source.pause_reading()
        else:
            source.resume_reading()

    # -- its own ------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        # One that is closing will say so in the loop's next round.
        if self.sink is not None and not self.sink.is_closing():
            self.sink.write(data)
        self._went()

    def _end(self) -> None:
        if self._flow is not None:
            self._flow.end()
        else:
            self._cut("ended")

    def _cut(self, how: Over) -> None:
        """Everything has gone on."""
        self.done = True
        if how == "ended" and self._reset:
            self._over("broken")
        elif how != "open":
            self._over(how)

    def _go_through_the_kernel(self) -> None:
        source, sink = self.source, self.sink
        if not Splice.possible or source is None or sink is None or self._splice is not None:
            return
        if self._choked or sink.get_write_buffer_size() or sink.is_closing():
            return
        try:
            splice = Splice(source, sink, moved=self._moved, over=self._unspliced)
        except OSError:  # no descriptor is left
            return
        self._in_a_row = 0
        self._splice = splice
        splice.start()

    def _moved(self, count: int) -> None:
        self._came()
        self._went()
        self._in_a_row = self._in_a_row + 1 if count < SMALL else 0
        if self._in_a_row >= _SMALL_IN_A_ROW:
            self._unsplice()

    def _unspliced(self, problem: OSError | None) -> None:
        self._unsplice()
        if problem is not None:
            self.end(reset=True)

    def _unsplice(self) -> None:
        if self._splice is None:
            return
        splice, self._splice = self._splice, None
        self._in_a_row = 0
        left = splice.stop()
        if left:
            self._write(left)
        self.regulate()
