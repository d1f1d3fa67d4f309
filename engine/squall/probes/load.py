"""Traffic for a `load` step: an open loop, and what a client feels of it.

The engine's `LoadGenerator`. Requests leave when `core.playbook.arrivals` says, whether or not
earlier ones have been answered, so a target that slows down meets the same traffic as before, as
it would from the outside.

The latencies are free of coordinated omission: each is counted from the moment the request was
*due*, not from when a connection was free or this process got round to it, and one that is never
sent counts with all of its time-out. The one thing taken off is the event loop's own timer: a
request that leaves within a millisecond of its time counts from when it left. How late the rest
was through no fault of the target is told as `Felt.late`.

Memory is flat: percentiles come from sketches, bodies are dropped as they arrive, and what waits
is bounded in number and time. What a latency means for the run is not decided here.
"""

import asyncio
import errno
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic_ns
from typing import Final, Literal

from msgspec.structs import replace

from squall.core.faults.dice import stream
from squall.core.faults.effects import PICTURE, Failures, Felt
from squall.core.faults.meter import Meter
from squall.core.playbook.arrivals import arrivals
from squall.core.playbook.model import Address, Load
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.wire import Ask, Wire

if sys.platform != "win32":
    import resource

BEAT: Final = Duration(SECOND // 4)
SLACK: Final = MILLISECOND
MOST_WAITING: Final = 65_536
"""Requests to one address that may wait for a connection; beyond, they are unsent at once."""

OTHER_FILES: Final = 512
"""Files this process may want to have open beside its connections."""

_OPENING: Final = 32
_OURS: Final = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS}
"""No more connections can be opened from here, whatever the target would say."""

_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound

Failure = Literal["status", "reset", "refused", "timeout", "malformed", "unsent"]


class Loader:
    """Sends loads. Holds nothing between them, so one serves every step of a run."""

    async def __call__(
        self,
        load: Load,
        addresses: Sequence[Address],
        duration: Duration,
        *,
        progress: Callable[[Felt], None],
        seed: int,
    ) -> Felt:
        """Send the load to each address, and return what was felt overall.

        Takes `duration`, and as long again as the last answers need, at most `load.timeout`. What
        is sent depends on the seed alone. `progress` hears four times a second what the last
        second was like. Cancelling closes every connection at once.
        """
        _allow_connections(load.connections * len(addresses))
        tally = _Tally()
        async with asyncio.TaskGroup() as tasks:
            streams = [
                _Stream(load, address, duration, stream(seed, "load", str(n)), tally, tasks)
                for n, address in enumerate(addresses)
            ]
            heart = _Heart(tally, progress)
            try:
                for each in streams:
                    await each.finished.wait()
            finally:
                heart.stop()
                for each in streams:
                    await each.close()
        return tally.total(duration)


def _allow_connections(many: int) -> None:
    """Raise this process's own limit on open files where it would be in the way.

    If that is not enough the load makes do with as many connections as it gets.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = many + OTHER_FILES
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(OSError, ValueError):  # some systems promise more than they give
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, soft), hard))


class _Record:
    """What was felt over some time, and why requests failed."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.failures: Counter[Failure] = Counter()

    def merge(self, other: "_Record") -> None:
        self.meter.merge(other.meter)
        self.failures.update(other.failures)

    def felt(self, over: Duration, late: Duration) -> Felt:
        failures = Failures(**{str(kind): many for kind, many in self.failures.items()})
        return replace(self.meter.felt(over), failures=failures, late=late)


