"""The run machine: ``advance(plan, state, event) -> (state, commands)``.

A run is a fold of this function over its events. It is called by the executor with what really
happens, by the rehearsal with what would, and by recovery with what the journal says happened; all
three get the same run, because nothing here looks at a clock, rolls dice of its own or performs.

The phases:

    pending ──RunCreated──▶ running ⇄ paused
                               │
          a stop, a time-out, a lost journal or engine, the last step
                               ▼
                           stopping ──nothing is owed any more──▶ finalizing ──▶ finished

- Steps walk themselves (`steps`), leaves do their work (`attempts`), leases live and end
  (`leases`). This module only finds out whom an event concerns.
- What ends a run early is kept as `ending`, the first of them; everything that is on is taken off,
  whatever runs is stopped and awaited, and only then does `finally` begin.
- An event that fits nothing changes nothing: late answers, timers of iterations long over, a
  second stop. That is what makes at-least-once delivery of anything harmless.
- Events carry `at`, never decreasing; one from a clock that stepped back counts as the newest.

It deliberately does not know who drives it, what a process is, or how a fault is injected.
"""

from collections.abc import Callable
from typing import Final, assert_never

from msgspec.structs import replace

from squall.core.faults.effects import Applied, EdgeLost, Lapsed, Lifted, Rejected
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.playbook.talk import STEADY
from squall.core.run import attempts, guards, steps, values, watch
from squall.core.run.commands import Command
from squall.core.run.events import (
    MACHINE,
    ActionEnded,
    EdgeReported,
    EngineRestarted,
    JournalFailed,
    Measured,
    PauseRequested,
    ResumeRequested,
    RunCreated,
    RunEvent,
    StopRequested,
    TerminateRequested,
    TimerFired,
)
from squall.core.run.facts import Phase, RunEnded, RunEntered, Verdict
from squall.core.run.leases import parse_lease
from squall.core.run.paths import attempt_path, names, step_path
from squall.core.run.state import PENDING, Ending, State, StepState
from squall.core.run.turn import Turn
from squall.core.run.verdict import decide
from squall.core.timing import HOUR, Duration, format_duration

PAUSE_LIMIT: Final = Duration(HOUR)
"""A run that is paused for longer is stopped: it must not come back to life unattended."""

Result = tuple[State, tuple[Command, ...]]


def initial(plan: Plan) -> State:  # noqa: ARG001 - the state of a run before its first event
    """The state before `RunCreated`."""
    return State()


def foldable(event: RunEvent) -> bool:
    """Whether a journal that begins with `event` was written by this version of the machine."""
    return isinstance(event, RunCreated) and event.machine == MACHINE


def advance(plan: Plan, state: State, event: RunEvent) -> Result:
    """What the event makes of the run, and what has to be done now, in this order."""
    if state.finished:
        return state, ()
    turn = Turn(plan, state, event.at)
    changed = _conclude(turn, plan, _dispatch(turn, plan, state, event))
    return _freeze(turn, changed), tuple(turn.commands)


def _freeze(turn: Turn, state: State) -> State:
    return replace(
        state,
        at=turn.at,
        seq=turn.seq,
        edge_lost=turn.edge_lost,
        warning=turn.warning,
        leaked=turn.leaked,
        timers=tuple(sorted(turn.timers.items())),
        frozen=tuple(sorted(turn.frozen.items())),
        looks=turn.looks,
        pictures=tuple(sorted(turn.pictures.items())),
        values=tuple((path, name, text) for (path, name), text in sorted(turn.values.items())),
        loads=tuple((target, *known) for target, known in sorted(turn.loads.items())),
    )


