"""The edge in the process of whoever calls it: plane, leases and timers put together.

The child process runs one of these behind its control channel; tests and programs that have a loop
to spare use it directly. It satisfies the services' `Edge` port. Effects are performed before
`send` returns; everything it has to say goes through an outbox that a slow reader cannot fill.
"""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Counted, Effect, Inject, Rejected, Report
from squall.core.playbook.model import BUILTIN_ECHO, Address, Target
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.proxy.outbox import Outbox
from squall.proxy.plane import Plane
from squall.proxy.table import LeaseTable
from squall.proxy.timers import Timer, Timers

BATCH_EVERY: Final = Duration(50 * MILLISECOND)
"""How long a fault event waits for others before it is told."""

COUNT_EVERY: Final = Duration(SECOND // 4)
"""How often a picture of every target is given."""


class LocalEdge:
    """An edge in this process, on the running loop."""

    def __init__(self) -> None:
        self._outbox = Outbox(self._flush_soon)
        self._plane = Plane(self._outbox.happened)
        self._table = LeaseTable({}, self._plane.swap)
        self._targets: tuple[str, ...] = ()
        self._timers: Timers | None = None
        self._expiry: tuple[int, Timer] | None = None

    async def open(self, targets: Sequence[Target]) -> Mapping[str, Address]:
        """Listen for every target, or for none: raises `Refused` (SQ410 to SQ413)."""
        addresses: dict[str, Address] = {}
        for target in targets:
            try:
                addresses[target.name] = await self._plane.listen(target)
            except (OSError, UnicodeError, OverflowError) as problem:
                await self._plane.close(Duration(0))
                self._plane = Plane(self._outbox.happened)
                raise refusal(target, problem) from problem
        self._targets = tuple(addresses)
        protocols = {target.name: target.protocol for target in targets}
        self._table = LeaseTable(protocols, self._plane.swap)
        self._timers = Timers(asyncio.get_running_loop())
        self._count()
        return addresses

    def send(self, effect: Effect) -> None:
        """Perform an effect at once; its answer is among the reports."""
        if self._timers is None:
            if isinstance(effect, Inject):
                reason = "the edge is not open"
                self._outbox.say(Rejected(lease=effect.lease, seq=effect.seq, reason=reason))
            return
        answer = self._table.perform(effect, time.monotonic_ns())
        if answer:
            self._outbox.say(answer)
        self._arm(self._timers)

    def reports(self) -> AsyncIterator[Report]:
        """Everything this edge has to say, in order, until `close`; one reader."""
        return self._outbox.reports()

    def unread(self) -> int:
        """How many reports wait to be read."""
        return len(self._outbox)

    def lift(self) -> None:
        """Take every fault off now; the traffic goes on."""
        self._table.clear()

    def idle_for(self) -> Duration:
        """How long ago a request last came or was answered."""
        return self._plane.idle_for()

    async def close(self, *, drain: Duration) -> None:
        """Lift everything, finish requests in flight for at most `drain`, stop listening."""
        self._table.clear()
        if self._timers:
            self._timers.close()
            self._timers = None
        await self._plane.close(drain)
        self._outbox.close()

    def _flush_soon(self) -> None:
        if self._timers:
            self._timers.at(time.monotonic_ns() + BATCH_EVERY, self._outbox.flush)

    def _count(self) -> None:
        if self._timers is None:
            return
        for target in self._targets:
            felt, deliveries = self._plane.felt(target), self._table.deliveries(target)
            away = self._plane.turned_away(target)
            self._outbox.counted(
                Counted(target=target, felt=felt, deliveries=deliveries, turned_away=away)
            )
        self._timers.at(time.monotonic_ns() + COUNT_EVERY, self._count)

    def _arm(self, timers: Timers) -> None:
        """See to it that `_expire` runs when the next lease ends, or before."""
        due = self._table.next_expiry()
        if due is None or (self._expiry and self._expiry[0] <= due):
            return
        if self._expiry:
            self._expiry[1].cancel()
        self._expiry = due, timers.at(due, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        for lapsed in self._table.expire(time.monotonic_ns()):
            self._outbox.say(lapsed)
        if self._timers:
            self._arm(self._timers)


def refusal(target: Target, problem: Exception) -> Refused:
    """Why a target cannot listen, and what to do about it."""
    listen, name = target.listen, target.name
    upstream = target.upstream or BUILTIN_ECHO
    elsewhere = f"choose another `listen`, or run with --target {name}=HOST:PORT={upstream}"
    number = problem.errno if isinstance(problem, OSError) else None
    if number == errno.EADDRINUSE:
        return Refused(
            "SQ410", f"target {name!r} cannot listen: {listen} is already in use", elsewhere
        )
    if number in {errno.EACCES, errno.EPERM}:
        why = "ports below 1024 need privileges" if listen.port < 1024 else "it is not permitted"
        return Refused("SQ411", f"target {name!r} cannot listen at {listen}: {why}", elsewhere)
    if number == errno.ELOOP:
        problem_text = f"target {name!r} would forward to itself: {_said(problem)}"
        return Refused("SQ412", problem_text, "give it the address of the service as `upstream`")
    hint = f"this machine must have the address {listen.host!r}; {elsewhere}"
    return Refused("SQ413", f"target {name!r} cannot listen at {listen}: {_said(problem)}", hint)


def _said(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
