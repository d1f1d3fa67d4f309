"""Single promises of the run machine, each as a short run."""

from laws.playbooks import leaf, plan_of
from laws.world import World
from squall.core.playbook.model import Group, Loop, Step, Wait
from squall.core.run.commands import Announce
from squall.core.run.events import PauseRequested, ResumeRequested
from squall.core.run.facts import StepEnded
from squall.core.run.verdict import exit_code
from squall.core.timing import SECOND, Duration


def ended(world: World) -> list[tuple[str, str]]:
    facts = [c.fact for c in world.commands if isinstance(c, Announce)]
    return [(fact.path, fact.outcome) for fact in facts if isinstance(fact, StepEnded)]


def test_a_thousand_steps_may_start_and_end_in_one_event() -> None:
    for parallel in (False, True):
        steps = tuple(leaf(f"s{index}", "instant") for index in range(1_500))
        world = World(plan_of(Group(steps=steps, parallel=parallel)))
        assert world.state.verdict == "passed"


def test_a_loop_that_takes_no_time_fails_instead_of_turning_for_ever() -> None:
    step = Step(name="spin", action=Wait(duration=Duration(0)), loop=Loop(times=None))
    world = World(plan_of(Group(steps=(step,))))
    assert world.state.verdict == "failed"
    assert "1,000 times without taking any time" in world.state.reason


def test_iterations_are_in_the_path_and_counted_from_one() -> None:
    waves = Step(name="waves", action=Group(steps=(leaf("hit", "wait"),)), loop=Loop(times=2))
    world = World(plan_of(Group(steps=(waves,))))
    world.finish()
    assert [path for path, _ in ended(world)] == [
        "main/waves[1]/hit", "main/waves[1]", "main/waves[2]/hit", "main/waves[2]", "main",
    ]  # fmt: skip


def test_an_unhandled_failure_cancels_siblings_and_omits_what_comes_later() -> None:
    parallel = Group(parallel=True, steps=(leaf("ask", "probe"), leaf("hit", "inject")))
    steps = (Step(name="both", action=parallel), leaf("later", "wait"))
    world = World(plan_of(Group(steps=steps)))
    world.happen("fail", "main/both/ask#1")
    world.finish()
    assert ended(world) == [
        ("main/both/ask", "failed"), ("main/both/hit", "cancelled"), ("main/both", "failed"),
        ("main/later", "omitted"), ("main", "failed"),
    ]  # fmt: skip
    assert world.state.reason == "both: ask: no answer"


def test_a_pause_lifts_the_faults_and_resume_gives_back_the_time_that_was_left() -> None:
    world = World(plan_of(Group(steps=(leaf("hit", "inject", ("one",)),))))
    world.happen("arrive", 0)
    world.happen("answer", 0)
    [(timer, due)] = [(t, d) for t, d in world.timers.items() if t.startswith("duration")]
    world.at = due - SECOND // 4
    world.feed(PauseRequested(at=world.at, by="a test"))
    assert timer not in world.timers
    world.happen("arrive", 0)
    world.happen("answer", 0)
    assert world.live == {}
    world.at += 100 * SECOND
    world.feed(ResumeRequested(at=world.at, by="a test"))
    world.happen("arrive", 0)
    world.happen("answer", 0)
    assert world.live
    assert world.timers[timer] == world.at + SECOND // 4
    world.finish()
    assert world.state.verdict == "passed"


def test_exit_codes() -> None:
    codes = {verdict: exit_code(verdict) for verdict in ("passed", "warned", "failed", "aborted")}
    assert codes == {"passed": 0, "warned": 0, "failed": 1, "aborted": 3}
    assert exit_code("warned", strict=True) == 1
    assert exit_code("inconclusive") == 4
    assert exit_code("cancelled") == exit_code("interrupted") == 130
