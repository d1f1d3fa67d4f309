"""What a timer means that fires: whose time is up, and what becomes of that.

Called by `machine`. A timer's name says what it is for and whom it concerns: ``retry|main/hit#1``.
"""

from typing import Final

from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run import attempts, ends, steps
from squall.core.run.leases import parse_lease
from squall.core.run.paths import step_path
from squall.core.run.reach import Change, reach, this_attempt
from squall.core.run.state import State, StepState
from squall.core.run.turn import Turn
from squall.core.timing import HOUR, Duration, format_duration

PAUSE_LIMIT: Final = Duration(HOUR)
"""A run that is paused for longer is stopped: it must not come back to life unattended."""


def fired(turn: Turn, plan: Plan, state: State, timer: str) -> State:
    """A timer came due; one that nobody waits for changes nothing."""
    if turn.timers.pop(timer, None) is None:
        return state
    purpose, _, what = timer.partition("|")
    match purpose:
        case "run":
            limit = format_duration(plan.playbook.timeout)
            return ends.end(turn, plan, state, "failed", f"the run took longer than {limit}")
        case "pause":
            limit = format_duration(PAUSE_LIMIT)
            return ends.end(turn, plan, state, "cancelled", f"paused for longer than {limit}")
        case "inject" | "revert":
            return _unanswered(turn, plan, state, purpose, what)
        case "delay" | "pace" | "timeout":
            return reach(turn, plan, state, what, _of_step(turn, purpose, what))
    return reach(turn, plan, state, what, this_attempt(what, _of_attempt(turn, purpose)))


def _unanswered(turn: Turn, plan: Plan, state: State, effect: str, lease: str) -> State:
    _, path, target = parse_lease(lease)

    def late(below: PlanStep, step: StepState, at: str) -> StepState:
        return attempts.overdue(turn, below, step, at, target, effect)

    return reach(turn, plan, state, path, this_attempt(path, late))


def _of_step(turn: Turn, purpose: str, path: str) -> Change:
    """What the timer of a step means to it, whichever round it is in."""

    def changed(plan: PlanStep, step: StepState, above: str) -> StepState:
        if step.ended or step_path(plan, above) != path:
            return step
        if purpose == "delay" and step.stage == "delayed":
            return steps.enter(turn, plan, above)
        if purpose == "pace" and step.stage in {"resting", "abreast"}:
            return steps.go_round(turn, plan, step, above)
        if purpose == "timeout":
            reason = f"took longer than {format_duration(plan.step.timeout or 0)}"
            return steps.wind_down(turn, plan, step, above, "timed_out", reason)
        return step

    return changed


def _of_attempt(turn: Turn, purpose: str) -> Change:
    """What the timer of an attempt means to it."""

    def changed(plan: PlanStep, step: StepState, path: str) -> StepState:
        if purpose == "duration":
            return attempts.due(turn, plan, step, path)
        if purpose == "retry" and step.stage == "retrying":
            return steps.attempt(turn, plan, step, path.rpartition("/")[0])
        if purpose == "cancel" and step.stage == "undoing":
            return attempts.abandon(turn, plan, step, path)
        return step

    return changed
