"""What holds for every run, whatever the playbook and whatever the world does to it."""

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from laws.playbooks import plans
from laws.world import World
from squall.core.faults.effects import Inject, Revert
from squall.core.run.commands import Announce, StartProbe
from squall.core.run.events import ActionEnded, TimerFired, decode, encode
from squall.core.run.facts import RunEnded, StepEnded
from squall.core.run.leases import lease_id, owed
from squall.core.run.machine import advance, initial
from squall.core.run.paths import attempt_path
from squall.core.run.state import State

DISTURBANCES = (
    "pause", "pause", "stop", "terminate", "edge dies", "engine dies", "journal fails",
)  # fmt: skip


@st.composite
def unfinished(draw: st.DrawFn):
    """A run in which anything may happen at any time."""
    world = World(draw(plans()))
    for _ in range(draw(st.integers(0, 60))):
        check_always(world)
        choices = world.choices()
        choices += [("fail", path) for path in world.actions]
        choices += [("answer badly", path) for path in world.actions]
        choices += [("feel well", "one"), ("feel pain", "two")]
        choices += [("lose", index) for index in range(len(world.under_way))]
        choices += [("lapse", lease) for lease in sorted(world.live)]
        choices += [("resume", None)] if world.state.phase == "paused" else []
        if draw(st.integers(0, 4)) == 4:
            choices = [(draw(st.sampled_from(DISTURBANCES)), None)]
        if not choices:
            break
        world.happen(*draw(st.sampled_from(choices)))
    return world


@st.composite
def runs(draw: st.DrawFn):
    """A run in which anything may happen at any time, brought to its end."""
    world = draw(unfinished())
    world.finish()
    return world


def check_always(world) -> None:
    """What the edge has on, the run knows that it owes."""
    leaked = {lease for lease in world.live if not world.state.finished}
    debts = set(owed(world.plan, world.state))
    told = {
        c.fact.lease for c in world.commands if isinstance(c, Announce) and hasattr(c.fact, "lease")
    }
    assert leaked <= debts | told
    if world.state.phase in {"pending", "checking", "recovering", "finalizing"}:
        assert not debts
    if world.state.phase == "stopping":
        # Whatever ended the run, what was on has been asked to go in that very turn.
        assert not {"asked", "live"} & {lease.phase for lease in leases(world.state.main)}
    assert hash(world.state.key()) == hash(msgspec.json.decode(encoded(world.state), type=State))


def encoded(state: State) -> bytes:
    return msgspec.json.encode(state)


def leases(step):
    """All leases below a step."""
    below = step.rounds or step.children
    return [*step.leases, *(lease for one in below for lease in leases(one))]


@given(runs())
def test_a_run_ends_and_owes_nothing(world) -> None:
    assert world.state.finished
    assert owed(world.plan, world.state) == ()
    assert not world.timers
    assert not world.state.frozen
    [end] = [
        c.fact for c in world.commands if isinstance(c, Announce) and isinstance(c.fact, RunEnded)
    ]
    assert end.verdict == world.state.verdict


@given(runs())
def test_nothing_is_on_after_the_end_but_what_the_custodian_was_given(world) -> None:
    leaked = {
        c.fact.lease
        for c in world.commands
        if isinstance(c, Announce) and type(c.fact).__name__ == "LeaseLeaked"
    }
    assert set(world.live) <= leaked
    if leaked:
        assert world.state.verdict == "failed"


@given(runs())
def test_the_state_is_the_fold_of_the_journal(world) -> None:
    state = initial(world.plan)
    commands = []
    for event in world.journal:
        state, more = advance(world.plan, state, decode(encode(event)))
        commands += more
    assert state == world.state
    assert commands == world.commands
    assert msgspec.json.decode(encoded(state), type=State) == state


@given(unfinished())
def test_an_answer_that_comes_twice_or_late_changes_nothing(world) -> None:
    for event in world.journal:
        if isinstance(event, ActionEnded):
            assert advance(world.plan, world.state, event) == (world.state, ())


@given(unfinished())
def test_a_pause_leaves_guards_and_checks_going(world) -> None:
    world.happen("pause", None)
    if world.state.phase != "paused":
        return
    if world.plan.steady is not None:
        assert world.state.watch is not None
        waiting = {f"check|steady#{world.state.looks}", "watch|steady"}
        assert waiting & {timer for timer, _ in world.state.timers}
    if world.plan.playbook.abort_if and world.state.main.stage == "active":
        world.happen("feel pain", "one")
        assert world.state.ending is not None
        assert world.state.ending[0] == "aborted"
    world.finish()
    assert world.state.finished


