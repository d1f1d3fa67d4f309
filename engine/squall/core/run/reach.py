"""How what happens finds the step it concerns, and what is above that step follows.

Called by `machine` and whatever it asks. A path leads down through groups and rounds, one step at
a time; on the way back up each group and loop sees what became of the step below it (`steps`).
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from squall.core.playbook.model import Group
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run import groups, steps
from squall.core.run.paths import attempt_path, parts
from squall.core.run.state import SETTLED, State, StepState
from squall.core.run.turn import Turn

Change = Callable[[PlanStep, StepState, str], StepState]
"""Gets a step's plan, its state and the path above it; returns the very same state when what it
brings belongs to an attempt long over."""

Part = tuple[str, int]


def reach(turn: Turn, plan: Plan, state: State, path: str, change: Change) -> State:
    """Change the step that a path names, in the main graph or in `finally`."""
    way = parts(path)
    if way[0][0] == "main":
        return replace(state, main=_at(turn, plan.main, state.main, "", way, change))
    if way[0][0] == "finally" and plan.finally_ is not None:
        return replace(state, finally_=_at(turn, plan.finally_, state.finally_, "", way, change))
    return state


def this_attempt(path: str, change: Change) -> Change:
    """Change a step only while it is at this very attempt; `change` gets the attempt's path."""

    def changed(plan: PlanStep, step: StepState, above: str) -> StepState:
        if step.ended or attempt_path(plan, step, above) != path:
            return step
        return change(plan, step, path)

    return changed


def _at(
    turn: Turn, plan: PlanStep, step: StepState, above: str, way: Sequence[Part], change: Change
) -> StepState:
    """Change the step at the end of the way, which begins with this one."""
    (_, number), *rest = way
    if step.stage == "abreast" and (number or rest):

        def inside(one: StepState) -> StepState:
            return _below(turn, plan, one, above, rest, change)

        return steps.in_round(turn, plan, step, above, number, inside)
    return _below(turn, plan, step, above, rest, change)


def _below(
    turn: Turn, plan: PlanStep, step: StepState, above: str, rest: Sequence[Part], change: Change
) -> StepState:
    if not rest:
        changed = change(plan.filled(step.filled), step, above)
        if changed is step:
            return step
        return steps.proceed(turn, plan, steps.settle(turn, plan, changed, above), above)
    index = plan.places.get(rest[0][0])
    if index is None or not step.children:
        return step
    path = attempt_path(plan, step, above)
    changed = _at(turn, plan.children[index], step.children[index], path, rest, change)
    if changed is step.children[index]:
        return step
    step = _with_child(turn, plan, step, path, index, changed)
    return steps.proceed(turn, plan, steps.settle(turn, plan, step, above), above)


def _with_child(
    turn: Turn, plan: PlanStep, step: StepState, path: str, index: int, child: StepState
) -> StepState:
    step = replace(step, children=groups.with_child(step, index, child))
    if child.ended and step.stage == "active":
        return steps.advance_group(turn, plan, step, path, index)
    return step


def everywhere(
    turn: Turn, plan: PlanStep, step: StepState, above: str, change: Change
) -> StepState:
    """Change every leaf that is doing something; `change` gets the path of its attempt."""
    if step.stage == "abreast":

        def inside(one: StepState) -> StepState:
            return everywhere(turn, plan, one, above, change)

        for number in [one.iteration for one in step.rounds]:
            step = steps.in_round(turn, plan, step, above, number, inside)
        return step
    if step.stage in SETTLED:
        return step
    path = attempt_path(plan, step, above)
    if not isinstance(plan.step.action, Group):
        changed = change(plan.filled(step.filled), step, path)
        return steps.proceed(turn, plan, steps.settle(turn, plan, changed, above), above)
    for index in range(len(step.children)):
        child = step.children[index]
        changed = everywhere(turn, plan.children[index], child, path, change)
        if changed is not child:
            step = _with_child(turn, plan, step, path, index, changed)
    return steps.proceed(turn, plan, steps.settle(turn, plan, step, above), above)


def leaves(step: StepState) -> Iterator[StepState]:
    """Every leaf that has begun and is not over."""
    below = step.rounds or step.children
    for one in below:
        if not one.ended:
            yield from leaves(one)
    if not below and step.stage not in SETTLED:
        yield step
