"""The tables of a state folder, and how values become rows and rows values again.

Used by `sqlite` and `statements`. A change of meaning needs a new `SCHEMA`: a newer one is refused,
never guessed at. Playbooks are kept in their canonical form, so that a run can be recovered with
nothing else at hand.
"""

from typing import Any, Final

import msgspec

from squall.core.admission import TargetLock
from squall.core.playbook.model import Address
from squall.core.run.events import encode
from squall.core.run.facts import Phase, Verdict
from squall.core.run.journal import Entry, LeaseRow, Page, Unfinished
from squall.core.run.records import Outcome, Run

SCHEMA: Final = 1

TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  playbook TEXT NOT NULL, digest TEXT NOT NULL, canonical BLOB NOT NULL,
  machine INTEGER NOT NULL, seed INTEGER NOT NULL,
  phase TEXT NOT NULL, verdict TEXT, reason TEXT NOT NULL DEFAULT '',
  started INTEGER NOT NULL, ended INTEGER, engine TEXT NOT NULL,
  recoveries INTEGER NOT NULL DEFAULT 0, outcome BLOB);
CREATE INDEX unfinished ON runs (engine) WHERE ended IS NULL;
CREATE TABLE events (
  run INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, wall INTEGER NOT NULL,
  event BLOB NOT NULL, PRIMARY KEY (run, n)) WITHOUT ROWID;
CREATE TABLE leases (
  lease TEXT PRIMARY KEY, run INTEGER NOT NULL, step TEXT NOT NULL, target TEXT NOT NULL,
  faults TEXT NOT NULL, asked INTEGER NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL,
  since INTEGER NOT NULL, expires INTEGER NOT NULL, engine TEXT NOT NULL, edge TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE locks (
  claim TEXT NOT NULL, target TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
  playbook TEXT NOT NULL, engine TEXT NOT NULL, since INTEGER NOT NULL, run INTEGER,
  owed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (claim, target)) WITHOUT ROWID;
"""

SELECT_RUN: Final = (
    "SELECT id, playbook, digest, phase, started, engine, verdict, reason, ended, seed,"
    " canonical, machine, recoveries FROM runs"
)
SELECT_LEASE: Final = (
    "SELECT lease, run, step, target, faults, asked, seq, state, since, expires, engine, edge"
    " FROM leases"
)
SELECT_LOCK: Final = (
    "SELECT claim, target, host, port, playbook, engine, since, run, owed FROM locks"
)
PUT_LEASE: Final = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_LOCK: Final = "INSERT INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_EVENT: Final = "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?)"

Row = tuple[Any, ...]


def run_of(row: Row) -> Run:
    """A run from `SELECT_RUN`."""
    phase: Phase = row[3]
    verdict: Verdict | None = row[6]
    return Run(
        id=row[0],
        playbook=row[1],
        digest=row[2],
        phase=phase,
        started=row[4],
        engine=row[5],
        verdict=verdict,
        reason=row[7],
        ended=row[8],
        seed=row[9],
    )


def unfinished_of(row: Row) -> Unfinished:
    """A run without an end from `SELECT_RUN`."""
    return Unfinished(run=run_of(row), canonical=row[10], machine=row[11], recoveries=row[12])


def lease_of(row: Row) -> LeaseRow:
    """A lease from `SELECT_LEASE`."""
    return LeaseRow(
        lease=row[0],
        run=row[1],
        step=row[2],
        target=row[3],
        faults=tuple(msgspec.json.decode(row[4], type=list[str])),
        asked=row[5],
        seq=row[6],
        state=row[7],
        since=row[8],
        expires=row[9],
        engine=row[10],
        edge=row[11],
    )


def lease_row(lease: LeaseRow) -> Row:
    """A lease for `PUT_LEASE`."""
    return (
        lease.lease,
        lease.run,
        lease.step,
        lease.target,
        msgspec.json.encode(lease.faults).decode(),
        lease.asked,
        lease.seq,
        lease.state,
        lease.since,
        lease.expires,
        lease.engine,
        lease.edge,
    )


def lock_of(row: Row) -> TargetLock:
    """A lock from `SELECT_LOCK`."""
    return TargetLock(
        claim=row[0],
        target=row[1],
        address=Address(host=row[2], port=row[3]),
        playbook=row[4],
        engine=row[5],
        since=row[6],
        run=row[7],
        owed=bool(row[8]),
    )


def lock_row(lock: TargetLock) -> Row:
    """A lock for `PUT_LOCK`."""
    address = lock.address
    return (
        lock.claim,
        lock.target,
        address.host,
        address.port,
        lock.playbook,
        lock.engine,
        lock.since,
        lock.run,
        int(lock.owed),
    )


def event_row(page: Page, entry: Entry) -> Row:
    """A journal entry for `PUT_EVENT`."""
    return (page.run, entry.n, entry.event.at, entry.wall, encode(entry.event))


def outcome_row(outcome: Outcome) -> Row:
    """What a run's row learns when it ends, and the run's id."""
    run = outcome.run
    encoded = msgspec.json.encode(outcome)
    return (run.phase, run.verdict, run.reason, run.ended, encoded, run.id)