@given(unfinished(), st.sampled_from(["stop", "terminate"]))
def test_finally_runs_unless_the_run_is_terminated(world, how: str) -> None:
    over = world.state.phase in {"finalizing", "finished"}
    world.happen(how, None)
    first = len(world.commands)
    world.finish()
    assert world.state.finished
    began = any(
        isinstance(command, StartProbe) and command.path.startswith("finally")
        for command in world.commands[first:]
    )
    if not over and how == "terminate":
        assert not began
    if not over and how == "stop" and not world.state.skip_finally:
        assert world.plan.finally_ is None or world.state.finally_.ended


@given(unfinished())
def test_a_steady_state_that_breaks_undoes_all_in_the_very_same_turn(world) -> None:
    if world.state.phase not in {"running", "paused"} or world.plan.steady is None:
        return
    on = {
        lease_id("1", path, lease.target)
        for path, lease in named(world.plan.main, world.state.main, "")
        if lease.phase in {"asked", "live"}
    }
    commands: list[object] = []
    while world.state.phase in {"running", "paused"}:
        if "watch|steady" in world.timers:
            world.happen("timer", "watch|steady")
        look = f"#{world.state.looks}"
        checks = [p for p in world.actions if p.startswith("steady/") and p.endswith(look)]
        world.actions.remove(checks[0])
        failed = ActionEnded(at=world.at, path=checks[0], outcome="failed", reason="down")
        commands = list(world.feed(failed))
    assert world.state.ending is not None
    assert world.state.ending[0] == "aborted"
    assert {command.lease for command in commands if isinstance(command, Revert)} == on


def named(plan, step, above):
    """All leases below a step, each with the path of its attempt."""
    if step.rounds:
        return [found for one in step.rounds for found in named(plan, one, above)]
    path = attempt_path(plan, step, above)
    found = [(path, lease) for lease in step.leases]
    for below, child in zip(plan.children, step.children, strict=False):
        found += named(below, child, path)
    return found


@given(runs())
def test_an_event_after_the_end_changes_nothing(world) -> None:
    for event in world.journal:
        assert advance(world.plan, world.state, event) == (world.state, ())


@given(runs())
def test_numbers_of_effects_only_grow(world) -> None:
    numbers = [command.seq for command in world.commands if hasattr(command, "seq")]
    assert all(before < after for before, after in pairwise(numbers))


@given(runs())
def test_every_iteration_ends_once(world) -> None:
    ended = [
        c.fact.path for c in world.commands
        if isinstance(c, Announce) and isinstance(c.fact, StepEnded)
        and not c.fact.path.startswith("finally")
    ]  # fmt: skip
    retried = any(step.step.retry for step in world.plan.main.walk() if step.children)
    assert retried or len(ended) == len(set(ended))


@given(plans(), st.integers(0, 5))
def test_a_stale_timer_changes_nothing(plan, count) -> None:
    world = World(plan)
    for _ in range(count):
        choices = world.choices()
        if choices:
            world.happen(*choices[0])
    for timer in (
        "duration|main/nobody#1",
        "timeout|main/s0[9]",
        "inject|1:main/s0#7@one",
        "run|x",
    ):
        state, commands = advance(plan, world.state, TimerFired(at=world.at, timer=timer))
        assert commands == ()
        assert state == world.state


@given(plans())
def test_undisturbed_runs_pass_unless_a_step_times_out(plan) -> None:
    world = World(plan)
    world.finish()
    assert world.state.finished
    outcomes = {
        c.fact.outcome for c in world.commands
        if isinstance(c, Announce) and isinstance(c.fact, StepEnded)
    }  # fmt: skip
    if outcomes <= {"succeeded"}:
        assert world.state.verdict == "passed"


@given(runs())
def test_finally_begins_only_when_nothing_is_owed_and_injects_nothing(world) -> None:
    begun = [
        index for index, command in enumerate(world.commands)
        if isinstance(command, StartProbe) and command.path.startswith("finally")
    ]  # fmt: skip
    if begun:
        assert not any(isinstance(command, Inject) for command in world.commands[begun[0] :])
