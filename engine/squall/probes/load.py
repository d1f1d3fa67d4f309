"""Traffic for a `load` step: an open loop, and what a client feels of it.

The engine's `LoadGenerator`. Requests leave at a constant rate whether or not earlier ones have
been answered, so a target that slows down meets the same traffic as before, as it would from the
outside.

The latencies are free of coordinated omission: each is counted from the moment the request was
*due*, not from when a connection was free or this process got round to it. Waiting for a connection
is part of what the client feels. The one thing taken off is the event loop's own timer, which may
be a millisecond late: a request that leaves within that slack counts from when it left.

Memory is flat: percentiles come from sketches, bodies are dropped as they arrive, and nothing
waits longer than `patience`. What a latency means for the run is not decided here.
"""

import asyncio
import errno
import random
from bisect import bisect
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from time import monotonic_ns
from typing import Final

from squall.core.faults.effects import Felt
from squall.core.faults.meter import Meter
from squall.core.playbook.model import Address, Load
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.wire import Ask, Wire

CONNECTIONS: Final = 512
PATIENCE: Final = Duration(10 * SECOND)
GRACE: Final = Duration(2 * SECOND)
BEAT: Final = Duration(SECOND // 4)
SLACK: Final = MILLISECOND
_OPENING: Final = 32
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class Loader:
    """Sends loads. Holds nothing between them, so one serves every step of a run.

    `connections` bounds the connections to one address; requests beyond it wait, and their
    waiting counts. A request without a whole answer after `patience` is given up as an error;
    those in flight at the end get `grace`.
    """

    def __init__(
        self,
        *,
        connections: int = CONNECTIONS,
        patience: Duration = PATIENCE,
        grace: Duration = GRACE,
    ) -> None:
        self._connections = connections
        self._patience = patience
        self._grace = grace

    async def __call__(
        self,
        load: Load,
        addresses: Sequence[Address],
        duration: Duration,
        *,
        progress: Callable[[Felt], None],
        seed: int,
    ) -> Felt:
        """Send `load.rate` requests a second to each address, and return what was felt overall.

        The order of the mix depends on the seed alone. `progress` hears four times a second what
        the last second was like. Cancelling closes every connection at once.
        """
        tally = _Tally()
        async with asyncio.TaskGroup() as tasks:
            streams = [
                _Stream(
                    load,
                    address,
                    duration,
                    tally=tally,
                    order=random.Random(f"{seed}/{index}"),  # noqa: S311 - an order, not a secret
                    tasks=tasks,
                    connections=self._connections,
                    patience=self._patience,
                )
                for index, address in enumerate(addresses)
            ]
            heart = _Heart(streams, tally, progress)
            try:
                async with asyncio.timeout((duration + self._grace) / SECOND):
                    for stream in streams:
                        await stream.finished.wait()
            except TimeoutError:
                for stream in streams:
                    stream.give_up()
            finally:
                heart.stop()
                for stream in streams:
                    await stream.close()
        return tally.total(duration)


class _Tally:
    """What has been felt: all of it, and the last second in quarters."""

    def __init__(self) -> None:
        self._all = Meter()
        self._now = Meter()
        self._recent: deque[Meter] = deque(maxlen=SECOND // BEAT)

    def record(self, latency: int, *, failed: bool) -> None:
        self._now.record(Duration(latency), failed=failed)

    def turn(self) -> Felt:
        """End a quarter; the last second as it was felt."""
        self._all.merge(self._now)
        self._recent.append(self._now)
        self._now = Meter()
        second = Meter()
        for quarter in self._recent:
            second.merge(quarter)
        return second.felt(Duration(len(self._recent) * BEAT))

    def total(self, over: Duration) -> Felt:
        self._all.merge(self._now)
        self._now = Meter()
        return self._all.felt(over)


class _Heart:
    """Beats four times a second: gives up what waited too long, reports the last second."""

    def __init__(
        self, streams: Sequence["_Stream"], tally: _Tally, progress: Callable[[Felt], None]
    ) -> None:
        self._streams = streams
        self._tally = tally
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._next = self._loop.time() + BEAT / SECOND
        self._timer = self._loop.call_at(self._next, self._beat)

    def stop(self) -> None:
        self._timer.cancel()

    def _beat(self) -> None:
        self._next += BEAT / SECOND
        self._timer = self._loop.call_at(self._next, self._beat)
        for stream in self._streams:
            stream.sweep()
        self._progress(self._tally.turn())


class _Stream:
    """The requests to one address: when each is due, what waits, what is connected."""

    def __init__(
        self,
        load: Load,
        address: Address,
        duration: Duration,
        *,
        tally: _Tally,
        order: random.Random,
        tasks: asyncio.TaskGroup,
        connections: int,
        patience: Duration,
    ) -> None:
        self.finished = asyncio.Event()
        self._address = address
        self._tally = tally
        self._patience = patience
        self._bound = connections
        self._asks = [Ask(request, address) for request in load.mix]
        self._weights = list(accumulate(request.weight for request in load.mix))
        self._order = order
        self._tasks = tasks
        self._opening: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._idle: list[Wire] = []
        self._waiting: deque[tuple[int, Ask]] = deque()
        self._in_flight = 0
        self._closing = False
        self._empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._begin = monotonic_ns()
        self._gap = SECOND / load.rate
        self._left = max(1, round(duration / self._gap))
        self._sent = 0
        self._timer = self._loop.call_soon(self._tick)

    # The schedule.

    def _tick(self) -> None:
        """Send everything that is due, then sleep until the next one is."""
        now = monotonic_ns()
        due = self._due()
        while self._left and due <= now:
            self._left -= 1
            self._sent += 1
            self._waiting.append((now if now - due <= SLACK else due, self._draw()))
            due = self._due()
        self._serve()
        if self._left:
            # A loop's timer may fire early; then nothing is due and this comes again.
            self._timer = self._loop.call_later((due - now) / SECOND, self._tick)
        self._see_whether_finished()

    def _due(self) -> int:
        # Multiplied, not summed: a sum of rounded gaps drifts.
        return self._begin + int(self._sent * self._gap)

    def _draw(self) -> Ask:
        if len(self._asks) == 1:
            return self._asks[0]
        return self._asks[bisect(self._weights, self._order.random() * self._weights[-1])]

    def _see_whether_finished(self) -> None:
        if not (self._left or self._waiting or self._in_flight):
            self.finished.set()

    # The connections.

    def _serve(self) -> None:
        """Give what waits to idle connections, and open more where those do not suffice."""
        while self._waiting and self._idle:
            self._in_flight += 1
            self._idle.pop().send(*self._waiting.popleft())
        room = min(self._bound - len(self._wires), _OPENING)
        for _ in range(min(len(self._waiting), room) - len(self._opening)):
            task = self._tasks.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        began = monotonic_ns()
        host = _ANYWHERE.get(self._address.host, self._address.host)
        try:
            async with asyncio.timeout(self._patience / SECOND):
                await self._loop.create_connection(lambda: Wire(self), host, self._address.port)
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE} and self._wires:
                self._bound = len(self._wires)  # out of descriptors is our limit, not the target's
                return
            self._refused(began)

    def _refused(self, began: int) -> None:
        """What was due before a failed attempt began would have met the same end."""
        now = monotonic_ns()
        while self._waiting and self._waiting[0][0] <= began:
            self._tally.record(now - self._waiting.popleft()[0], failed=True)
        self._see_whether_finished()

    def ready(self, wire: Wire) -> None:
        if self._closing:
            wire.abort()
            return
        self._wires.add(wire)
        if self._waiting:
            self._in_flight += 1
            wire.send(*self._waiting.popleft())
        else:
            self._idle.append(wire)

    def answered(self, due: int, status: int) -> None:
        self._settle(due, failed=status >= 500)

    def broke(self, due: int) -> None:
        self._settle(due, failed=True)

    def gone(self, wire: Wire) -> None:
        self._wires.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        if self._closing:
            if not self._wires:
                self._empty.set()
        elif self._waiting:
            self._serve()

    def _settle(self, due: int, *, failed: bool) -> None:
        self._in_flight -= 1
        self._tally.record(monotonic_ns() - due, failed=failed)
        self._see_whether_finished()

    # The ends.

    def sweep(self) -> None:
        """Give up on what has waited longer than anybody should."""
        self._abandon(monotonic_ns() - self._patience)
        self._serve()

    def give_up(self) -> None:
        """Count everything that is still unanswered as an error."""
        self._left = 0
        self._abandon(monotonic_ns())

    def _abandon(self, before: int) -> None:
        now = monotonic_ns()
        while self._waiting and self._waiting[0][0] <= before:
            self._tally.record(now - self._waiting.popleft()[0], failed=True)
        for wire in [each for each in self._wires if each.due is not None and each.due <= before]:
            wire.give_up()
        self._see_whether_finished()

    async def close(self) -> None:
        """Close every connection at once and see it closed."""
        self._closing = True
        self._timer.cancel()
        for task in self._opening:
            task.cancel()
        for wire in self._wires:
            wire.abort()
        if self._wires:
            await self._empty.wait()
