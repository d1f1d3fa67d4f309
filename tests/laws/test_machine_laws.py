"""What holds for every run, whatever the playbook and whatever the world does to it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from laws.playbooks import plans
from laws.world import World
from squall.core.faults.effects import Inject
from squall.core.run.commands import Announce, StartProbe
from squall.core.run.events import TimerFired, decode, encode
from squall.core.run.facts import RunEnded, StepEnded
from squall.core.run.leases import owed
from squall.core.run.machine import advance, initial

DISTURBANCES = (
    "pause", "resume", "stop", "terminate", "edge dies", "engine dies", "journal fails",
)  # fmt: skip


@st.composite
def runs(draw: st.DrawFn):
    """A run in which anything may happen at any time, brought to its end."""
    world = World(draw(plans()))
    for _ in range(draw(st.integers(0, 60))):
        check_always(world)
        choices = world.choices()
        choices += [("fail", path) for path in world.actions]
        choices += [("lose", index) for index in range(len(world.under_way))]
        choices += [("lapse", lease) for lease in sorted(world.live)]
        if draw(st.integers(0, 9)) == 0:
            choices = [(draw(st.sampled_from(DISTURBANCES)), None)]
        if not choices:
            break
        world.happen(*draw(st.sampled_from(choices)))
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
    if world.state.phase == "finalizing":
        assert not debts


@given(runs())
def test_a_run_ends_and_owes_nothing(world) -> None:
    assert world.state.finished
    assert owed(world.plan, world.state) == ()
    assert not world.timers
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
