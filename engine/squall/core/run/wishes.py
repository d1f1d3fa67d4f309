"""What people ask of a run that goes on: pause, go on, stop, be gone.

Called by `machine`. Each may come at any moment, and twice; what fits no more changes nothing.
"""

from msgspec.structs import replace

from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run import attempts, ends
from squall.core.run.events import (
    PauseRequested,
    ResumeRequested,
    StopRequested,
    TerminateRequested,
)
from squall.core.run.facts import RunEntered
from squall.core.run.reach import everywhere, leaves
from squall.core.run.state import State, StepState
from squall.core.run.timers import PAUSE_LIMIT
from squall.core.run.turn import Turn

Wish = PauseRequested | ResumeRequested | StopRequested | TerminateRequested


def asked(turn: Turn, plan: Plan, state: State, wish: Wish) -> State:
    """Somebody asks for something."""
    match wish:
        case PauseRequested(by=by):
            return _pause(turn, plan, state, by)
        case ResumeRequested():
            return _resume(turn, plan, state)
        case StopRequested(by=by, reason=reason):
            return ends.end(turn, plan, state, "cancelled", reason or f"stopped by {by}")
        case TerminateRequested(by=by, reason=reason):
            return ends.terminate(turn, plan, state, reason or f"terminated by {by}")


def _pause(turn: Turn, plan: Plan, state: State, by: str) -> State:
    if state.phase != "running":
        return state
    if any(step.stage in {"starting", "undoing"} for step in leaves(state.main)):
        reason = "not paused: a step is settling; ask again in a moment"
        turn.tell(RunEntered(at=turn.at, phase="running", reason=reason))
        return state

    def hold(below: PlanStep, step: StepState, path: str) -> StepState:
        return attempts.hold(turn, below, step, path)

    main = everywhere(turn, plan.main, state.main, "", hold)
    turn.freeze()
    turn.start_timer("pause", PAUSE_LIMIT)
    turn.tell(RunEntered(at=turn.at, phase="paused", reason=f"by {by}"))
    return replace(state, main=main, phase="paused")


def _resume(turn: Turn, plan: Plan, state: State) -> State:
    if state.phase != "paused":
        return state
    turn.cancel_timer("pause")
    turn.thaw()
    turn.tell(RunEntered(at=turn.at, phase="running"))

    def unhold(below: PlanStep, step: StepState, path: str) -> StepState:
        return attempts.unhold(turn, below, step, path)

    main = everywhere(turn, plan.main, state.main, "", unhold)
    return replace(state, main=main, phase="running")
