"""What a person may ask for: beginning runs, ending them, and reading what was kept."""

import asyncio
from pathlib import Path

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Inject, Revert
from squall.core.recording.model import Head
from squall.core.run.facts import RunEnded
from squall.core.run.journal import Problem
from squall.core.timing import MINUTE, SECOND
from squall.service import executor as executing
from squall.service.clock import SystemClock
from squall.service.operations import Archive
from squall.service.recorder import Recorder
from squall.store.recording import RecordingFile, RecordingWriter

HIT = """
steps:
  - {name: hit, scenario: {latency: 50ms}, targets: [shop], duration: 60s}
"""
WAIT = "steps: [{name: wait, wait: 30s}]"


def archive(world):
    return Archive(
        world.store.records(),
        alive=world.engines.alive,
        may_harm=world.engines.may_harm,
        clock=world.clock,
    )


async def refusal(world, starting):
    with pytest.raises(Refused) as refused:
        await world.clock.run(starting)
    return refused.value


def nothing_is_left(world):
    return archive(world).runs() == () and not world.store._locks and world.edge.closed


async def test_a_target_that_is_held_is_refused(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(WAIT), seed=0)
        refused = await refusal(world, engine.start(plan_of(WAIT, "monday"), seed=0))
        assert refused.code == "SQ401"
        assert "run 1 of 'friday'" in refused.message
        await world.clock.run(running.outcome())
        second = await engine.start(plan_of(WAIT, "monday"), seed=0)
        assert second.run.id == 2


async def test_who_waits_gets_the_target_when_it_is_free(world, plan_of):
    async with world.engine() as engine:
        await engine.start(plan_of(WAIT), seed=0)
        second = await world.clock.run(engine.start(plan_of(WAIT), seed=0, wait=MINUTE))
        assert 30 * SECOND <= world.clock.now < 31 * SECOND
        assert second.run.id == 2


async def test_who_waits_in_vain_is_refused(world, plan_of):
    async with world.engine() as engine:
        await engine.start(plan_of(WAIT), seed=0)
        refused = await refusal(world, engine.start(plan_of(WAIT), seed=0, wait=10 * SECOND))
        assert refused.code == "SQ401"
        assert world.clock.now == 10 * SECOND


async def test_a_port_in_use_leaves_nothing(world, plan_of):
    world.taken = {7071}
    async with world.engine() as engine:
        refused = await refusal(world, engine.start(plan_of(WAIT), seed=0))
        assert refused.code == "SQ410"
        assert nothing_is_left(world)


async def test_a_recording_that_cannot_be_written_leaves_nothing(world, plan_of):
    async with world.engine() as engine:
        starting = engine.start(plan_of(WAIT), seed=0, record=Path("/nowhere/x.sqr"))
        assert (await refusal(world, starting)).code == "SQ424"
        assert nothing_is_left(world)


async def test_a_store_that_cannot_write_refuses_before_anything_is_touched(world, plan_of):
    async with world.engine() as engine:
        world.store.fail(Problem(reason="the disk is full", hint="make room"))
        refused = await refusal(world, engine.start(plan_of(WAIT), seed=0))
        assert (refused.code, refused.hint) == ("SQ420", "make room")
        assert world.edges == []
        world.store.fail(None)


async def test_a_run_is_recorded(world, plan_of, tmp_path):
    world.recordings = lambda path, run: Recorder(
        RecordingWriter(path, Head(run=str(run.id), playbook=run.playbook, seed=0, started=1)),
        SystemClock(),
        run=str(run.id),
    )
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=0, record=tmp_path / "x.sqr")
        await world.clock.until(lambda: running.run.ended is not None)
        ended = await asyncio.wait_for(running.outcome(), 10)  # a thread writes the last of it
        assert ended.run.verdict == "warned"
        assert running.recording_problem is None
    recording = RecordingFile(tmp_path / "x.sqr")
    assert recording.head.run == "1"
    assert len(list(recording.events())) == 2
    assert recording.tail is not None


async def test_leaving_the_engine_undoes_and_ends_every_run(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=0)
        await world.clock.settle()
        assert world.edge.sent(Inject)
    assert world.edge.sent(Revert)
    assert running.run.verdict == "cancelled"
    assert running.run.reason == "the engine was shut down"
    assert not world.store._locks


async def test_an_error_of_whoever_uses_the_engine_comes_out_as_it_is(world, plan_of):
    async def use():
        async with world.engine() as engine:
            await engine.start(plan_of(HIT), seed=0)
            await world.clock.settle()
            raise LookupError("theirs")

    with pytest.raises(LookupError, match="theirs"):
        await use()
    assert world.edge.sent(Revert)
    assert archive(world).runs()[0].verdict == "cancelled"


async def test_our_own_bug_undoes_the_run_and_keeps_the_trace(world, plan_of, monkeypatch):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=0)
        await world.clock.settle()

        def broken(*_):
            raise KeyError("ours")

        monkeypatch.setattr(executing, "advance", broken)
        running.pause("me")
        ended = await world.clock.run(running.outcome())
        seen = [update async for update in running.updates()]
    assert world.edge.sent(Revert)
    assert world.edge.closed
    assert (ended.run.verdict, ended.exit_code) == ("failed", 1)
    assert ended.run.reason == (
        "an error in squall itself (KeyError: 'ours'); its trace is in run-1.txt"
    )
    assert "advance" in world.traces[0]
    assert isinstance(seen[-1], RunEnded)
    assert world.store.records().leases() == ()
    assert archive(world).outcome(1) == ended


async def test_the_archive_tells_of_runs_and_faults(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=0)
        await world.clock.settle()
        (fault,) = archive(world).faults()
        assert (fault.run, fault.step, fault.target, fault.faults, fault.state) == (
            1,
            "main/hit#1",
            "shop",
            ("latency",),
            "live",
        )
        assert [run.phase for run in archive(world).runs()] == ["running"]
        assert archive(world).outcome(1).steps == ()
        await world.clock.run(running.outcome())
        assert archive(world).faults() == ()
        assert [step.path for step in archive(world).outcome(1).steps] == ["main/hit", "main"]


async def test_the_archive_knows_the_dead(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=0)
        await world.clock.settle()
        world.engines.dead.add("me")
        (run,) = archive(world).runs()
        assert (run.phase, run.verdict) == ("finished", "interrupted")
        assert archive(world).outcome(1).exit_code == 130
        assert len(archive(world).faults()) == 1
        world.clock.now += 10 * SECOND
        assert archive(world).faults() == ()
        world.engines.dead.clear()
        await world.clock.run(running.outcome())


async def test_a_run_that_never_was_is_refused(world):
    with pytest.raises(Refused, match="there is no run 9") as refused:
        archive(world).outcome(9)
    assert refused.value.code == "SQ422"
