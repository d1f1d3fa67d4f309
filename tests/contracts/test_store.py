"""What every store promises, on disk and in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from squall.core.admission import Admit, Refuse, Request
from squall.core.diagnostics import Refused
from squall.core.playbook.model import Address
from squall.core.run.events import RunCreated, StopRequested
from squall.core.run.journal import Draft, Entry, LeaseRow, Page, Problem
from squall.core.run.records import Outcome
from squall.service.ports import Records, Store
from squall.store.memory import MemoryStore
from squall.store.sqlite import SqliteRecords, SqliteStore

WEB = Address(host="127.0.0.1", port=7070)


@dataclass
class Place:
    """One kind of store: how to open it for writing and for reading, how to break and mend it."""

    store: Store
    records: Callable[[], Records]
    fail: Callable[[], None]
    mend: Callable[[], None]


@pytest.fixture(params=["sqlite", "memory"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "memory":
        memory = MemoryStore()
        yield Place(
            memory,
            memory.records,
            lambda: memory.fail(Problem(reason="the disk is full")),
            lambda: memory.fail(None),
        )
        await memory.close()
        return
    opened: list[SqliteRecords] = []

    def records() -> SqliteRecords:
        opened.append(SqliteRecords(tmp_path))
        return opened[-1]

    store = SqliteStore(tmp_path)
    pages = store._database.execute
    yield Place(
        store,
        records,
        # What SQLite says when a disk is full, without filling one.
        lambda: pages("PRAGMA max_page_count=1").close(),
        lambda: pages("PRAGMA max_page_count=100000").close(),
    )
    await store.close()
    for one in opened:
        one.close()


def draft(engine="one", claim="one/1"):
    return Draft(
        claim=claim,
        playbook="friday",
        digest="sha256:0",
        canonical=b"{}",
        seed=5,
        started=100,
        engine=engine,
    )


def request_for(address=WEB, engine="one", claim="one/1", **changes):
    return Request(
        claim=claim,
        playbook="friday",
        engine=engine,
        targets=(("web", address),),
        since=1,
        **changes,
    )


def lease(run, name="a", engine="one", **changes):
    row = LeaseRow(
        lease=f"{run}:main/{name}#1@web",
        run=run,
        step=f"main/{name}#1",
        target="web",
        faults=("latency", "errors"),
        asked=1,
        seq=2,
        state="live",
        since=10,
        expires=20,
        engine=engine,
        edge=f"{engine}/{run}",
    )
    return replace(row, **changes)


def entry(n, by="me"):
    if n == 0:
        return Entry(n=0, wall=100, event=RunCreated(at=0, run="1", seed=5))
    return Entry(n=n, wall=100 + n, event=StopRequested(at=n, by=by))


def never(problem: Problem) -> None:
    raise AssertionError(problem)


async def write(place: Place, page: Page) -> None:
    """Write a page and wait until it is safe."""
    safe = asyncio.Event()
    place.store.write(page, never, safe.set)
    await asyncio.wait_for(safe.wait(), 10)


def ended(run, **changes):
    over = replace(run, phase="finished", verdict="passed", ended=200, **changes)
    return Outcome(run=over, steps=(), exit_code=0)


async def test_runs_are_counted(place):
    assert [await place.store.create(draft()) for _ in range(3)] == [1, 2, 3]
    assert [run.id for run in place.records().runs()] == [1, 2, 3]


async def test_a_run_is_known_as_it_was_begun(place):
    number = await place.store.create(draft())
    run = place.records().run(number)
    assert run is not None
    assert (run.playbook, run.digest, run.phase, run.started, run.engine, run.seed) == (
        "friday",
        "sha256:0",
        "pending",
        100,
        "one",
        5,
    )
    assert place.records().outcome(number) is None
    assert place.records().run(99) is None


async def test_a_run_that_did_not_begin_leaves_nothing(place):
    number = await place.store.create(draft())
    await place.store.discard(number)
    assert place.records().runs() == ()
    assert await place.store.create(draft()) == number


async def test_the_journal_comes_back_in_order(place):
    run = await place.store.create(draft())
    for n in range(50):
        place.store.write(Page(run=run, entry=entry(n)), never)
    assert await place.store.flush() is None
    assert await place.store.journal(run) == tuple(entry(n) for n in range(50))
    assert await place.store.journal(99) == ()


@pytest.mark.parametrize("harm", [True, False])
async def test_a_page_is_whole(place, harm):
    run = await place.store.create(draft())
    row = lease(run)
    await write(place, Page(run=run, entry=entry(0), put=(row,), phase="running", harm=harm))
    assert place.records().leases() == (row,)
    known = place.records().run(run)
    assert known is not None
    assert known.phase == "running"
    await write(place, Page(run=run, entry=entry(1), gone=(row.lease,)))
    assert place.records().leases() == ()
    assert len(await place.store.journal(run)) == 2


async def test_a_lease_row_is_replaced(place):
    run = await place.store.create(draft())
    row = lease(run)
    await write(place, Page(run=run, put=(row,)))
    await write(place, Page(run=run, put=(replace(row, state="leaked", seq=9),)))
    assert place.records().leases() == (replace(row, state="leaked", seq=9),)


async def test_an_outcome_is_kept_with_its_run(place):
    number = await place.store.create(draft())
    run = place.records().run(number)
    outcome = ended(run, reason="well")
    await write(place, Page(run=number, outcome=outcome))
    assert place.records().outcome(number) == outcome
    assert place.records().run(number) == outcome.run


async def test_a_target_has_one_holder(place):
    store = place.store
    assert isinstance(await store.admit(request_for()), Admit)
    number = await store.create(draft())
    decision = await store.admit(request_for(engine="two", claim="two/1"))
    assert isinstance(decision, Refuse)
    assert f"run {number}" in decision.reason
    await store.release("one/1")
    assert isinstance(await store.admit(request_for(engine="two", claim="two/1")), Admit)


async def test_a_target_stays_closed_until_its_last_lease_is_off(place):
    store = place.store
    await store.admit(request_for())
    run = await store.create(draft())
    await write(place, Page(run=run, put=(lease(run, "a"), lease(run, "b"))))
    await store.release("one/1", owed=["web"])
    other = request_for(engine="two", claim="two/1")
    await store.drop(lease(run, "a").lease)
    assert isinstance(await store.admit(other), Refuse)
    await store.drop(lease(run, "b").lease)
    await store.drop("a lease nobody has")
    assert isinstance(await store.admit(other), Admit)


async def test_what_the_dead_leave_goes_to_one_heir(place):
    store = place.store
    await store.admit(request_for())
    run = await store.create(draft())
    await write(place, Page(run=run, entry=entry(0), put=(lease(run),)))
    over = await store.create(draft(claim="one/2"))
    await write(place, Page(run=over, outcome=ended(place.records().run(over))))
    assert await store.owners() == {"one"}

    estate = await store.adopt(["one"], "two")

    assert [stored.run.id for stored in estate.runs] == [run]
    assert (estate.runs[0].canonical, estate.runs[0].recoveries) == (b"{}", 0)
    assert [row.lease for row in estate.leases] == [lease(run).lease]
    assert await store.owners() == {"two"}
    third = await store.adopt(["one"], "three")
    assert (third.runs, third.leases) == ((), ())
    again = await store.adopt(["two"], "three")
    assert again.runs[0].recoveries == 1


async def test_locks_of_the_dead_are_free_where_nothing_is_owed(place):
    store = place.store
    await store.admit(request_for())
    other = Address(host="127.0.0.1", port=8080)
    await store.admit(request_for(other, claim="one/2"))
    run = await store.create(draft())
    await write(place, Page(run=run, put=(lease(run),)))
    await store.adopt(["one"], "two")
    assert isinstance(await store.admit(request_for(other, "three", "three/1")), Admit)
    held = await store.admit(request_for(WEB, "three", "three/2"))
    assert isinstance(held, Refuse)
    assert "has not ended yet" in held.reason
    await store.drop(lease(run).lease)
    assert isinstance(await store.admit(request_for(WEB, "three", "three/2")), Admit)


async def test_what_cannot_be_kept_is_said_and_kept_for_later(place):
    run = await place.store.create(draft())
    place.store.write(Page(run=run, entry=entry(0)), never)
    assert await place.store.flush() is None
    place.fail()
    failed: Sequence[Problem] = []
    durable: list[str] = []
    for n in range(1, 300):
        page = Page(run=run, entry=entry(n, by="x" * 500), harm=True)
        place.store.write(page, failed.append, lambda: durable.append("harm"))
    problem = await place.store.flush()
    assert problem is not None
    assert "disk is full" in problem.reason
    await _until(lambda: len(failed) == 299)
    assert durable == []
    with pytest.raises(Refused) as refused:
        await place.store.create(draft(claim="one/2"))
    assert refused.value.code == "SQ420"

    place.mend()
    place.store.write(Page(run=run, entry=entry(300)), never)
    assert await place.store.flush() is None
    assert [one.n for one in await place.store.journal(run)] == list(range(301))
    assert durable == []


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
