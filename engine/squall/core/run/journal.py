"""What of a run is kept: each turn of the machine as one page, and leases as rows of their own.

The executor makes a `Page` of every event and the commands it caused; a store writes a page whole
or not at all. Lease rows are a projection of the same events and commands, so that whoever undoes
them after a crash reads them alone: no fold, no playbook, no version. Nothing here writes.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec.structs import replace

from squall.core.faults.effects import Applied, EdgeLost, Inject, Lapsed, Lifted, Rejected, Revert
from squall.core.faults.kinds import Fault, Value
from squall.core.run.commands import Announce, Command
from squall.core.run.events import MACHINE, EdgeReported, RunEvent
from squall.core.run.facts import LeaseLeaked, Phase, RunEnded, RunEntered
from squall.core.run.records import LiveFault, Outcome, Run

LeaseState = Literal["asked", "live", "undoing", "leaked"]


class LeaseRow(Value, frozen=True, kw_only=True):
    """A lease that is owed an undo. `since` and `expires` are wall time.

    `asked` is the number of its newest inject, `seq` that of its newest effect: whoever takes it
    over goes on counting from there. `engine` answers for it; `edge` names where its faults are.
    """

    lease: str
    run: int
    step: str
    target: str
    faults: tuple[str, ...]
    asked: int
    seq: int
    state: LeaseState
    since: int
    expires: int
    engine: str
    edge: str

    def shown(self) -> LiveFault:
        """As people see it."""
        return LiveFault(
            lease=self.lease,
            run=self.run,
            step=self.step,
            target=self.target,
            faults=self.faults,
            since=self.since,
            expires=self.expires,
            state=self.state,
        )


class Owner(Value, frozen=True, kw_only=True):
    """Who answers for a run's leases: its id, the engine that drives it, the edge they are on."""

    run: int
    engine: str
    edge: str


class Entry(Value, frozen=True, kw_only=True):
    """One line of a run's journal: the `n`-th event, from 0, and the wall time it came at."""

    n: int
    wall: int
    event: RunEvent


class Page(Value, frozen=True, kw_only=True):
    """Everything that is kept of one turn, written in one transaction.

    `put` and `gone` change lease rows. `harm` says that a command waits for this page to survive a
    loss of power. `phase` and `outcome` are there when they changed.
    """

    run: int
    entry: Entry | None = None
    put: tuple[LeaseRow, ...] = ()
    gone: tuple[str, ...] = ()
    harm: bool = False
    phase: Phase | None = None
    reason: str = ""
    outcome: Outcome | None = None


class Problem(Value, frozen=True, kw_only=True):
    """Why something could not be kept, in a sentence, and what to do about it."""

    reason: str
    hint: str = ""


class Draft(Value, frozen=True, kw_only=True):
    """A run that is about to begin: what its row is made from. `claim` names its target locks."""

    claim: str
    playbook: str
    digest: str
    canonical: bytes
    seed: int
    started: int
    engine: str
    machine: int = MACHINE


class Unfinished(Value, frozen=True, kw_only=True):
    """A run whose engine died, with what it takes to end it properly."""

    run: Run
    canonical: bytes
    machine: int
    recoveries: int


class Estate(Value, frozen=True, kw_only=True):
    """What dead engines left behind, now answered for by a living one."""

    runs: tuple[Unfinished, ...] = ()
    leases: tuple[LeaseRow, ...] = ()


def project(
    rows: Mapping[str, LeaseRow],
    event: RunEvent,
    commands: Iterable[Command],
    owner: Owner,
    wall: int,
) -> tuple[tuple[LeaseRow, ...], tuple[str, ...]]:
    """Which lease rows a turn changes, and which it ends.

    `rows` are those the run has now. Answers to older effects change nothing, as in the machine.
    """
    put: dict[str, LeaseRow] = {}
    gone: set[str] = set()
    if isinstance(event, EdgeReported):
        _answered(rows, event.report, wall, put, gone)
    for command in commands:
        match command:
            case Inject():
                gone.discard(command.lease)
                put[command.lease] = _asked(command, owner, wall)
            case Revert(lease=lease, seq=seq):
                _change(rows, put, lease, "undoing", seq)
            case Announce(fact=LeaseLeaked(lease=lease)):
                _change(rows, put, lease, "leaked", None)
            case _:
                pass
    return tuple(put.values()), tuple(sorted(gone))


def phase_of(commands: Iterable[Command]) -> tuple[Phase | None, str]:
    """The phase a turn leaves the run in, and why; None when it did not change."""
    phase: Phase | None = None
    reason = ""
    for command in commands:
        if isinstance(command, Announce):
            if isinstance(command.fact, RunEntered):
                phase, reason = command.fact.phase, command.fact.reason
            elif isinstance(command.fact, RunEnded):
                phase, reason = "finished", command.fact.reason
    return phase, reason


def fault_name(fault: Fault) -> str:
    """What a fault is called in a playbook."""
    return str(fault.__struct_config__.tag)


def _asked(inject: Inject, owner: Owner, wall: int) -> LeaseRow:
    return LeaseRow(
        lease=inject.lease,
        run=owner.run,
        step=inject.path,
        target=inject.target,
        faults=tuple(fault_name(f) for scenario in inject.scenarios for f in scenario.faults),
        asked=inject.seq,
        seq=inject.seq,
        state="asked",
        since=wall,
        expires=wall + inject.ttl,
        engine=owner.engine,
        edge=owner.edge,
    )


def _change(
    rows: Mapping[str, LeaseRow],
    put: dict[str, LeaseRow],
    lease: str,
    state: LeaseState,
    seq: int | None,
) -> None:
    row = put.get(lease) or rows.get(lease)
    if row is not None:
        put[lease] = replace(row, state=state, seq=row.seq if seq is None else seq)


def _answered(
    rows: Mapping[str, LeaseRow],
    report: Applied | Rejected | Lifted | Lapsed | EdgeLost,
    wall: int,
    put: dict[str, LeaseRow],
    gone: set[str],
) -> None:
    if isinstance(report, EdgeLost):
        gone.update(rows)
        return
    row = rows.get(report.lease)
    if row is None:
        return
    match report:
        case Applied(seq=seq) if row.state == "asked" and seq == row.seq:
            # Its time at the edge began a moment ago, not when it was asked for.
            put[row.lease] = replace(row, state="live", expires=wall + row.expires - row.since)
        case Rejected(seq=seq) if row.state == "asked" and seq == row.seq:
            gone.add(row.lease)
        case Lifted(seq=seq) if seq > row.asked:
            gone.add(row.lease)
        case Lapsed():
            gone.add(row.lease)
        case _:
            pass
