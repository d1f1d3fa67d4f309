"""Faults on one target for whoever asks for them now, without a playbook or a run.

One lease, put on, changed and taken off by its owner, and renewed while it is held. Nothing of it
is journalled: it lives as long as its edge, which lifts everything when its owner is gone. Made by
`squall.app`; tests written in Python are what it is for.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from squall.core.diagnostics import Refused
from squall.core.faults.effects import (
    Applied,
    Counted,
    Delivery,
    EdgeLost,
    FaultEvent,
    Happened,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
    Renew,
    Report,
    Revert,
)
from squall.core.faults.kinds import Scenario
from squall.core.run.leases import INJECT_DEADLINE, LEASE_TTL
from squall.core.timing import format_duration
from squall.service.ports import Clock, Edge

MOST_EVENTS: Final = 10_000
"""Injected faults that are remembered; beyond them the oldest are forgotten."""

_LEASES: Final = "faults"
_NO_LEASE: Final = "nothing"

Answer = Applied | Rejected | Lifted

T = TypeVar("T")


class Injector:
    """Faults on a target of an open edge. `listen` is to run as long as the others are called."""

    def __init__(self, edge: Edge, clock: Clock, target: str, *, seed: int) -> None:
        self._edge = edge
        self._clock = clock
        self._target = target
        self._seed = seed
        self._seq = 0
        self._on: tuple[Scenario, ...] = ()
        self._events: deque[FaultEvent] = deque(maxlen=MOST_EVENTS)
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._pictures: list[asyncio.Future[Counted]] = []
        self._waiting: set[asyncio.Future[Any]] = set()
        self._lease = _LEASES
        self._renewal: Callable[[], None] | None = None
        self._gone = ""

    async def inject(self, scenarios: tuple[Scenario, ...]) -> None:
        """Put these on in place of what was on, at once; raises `Refused`.

        Under a name of their own: what the ones before still hold back is let go.
        """
        if self._on:
            self._edge.send(Revert(lease=self._lease, seq=self._next()))
        self._on = scenarios
        self._lease = f"{_LEASES}:{self._next()}"
        answer = await self._ask(self._asked())
        if isinstance(answer, Rejected):
            raise _refused(answer.reason)
        if self._renewal is None:
            self._renew()

    async def lift(self) -> None:
        """Take off what is on; raises `Refused` when that is not confirmed."""
        self._on = ()
        await self._ask(Revert(lease=self._lease, seq=self._next()))

    async def deliveries(self) -> tuple[Delivery, ...]:
        """What the faults that are on did to every exchange begun before now."""
        await self._settled()
        picture: asyncio.Future[Counted] = asyncio.get_running_loop().create_future()
        self._pictures.append(picture)
        seen = await self._within(picture)
        return dict(seen.deliveries).get(self._lease, ())

    async def events(self) -> tuple[FaultEvent, ...]:
        """Every fault injected before now, oldest first."""
        await self._settled()
        return tuple(self._events)

    async def listen(self) -> None:
        """Take in what the edge has to say, until it says no more."""
        async for report in self._edge.reports():
            self._take(report)

    def close(self, why: str = "they are over") -> None:
        """Nothing more can be asked; who still waits is told why."""
        self._gone = self._gone or why
        if self._renewal:
            self._renewal()
        for waiting in self._waiting:
            _disappoint(waiting, self._gone)

    def _take(self, report: Report) -> None:
        match report:
            case Happened(events=events):
                self._events.extend(events)
            case Applied(seq=seq) | Rejected(seq=seq) | Lifted(seq=seq):
                answer = self._answers.get(seq)
                if answer and not answer.done():
                    answer.set_result(report)
            case Counted():
                for picture in self._pictures:
                    if not picture.done():
                        picture.set_result(report)
                self._pictures.clear()
            case Lapsed() if self._on:
                # The owner was held up for longer than a lease lives, and is back.
                self._edge.send(self._asked())
            case EdgeLost(reason=reason):
                self.close(reason)
            case _:
                pass

    async def _settled(self) -> None:
        """Everything that happened before now is known: answers come after all before them."""
        await self._ask(Revert(lease=_NO_LEASE, seq=self._next()))

    async def _ask(self, effect: Inject | Revert) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[effect.seq] = answer
        self._edge.send(effect)
        try:
            return await self._within(answer)
        finally:
            del self._answers[effect.seq]

    async def _within(self, awaited: "asyncio.Future[T]") -> T:
        if self._gone:
            raise _refused(self._gone)
        why = f"the edge did not answer within {format_duration(INJECT_DEADLINE)}"
        due = self._clock.monotonic() + INJECT_DEADLINE
        cancel = self._clock.call_at(due, partial(_disappoint, awaited, why))
        self._waiting.add(awaited)
        try:
            return await awaited
        finally:
            self._waiting.discard(awaited)
            cancel()

    def _asked(self) -> Inject:
        return Inject(
            lease=self._lease,
            seq=self._next(),
            run=self._lease,
            path=_LEASES,
            place=_LEASES,
            target=self._target,
            scenarios=self._on,
            seed=self._seed,
            ttl=LEASE_TTL,
        )

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _renew(self) -> None:
        self._edge.send(Renew(leases=(self._lease,), ttl=LEASE_TTL))
        due = self._clock.monotonic() + LEASE_TTL // 3
        self._renewal = self._clock.call_at(due, self._renew)


def _disappoint(waiting: "asyncio.Future[Any]", why: str) -> None:
    if not waiting.done():
        waiting.set_exception(_refused(why))


def _refused(why: str) -> Refused:
    return Refused("SQ415", f"the faults cannot be reached: {why}")
