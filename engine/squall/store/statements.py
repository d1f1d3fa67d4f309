"""What is written to and asked of a state folder's database, one function each.

Called by `sqlite` on its own thread, each inside a transaction that is `sqlite`'s business, as are
threads, files and errors.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from squall.core import admission
from squall.core.admission import Decision, Request
from squall.core.run.events import decode
from squall.core.run.journal import Draft, Entry, Estate, LeaseRow, Page, Unfinished
from squall.store import rows


class Cursor(Protocol):
    """What an answer looks like."""

    def __iter__(self) -> Iterator[rows.Row]: ...
    def __next__(self) -> rows.Row: ...
    def fetchone(self) -> rows.Row: ...
    def fetchall(self) -> list[rows.Row]: ...


class Database(Protocol):
    """As much of a connection as is needed here."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> Cursor: ...
    def executemany(self, sql: str, parameters: Iterable[Sequence[object]], /) -> object: ...


def write(database: Database, page: Page) -> None:
    if page.entry is not None:
        database.execute(rows.PUT_EVENT, rows.event_row(page, page.entry))
    if page.put:
        database.executemany(rows.PUT_LEASE, map(rows.lease_row, page.put))
    if page.gone:
        database.executemany("DELETE FROM leases WHERE lease = ?", [(name,) for name in page.gone])
    if page.outcome is not None:
        database.execute(
            "UPDATE runs SET phase = ?, verdict = ?, reason = ?, ended = ?, outcome = ?"
            " WHERE id = ?",
            rows.outcome_row(page.outcome),
        )
    elif page.phase is not None:
        database.execute(
            "UPDATE runs SET phase = ?, reason = ? WHERE id = ?",
            (page.phase, page.reason, page.run),
        )


def locks(database: Database) -> admission.World:
    found = database.execute(rows.SELECT_LOCK).fetchall()
    return admission.World(locks=tuple(map(rows.lock_of, found)))


def admit(database: Database, request: Request) -> Decision:
    decision = admission.admit(locks(database), request)
    if isinstance(decision, admission.Admit):
        database.executemany(rows.PUT_LOCK, map(rows.lock_row, decision.locks))
    return decision


def release(database: Database, claim: str, owed: Sequence[str]) -> None:
    database.executemany(
        "UPDATE locks SET owed = 1 WHERE claim = ? AND target = ?", [(claim, t) for t in owed]
    )
    database.execute("DELETE FROM locks WHERE claim = ? AND owed = 0", (claim,))


def create(database: Database, draft: Draft) -> int:
    made = database.execute(
        "INSERT INTO runs (playbook, digest, canonical, machine, seed, phase, started, engine)"
        " VALUES (?, ?, ?, ?, ?, 'pending', ?, ?) RETURNING id",
        (
            draft.playbook,
            draft.digest,
            draft.canonical,
            draft.machine,
            draft.seed,
            draft.started,
            draft.engine,
        ),
    ).fetchone()
    number: int = made[0]
    database.execute("UPDATE locks SET run = ? WHERE claim = ?", (number, draft.claim))
    return number


def discard(database: Database, run: int) -> None:
    database.execute("DELETE FROM runs WHERE id = ?", (run,))


def owners(database: Database) -> frozenset[str]:
    found = database.execute(
        "SELECT engine FROM runs WHERE ended IS NULL UNION SELECT engine FROM leases"
        " UNION SELECT engine FROM locks"
    )
    return frozenset(engine for (engine,) in found)


def adopt(database: Database, dead: Sequence[str], heir: str) -> Estate:
    one_each = [(engine,) for engine in dead]
    runs: list[Unfinished] = []
    found: list[LeaseRow] = []
    for engine in one_each:
        unfinished = database.execute(
            f"{rows.SELECT_RUN} WHERE engine = ? AND ended IS NULL", engine
        )
        runs += map(rows.unfinished_of, unfinished)
        found += map(
            rows.lease_of, database.execute(f"{rows.SELECT_LEASE} WHERE engine = ?", engine)
        )
    heirs = [(heir, engine) for engine in dead]
    database.executemany(
        "UPDATE runs SET engine = ?, recoveries = recoveries + 1"
        " WHERE engine = ? AND ended IS NULL",
        heirs,
    )
    database.executemany("UPDATE leases SET engine = ? WHERE engine = ?", heirs)
    database.executemany(
        "DELETE FROM locks WHERE engine = ? AND NOT EXISTS (SELECT 1 FROM leases"
        " WHERE leases.run = locks.run AND leases.target = locks.target)",
        one_each,
    )
    database.executemany("UPDATE locks SET engine = ?, owed = 1 WHERE engine = ?", heirs)
    return Estate(runs=tuple(runs), leases=tuple(found))


def journal(database: Database, run: int) -> tuple[Entry, ...]:
    found = database.execute("SELECT n, wall, event FROM events WHERE run = ? ORDER BY n", (run,))
    return tuple(Entry(n=n, wall=wall, event=decode(event)) for n, wall, event in found)


def drop(database: Database, lease: str) -> None:
    gone = database.execute(
        "DELETE FROM leases WHERE lease = ? RETURNING run, target", (lease,)
    ).fetchall()
    for place in gone:
        database.execute(
            "DELETE FROM locks WHERE run = ? AND target = ? AND owed = 1 AND NOT EXISTS"
            " (SELECT 1 FROM leases WHERE leases.run = locks.run AND"
            " leases.target = locks.target)",
            place,
        )