def _dispatch(turn: Turn, plan: Plan, state: State, event: RunEvent) -> State:
    if isinstance(event, RunCreated):
        return _create(turn, plan, state, event)
    if state.phase == "pending":
        return state
    if state.watch is not None and _is_of_watch(event):
        return _watched(turn, plan, state, event)
    match event:
        case EdgeReported(report=report):
            return _edge(turn, plan, state, report)
        case TimerFired(timer=timer):
            return _timer(turn, plan, state, timer)
        case ActionEnded():
            return _action(turn, plan, state, event)
        case Measured():
            return _measured(turn, plan, state, event)
        case PauseRequested():
            return _pause(turn, plan, state, event.by)
        case ResumeRequested():
            return _resume(turn, plan, state)
        case StopRequested():
            return _end(turn, plan, state, "cancelled", event.reason or f"stopped by {event.by}")
        case TerminateRequested():
            return _terminate(turn, plan, state, event)
        case JournalFailed():
            return _end(turn, plan, state, "aborted", f"the journal failed: {event.reason}")
        case EngineRestarted():
            return _restart(turn, plan, state, event)
    assert_never(event)


def _create(turn: Turn, plan: Plan, state: State, event: RunCreated) -> State:
    if state.phase != "pending":
        return state
    turn.run, turn.seed, turn.rehearsal = event.run, event.seed, event.rehearsal
    state = replace(state, run=event.run, seed=event.seed, rehearsal=event.rehearsal)
    turn.start_timer("run", plan.playbook.timeout)
    if plan.steady is None:
        return _begin(turn, plan, state)
    values.begin_round(turn, plan.steady, PENDING, "")
    turn.tell(RunEntered(at=turn.at, phase="checking"))
    return replace(state, phase="checking", watch=watch.begin(turn, plan, "before"))


def _begin(turn: Turn, plan: Plan, state: State) -> State:
    """All is well: begin with the steps."""
    turn.tell(RunEntered(at=turn.at, phase="running"))
    main = steps.start(turn, plan.main, "")
    return replace(state, phase="running", main=main)


# -- the steady state -------------------------------------------------------------------------


def _is_of_watch(event: RunEvent) -> bool:
    match event:
        case ActionEnded(path=path):
            return path.startswith(f"{STEADY}/")
        case TimerFired(timer=timer):
            return timer.partition("|")[2].partition("#")[0] == STEADY
    return False


def _watched(turn: Turn, plan: Plan, state: State, event: RunEvent) -> State:
    """A check came back, or a look is due: does the steady state hold?"""
    seen = state.watch
    assert seen is not None
    match event:
        case ActionEnded():
            looked = watch.heard(turn, plan, seen, event)
            if looked is seen:
                return state
        case TimerFired(timer=timer) if turn.timers.pop(timer, None) is not None:
            if timer.startswith("watch|"):
                return replace(state, watch=watch.look_again(turn, plan, seen))
            looked = watch.overdue(turn, seen)
        case _:
            return state
    judged, judgement = watch.judge(turn, plan, looked)
    return _judged(turn, plan, replace(state, watch=judged), judgement)


def _judged(turn: Turn, plan: Plan, state: State, judgement: watch.Judgement) -> State:
    seen = state.watch
    assert seen is not None
    if judgement == "open" or (judgement == "holds" and seen.stage == "during"):
        return state
    if seen.stage == "before" and judgement == "holds":
        state = replace(state, watch=watch.begin(turn, plan, "during"))
        return _begin(turn, plan, state)
    if seen.stage == "after":
        assert plan.playbook.steady_state is not None
        reason = watch.not_back(seen, plan.playbook.steady_state.recover_within)
        unwell: Ending | None = ("failed", reason) if judgement == "broken" else None
        return replace(state, watch=None, recovered=True, unwell=unwell)
    reason = f"the steady state does not hold: {watch.why(seen)}"
    verdict: Verdict = "inconclusive" if seen.stage == "before" else "aborted"
    return _end(turn, plan, state, verdict, reason)


def _measured(turn: Turn, plan: Plan, state: State, event: Measured) -> State:
    """What clients feel right now: do the guards allow it?"""
    turn.pictures[event.source] = event.felt
    if state.phase != "running":
        return state
    reason = guards.breach(turn, plan, state, event.source)
    return state if reason is None else _end(turn, plan, state, "aborted", reason)


# -- whom an event concerns -------------------------------------------------------------------


