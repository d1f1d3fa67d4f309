"""What a run makes of its steady state: begin, go on, abort, or be done.

Called by `machine` with answers of checks and timers of looks; `watch` knows how it is looked.
"""

from msgspec.structs import replace

from squall.core.playbook.plan import Plan
from squall.core.playbook.talk import STEADY
from squall.core.run import ends, steps, values, watch
from squall.core.run.events import ActionEnded, RunEvent, TimerFired
from squall.core.run.facts import RunEntered, Verdict
from squall.core.run.state import PENDING, Ending, State, Watch
from squall.core.run.turn import Turn


def begin(turn: Turn, plan: Plan, state: State) -> State:
    """Begin with the steps, once the steady state is known to hold where there is one."""
    if plan.steady is None:
        return _run(turn, plan, state)
    values.begin_round(turn, plan.steady, PENDING, "")
    turn.tell(RunEntered(at=turn.at, phase="checking"))
    return replace(state, phase="checking", watch=watch.begin(turn, plan, "before"))


def _run(turn: Turn, plan: Plan, state: State) -> State:
    """All is well: begin with the steps."""
    turn.tell(RunEntered(at=turn.at, phase="running"))
    return replace(state, phase="running", main=steps.start(turn, plan.main, ""))


def concerns(event: RunEvent) -> bool:
    """Whether an event is about the steady state."""
    match event:
        case ActionEnded(path=path):
            return path.startswith(f"{STEADY}/")
        case TimerFired(timer=timer):
            return timer.partition("|")[2].partition("#")[0] == STEADY
    return False


def heard(turn: Turn, plan: Plan, state: State, event: RunEvent) -> State:
    """A check came back, or a look is due: does the steady state hold?"""
    seen = state.watch
    if seen is None:
        return state
    match event:
        case ActionEnded():
            looked = watch.heard(turn, plan, seen, event)
            if looked is seen:
                return state
        case TimerFired(timer=timer) if turn.timers.pop(timer, None) is not None:
            if timer.startswith("watch|"):
                return replace(state, watch=watch.look(turn, plan, seen))
            looked = watch.overdue(turn, seen)
        case _:
            return state
    judged, judgement = watch.judge(turn, plan, looked)
    return _judged(turn, plan, replace(state, watch=judged), judged, judgement)


def _judged(turn: Turn, plan: Plan, state: State, seen: Watch, judgement: watch.Judgement) -> State:
    if judgement == "open" or (judgement == "holds" and seen.stage == "during"):
        return state
    if seen.stage == "before" and judgement == "holds":
        return _run(turn, plan, replace(state, watch=watch.begin(turn, plan, "during")))
    if seen.stage == "after":
        assert plan.playbook.steady_state is not None
        reason = watch.not_back(seen, plan.playbook.steady_state.recover_within)
        unwell: Ending | None = ("failed", reason) if judgement == "broken" else None
        return replace(state, watch=None, unwell=unwell)
    reason = f"the steady state does not hold: {watch.why(seen)}"
    verdict: Verdict = "inconclusive" if seen.stage == "before" else "aborted"
    return ends.end(turn, plan, state, verdict, reason)
