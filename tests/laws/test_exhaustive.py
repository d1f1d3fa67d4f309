"""Small runs, searched to the last interleaving.

Effects arrive in any order or never, timers fire in any order, one disturbance comes at any moment.
Random runs miss what is found here: an inject that was under way while its revert overtook it.
"""

from collections.abc import Callable, Iterable

import pytest

from laws.playbooks import leaf, plan_of
from laws.world import World
from squall.core.playbook.model import Group, Loop, Need, SteadyState
from squall.core.run.leases import owed

Choice = tuple[str, object]


def search(
    first, more: Callable[[object], Iterable[Choice]], check: Callable[[object], None]
) -> int:
    """Visit every world that can come of `first`; returns how many there were."""
    seen = {first.key()}
    todo = [first]
    while todo:
        here = todo.pop()
        check(here)
        for choice in [*here.choices(), *more(here)]:
            there = here.twin()
            there.happen(*choice)
            key = there.key()
            if key not in seen:
                seen.add(key)
                todo.append(there)
        assert len(seen) < 400_000, "no longer small"
    return len(seen)


def lossy(here) -> list[Choice]:
    return [("lose", index) for index in range(len(here.under_way))]


def nothing_leaks(here) -> None:
    told = {
        command.fact.lease for command in here.commands
        if type(getattr(command, "fact", None)).__name__ == "LeaseLeaked"
    }  # fmt: skip
    if here.state.finished:
        # What was under way when the run ended may still arrive: it must change nothing.
        after = here.twin()
        while after.under_way:
            after._arrive(after.under_way.pop())
        assert set(after.live) <= told
        assert owed(here.plan, here.state) == ()
    assert set(here.live) <= set(owed(here.plan, here.state)) | told


def one_injection(*, fenced: bool):
    plan = plan_of(Group(steps=(leaf("hit", "inject", ("one",)),)))
    return World(plan, fenced=fenced, timeless=True)


def test_no_order_of_effects_answers_losses_and_timers_leaks_a_fault() -> None:
    assert search(one_injection(fenced=True), lossy, nothing_leaks) > 1_000


def test_without_the_fence_the_same_search_finds_the_leak() -> None:
    with pytest.raises(AssertionError, match="assert"):
        search(one_injection(fenced=False), lossy, nothing_leaks)


GRAPHS = {
    "sequence": Group(steps=(leaf("a", "probe"), leaf("b", "wait"))),
    "side by side": Group(parallel=True, steps=(leaf("a", "probe"), leaf("b", "load"))),
    "needs": Group(
        parallel=True,
        steps=(
            leaf("a", "probe"),
            leaf("b", "wait", needs=(Need(step="a"),)),
            leaf("c", "wait", needs=(Need(step="a", outcomes=("failed",)),)),
            leaf("d", "wait", needs=(Need(step="b"), Need(step="c"))),
        ),
    ),
    "a fault and a probe": Group(
        parallel=True, steps=(leaf("a", "inject", ("one",)), leaf("b", "probe"))
    ),
    "faults side by side": Group(
        steps=(leaf("a", "inject", ("one",), loop=Loop(times=2, max_parallel=2)),)
    ),
    "rounds side by side": Group(
        steps=(leaf("a", "probe", loop=Loop(times=3, max_parallel=2)), leaf("b", "wait"))
    ),
    "until": Group(
        steps=(leaf("a", "probe", loop=Loop(until="status == 200", max=2), expect=("true",)),)
    ),
}
STEADY = SteadyState(checks=(leaf("up", "probe"),))
VERDICTS = {
    "stop": "cancelled",
    "terminate": "cancelled",
    "pause": "passed",
    "edge dies": "failed",
    "engine dies": "interrupted",
    "journal fails": "aborted",
}


@pytest.mark.parametrize("disturbance", VERDICTS)
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_disturbance_at_any_moment_leaves_nothing_behind(graph: str, disturbance: str) -> None:
    plan = plan_of(GRAPHS[graph], finally_=(leaf("z", "probe"),))
    assert VERDICTS[disturbance] in disturbed(World(plan, timeless=True, prompt=True), disturbance)


@pytest.mark.parametrize("disturbance", VERDICTS)
def test_so_it_does_while_the_steady_state_is_looked_at(disturbance: str) -> None:
    plan = plan_of(
        Group(steps=(leaf("a", "inject", ("one",)),)), finally_=(leaf("z", "probe"),), steady=STEADY
    )
    ends = disturbed(World(plan, timeless=True, prompt=True, looks=3), disturbance)
    assert {VERDICTS[disturbance], "inconclusive", "aborted", "failed", "passed"} <= ends


def disturbed(first: World, disturbance: str) -> set[str]:
    """How a run ends in which probes may fail and one thing more happens, at any moment."""

    def more(here) -> list[Choice]:
        choices: list[Choice] = [("fail", path) for path in here.actions]
        if not getattr(here, "disturbed", False):
            choices.append((disturbance, None))
        elif here.state.phase == "paused":
            choices.append(("resume", None))
        return choices

    ends: set[str] = set()

    def check(here) -> None:
        nothing_leaks(here)
        here.disturbed = any(
            type(event).__name__ in {
                "StopRequested", "TerminateRequested", "PauseRequested", "EngineRestarted",
                "JournalFailed",
            } for event in here.journal
        ) or here.dead  # fmt: skip
        if here.state.finished:
            ends.add(here.state.verdict)
        else:
            assert here.choices(), f"stuck: {here.state}"

    search(first, more, check)
    return ends
