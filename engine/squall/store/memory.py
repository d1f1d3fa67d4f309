"""A state folder's database without a disk: the in-memory twin of `sqlite`, for tests of services.

It keeps the same promises (one contract suite holds both to them), writes when the loop gets to it,
and can be told to fail the way a full disk does.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from squall.core.admission import Admit, Decision, Request, TargetLock, World, admit
from squall.core.diagnostics import Refused
from squall.core.run.journal import Draft, Entry, Estate, LeaseRow, Page, Problem, Unfinished
from squall.core.run.records import Outcome, Run


@dataclass(slots=True)
class _Write:
    page: Page
    failed: Callable[[Problem], None]
    durable: Callable[[], None] | None


class MemoryStore:
    """Store and records in one; see `squall.service.ports`."""

    def __init__(self) -> None:
        """An empty one."""
        self._runs: dict[int, Unfinished] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._events: dict[int, dict[int, Entry]] = {}
        self._leases: dict[str, LeaseRow] = {}
        self._locks: list[TargetLock] = []
        self._due: list[_Write] = []
        self._held: list[_Write] = []
        self._broken: Problem | None = None

    def fail(self, problem: Problem | None) -> None:
        """From now on nothing can be kept; None: it can again."""
        self._broken = problem

    async def admit(self, request: Request) -> Decision:
        self._settle()
        decision = admit(World(locks=tuple(self._locks)), request)
        if isinstance(decision, Admit):
            self._locks += decision.locks
        return decision

    async def release(self, claim: str, *, owed: Sequence[str] = ()) -> None:
        self._settle()
        mine = [lock for lock in self._locks if lock.claim == claim]
        self._locks = [lock for lock in self._locks if lock.claim != claim]
        self._locks += [
            replace(lock, owed=True) for lock in mine if lock.owed or lock.target in owed
        ]

    async def create(self, draft: Draft) -> int:
        self._settle()
        number = max(self._runs, default=0) + 1
        run = Run(
            id=number,
            playbook=draft.playbook,
            digest=draft.digest,
            phase="pending",
            started=draft.started,
            engine=draft.engine,
            seed=draft.seed,
        )
        self._runs[number] = Unfinished(
            run=run, canonical=draft.canonical, machine=draft.machine, recoveries=0
        )
        self._locks = [
            replace(lock, run=number) if lock.claim == draft.claim else lock for lock in self._locks
        ]
        return number

    async def discard(self, run: int) -> None:
        self._settle()
        self._runs.pop(run, None)

    def write(
        self,
        page: Page,
        failed: Callable[[Problem], None],
        durable: Callable[[], None] | None = None,
    ) -> None:
        if not self._due:
            asyncio.get_running_loop().call_soon(self._drain)
        self._due.append(_Write(page, failed, durable))

    async def flush(self) -> Problem | None:
        self._drain()
        return self._broken if self._held else None

    async def owners(self) -> frozenset[str]:
        self._settle()
        engines = {stored.run.engine for stored in self._runs.values() if not stored.run.ended}
        engines |= {lease.engine for lease in self._leases.values()}
        return frozenset(engines | {lock.engine for lock in self._locks})

    async def adopt(self, dead: Sequence[str], heir: str) -> Estate:
        self._settle()
        runs = [
            stored
            for stored in self._runs.values()
            if stored.run.engine in dead and stored.run.ended is None
        ]
        leases = [lease for lease in self._leases.values() if lease.engine in dead]
        for stored in runs:
            self._runs[stored.run.id] = replace(
                stored, run=replace(stored.run, engine=heir), recoveries=stored.recoveries + 1
            )
        for lease in leases:
            self._leases[lease.lease] = replace(lease, engine=heir)
        owed = {(lease.run, lease.target) for lease in self._leases.values()}
        self._locks = [
            replace(lock, engine=heir, owed=True) if lock.engine in dead else lock
            for lock in self._locks
            if lock.engine not in dead or (lock.run, lock.target) in owed
        ]
        return Estate(runs=tuple(runs), leases=tuple(leases))

    async def journal(self, run: int) -> tuple[Entry, ...]:
        self._settle()
        return tuple(entry for _, entry in sorted(self._events.get(run, {}).items()))

    async def drop(self, lease: str) -> None:
        self._settle()
        gone = self._leases.pop(lease, None)
        owed = {(row.run, row.target) for row in self._leases.values()}
        if gone is None or (gone.run, gone.target) in owed:
            return
        place = (gone.run, gone.target)
        self._locks = [
            lock for lock in self._locks if not lock.owed or (lock.run, lock.target) != place
        ]

    async def close(self) -> None:
        self._drain()

    def records(self) -> "MemoryRecords":
        """The same for reading."""
        return MemoryRecords(self._runs, self._outcomes, self._leases)

    def _settle(self) -> None:
        self._drain()
        if self._broken is not None:
            raise Refused("SQ420", self._broken.reason, self._broken.hint)

    def _drain(self) -> None:
        due, self._due = self._due, []
        if self._broken is not None:
            self._held += due
            for write in due:
                write.failed(self._broken)
            return
        for write in self._held + due:
            self._keep(write.page)
        self._held = []
        for write in due:
            if write.durable:
                write.durable()

    def _keep(self, page: Page) -> None:
        if page.entry is not None:
            self._events.setdefault(page.run, {})[page.entry.n] = page.entry
        self._leases.update({lease.lease: lease for lease in page.put})
        for name in page.gone:
            self._leases.pop(name, None)
        stored = self._runs.get(page.run)
        if stored is None:
            return
        if page.outcome is not None:
            self._outcomes[page.run] = page.outcome
            self._runs[page.run] = replace(stored, run=page.outcome.run)
        elif page.phase is not None:
            run = replace(stored.run, phase=page.phase, reason=page.reason)
            self._runs[page.run] = replace(stored, run=run)


class MemoryRecords:
    """What a reader sees of a `MemoryStore`."""

    def __init__(
        self, runs: dict[int, Unfinished], outcomes: dict[int, Outcome], leases: dict[str, LeaseRow]
    ) -> None:
        """A window on the store's own tables."""
        self._runs = runs
        self._outcomes = outcomes
        self._leases = leases

    def runs(self) -> tuple[Run, ...]:
        return tuple(stored.run for _, stored in sorted(self._runs.items()))

    def run(self, number: int) -> Run | None:
        stored = self._runs.get(number)
        return stored.run if stored else None

    def outcome(self, number: int) -> Outcome | None:
        return self._outcomes.get(number)

    def leases(self) -> tuple[LeaseRow, ...]:
        return tuple(sorted(self._leases.values(), key=lambda row: (row.since, row.lease)))
