"""A run on its way: harm waits for the journal, mercy never does."""

import pytest
from msgspec.structs import replace

from squall.core.faults.effects import Counted, EdgeLost, Felt, Inject, Lapsed, Renew, Revert
from squall.core.run.facts import RunEnded, RunEntered, StepEntered
from squall.core.run.journal import Problem
from squall.core.run.leases import LEASE_TTL
from squall.core.run.records import Progress
from squall.core.timing import MILLISECOND, SECOND
from squall.service.executor import MOST_STEPS

HIT = """
steps:
  - {name: hit, scenario: {latency: 50ms}, targets: [shop], duration: 60s}
"""
BOTH = """
steps:
  - {name: hit, scenario: {latency: 50ms}, targets: [shop, bank], duration: 60s}
"""
TIDY = """
steps:
  - {name: hit, scenario: {latency: 50ms}, targets: [shop], duration: 60s}
finally:
  - {name: tidy, http: {get: "http://tidy"}}
"""
FULL = Problem(reason="the disk is full")


async def outcome(world, running):
    """How it ends, with all the time it needs."""
    return await world.clock.run(running.outcome())


async def test_a_run_goes_through_its_steps(world, plan_of):
    plan = plan_of("steps: [{name: one, wait: 2s}, {name: two, wait: 3s}]")
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        assert (running.run.id, running.run.seed, running.run.phase) == (1, 4, "pending")
        ended = await outcome(world, running)
    assert world.clock.now == 5 * SECOND
    assert (ended.run.verdict, ended.exit_code) == ("passed", 0)
    assert [step.path for step in ended.steps] == ["main/one", "main/two", "main"]
    assert ended.run.ended - ended.run.started == 5 * SECOND
    assert world.store.records().outcome(1) == ended
    assert world.edge.closed