class _Tally:
    """What has been felt: all of it, and the last second in quarters."""

    def __init__(self) -> None:
        self._all = _Record()
        self._now = _Record()
        self._recent: deque[_Record] = deque(maxlen=PICTURE // BEAT)
        self._late = Meter()

    def sent(self, late: int) -> None:
        self._late.record(Duration(late), failed=False)

    def record(self, latency: int, failure: Failure | None = None) -> None:
        self._now.meter.record(Duration(latency), failed=failure is not None)
        if failure is not None:
            self._now.failures[failure] += 1

    def turn(self) -> Felt:
        """End a quarter; the last second as it was felt."""
        self._all.merge(self._now)
        self._recent.append(self._now)
        self._now = _Record()
        second = _Record()
        for quarter in self._recent:
            second.merge(quarter)
        return second.felt(Duration(len(self._recent) * BEAT), self._late.quantile(0.99))

    def total(self, over: Duration) -> Felt:
        self._all.merge(self._now)
        self._now = _Record()
        return self._all.felt(over, self._late.quantile(0.99))


class _Heart:
    """Beats four times a second: reports the last one."""

    def __init__(self, tally: _Tally, progress: Callable[[Felt], None]) -> None:
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
        self._progress(self._tally.turn())


class _Stream:
    """The requests to one address: what waits, what is in flight, what is connected."""

    def __init__(
        self,
        load: Load,
        address: Address,
        duration: Duration,
        key: int,
        tally: _Tally,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.finished = asyncio.Event()
        self._address = address
        self._tally = tally
        self._tasks = tasks
        self._bound = load.connections
        self._patience = load.timeout
        self._asks = [Ask(request, address) for request in load.mix]
        self._opening: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._idle: list[Wire] = []
        self._waiting: deque[tuple[int, Ask]] = deque()
        self._in_flight: dict[Wire, int] = {}  # since when each is due, oldest first
        self._closing = False
        self._empty = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._begin = monotonic_ns()
        self._end = self._begin + duration
        self._schedule = arrivals(load, duration, key)
        self._next = next(self._schedule, None)
        self._timer = self._loop.call_soon(self._tick)
        self._watch: asyncio.TimerHandle | None = None

    # The schedule.

    def _tick(self) -> None:
        """Send everything that is due, then sleep until the next one is, or the load is over."""
        now = monotonic_ns()
        while self._next is not None and (due := self._begin + self._next[0]) <= now:
            self._arrived(due, now, self._asks[self._next[1]])
            self._next = next(self._schedule, None)
        self._serve()
        self._arm()
        then = self._end if self._next is None else self._begin + self._next[0]
        if self._next is not None or then > now:
            # A loop's timer may fire early; then nothing is due and this comes again. It counts
            # in milliseconds: asking for less would spin, on a core the target may need.
            self._timer = self._loop.call_later(max(then - now, MILLISECOND) / SECOND, self._tick)
        self._see_whether_finished()

    def _arrived(self, due: int, now: int, ask: Ask) -> None:
        self._tally.sent(now - due)
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((now if now - due <= SLACK else due, ask))
        else:
            self._tally.record(self._patience, "unsent")

    def _see_whether_finished(self) -> None:
        outstanding = self._next is not None or self._waiting or self._in_flight
        if not outstanding and monotonic_ns() >= self._end:
            self.finished.set()

    # The connections.

    def _serve(self) -> None:
        """Give what waits to idle connections, and open more where those do not suffice."""
        while self._waiting and self._idle:
            self._send(self._idle.pop())
        room = min(self._bound - len(self._wires), _OPENING)
        for _ in range(min(len(self._waiting), room) - len(self._opening)):
            task = self._tasks.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _send(self, wire: Wire) -> None:
        due, ask = self._waiting.popleft()
        self._in_flight[wire] = due
        wire.send(ask)

    async def _open(self) -> None:
        host = _ANYWHERE.get(self._address.host, self._address.host)
        try:
            async with asyncio.timeout(self._patience / SECOND):
                await self._loop.create_connection(lambda: Wire(self), host, self._address.port)
        except TimeoutError:
            return  # whoever waited for it has been given up
        except OSError as error:
            ours = error.errno in _OURS
            if ours and self._wires:
                self._bound = len(self._wires)
            elif self._waiting:
                due, _ = self._waiting.popleft()
                self._tally.record(monotonic_ns() - due, "unsent" if ours else "refused")

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not self._closing:
            self._serve()
            self._see_whether_finished()

    def ready(self, wire: Wire) -> None:
        if self._closing:
            wire.abort()
            return
        self._wires.add(wire)
        if self._waiting:
            self._send(wire)
        else:
            self._idle.append(wire)

    def answered(self, wire: Wire, status: int) -> None:
        self._settle(wire, "status" if status >= 500 else None)

    def broke(self, wire: Wire, how: Literal["reset", "malformed"]) -> None:
        self._settle(wire, how)

    def gone(self, wire: Wire) -> None:
        self._wires.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        if self._closing:
            if not self._wires:
                self._empty.set()
        elif self._waiting:
            self._serve()

    def _settle(self, wire: Wire, failure: Failure | None) -> None:
        self._tally.record(monotonic_ns() - self._in_flight.pop(wire), failure)
        self._see_whether_finished()

    # The ends.

    def _arm(self) -> None:
        """See to it that the oldest request is given up in time."""
        oldest = next(iter(self._in_flight.values()), None)
        if oldest is None and self._waiting:
            oldest = self._waiting[0][0]
        if oldest is not None and self._watch is None:
            left = oldest + self._patience - monotonic_ns()
            self._watch = self._loop.call_later(max(0, left) / SECOND, self._give_up)

    def _give_up(self) -> None:
        """Give up what has waited too long, for an answer or for a connection."""
        self._watch = None
        now = monotonic_ns()
        before = now - self._patience
        late = [wire for wire, due in self._in_flight.items() if due <= before]
        for wire in late:
            self._settle(wire, "timeout")
            wire.abort()
        while self._waiting and self._waiting[0][0] <= before:
            due, _ = self._waiting.popleft()
            self._tally.record(now - due, "unsent")
        self._serve()
        self._arm()
        self._see_whether_finished()

    async def close(self) -> None:
        """Close every connection at once and see it closed."""
        self._closing = True
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        for task in self._opening:
            task.cancel()
        for wire in self._wires:
            wire.abort()
        if self._wires:
            await self._empty.wait()
