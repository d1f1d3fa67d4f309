"""The run machine: ``advance(plan, state, event) -> (state, commands)``.

A run is a fold of this function over its events. It is called by the executor with what really
happens, by the rehearsal with what would, and by recovery with what the journal says happened; all
three get the same run, because nothing here looks at a clock, rolls dice of its own or performs.

The phases:

    pending ──RunCreated──▶ checking ──the steady state holds──▶ running ⇄ paused
                               │                                  │     │
                               ├──────────────────────────────────┘  the last step
          a stop, a time-out, a lost journal or engine                  │
                               ▼                                        ▼
                            stopping ──nothing is owed any more──▶ recovering
                                                                        │
                                               finished ◀── finalizing ◀┘

Without a steady state, `checking` and `recovering` take no time and are not told.

- Steps walk themselves (`steps`), leaves do their work (`attempts`), leases live and end
  (`leases`). This module only finds out whom an event concerns; `reach` finds that step.
- `timers`, `wishes`, `steady` and `ends` know what a run makes of the time, of people, of its
  steady state, and of its end.
- What ends a run early is kept as `ending`, the first of them; everything that is on is taken off,
  whatever runs is stopped and awaited, and only then does `finally` begin.
- An event that fits nothing changes nothing: late answers, timers of iterations long over, a
  second stop. That is what makes at-least-once delivery of anything harmless.
- Events carry `at`, never decreasing; one from a clock that stepped back counts as the newest.

It deliberately does not know who drives it, what a process is, or how a fault is injected.
"""

from msgspec.structs import replace

from squall.core.faults.effects import Applied, EdgeLost, Lapsed, Lifted, Rejected
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run import attempts, ends, guards, steady, timers, wishes
from squall.core.run.commands import Command
from squall.core.run.events import (
    MACHINE,
    ActionEnded,
    EdgeReported,
    EngineRestarted,
    JournalFailed,
    Measured,
    RunCreated,
    RunEvent,
    TimerFired,
)
from squall.core.run.leases import parse_lease
from squall.core.run.reach import everywhere, reach, this_attempt
from squall.core.run.state import State, StepState
from squall.core.run.turn import Turn

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
    changed = ends.conclude(turn, plan, _take_in(turn, plan, state, event))
    return turn.kept(changed), tuple(turn.commands)


def _take_in(turn: Turn, plan: Plan, state: State, event: RunEvent) -> State:
    if isinstance(event, RunCreated):
        return _create(turn, plan, state, event)
    if state.phase == "pending":
        return state
    if isinstance(event, EdgeReported | TimerFired | ActionEnded | Measured):
        return _hear(turn, plan, state, event)
    if isinstance(event, JournalFailed):
        return ends.end(turn, plan, state, "aborted", f"the journal failed: {event.reason}")
    if isinstance(event, EngineRestarted):
        return ends.restart(turn, plan, state, event.reason)
    return wishes.asked(turn, plan, state, event)


def _create(turn: Turn, plan: Plan, state: State, event: RunCreated) -> State:
    if state.phase != "pending":
        return state
    turn.run, turn.seed, turn.rehearsal = event.run, event.seed, event.rehearsal
    state = replace(state, run=event.run, seed=event.seed, rehearsal=event.rehearsal)
    turn.start_timer("run", plan.playbook.timeout)
    return steady.begin(turn, plan, state)


def _hear(
    turn: Turn, plan: Plan, state: State, event: EdgeReported | TimerFired | ActionEnded | Measured
) -> State:
    """The world has something to say."""
    if steady.concerns(event):
        return steady.heard(turn, plan, state, event)
    match event:
        case EdgeReported(report=report):
            return _edge(turn, plan, state, report)
        case TimerFired(timer=timer):
            return timers.fired(turn, plan, state, timer)
        case ActionEnded():
            return _action(turn, plan, state, event)
        case Measured():
            return _measured(turn, plan, state, event)


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

    return reach(turn, plan, state, path, this_attempt(path, heard))


def _lose_edge(turn: Turn, plan: Plan, state: State, reason: str) -> State:
    if turn.edge_lost:
        return state
    turn.edge_lost = reason

    def gone(below: PlanStep, step: StepState, path: str) -> StepState:
        return attempts.edge_lost(turn, below, step, path)

    main = everywhere(turn, plan.main, state.main, "", gone)
    return ends.end(turn, plan, replace(state, main=main), "failed", reason)


def _action(turn: Turn, plan: Plan, state: State, event: ActionEnded) -> State:
    def heard(below: PlanStep, step: StepState, at: str) -> StepState:
        return attempts.action_ended(turn, below, step, at, event)

    return reach(turn, plan, state, event.path, this_attempt(event.path, heard))


def _measured(turn: Turn, plan: Plan, state: State, event: Measured) -> State:
    """What clients feel right now: do the guards allow it?"""
    if state.phase not in {"running", "paused"}:
        return state
    turn.pictures[event.source] = (turn.at, event.felt)
    reason = guards.breach(turn, plan, state, event.source)
    return state if reason is None else ends.end(turn, plan, state, "aborted", reason)
