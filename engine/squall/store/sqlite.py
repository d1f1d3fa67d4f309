"""A state folder's database: SQLite in WAL mode, written by one thread that commits in groups.

`SqliteStore` is the engine's: the event loop hands pages over and never waits for a disk; whatever
has gathered meanwhile goes into one transaction. `synchronous` is FULL before a transaction that
carries harm, else NORMAL: what NORMAL can lose in a power cut is only ever an undo that was done.
`SqliteRecords` reads without an engine and changes nothing. The only door to sqlite3; what a row
means is decided in `squall.core`, how it looks in `rows`, how it is
asked for in `statements`.
"""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from squall.core.admission import Decision, Request
from squall.core.diagnostics import Refused
from squall.core.run.journal import Draft, Entry, Estate, LeaseRow, Page, Problem
from squall.core.run.records import Outcome, Run
from squall.store import rows, statements

BUSY_SECONDS: Final = 5.0
"""How long another program may hold the database before it counts as locked."""

Synchronous = Literal["auto", "normal", "full"]
T = TypeVar("T")


class _Write(msgspec.Struct):
    page: Page
    failed: Callable[[Problem], None]
    durable: Callable[[], None] | None


class SqliteStore:
    """The engine's store; `squall.service.ports.Store` says what each method promises."""

    def __init__(self, state: Path, *, synchronous: Synchronous = "auto") -> None:
        """Open or make the database; raises `Refused` when it cannot be used."""
        self._file = state / "state.db"
        self._synchronous = synchronous
        self._loop = asyncio.get_running_loop()
        self._writes: deque[_Write] = deque()
        self._held: list[_Write] = []
        self._problem: Problem | None = None
        self._drain_due = False
        try:
            self._database = _open(self._file)
        except sqlite3.Error as error:
            raise _refused(self._file, error) from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="squall-store")

    async def admit(self, request: Request) -> Decision:
        return await self._ask(lambda database: statements.admit(database, request))

    async def release(self, claim: str, *, owed: Sequence[str] = ()) -> None:
        await self._ask(lambda database: statements.release(database, claim, owed))

    async def create(self, draft: Draft) -> int:
        return await self._ask(lambda database: statements.create(database, draft))

    async def discard(self, run: int) -> None:
        await self._ask(lambda database: statements.discard(database, run))

    def write(
        self,
        page: Page,
        failed: Callable[[Problem], None],
        durable: Callable[[], None] | None = None,
    ) -> None:
        self._writes.append(_Write(page, failed, durable))
        if not self._drain_due:
            self._drain_due = True
            self._thread.submit(self._drain).add_done_callback(self._drained)

    async def flush(self) -> Problem | None:
        await self._on_thread(self._drain)
        return self._problem

    async def owners(self) -> frozenset[str]:
        return await self._ask(statements.owners)

    async def adopt(self, dead: Sequence[str], heir: str) -> Estate:
        return await self._ask(lambda database: statements.adopt(database, dead, heir))

    async def journal(self, run: int) -> tuple[Entry, ...]:
        return await self._ask(lambda database: statements.journal(database, run))

    async def drop(self, lease: str) -> None:
        await self._ask(lambda database: statements.drop(database, lease))

    async def close(self) -> None:
        await self._on_thread(self._drain)
        await self._on_thread(self._database.close)
        self._thread.shutdown(wait=False)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._thread, work)

    async def _ask(self, do: Callable[[sqlite3.Connection], T]) -> T:
        """Answer a question in a transaction of its own, after everything written before it."""

        def answer() -> T:
            self._drain()
            if self._problem is not None:
                raise Refused("SQ420", self._problem.reason, self._problem.hint)
            try:
                self._set_synchronous(full=False)
                with _transaction(self._database):
                    return do(self._database)
            except (sqlite3.Error, msgspec.MsgspecError) as error:
                raise _refused(self._file, error) from error

        return await self._on_thread(answer)

    # -- on the writing thread ------------------------------------------------------------------

    def _drain(self) -> None:
        """Write all that has gathered, in one transaction."""
        self._drain_due = False
        pages = []
        while self._writes:
            pages.append(self._writes.popleft())
        written = self._held + pages
        if not written:
            return
        try:
            self._set_synchronous(full=any(write.page.harm for write in written))
            with _transaction(self._database):
                for write in written:
                    statements.write(self._database, write.page)
        except sqlite3.Error as error:
            self._problem = _problem(self._file, error)
            # Kept, and tried again before the next; nobody is called back a second time.
            self._held += [_Write(write.page, write.failed, None) for write in pages]
            self._call([partial(write.failed, self._problem) for write in pages])
        else:
            self._problem, self._held = None, []
            self._call([write.durable for write in pages if write.durable])

    def _set_synchronous(self, *, full: bool) -> None:
        """Choose for the next transaction; SQLite refuses to change it inside one."""
        if self._synchronous != "auto":
            full = self._synchronous == "full"
        self._database.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")

    def _call(self, callbacks: list[Callable[[], None]]) -> None:
        if callbacks:
            self._loop.call_soon_threadsafe(_call_all, callbacks)

    def _drained(self, drain: Future[None]) -> None:
        error = drain.exception()
        if error is not None:  # a bug of ours: nobody waits for this, so the loop has to say it
            context = {"message": "the store's thread failed", "exception": error}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, context)


