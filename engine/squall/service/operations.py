"""Everything a person may ask for; the command line and every other way in call only this.

`Operations` needs an engine and changes things; `Archive` reads a state folder without one. A run
is begun in this order: its target locks, its edge, its row, its recording. Whatever fails is a
`Refused` that leaves nothing behind; only then comes the run's first event.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from secrets import randbits
from typing import Final

from msgspec.structs import replace

from squall.core.admission import Admit, Queue, Request
from squall.core.diagnostics import Refused
from squall.core.playbook.model import Address, Playbook, canonical
from squall.core.playbook.plan import Plan
from squall.core.playbook.secrets import names_of
from squall.core.run.events import (
    PauseRequested,
    ResumeRequested,
    RunCreated,
    StopRequested,
    TerminateRequested,
)
from squall.core.run.guards import is_guarded
from squall.core.run.journal import Draft, Owner, Unfinished
from squall.core.run.records import LiveFault, Outcome, Run
from squall.core.run.verdict import exit_code
from squall.core.timing import MILLISECOND, Duration
from squall.service.custodian import Custodian
from squall.service.effects import Effects
from squall.service.executor import Executor, Past
from squall.service.ports import Clock, Edge, Engines, LoadGenerator, Prober, Records, Store
from squall.service.recorder import Recorder
from squall.service.recovery import GoneEdge, Recovery, restarted
from squall.service.secrets import Revealed, Secrets
from squall.service.supervisor import KeepTrace, carry
from squall.service.updates import Update, Updates

ASK_AGAIN: Final = Duration(100 * MILLISECOND)
"""How often somebody who waits for a target asks whether it is free."""

Edges = Callable[[], Edge]
Recorders = Callable[[Path, Run], Recorder]


class Running:
    """A run that has begun. Its wishes take effect at once; none of them waits."""

    def __init__(
        self,
        executor: Executor,
        updates: Updates,
        recorder: Recorder | None,
        addresses: Mapping[str, Address],
    ) -> None:
        self.addresses = addresses
        """Where each target listens, also when the playbook left the port open."""
        self._executor = executor
        self._updates = updates
        self._recorder = recorder
        self.ending: asyncio.Task[Outcome]

    @property
    def run(self) -> Run:
        """What is known of it now."""
        return self._executor.run

    @property
    def recording_problem(self) -> str | None:
        """In a sentence what is missing from its recording; None when nothing is."""
        return self._recorder.problem() if self._recorder else None

    def updates(self) -> AsyncIterator[Update]:
        """What it has to say, from the beginning; ends after `RunEnded`. One reader."""
        return self._updates.read()

    def stop(self, by: str, reason: str = "") -> None:
        """Undo everything, run `finally`, end."""
        self._executor.hear(lambda at: StopRequested(at=at, by=by, reason=reason))

    def terminate(self, by: str, reason: str = "") -> None:
        """Undo everything and end without `finally`."""
        self._executor.hear(lambda at: TerminateRequested(at=at, by=by, reason=reason))

    def pause(self, by: str) -> None:
        """Lift the faults and hold the steps."""
        self._executor.hear(lambda at: PauseRequested(at=at, by=by))

    def resume(self, by: str) -> None:
        """Put the faults back and go on."""
        self._executor.hear(lambda at: ResumeRequested(at=at, by=by))

    async def outcome(self) -> Outcome:
        """How it ended, once its edge is closed and everything is kept."""
        return await asyncio.shield(self.ending)


class Operations:
    """An engine at work. Made by `squall.app`, which hands in the world."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        *,
        clock: Clock,
        store: Store,
        engines: Engines,
        edges: Edges,
        prober: Prober,
        loader: LoadGenerator,
        recorders: Recorders,
        keep_trace: KeepTrace,
        schema: str,
        secrets: Secrets,
    ) -> None:
        """`schema` is the text of the playbook's, for runs that are picked up again."""
        self._tasks = tasks
        self._clock = clock
        self._store = store
        self._engines = engines
        self._edges = edges
        self._prober = prober
        self._loader = loader
        self._recorders = recorders
        self._keep_trace = keep_trace
        self._secrets = secrets
        self._custodian = Custodian(tasks, clock, store)
        self._recovery = Recovery(store, engines, clock, self._custodian, self._resume, schema)
        self._running: set[Running] = set()
        self._claims = 0

    async def recover(self) -> None:
        """End what dead engines left behind; before anything else, and again before each run."""
        await self._recovery.recover()

    async def start(
        self,
        plan: Plan,
        *,
        seed: int | None = None,
        record: Path | None = None,
        wait: Duration | None = None,
        folder: Path | None = None,
    ) -> Running:
        """Begin a run; raises `Refused`, with nothing touched, when it cannot.

        `seed`: fixes the dice instead of the playbook's own; without either it is drawn. `wait`:
        how long to wait for targets that are held by others. `folder`: where the playbook lies, in
        which its programs run; else the current one.
        """
        secrets = self._secrets.all_of(names_of(plan.playbook))
        folder = (folder or Path()).absolute()
        claim = await self._claim(plan, wait)
        edge = self._edges()
        try:
            addresses = await edge.open(plan.playbook.targets)
            run = await self._create(plan, _dice(seed, plan.playbook), claim)
            recorder = await self._recorder(record, run)
        except BaseException:
            await edge.close(drain=Duration(0))
            with contextlib.suppress(Refused):
                await self._store.release(claim)
            raise
        return self._begin(
            plan, run, edge, addresses,
            secrets=secrets, folder=folder, claim=claim, recorder=recorder,
        )  # fmt: skip

    async def close(self) -> None:
        """End every run without `finally`, and what is in custody."""
        for running in tuple(self._running):
            running.terminate(by="shutdown", reason="the engine was shut down")
        for running in tuple(self._running):
            await running.outcome()
        self._custodian.close()

    # -- how a run begins -------------------------------------------------------------------------

    async def _claim(self, plan: Plan, wait: Duration | None) -> str:
        self._claims += 1
        claim = f"{self._engines.me}/{self._claims}"
        deadline = self._clock.monotonic() + (wait or 0)
        while True:
            await self._recovery.recover()
            now = self._clock.monotonic()
            request = Request(
                claim=claim,
                playbook=plan.playbook.name,
                engine=self._engines.me,
                targets=tuple((target.name, target.listen) for target in plan.playbook.targets),
                since=self._clock.wall(),
                patient=now < deadline,
                most=plan.playbook.limits.concurrent_runs,
            )
            match await self._store.admit(request):
                case Admit():
                    return claim
                case Queue():
                    await self._clock.sleep_until(min(deadline, now + ASK_AGAIN))
                case refuse:
                    raise refuse.raised()

    async def _create(self, plan: Plan, seed: int, claim: str) -> Run:
        playbook = plan.playbook
        started = self._clock.wall()
        number = await self._store.create(
            Draft(
                claim=claim,
                playbook=playbook.name,
                digest=plan.digest,
                canonical=canonical(playbook),
                seed=seed,
                started=started,
                engine=self._engines.me,
            )
        )
        return Run(
            id=number,
            playbook=playbook.name,
            digest=plan.digest,
            phase="pending",
            started=started,
            engine=self._engines.me,
            seed=seed,
        )

    async def _recorder(self, record: Path | None, run: Run) -> Recorder | None:
        if record is None:
            return None
        try:
            return self._recorders(record, run)
        except Refused:
            await self._store.discard(run.id)
            raise

    def _begin(
        self,
        plan: Plan,
        run: Run,
        edge: Edge,
        addresses: Mapping[str, Address],
        *,
        secrets: Revealed,
        folder: Path,
        claim: str = "",
        recorder: Recorder | None = None,
        past: Past | None = None,
    ) -> Running:
        updates = Updates()
        effects = Effects(
            edge,
            addresses,
            prober=self._prober,
            loader=self._loader,
            updates=updates,
            recorder=recorder,
            seed=run.seed,
            guarded=is_guarded(plan),
            secrets=secrets,
            folder=folder,
        )
        executor = Executor(
            plan,
            run,
            owner=Owner(run=run.id, engine=self._engines.me, edge=f"{self._engines.me}/{run.id}"),
            clock=self._clock,
            store=self._store,
            effects=effects,
            custodian=self._custodian,
            past=past,
        )
        if past is None:
            executor.hear(
                lambda at: RunCreated(at=at, run=str(run.id), seed=run.seed, folder=str(folder))
            )
        else:
            executor.hear(restarted)
        running = Running(executor, updates, recorder, addresses)
        self._running.add(running)
        carrying = self._carry(running, executor, effects, edge, claim=claim, recorder=recorder)
        running.ending = self._tasks.create_task(carrying)
        return running

    def _resume(self, stored: Unfinished, plan: Plan, past: Past) -> "asyncio.Task[Outcome]":
        run = replace(stored.run, engine=self._engines.me)
        secrets = self._secrets.some_of(names_of(plan.playbook))
        folder = Path(past.folder)
        return self._begin(
            plan, run, GoneEdge(), {}, secrets=secrets, folder=folder, past=past
        ).ending

    async def _carry(
        self,
        running: Running,
        executor: Executor,
        effects: Effects,
        edge: Edge,
        *,
        claim: str,
        recorder: Recorder | None,
    ) -> Outcome:
        try:
            outcome = await carry(executor, effects, edge, self._keep_trace)
        finally:
            if recorder is not None:
                await recorder.close()
            # A disk that takes no more keeps the locks; they end with this engine.
            with contextlib.suppress(Refused):
                await self._store.release(claim)
            problem = await self._store.flush()
            self._running.discard(running)
        if problem is not None and outcome.exit_code == 0:
            return executor.unkept(outcome, problem)
        return outcome


