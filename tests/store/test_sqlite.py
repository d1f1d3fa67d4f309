"""What is particular about the database on disk: its troubles, safety, readers."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from squall.core.diagnostics import Refused
from squall.core.run.events import RunCreated
from squall.core.run.journal import Draft, Entry, Page, Problem
from squall.store import sqlite
from squall.store.rows import SCHEMA
from squall.store.sqlite import SqliteRecords, SqliteStore

DRAFT = Draft(claim="a/1", playbook="p", digest="d", canonical=b"", seed=0, started=1, engine="a")


def page(run, n=0, *, harm=False):
    return Page(
        run=run, entry=Entry(n=n, wall=0, event=RunCreated(at=n, run="1", seed=0)), harm=harm
    )


def never(problem: Problem) -> None:
    raise AssertionError(problem)


async def refusal(state: Path) -> Refused:
    """How opening that folder is refused."""
    with pytest.raises(Refused) as refused:
        SqliteStore(state)
    return refused.value


async def test_a_newer_schema_is_refused(tmp_path):
    store = SqliteStore(tmp_path)
    await store.close()
    with sqlite3.connect(tmp_path / "state.db") as database:
        database.execute("UPDATE meta SET value = ?", (SCHEMA + 1,))
    database.close()
    refused = await refusal(tmp_path)
    assert refused.code == "SQ421"
    assert "newer squall" in refused.message
    with pytest.raises(Refused, match="newer squall"):
        SqliteRecords(tmp_path)


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "state.db").write_bytes(b"not a database" * 1000)
    assert "is not a database" in (await refusal(tmp_path)).message
    with pytest.raises(Refused, match="is not a database"):
        SqliteRecords(tmp_path)


async def test_a_damaged_database_is_refused(tmp_path):
    store = SqliteStore(tmp_path)
    await store.create(DRAFT)
    await store.close()
    file = tmp_path / "state.db"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)
    assert "it is damaged" in (await refusal(tmp_path)).message


async def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "cannot be opened" in (await refusal(tmp_path / "nowhere")).message


async def test_a_database_that_others_hold_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    store = SqliteStore(tmp_path)
    run = await store.create(DRAFT)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    failed: list[Problem] = []
    store.write(page(run), failed.append)
    problem = await store.flush()
    assert problem is not None
    assert "locked" in problem.reason
    with pytest.raises(Refused, match="locked"):
        await store.create(DRAFT)
    other.execute("ROLLBACK")
    other.close()
    assert await store.flush() is None
    assert len(await store.journal(run)) == 1
    await store.close()


async def test_a_journal_of_something_else_is_refused(tmp_path):
    store = SqliteStore(tmp_path)
    run = await store.create(DRAFT)
    store.write(page(run), never)
    await store.flush()
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute('UPDATE events SET event = \'{"type": "from the future"}\'')
    other.close()
    with pytest.raises(Refused, match="from the future"):
        await store.journal(run)
    await store.close()


@pytest.mark.parametrize(
    ("setting", "harm", "full"),
    [
        ("auto", False, False),
        ("auto", True, True),
        ("normal", True, False),
        ("full", False, True),
    ],
)
async def test_only_harm_waits_for_the_disk_itself(tmp_path, setting, harm, full):
    store = SqliteStore(tmp_path, synchronous=setting)
    run = await store.create(DRAFT)
    store.write(page(run, harm=harm), never)
    assert await store.flush() is None
    level = await store._on_thread(
        lambda: store._database.execute("PRAGMA synchronous").fetchone()[0]
    )
    assert level == (2 if full else 1)
    await store.close()


async def test_what_gathers_is_written_together(tmp_path):
    store = SqliteStore(tmp_path)
    run = await store.create(DRAFT)
    commits: list[str] = []
    await store._on_thread(
        lambda: store._database.set_trace_callback(
            lambda sql: commits.append(sql) if sql == "COMMIT" else None
        )
    )
    told: list[int] = []
    for n in range(200):
        store.write(page(run, n), never, lambda n=n: told.append(n))
    await store.flush()
    await asyncio.to_thread(lambda: None)
    assert told == list(range(200))
    assert len(commits) < 100
    await store.close()


async def test_what_is_written_before_the_end_is_kept(tmp_path):
    store = SqliteStore(tmp_path)
    run = await store.create(DRAFT)
    store.write(page(run), never)
    await store.close()
    again = SqliteStore(tmp_path)
    assert len(await again.journal(run)) == 1
    await again.close()


async def test_a_bug_on_the_thread_is_said_aloud(tmp_path):
    store = SqliteStore(tmp_path)
    said: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: said.put_nowait(str(context["exception"])))
    store.write(None, never)  # type: ignore[arg-type]
    assert "NoneType" in await asyncio.wait_for(said.get(), 10)
    loop.set_exception_handler(None)
    await store.close()


def test_without_a_state_folder_there_is_nothing(tmp_path):
    records = SqliteRecords(tmp_path / ".squall")
    assert records.runs() == ()
    assert records.leases() == ()
    assert records.outcome(1) is None
    records.close()
    assert not (tmp_path / ".squall").exists()


async def test_readers_see_what_a_living_engine_writes(tmp_path):
    store = SqliteStore(tmp_path)
    records = SqliteRecords(tmp_path)
    number = await store.create(DRAFT)
    assert [run.id for run in records.runs()] == [number]
    records.close()
    await store.close()
