"""What an engine does first: ending what dead engines left behind."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Inject
from squall.core.run.journal import Problem
from squall.core.run.leases import LEASE_TTL
from squall.core.run.machine import initial
from squall.core.timing import SECOND
from squall.service.operations import Archive
from squall.service.recovery import fold

TIDY = """
steps:
  - {name: calm, wait: 1s}
  - {name: hit, scenario: {latency: 50ms}, targets: [shop], duration: 60s}
finally:
  - {name: tidy, http: {get: "http://tidy", headers: {x-key: "${{ secrets.KEY }}"}}}
"""


@pytest.fixture
async def killed(world, plan_of):
    """A world whose engine `one` was killed in the middle of a fault, three seconds in."""
    world.engines.me = "one"
    world.secrets["KEY"] = "hunter22"
    plan = plan_of(TIDY)
    async with world.engine() as engine:
        await engine.start(plan, seed=4, folder=Path("/plays"))
        await world.clock.until(lambda: bool(world.edge.sent(Inject)))
        world.clock.call_at(3 * SECOND, lambda: None)
        await world.clock.until(lambda: world.clock.now == 3 * SECOND)
        tables = {
            name: type(table)(table)
            for name, table in vars(world.store).items()
            if isinstance(table, dict | list)
        }
        tables["_events"] = {run: dict(events) for run, events in world.store._events.items()}
    # What the engine wrote on its way out of the test never happened.
    vars(world.store).update(tables)
    world.engines.dead.add("one")
    world.engines.me = "two"
    world.edges.clear()
    return world


def archive(world):
    return Archive(
        world.store.records(),
        alive=world.engines.alive,
        may_harm=world.engines.may_harm,
        clock=world.clock,
    )


async def recovered(world):
    """What the archive says after an engine has started and gone."""
    async with world.engine() as engine:
        await world.clock.run(engine.recover())
    return archive(world).outcome(1)


async def test_the_run_is_rolled_back_and_interrupted(killed):
    ended = await recovered(killed)
    assert (ended.run.verdict, ended.exit_code) == ("interrupted", 130)
    assert ended.run.engine == "two"
    assert killed.probes.asked == ["http://tidy"]
    assert [(step.path, step.outcome) for step in ended.steps] == [
        ("main/calm", "succeeded"),
        ("main/hit", "cancelled"),
        ("main", "cancelled"),
        ("finally/tidy", "succeeded"),
        ("finally", "succeeded"),
    ]
    assert killed.edges == []


async def test_it_asks_where_and_with_what_the_dead_one_would_have(killed):
    await recovered(killed)
    assert killed.probes.folders == [Path("/plays")]
    assert killed.probes.probes[0].headers == (("x-key", "hunter22"),)


async def test_a_secret_that_is_gone_fails_the_probe_that_needs_it(killed):
    killed.secrets.clear()
    ended = await recovered(killed)
    assert killed.probes.asked == []
    assert [step.reason for step in ended.steps if step.path == "finally/tidy"] == [
        "the secret 'KEY' is not set"
    ]


async def test_the_journal_goes_on_where_it_ended(killed):
    before = await killed.store.journal(1)
    killed.clock.now = 100 * SECOND
    await recovered(killed)
    after = await killed.store.journal(1)
    assert after[: len(before)] == before
    assert [entry.n for entry in after] == list(range(len(after)))
    # The clock of the dead engine's machine said nothing: run time went on with the wall's.
    assert after[len(before)].event.at == 100 * SECOND
    times = [entry.event.at for entry in after]
    assert times == sorted(times)


async def test_the_fold_is_what_was(killed, plan_of):
    entries = await killed.store.journal(1)
    past = fold(plan_of(TIDY), entries, killed.clock.wall())
    assert past.n == len(entries)
    assert past.state.phase == "running"
    assert [step.path for step in past.steps] == ["main/calm"]
    assert past.state != initial(plan_of(TIDY))


async def test_its_leases_are_owed_until_they_have_run_out(killed, plan_of):
    async with killed.engine() as engine:
        await killed.clock.run(engine.recover())
        (fault,) = archive(killed).faults()
        assert fault.target == "shop"
        with pytest.raises(Refused, match="has not ended yet"):
            await engine.start(plan_of(TIDY), seed=0)
        waiting = engine.start(plan_of("steps: [{name: w, wait: 1s}]"), seed=0, wait=60 * SECOND)
        await killed.clock.run(waiting)
        assert killed.store.records().leases() == ()
        assert 1 * SECOND + LEASE_TTL <= killed.clock.now < 2 * SECOND + LEASE_TTL
    assert archive(killed).faults() == ()


async def test_faults_that_an_edge_has_taken_off_by_itself_are_not_shown(killed):
    assert len(archive(killed).faults()) == 1
    killed.engines.harmless.add("one")
    assert archive(killed).faults() == ()


async def test_custody_goes_on_with_the_next_engine(killed):
    await recovered(killed)
    assert [row.engine for row in killed.store.records().leases()] == ["two"]
    killed.engines.dead.add("two")
    killed.engines.me = "three"
    killed.clock.now = 60 * SECOND
    async with killed.engine() as engine:
        await killed.clock.run(engine.recover())
        await killed.clock.settle()
        killed.clock.call_at(61 * SECOND, lambda: None)
        await killed.clock.until(lambda: not killed.store.records().leases())


async def test_two_engines_do_not_recover_one_run(killed):
    async with killed.engine() as engine:
        await killed.clock.run(engine.recover())
        await killed.clock.run(engine.recover())
    assert killed.probes.asked == ["http://tidy"]


async def test_after_three_recoveries_it_is_given_up(killed):
    stored = killed.store._runs[1]
    killed.store._runs[1] = replace(stored, recoveries=3)
    ended = await recovered(killed)
    assert ended.run.verdict == "interrupted"
    assert "after 3 attempts" in ended.run.reason
    assert killed.probes.asked == []


async def test_the_journal_of_another_machine_is_folded_by_nobody(killed):
    stored = killed.store._runs[1]
    killed.store._runs[1] = replace(stored, machine=stored.machine + 1)
    ended = await recovered(killed)
    assert ended.run.verdict == "interrupted"
    assert "another version of squall" in ended.run.reason
    assert killed.probes.asked == []


@pytest.mark.parametrize("harm", ["hole", "empty", "headless", "playbook"])
async def test_a_journal_that_cannot_be_trusted_is_not_folded(killed, harm):
    events = killed.store._events[1]
    match harm:
        case "hole":
            del events[1]
        case "empty":
            events.clear()
        case "headless":
            del events[0]
        case "playbook":
            stored = killed.store._runs[1]
            killed.store._runs[1] = replace(stored, canonical=b"{}")
    ended = await recovered(killed)
    assert ended.run.verdict == "interrupted"
    assert "cannot be read" in ended.run.reason
    assert killed.probes.asked == []


async def test_custody_outlasts_a_disk_that_is_full_for_a_while(killed):
    async with killed.engine() as engine:
        await killed.clock.run(engine.recover())
        killed.store.fail(Problem(reason="the disk is full"))
        killed.clock.call_at(20 * SECOND, lambda: killed.store.fail(None))
        await killed.clock.until(lambda: not killed.store.records().leases())
        assert 20 * SECOND <= killed.clock.now < 40 * SECOND


async def test_without_the_dead_there_is_nothing_to_do(world):
    async with world.engine() as engine:
        await engine.recover()
    assert archive(world).runs() == ()