def _reach(turn: Turn, plan: Plan, state: State, path: str, change: steps.Change) -> State:
    """Change the step that a path names, in the main graph or in `finally`."""
    root, *rest = names(path)
    if root == "main":
        return replace(state, main=steps.at_path(turn, plan.main, state.main, "", rest, change))
    if root == "finally" and plan.finally_ is not None:
        ending = steps.at_path(turn, plan.finally_, state.finally_, "", rest, change)
        return replace(state, finally_=ending)
    return state


def _attempt(path: str, change: Callable[[PlanStep, StepState, str], StepState]) -> steps.Change:
    """Change a step only while it is at this very attempt."""

    def changed(plan: PlanStep, step: StepState, above: str) -> StepState:
        if step.ended or attempt_path(plan, step, above) != path:
            return step
        return change(plan, step, path)

    return changed


def _edge(
    turn: Turn, plan: Plan, state: State, report: Applied | Rejected | Lifted | Lapsed | EdgeLost
) -> State:
    if isinstance(report, EdgeLost):
        return _lose_edge(turn, plan, state, report.reason)
    run, path, target = parse_lease(report.lease)
    if run != state.run:
        return state

    def heard(below: PlanStep, step: StepState, at: str) -> StepState:
        return attempts.reported(turn, below, step, at, target, report)

    return _reach(turn, plan, state, path, _attempt(path, heard))


def _lose_edge(turn: Turn, plan: Plan, state: State, reason: str) -> State:
    if turn.edge_lost:
        return state
    turn.edge_lost = reason

    def gone(below: PlanStep, step: StepState, above: str) -> StepState:
        return attempts.edge_lost(turn, below, step, attempt_path(below, step, above))

    main = steps.everywhere(turn, plan.main, state.main, "", gone)
    return _end(turn, plan, replace(state, main=main), "failed", reason)


def _action(turn: Turn, plan: Plan, state: State, event: ActionEnded) -> State:
    def heard(below: PlanStep, step: StepState, at: str) -> StepState:
        return attempts.action_ended(turn, below, step, at, event)

    return _reach(turn, plan, state, event.path, _attempt(event.path, heard))


def _timer(turn: Turn, plan: Plan, state: State, timer: str) -> State:
    if turn.timers.pop(timer, None) is None:
        return state
    purpose, _, what = timer.partition("|")
    match purpose:
        case "run":
            limit = format_duration(plan.playbook.timeout)
            return _end(turn, plan, state, "failed", f"the run took longer than {limit}")
        case "pause":
            limit = format_duration(PAUSE_LIMIT)
            return _end(turn, plan, state, "cancelled", f"paused for longer than {limit}")
        case "inject" | "revert":
            return _overdue(turn, plan, state, purpose, what)
    return _reach(turn, plan, state, what, _step_timer(turn, purpose, what))


def _overdue(turn: Turn, plan: Plan, state: State, effect: str, lease: str) -> State:
    _, path, target = parse_lease(lease)

    def late(below: PlanStep, step: StepState, at: str) -> StepState:
        return attempts.overdue(turn, below, step, at, target, effect)

    return _reach(turn, plan, state, path, _attempt(path, late))


def _step_timer(turn: Turn, purpose: str, path: str) -> steps.Change:
    """What a step's own timer means to it."""

    def fired(plan: PlanStep, step: StepState, above: str) -> StepState:
        if step.ended:
            return step
        if purpose == "delay" and step.stage == "delayed" and step_path(plan, above) == path:
            return steps.enter(turn, plan, above)
        if purpose == "pace" and step.stage == "resting" and step_path(plan, above) == path:
            return steps.go_round(turn, plan, step, above)
        if purpose == "timeout" and step_path(plan, above) == path:
            limit = format_duration(plan.step.timeout or 0)
            return steps.wind_down(
                turn, plan, step, above, "timed_out", f"took longer than {limit}"
            )
        if attempt_path(plan, step, above) != path:
            return step
        if purpose == "duration":
            return attempts.due(turn, plan, step, path)
        if purpose == "retry" and step.stage == "retrying":
            return steps.attempt(turn, plan, step, above)
        if purpose == "cancel" and step.stage == "undoing":
            return attempts.abandon(turn, plan, step, path)
        return step

    return fired


