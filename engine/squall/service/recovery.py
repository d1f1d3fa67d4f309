"""What an engine does before anything else: end what dead engines left behind.

First their leases, from the lease rows alone: no journal, no playbook, no version. Then their
unfinished runs: the journal is folded, the machine is told of the crash, `finally` really runs,
and the run is `interrupted`. A run whose journal cannot be trusted, or that has killed too many
engines, is only written off.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from msgspec import MsgspecError
from msgspec.structs import replace

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Effect, Inject, Lifted, Rejected, Report, Revert
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import Address, Target, from_canonical
from squall.core.playbook.plan import Plan
from squall.core.run.commands import Announce
from squall.core.run.events import MACHINE, EngineRestarted, RunCreated
from squall.core.run.facts import SteadyStateSeen, StepEnded
from squall.core.run.journal import Entry, Page, Problem, Unfinished
from squall.core.run.machine import advance, foldable, initial
from squall.core.run.records import Outcome
from squall.core.run.verdict import exit_code
from squall.core.timing import Duration
from squall.service.custodian import Custodian
from squall.service.executor import Past
from squall.service.ports import Clock, Engines, Store

MOST_RECOVERIES: Final = 3

Resume = Callable[[Unfinished, Plan, Past], "asyncio.Task[Outcome]"]
"""Begins to drive a run from where its journal ends."""


class Recovery:
    """Ends what the dead left behind."""

    def __init__(
        self, store: Store, engines: Engines, clock: Clock, custodian: Custodian, resume: Resume,
        schema: str,
    ) -> None:  # fmt: skip
        self._store = store
        self._engines = engines
        self._clock = clock
        self._custodian = custodian
        self._resume = resume
        self._schema = schema

    async def recover(self) -> None:
        """Adopt what dead engines own; returns when their runs are over."""
        dead = [one for one in await self._store.owners() if not self._engines.alive(one)]
        if not dead:
            return
        estate = await self._store.adopt(dead, self._engines.me)
        for lease in estate.leases:
            # Under `run` the edge was the dead engine's child: nobody else can reach it.
            self._custodian.take(lease, None)
        ending = [task for stored in estate.runs if (task := await self._end(stored))]
        for task in ending:
            await asyncio.wait([task])

    async def _end(self, stored: Unfinished) -> "asyncio.Task[Outcome] | None":
        why_not = ""
        if stored.machine != MACHINE:
            why_not = "its journal was written by another version of squall"
        elif stored.recoveries >= MOST_RECOVERIES:
            why_not = f"it was given up after {MOST_RECOVERIES} attempts to roll it back"
        else:
            try:
                return self._resume(stored, *await self._folded(stored))
            except (MsgspecError, Refused, _Unfoldable):
                why_not = "its journal cannot be read"
        self._write_off(stored, f"the engine was killed; {why_not}, so 'finally' did not run")
        return None

    async def _folded(self, stored: Unfinished) -> tuple[Plan, Past]:
        entries = await self._store.journal(stored.run.id)
        plan = compile_plan(from_canonical(stored.canonical), self._schema)
        return plan, fold(plan, entries, self._clock.wall())

    def _write_off(self, stored: Unfinished, reason: str) -> None:
        run = replace(
            stored.run,
            phase="finished",
            verdict="interrupted",
            reason=reason,
            ended=self._clock.wall(),
            engine=self._engines.me,
        )
        outcome = Outcome(run=run, steps=(), exit_code=exit_code("interrupted"))
        self._store.write(Page(run=run.id, outcome=outcome), _next_time)


def fold(plan: Plan, entries: Sequence[Entry], wall: int) -> Past:
    """Where a run is according to its journal; time has gone on since its last event."""
    first = entries[0].event if entries else None
    if not isinstance(first, RunCreated) or not foldable(first):
        raise _Unfoldable
    state = initial(plan)
    steps: list[StepEnded] = []
    steady: list[SteadyStateSeen] = []
    for n, entry in enumerate(entries):
        if entry.n != n:
            raise _Unfoldable
        state, commands = advance(plan, state, entry.event)
        told = [command.fact for command in commands if isinstance(command, Announce)]
        steps += (fact for fact in told if isinstance(fact, StepEnded))
        steady += (fact for fact in told if isinstance(fact, SteadyStateSeen))
    last = entries[-1]
    elapsed = max(0, wall - last.wall)
    return Past(
        state,
        n=len(entries),
        steps=steps,
        steady=steady,
        resumed_at=last.event.at + elapsed,
        folder=first.folder,
    )


def restarted(at: int) -> EngineRestarted:
    """What a recovered run hears first."""
    return EngineRestarted(at=at)


class GoneEdge:
    """The edge of a dead engine: nothing is on there, and nothing can be put on."""

    def __init__(self) -> None:
        self._answers: asyncio.Queue[Report | None] = asyncio.Queue()

    async def open(self, targets: Sequence[Target]) -> Mapping[str, Address]:  # noqa: ARG002
        """Nowhere."""
        return {}

    def send(self, effect: Effect) -> None:
        """Answer for the dead."""
        match effect:
            case Revert(lease=lease, seq=seq):
                self._answers.put_nowait(Lifted(lease=lease, seq=seq))
            case Inject(lease=lease, seq=seq):
                self._answers.put_nowait(
                    Rejected(lease=lease, seq=seq, reason="its edge is gone with its engine")
                )
            case _:
                pass

    async def reports(self) -> AsyncIterator[Report]:
        """The answers, until `close`."""
        while (answer := await self._answers.get()) is not None:
            yield answer

    async def close(self, *, drain: Duration) -> None:  # noqa: ARG002
        """Nothing to drain."""
        self._answers.put_nowait(None)


class _Unfoldable(Exception):  # noqa: N818 - it says what the journal is
    pass


def _next_time(_: Problem) -> None:
    """Nothing to do: the run stays unfinished, and the next engine tries again."""