async def test_faults_are_put_on_and_taken_off(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        await world.clock.until(lambda: running.run.phase == "running")
        await world.clock.settle()
        assert [row.state for row in world.store.records().leases()] == ["live"]
        await outcome(world, running)
    assert [type(effect) for effect in world.edge.effects if not isinstance(effect, Renew)] == [
        Inject,
        Revert,
    ]
    assert world.store.records().leases() == ()


async def test_harm_waits_for_the_journal(world, plan_of):
    async with world.engine() as engine:
        await engine.start(plan_of(HIT), seed=4)
        written = []
        keep = world.store._keep

        def kept(page):
            written.append((page, len(world.edge.effects)))
            keep(page)

        world.store._keep = kept
        await world.clock.settle()
    (sent_before,) = [sent for page, sent in written if page.put and page.harm]
    assert sent_before == 0
    assert world.edge.sent(Inject)


async def test_a_journal_that_fails_stops_harm_and_not_mercy(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(TIDY), seed=4)
        await world.clock.until(lambda: bool(world.edge.sent(Inject)))
        world.store.fail(FULL)
        running.pause("me")
        ended = await outcome(world, running)
        assert world.edge.sent(Revert)
        assert world.probes.asked == ["http://tidy"]
        assert (ended.run.verdict, ended.exit_code) == ("aborted", 3)
        assert "the disk is full" in ended.run.reason
        world.store.fail(None)
    await world.store.flush()
    assert world.store.records().outcome(1) == ended


async def test_no_fault_is_put_on_that_could_not_be_journalled(world, plan_of):
    plan = plan_of(
        "steps: [{name: calm, wait: 1s},"
        " {name: hit, scenario: {latency: 5ms}, targets: [shop], duration: 1s}]"
    )
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        await world.clock.settle()
        world.store.fail(FULL)
        ended = await outcome(world, running)
        world.store.fail(None)
    assert ended.run.verdict == "aborted"
    assert world.edge.sent(Inject) == []


async def test_what_went_well_and_could_not_be_kept_did_not_go_well(world, plan_of):
    plan = plan_of('steps: [{name: ask, http: {get: "http://good"}}]')
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        drain = world.store._drain

        def broken():
            if any(write.page.outcome for write in world.store._due):
                world.store.fail(FULL)
            drain()

        world.store._drain = broken
        ended = await outcome(world, running)
        assert (ended.run.verdict, ended.exit_code) == ("aborted", 3)
        assert ended.run.reason == "the journal failed: the disk is full"
        assert running.run == ended.run
        world.store.fail(None)


async def test_a_fault_taken_back_before_it_was_journalled_never_goes_on(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        held = []
        world.store.write = lambda page, failed, durable=None: held.append((page, durable))
        await world.clock.settle()
        running.terminate("me")
        await world.clock.settle()
        assert [type(effect) for effect in world.edge.effects] == [Revert]
        for _, durable in held:
            if durable:
                durable()
        del world.store.write
        for page, durable in held:
            world.store.write(page, pytest.fail, durable)
        await outcome(world, running)
    assert world.edge.sent(Inject) == []


async def test_leases_are_renewed_each_third_of_their_time(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(BOTH), seed=4)
        await world.clock.until(lambda: bool(world.edge.sent(Renew)))
        assert world.clock.now == LEASE_TTL // 3
        assert len(world.edge.sent(Renew)[0].leases) == 2
        rows = world.store.records().leases()
        assert {row.expires for row in rows} == {world.clock.wall() + LEASE_TTL}
        await outcome(world, running)
    assert len(world.edge.sent(Renew)) == 60 * SECOND // (LEASE_TTL // 3)


async def test_what_is_being_undone_is_not_renewed(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(BOTH), seed=4)
        await world.clock.settle()
        world.edge.silent.add("Revert")
        running.stop("me")
        ended = await outcome(world, running)
    assert world.edge.sent(Renew) == []
    assert ended.run.verdict == "failed"
    assert "could not be taken off" in ended.run.reason


async def test_while_paused_nothing_is_renewed_and_then_it_is_again(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        await world.clock.settle()
        running.pause("me")
        await world.clock.settle()
        assert world.store.records().leases() == ()
        world.clock.call_at(30 * SECOND, lambda: running.resume("me"))
        await world.clock.until(lambda: len(world.edge.sent(Inject)) == 2)
        assert world.edge.sent(Renew) == []
        await world.clock.until(lambda: bool(world.edge.sent(Renew)))
        await outcome(world, running)
    assert world.clock.now == 90 * SECOND


async def test_a_lease_that_ran_out_fails_its_step(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        await world.clock.settle()
        (inject,) = world.edge.sent(Inject)
        world.edge.say(Lapsed(lease=inject.lease))
        ended = await outcome(world, running)
    assert ended.run.verdict == "failed"
    assert "nobody renewed them" in ended.run.reason


async def test_an_edge_that_dies_fails_the_run(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        await world.clock.settle()
        world.edge.say(EdgeLost(reason="the edge process was killed"))
        ended = await outcome(world, running)
    assert ended.run.verdict == "failed"
    assert "the edge process was killed" in ended.run.reason
    assert world.store.records().leases() == ()


async def test_a_leaked_lease_is_tried_again_until_the_edge_closes(world, plan_of):
    plan = plan_of(
        """
steps:
  - parallel:
      - {name: hit, scenario: {latency: 50ms}, targets: [shop], duration: 1s}
      - {name: slow, http: {get: "http://never"}, timeout: 60s}
    name: both
    continue_on_failure: true
"""
    )
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        world.edge.silent.add("Revert")
        await world.clock.until(
            lambda: any(row.state == "leaked" for row in world.store.records().leases())
        )
        tries = len(world.edge.sent(Revert))
        ended = await outcome(world, running)
    assert len(world.edge.sent(Revert)) >= tries
    assert ended.run.verdict == "failed"
    assert world.store.records().leases() == ()


async def test_probes_and_loads_come_back_as_events(world, plan_of):
    plan = plan_of(
        """
steps:
  - {name: send, load: {requests: 10/s}, targets: [shop, bank], duration: 5s}
  - {name: ask, http: {get: "http://good"}}
  - {name: bad, http: {get: "http://bad"}, continue_on_failure: true}
  - {name: bug, http: {get: "http://bug"}}
"""
    )
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        ended = await outcome(world, running)
    assert [(step.path, step.outcome) for step in ended.steps[:4]] == [
        ("main/send", "succeeded"),
        ("main/ask", "succeeded"),
        ("main/bad", "failed"),
        ("main/bug", "failed"),
    ]
    assert ended.steps[0].felt == Felt(requests=2)
    assert ended.steps[2].reason == "GET http://bad answered 500 in 0 ms"
    assert "KeyError: 'ours'" in ended.steps[3].reason


async def test_loads_have_seeds_of_their_own_that_follow_from_that_of_the_run(world, plan_of):
    plan = plan_of(
        """
parallel:
  - {name: here, load: {requests: 10/s}, targets: [shop], duration: 5s, loop: {times: 2}}
  - {name: there, load: {requests: 10/s}, targets: [shop], duration: 5s}
"""
    )
    seeds = []
    for seed in (4, 4, 5):
        async with world.engine() as engine:
            await outcome(world, await engine.start(plan, seed=seed))
        seeds.append(sorted(world.loads.seeds))
        world.loads.seeds.clear()
    first, again, other = seeds
    assert first == again
    assert len(set(first) | set(other)) == 6


async def test_a_cancelled_action_says_so_whether_it_had_begun_or_not(world, plan_of):
    plan = plan_of('steps: [{name: ask, http: {get: "http://never"}}]')
    for turns in (0, 1, 50):
        async with world.engine() as engine:
            running = await engine.start(plan, seed=4)
            if turns:
                await world.clock.settle()
            before = world.clock.now
            running.stop("me")
            ended = await outcome(world, running)
        assert world.clock.now - before < SECOND
        assert ended.run.verdict == "cancelled"


async def test_control_takes_effect_without_time_passing(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(TIDY), seed=4)
        await world.clock.settle()
        running.stop("me", "enough")
        ended = await outcome(world, running)
    assert world.clock.now == 0
    assert (ended.run.verdict, ended.run.reason, ended.exit_code) == ("cancelled", "enough", 130)
    assert world.probes.asked == ["http://tidy"]


async def test_terminate_leaves_finally_out(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(TIDY), seed=4)
        await world.clock.settle()
        running.terminate("me")
        ended = await outcome(world, running)
    assert ended.run.verdict == "cancelled"
    assert world.probes.asked == []
    assert world.edge.sent(Revert)


async def test_who_watches_hears_it_all_in_order(world, plan_of):
    plan = plan_of("steps: [{name: send, load: {requests: 10/s}, targets: [shop], duration: 5s}]")
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        await world.clock.settle()
        world.edge.say(Counted(target="shop", felt=Felt(requests=1)))
        await outcome(world, running)
        seen = [update async for update in running.updates()]
    assert seen[0] == RunEntered(at=0, phase="running")
    assert isinstance(seen[-1], RunEnded)
    assert any(isinstance(update, StepEntered) for update in seen)


async def test_pictures_reach_who_watches(world, plan_of):
    plan = plan_of("steps: [{name: send, load: {requests: 10/s}, targets: [shop], duration: 5s}]")
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        await world.clock.settle()
        world.edge.say(Counted(target="shop", felt=Felt(requests=1)))
        await world.clock.settle()
        kinds = set()
        async for update in running.updates():
            kinds.add(type(update))
            if {Progress, Counted} <= kinds:
                break
        await outcome(world, running)


async def test_of_a_long_loop_the_latest_steps_are_kept(world, plan_of):
    plan = plan_of(
        """
steps:
  - name: round
    loop: {times: 3}
    steps: [{name: a, wait: 1ms}, {name: b, wait: 1ms}]
"""
    )
    async with world.engine() as engine:
        running = await engine.start(plan, seed=4)
        assert running._executor.steps.maxlen == MOST_STEPS
        ended = await outcome(world, running)
    paths = [step.path for step in ended.steps]
    assert paths[-2:] == ["main/round[3]", "main"]
    assert "main/round[1]/a" in paths
    assert world.clock.now == 6 * MILLISECOND


async def test_the_row_of_a_run_says_how_it_is(world, plan_of):
    async with world.engine() as engine:
        running = await engine.start(plan_of(HIT), seed=4)
        await world.clock.settle()
        row = world.store.records().run(1)
        assert row == replace(running.run)
        assert row.phase == "running"
        await outcome(world, running)
    assert world.store.records().run(1).phase == "finished"