def _dice(seed: int | None, playbook: Playbook) -> int:
    given = playbook.seed if seed is None else seed
    return randbits(32) if given is None else given


class Archive:
    """What is known of a state folder, for readers without an engine; changes nothing."""

    def __init__(
        self,
        records: Records,
        *,
        alive: Callable[[str], bool],
        may_harm: Callable[[str], bool],
        clock: Clock,
    ) -> None:
        """`alive`: whether an engine lives; `may_harm`: whether its edges may have faults on."""
        self._records = records
        self._alive = alive
        self._may_harm = may_harm
        self._clock = clock

    def runs(self) -> tuple[Run, ...]:
        """All runs, oldest first."""
        return tuple(map(self._seen, self._records.runs()))

    def outcome(self, number: int) -> Outcome:
        """A run and what is kept of its steps; raises `Refused` when there is no such run.

        Steps are kept when a run ends, so one that goes on has none yet.
        """
        kept = self._records.outcome(number)
        if kept is not None:
            return kept
        run = self._records.run(number)
        if run is None:
            raise Refused(
                "SQ422", f"there is no run {number}", "'squall runs list' shows those there are"
            )
        seen = self._seen(run)
        return Outcome(run=seen, steps=(), exit_code=exit_code(seen.verdict or "passed"))

    def faults(self) -> tuple[LiveFault, ...]:
        """What is live, or may be, and owed an undo."""
        now = self._clock.wall()
        return tuple(
            row.shown()
            for row in self._records.leases()
            if self._may_harm(row.edge.partition("/")[0])
            and (row.expires > now or (row.state == "leaked" and self._alive(row.engine)))
        )

    def _seen(self, run: Run) -> Run:
        """A run whose engine is dead will not go on by itself, whatever its row says."""
        if run.ended is not None or self._alive(run.engine):
            return run
        return replace(run, phase="finished", verdict="interrupted", reason="the engine was killed")