# -- what people ask --------------------------------------------------------------------------


def _pause(turn: Turn, plan: Plan, state: State, by: str) -> State:
    if state.phase != "running":
        return state
    if any(step.stage in {"starting", "undoing"} for step in steps.leaves(state.main)):
        reason = "not paused: a step is settling; ask again in a moment"
        turn.tell(RunEntered(at=turn.at, phase="running", reason=reason))
        return state

    def hold(below: PlanStep, step: StepState, above: str) -> StepState:
        return attempts.hold(turn, below, step, attempt_path(below, step, above))

    main = steps.everywhere(turn, plan.main, state.main, "", hold)
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

    def unhold(below: PlanStep, step: StepState, above: str) -> StepState:
        return attempts.unhold(turn, below, step, attempt_path(below, step, above))

    main = steps.everywhere(turn, plan.main, state.main, "", unhold)
    return replace(state, main=main, phase="running")


def _end(turn: Turn, plan: Plan, state: State, verdict: Verdict, reason: str) -> State:
    """Undo everything, then run `finally`; the first to ask decides the verdict."""
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


def _cut_watch(turn: Turn, state: State) -> State:
    """Look no more at the steady state."""
    if state.watch is not None:
        watch.cut(turn, state.watch)
    return replace(state, watch=None)


def _terminate(turn: Turn, plan: Plan, state: State, event: TerminateRequested) -> State:
    reason = event.reason or f"terminated by {event.by}"
    state = replace(state, skip_finally=True)
    if state.phase == "finalizing":
        ending = state.ending or ("cancelled", reason)
        return _cut_finally(turn, plan, replace(state, ending=ending))
    return _end(turn, plan, state, "cancelled", reason)


def _cut_finally(turn: Turn, plan: Plan, state: State) -> State:
    if plan.finally_ is None or state.phase != "finalizing":
        return state
    ended = steps.wind_down(turn, plan.finally_, state.finally_, "", "cancelled", "terminated")
    return replace(state, finally_=ended)


def _restart(turn: Turn, plan: Plan, state: State, event: EngineRestarted) -> State:
    """The engine died with all it was doing; its leases are undone already."""
    ending: tuple[Verdict, str] = state.ending or ("interrupted", event.reason)
    for timer in list(turn.timers):
        turn.cancel_timer(timer)
    turn.frozen.clear()
    turn.paused = False
    turn.abandoned = True
    if state.phase == "finalizing":
        begun = replace(state, finally_=PENDING, ending=ending)
        return _finalize(turn, plan, begun)
    turn.tell(RunEntered(at=turn.at, phase="stopping", reason=event.reason))
    main = steps.wind_down(turn, plan.main, state.main, "", "cancelled", event.reason)
    return replace(state, phase="stopping", ending=ending, main=main, watch=None)


# -- how it ends ------------------------------------------------------------------------------


def _conclude(turn: Turn, plan: Plan, state: State) -> State:
    """The steps may just have ended: go on to `finally`, or to the verdict."""
    ongoing: set[Phase] = {"running", "paused", "stopping"}
    if state.phase in ongoing and state.main.ended:
        for timer in ("run", "pause"):
            turn.cancel_timer(timer)
        state = _cut_watch(turn, state)
        if _should_recover(plan, state):
            turn.tell(RunEntered(at=turn.at, phase="recovering"))
            return replace(state, phase="recovering", watch=watch.begin(turn, plan, "after"))
        return _conclude(turn, plan, replace(state, phase="recovering"))
    if state.phase == "recovering" and state.watch is None:
        if plan.finally_ is None or state.skip_finally:
            return _finish(turn, state)
        state = _finalize(turn, plan, state)
    if state.phase == "finalizing" and state.finally_.ended:
        return _finish(turn, state)
    return state


def _should_recover(plan: Plan, state: State) -> bool:
    """Whether it is worth asking if all is well again: faults were on, and somebody wants to know."""
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
    verdict, reason = decide(_freeze(turn, state))
    turn.tell(RunEnded(at=turn.at, verdict=verdict, reason=reason))
    return replace(state, phase="finished", verdict=verdict, reason=reason)