def _call_all(callbacks: list[Callable[[], None]]) -> None:
    for callback in callbacks:
        callback()


class SqliteRecords:
    """A state folder for reading; see `squall.service.ports.Records`. Without one, all is empty."""

    def __init__(self, state: Path) -> None:
        """Open the database if there is one; raises `Refused` when it cannot be read."""
        self._file = state / "state.db"
        self._database: sqlite3.Connection | None = None
        if not self._file.exists():
            return
        with self._told():
            self._database = _connect(f"{self._file.absolute().as_uri()}?mode=ro")
            _check_schema(self._file, self._database)

    def runs(self) -> tuple[Run, ...]:
        return tuple(map(rows.run_of, self._read(f"{rows.SELECT_RUN} ORDER BY id")))

    def run(self, number: int) -> Run | None:
        wanted = f"{rows.SELECT_RUN} WHERE id = ?"
        return next(map(rows.run_of, self._read(wanted, number)), None)

    def outcome(self, number: int) -> Outcome | None:
        for (encoded,) in self._read("SELECT outcome FROM runs WHERE id = ?", number):
            if encoded is not None:
                with self._told():
                    return msgspec.json.decode(encoded, type=Outcome)
        return None

    def leases(self) -> tuple[LeaseRow, ...]:
        return tuple(map(rows.lease_of, self._read(f"{rows.SELECT_LEASE} ORDER BY since, lease")))

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()

    def _read(self, query: str, *values: object) -> list[rows.Row]:
        if self._database is None:
            return []
        with self._told():
            return self._database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise _refused(self._file, error) from error


# -- the database --------------------------------------------------------------------------------


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
    )


def _open(file: Path) -> sqlite3.Connection:
    database = _connect(file.absolute().as_uri())
    try:
        database.execute("PRAGMA journal_mode=WAL")
        with _transaction(database):
            fresh = not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            if fresh:
                for statement in rows.TABLES.split(";"):
                    database.execute(statement)
                database.execute("INSERT INTO meta VALUES ('schema', ?)", (str(rows.SCHEMA),))
        _check_schema(file, database)
    except (sqlite3.Error, Refused):
        database.close()
        raise
    return database


def _check_schema(file: Path, database: sqlite3.Connection) -> None:
    found = database.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if found is not None and int(found[0]) > rows.SCHEMA:
        raise Refused(
            "SQ421",
            f"{file} was written by a newer squall (schema {found[0]}, this one knows"
            f" {rows.SCHEMA})",
            "upgrade squall, or name another state folder with --state",
        )


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; what failed is rolled back before anybody hears of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
        raise


def _refused(file: Path, error: Exception) -> Refused:
    problem = _problem(file, error)
    return Refused("SQ420", problem.reason, problem.hint)


def _problem(file: Path, error: Exception) -> Problem:
    """SQLite's trouble as a sentence about this file."""
    name = getattr(error, "sqlite_errorname", "")
    for known, reason, hint in _TROUBLES:
        if name.startswith(known):
            return Problem(reason=f"{file}: {reason}", hint=hint)
    return Problem(reason=f"{file}: {error}", hint="name another state folder with --state")


_TROUBLES: Final = (
    ("SQLITE_FULL", "the disk is full", "make room on it"),
    ("SQLITE_BUSY", "another program has had it locked for too long", "find it with 'fuser'"),
    ("SQLITE_LOCKED", "another program has it locked", "find it with 'fuser'"),
    ("SQLITE_READONLY", "it cannot be written", "name another state folder with --state"),
    ("SQLITE_CANTOPEN", "it cannot be opened", "name another state folder with --state"),
    ("SQLITE_CORRUPT", "it is damaged", "move it away: a new one is made"),
    ("SQLITE_NOTADB", "it is not a database", "move it away: a new one is made"),
    ("SQLITE_IOERR", "the disk failed, or no more may be written to it", "check the disk"),
)
