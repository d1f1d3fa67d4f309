"""Drives one run: events in, the machine asked, the turn journalled, commands performed.

*Harm waits for the journal, mercy never does*: an `Inject` is sent once its page is durable and
only if nothing has taken it back meanwhile; everything else is performed before the page is even
written. A journal that cannot be written becomes an event like any other, and the machine aborts.

The supervisor carries `drive`; people's wishes come in through `hear`, at any time and without
waiting. Nothing is decided here.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, assert_never

from msgspec.structs import replace

from squall.core.faults.effects import Inject, Renew, Revert
from squall.core.playbook.plan import Plan
from squall.core.run.commands import (
    Announce,
    CancelAction,
    CancelTimer,
    Command,
    StartLoad,
    StartProbe,
    StartTimer,
    Suppose,
)
from squall.core.run.events import JournalFailed, RunEvent, TimerFired
from squall.core.run.facts import RunEnded, SteadyStateSeen, StepEnded, Verdict
from squall.core.run.journal import Entry, LeaseRow, Owner, Page, Problem, phase_of, project
from squall.core.run.leases import LEASE_TTL, owed
from squall.core.run.machine import advance, initial
from squall.core.run.records import Outcome, Run
from squall.core.run.state import State
from squall.core.run.verdict import exit_code
from squall.core.timing import MILLISECOND, Duration
from squall.service.custodian import Custodian
from squall.service.effects import Effects
from squall.service.ports import Clock, Store
from squall.service.timers import Timers

MOST_STEPS: Final = 10_000
"""Ended steps that are kept for the summary; of a loop that goes on for ever, the latest."""

RENEW_EVERY: Final = Duration(LEASE_TTL // 3)
BREATH: Final = Duration(2 * MILLISECOND)
"""How long turns may follow one another before everything else gets its turn."""


class Executor:
    """One run on its way."""

    def __init__(
        self,
        plan: Plan,
        run: Run,
        *,
        owner: Owner,
        clock: Clock,
        store: Store,
        effects: Effects,
        custodian: Custodian,
        past: "Past | None" = None,
    ) -> None:
        past = past or Past(initial(plan))
        self.run = run
        self.rows: dict[str, LeaseRow] = {}
        self.steps = past.steps
        self.steady = past.steady
        self._plan = plan
        self._owner = owner
        self._clock = clock
        self._store = store
        self._effects = effects
        self._custodian = custodian
        self._state = past.state
        self._n = past.n
        self._zero = clock.monotonic() - past.resumed_at
        self._timers = Timers(clock, self._ring)
        self._inbox: deque[RunEvent] = deque()
        self._woken = asyncio.Event()
        self._renewal: Callable[[], None] | None = None
        self._journal_failed = False
        self._outcome: Outcome | None = None

    def hear(self, happened: Callable[[int], RunEvent]) -> None:
        """Something happened now; it takes effect as soon as the loop comes round."""
        self._inbox.append(happened(self._now()))
        self._woken.set()

    async def drive(self) -> Outcome:
        """Go on until the run is finished."""
        try:
            while self._outcome is None:
                await self._woken.wait()
                self._woken.clear()
                await self._take_turns()
        finally:
            self._timers.close()
            if self._renewal:
                self._renewal()
        return self._outcome

    def write_off(self) -> None:
        """The edge is closed: whatever was owed there is off."""
        if self.rows:
            gone = tuple(self.rows)
            self._remember((), gone)
            self._store.write(Page(run=self.run.id, gone=gone), self._unkept)

    def break_off(self, verdict: Verdict, reason: str) -> Outcome:
        """End the run without the machine, once its edge is closed."""
        ended = RunEnded(at=max(0, self._now()), verdict=verdict, reason=reason)
        self.run = replace(self.run, phase="finished", reason=reason)
        outcome = self._ended((Announce(fact=ended),), self._clock.wall())
        self._store.write(Page(run=self.run.id, outcome=outcome), self._unkept)
        self._effects.announce(ended)
        assert outcome is not None
        return outcome

    def unkept(self, outcome: Outcome, problem: Problem) -> Outcome:
        """What went well and could not be kept did not go well: nobody will find it again."""
        reason = f"the journal failed: {problem.reason}"
        self.run = replace(outcome.run, verdict="aborted", reason=reason)
        return replace(outcome, run=self.run, exit_code=exit_code("aborted"))

    async def _take_turns(self) -> None:
        breath = self._clock.monotonic() + BREATH
        while self._inbox and self._outcome is None:
            self._turn(self._inbox.popleft())
            if self._clock.monotonic() >= breath:
                await self._clock.sleep_until(0)
                breath = self._clock.monotonic() + BREATH

    def _turn(self, event: RunEvent) -> None:
        self._state, commands = advance(self._plan, self._state, event)
        wall = self._clock.wall()
        harm = [command for command in commands if isinstance(command, Inject)]
        for command in commands:
            if not isinstance(command, Inject):
                self._perform(command)
        page = self._page(event, commands, wall)
        durable = partial(self._harm, harm) if harm else None
        self._store.write(page, self._unkept, durable)
        if page.outcome is not None:
            self._outcome = page.outcome

    def _page(self, event: RunEvent, commands: tuple[Command, ...], wall: int) -> Page:
        put, gone = project(self.rows, event, commands, self._owner, wall)
        self._remember(put, gone)
        for row in put:
            if row.state == "leaked":
                self._custodian.take(row, self._effects.send)
        phase, reason = phase_of(commands)
        if phase is not None:
            self.run = replace(self.run, phase=phase, reason=reason)
        entry = Entry(n=self._n, wall=wall, event=event)
        self._n += 1
        return Page(
            run=self.run.id,
            entry=entry,
            put=put,
            gone=gone,
            harm=any(isinstance(command, Inject) for command in commands),
            phase=phase,
            reason=reason,
            outcome=self._ended(commands, wall),
        )

    def _ended(self, commands: Iterable[Command], wall: int) -> Outcome | None:
        for command in commands:
            match command:
                case Announce(fact=StepEnded() as step):
                    self.steps.append(step)
                case Announce(fact=SteadyStateSeen() as seen):
                    self.steady.append(seen)
                case Announce(fact=RunEnded(verdict=verdict)):
                    self.run = replace(self.run, verdict=verdict, ended=wall)
                    return Outcome(
                        run=self.run,
                        steps=tuple(self.steps),
                        exit_code=exit_code(verdict),
                        steady=tuple(self.steady),
                    )
                case _:
                    pass
        return None

    def _remember(self, put: Iterable[LeaseRow], gone: Iterable[str]) -> None:
        self.rows.update({row.lease: row for row in put})
        for lease in gone:
            self.rows.pop(lease, None)
            self._custodian.settled(lease)

    def _perform(
        self,
        command: Revert
        | StartTimer
        | CancelTimer
        | StartProbe
        | StartLoad
        | CancelAction
        | Announce
        | Suppose,
    ) -> None:
        match command:
            case Revert():
                self._effects.send(command)
            case StartTimer(timer=timer, due=due):
                self._timers.start(timer, self._zero + due)
            case CancelTimer(timer=timer):
                self._timers.cancel(timer)
            case StartProbe() | StartLoad():
                self._effects.start(command)
            case CancelAction():
                self._effects.cancel(command)
            case Announce(fact=fact):
                self._effects.announce(fact)
            case Suppose():
                pass  # a run supposes nothing
            case _:
                assert_never(command)

    def _harm(self, injects: list[Inject]) -> None:
        """The journal holds them: put them on, except what was taken back meanwhile."""
        for inject in injects:
            row = self.rows.get(inject.lease)
            if row is None or row.state != "asked" or row.asked != inject.seq:
                continue
            self._effects.send(inject)
            if self._renewal is None:
                self._renew_later()

    def _unkept(self, problem: Problem) -> None:
        if not self._journal_failed:
            self._journal_failed = True
            self.hear(lambda at: JournalFailed(at=at, reason=problem.reason))

    # -- leases that go on ------------------------------------------------------------------------

    def _renew_later(self) -> None:
        self._renewal = self._clock.call_at(self._clock.monotonic() + RENEW_EVERY, self._renew)

    def _renew(self) -> None:
        """To live longer is harm too: the rows say so first. What is being undone may run out."""
        self._renewal = None
        wanted = set(owed(self._plan, self._state))
        rows = tuple(
            replace(row, expires=self._clock.wall() + LEASE_TTL)
            for row in self.rows.values()
            if row.lease in wanted and row.state in {"asked", "live"}
        )
        if not rows or self._journal_failed:
            return
        self._remember(rows, ())
        renew = Renew(leases=tuple(row.lease for row in rows), ttl=LEASE_TTL)
        page = Page(run=self.run.id, put=rows)
        self._store.write(page, self._unkept, partial(self._effects.send, renew))
        self._renew_later()

    # -- time -------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.monotonic() - self._zero

    def _ring(self, timer: str) -> None:
        self.hear(lambda at: TimerFired(at=at, timer=timer))


class Past:
    """Where a run is picked up: its folded journal. `resumed_at` is run time.

    `folder` is where its playbook lies.
    """

    def __init__(
        self,
        state: State,
        *,
        n: int = 0,
        steps: Iterable[StepEnded] = (),
        steady: Iterable[SteadyStateSeen] = (),
        resumed_at: int = 0,
        folder: str = "",
    ) -> None:
        self.state = state
        self.n = n
        self.steps = deque(steps, maxlen=MOST_STEPS)
        self.steady = list(steady)
        self.resumed_at = resumed_at
        self.folder = folder
