"""How a run ends: early or in its own time, and what still has to happen before its verdict.

Called by `machine` and by whatever ends a run. What was on is taken off and what runs is stopped
and awaited; then it is looked whether the system recovers, `finally` runs, and the verdict is told.
The first to end a run decides its verdict.
"""

from msgspec.structs import replace

from squall.core.playbook.plan import Plan
from squall.core.run import steps, watch
from squall.core.run.facts import Phase, RunEnded, RunEntered, Verdict
from squall.core.run.state import PENDING, Ending, State
from squall.core.run.turn import Turn
from squall.core.run.verdict import decide


def end(turn: Turn, plan: Plan, state: State, verdict: Verdict, reason: str) -> State:
    """Undo everything, then run `finally`."""
    if state.phase == "recovering":
        return replace(_cut_watch(turn, state), ending=state.ending or (verdict, reason))
    if state.phase not in {"checking", "running", "paused"}:
        return state
    turn.paused = False
    state = _cut_watch(turn, state)
    for timer in ("run", "pause"):
        turn.cancel_timer(timer)
    turn.tell(RunEntered(at=turn.at, phase="stopping", reason=reason))
    main = steps.wind_down(turn, plan.main, state.main, "", "cancelled", reason)
    return replace(state, phase="stopping", ending=(verdict, reason), main=main)


def terminate(turn: Turn, plan: Plan, state: State, reason: str) -> State:
    """Undo everything; no `finally`, or no more of it."""
    state = replace(state, skip_finally=True)
    if state.phase == "finalizing" and plan.finally_ is not None:
        ended = steps.wind_down(turn, plan.finally_, state.finally_, "", "cancelled", "terminated")
        return replace(state, finally_=ended, ending=state.ending or ("cancelled", reason))
    return end(turn, plan, state, "cancelled", reason)


def restart(turn: Turn, plan: Plan, state: State, reason: str) -> State:
    """The engine died with all it was doing; its leases are undone already."""
    ending: Ending = state.ending or ("interrupted", reason)
    for timer in list(turn.timers):
        turn.cancel_timer(timer)
    turn.frozen.clear()
    turn.pictures.clear()
    turn.paused = False
    turn.abandoned = True
    if state.phase == "finalizing":
        return _finalize(turn, plan, replace(state, finally_=PENDING, ending=ending))
    turn.tell(RunEntered(at=turn.at, phase="stopping", reason=reason))
    main = steps.wind_down(turn, plan.main, state.main, "", "cancelled", reason)
    return replace(state, phase="stopping", ending=ending, main=main, watch=None)


def conclude(turn: Turn, plan: Plan, state: State) -> State:
    """The steps may just have ended: go on to what comes after them, or to the verdict."""
    ongoing: set[Phase] = {"running", "paused", "stopping"}
    if state.phase in ongoing and state.main.ended:
        for timer in ("run", "pause"):
            turn.cancel_timer(timer)
        state = replace(_cut_watch(turn, state), phase="recovering")
        if _should_recover(plan, state):
            turn.tell(RunEntered(at=turn.at, phase="recovering"))
            return replace(state, watch=watch.begin(turn, plan, "after"))
    if state.phase == "recovering" and state.watch is None:
        if plan.finally_ is None or state.skip_finally:
            return _finish(turn, state)
        state = _finalize(turn, plan, state)
    if state.phase == "finalizing" and state.finally_.ended:
        return _finish(turn, state)
    return state


def _cut_watch(turn: Turn, state: State) -> State:
    """Look no more at the steady state, nor at what clients feel."""
    if state.watch is not None:
        watch.cut(turn, state.watch)
    turn.pictures.clear()
    return replace(state, watch=None)


def _should_recover(plan: Plan, state: State) -> bool:
    """Whether it is worth asking if all is well again: faults were on, and somebody asks."""
    if plan.steady is None or state.skip_finally or state.main.attempt == 0:
        return False
    return state.ending is None or state.ending[0] in {"failed", "aborted"}


def _finalize(turn: Turn, plan: Plan, state: State) -> State:
    assert plan.finally_ is not None
    turn.tell(RunEntered(at=turn.at, phase="finalizing"))
    begun = steps.start(turn, plan.finally_, "")
    return replace(state, phase="finalizing", finally_=begun)


def _finish(turn: Turn, state: State) -> State:
    for timer in list(turn.timers):
        turn.cancel_timer(timer)
    verdict, reason = decide(turn.kept(state))
    turn.tell(RunEnded(at=turn.at, verdict=verdict, reason=reason))
    return replace(state, phase="finished", verdict=verdict, reason=reason)
