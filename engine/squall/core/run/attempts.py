"""What one attempt of a leaf does: inject, send load, ask, or wait.

Called by `steps` to begin an attempt, to hear of answers and timers that belong to it, and to end
it early. `result` says whether it is over; nothing here knows of retries, loops or groups.
"""

from math import prod
from typing import Final

from msgspec.structs import replace

from squall.core.faults.effects import Applied, Lapsed, Lifted, Rejected
from squall.core.playbook.model import (
    ExecProbe,
    HttpProbe,
    Injection,
    Load,
    Outcome,
    Probe,
    TcpProbe,
    Wait,
)
from squall.core.playbook.plan import PlanStep
from squall.core.run import leases
from squall.core.run.answers import wrong_by_itself
from squall.core.run.commands import CancelAction, StartLoad, StartProbe
from squall.core.run.events import ActionEnded
from squall.core.run.facts import StepEntered
from squall.core.run.paths import shown, without_attempt
from squall.core.run.state import StepState
from squall.core.run.turn import Turn
from squall.core.timing import SECOND, Duration

CANCEL_DEADLINE: Final = Duration(5 * SECOND)
"""How long a cancelled probe or load may take to say that it has stopped."""

NO_LUCK: Final = 0.001
"""Below this chance it was not by luck that none of the requests met a fault."""

Result = tuple[Outcome, str]


def begin(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """Start the attempt's work."""
    match plan.step.action:
        case Injection():
            return _inject(turn, plan, step, path)
        case Wait(duration=duration):
            if not duration:
                return replace(step, answer=("succeeded", ""))
            return _active(turn, step, path, duration)
        case HttpProbe() | TcpProbe() | ExecProbe() as probe:
            turn.do(StartProbe(path=path, probe=probe))
            return _active(turn, step, path, None)
        case Load() as load:
            duration = plan.step.duration or Duration(0)
            targets = plan.step.targets
            turn.load_began(targets)
            turn.do(StartLoad(path=path, load=load, targets=targets, duration=duration))
            turn.tell(StepEntered(at=turn.at, path=path, phase="active", until=turn.at + duration))
            return replace(step, stage="active", activated=turn.at)
    raise AssertionError(plan.step.action)


def _inject(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    if turn.edge_lost:
        return replace(step, answer=("failed", turn.edge_lost))
    if turn.paused:
        return replace(step, stage="held", left=plan.step.duration)
    asked = tuple(leases.ask(turn, plan, path, target) for target in plan.step.targets)
    turn.tell(StepEntered(at=turn.at, path=path, phase="starting"))
    return replace(step, stage="starting", leases=asked)


def _active(turn: Turn, step: StepState, path: str, duration: int | None) -> StepState:
    until = None if duration is None else turn.start_timer(f"duration|{path}", duration)
    turn.tell(StepEntered(at=turn.at, path=path, phase="active", until=until))
    activated = turn.at if step.activated is None else step.activated
    return replace(step, stage="active", activated=activated, left=None)


def reported(
    turn: Turn, plan: PlanStep, step: StepState, path: str, target: str,
    report: Applied | Rejected | Lifted | Lapsed,
) -> StepState:  # fmt: skip
    """The edge said something about the lease on `target`."""
    changed = tuple(
        leases.reported(turn, path, lease, report) if lease.target == target else lease
        for lease in step.leases
    )
    return _look_at_leases(turn, plan, replace(step, leases=changed), path)


def overdue(
    turn: Turn, plan: PlanStep, step: StepState, path: str, target: str, effect: str
) -> StepState:
    """An effect on `target` was not answered in time."""
    changed = tuple(
        leases.overdue(turn, path, lease, effect) if lease.target == target else lease
        for lease in step.leases
    )
    return _look_at_leases(turn, plan, replace(step, leases=changed), path)


def edge_lost(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """The edge is gone, and the faults with it."""
    changed = tuple(leases.lost(turn, path, lease, turn.edge_lost) for lease in step.leases)
    step = replace(step, leases=changed)
    if step.stage == "held" and step.answer is None:
        step = replace(step, answer=("failed", turn.edge_lost))
    return _look_at_leases(turn, plan, step, path)


def _look_at_leases(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """After any lease changed: fail together, or become active together."""
    if step.stage not in {"starting", "active"}:
        return step
    broken = next((lease for lease in step.leases if lease.phase not in {"asked", "live"}), None)
    if broken is not None:
        return _undo(turn, replace(step, answer=("failed", broken.reason)), path)
    if step.stage == "starting" and all(lease.phase == "live" for lease in step.leases):
        duration = plan.step.duration or Duration(0)
        return _active(turn, step, path, duration if step.left is None else step.left)
    return step


def _undo(turn: Turn, step: StepState, path: str) -> StepState:
    turn.cancel_timer(f"duration|{path}")
    undone = tuple(leases.revert(turn, path, lease) for lease in step.leases)
    turn.tell(StepEntered(at=turn.at, path=path, phase="undoing"))
    return replace(step, stage="undoing", leases=undone)


def due(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """The attempt's duration is over."""
    if step.stage != "active":
        return step
    if isinstance(plan.step.action, Injection):
        return _undo(turn, replace(step, answer=step.answer or ("succeeded", "")), path)
    return replace(step, answer=("succeeded", ""))


def action_ended(
    turn: Turn, plan: PlanStep, step: StepState, path: str, event: ActionEnded
) -> StepState:
    """A probe or a load came back."""
    turn.cancel_timer(f"cancel|{path}")
    if isinstance(plan.step.action, Load):
        turn.load_ended(path, plan.step.targets)
    answer: Result = (event.outcome, event.reason)
    if event.saw is not None and isinstance(plan.step.action, Probe) and not plan.step.expect:
        wrong = wrong_by_itself(plan.step.action, event.saw)
        answer = ("failed", wrong) if wrong else answer
    return replace(step, answer=answer, felt=event.felt, saw=event.saw)


def wind_down(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """End the attempt early: what is on comes off, what runs is stopped and awaited."""
    if turn.abandoned:
        return abandon(turn, plan, step, path)
    if step.stage == "undoing" or step.answer is not None:
        return step
    match plan.step.action:
        case Injection():
            return _undo(turn, step, path)
        case Wait():
            turn.cancel_timer(f"duration|{path}")
            return replace(step, answer=("cancelled", ""))
        case _:
            turn.do(CancelAction(path=path))
            turn.start_timer(f"cancel|{path}", CANCEL_DEADLINE)
            return replace(step, stage="undoing")


def abandon(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """Whoever worked on the attempt is dead, and its faults are undone already."""
    gone = tuple(leases.lost(turn, path, lease, "") for lease in step.leases)
    for timer in ("duration", "cancel"):
        turn.cancel_timer(f"{timer}|{path}")
    if isinstance(plan.step.action, Load) and step.answer is None:
        turn.load_ended(path, plan.step.targets)
    return replace(step, stage="undoing", leases=gone, answer=step.answer or ("cancelled", ""))


def hold(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """Pause: lift the faults, remember how long they still had."""
    if step.stage != "active" or not isinstance(plan.step.action, Injection):
        return step
    left = max(0, turn.timers.get(f"duration|{path}", turn.at) - turn.at)
    turn.cancel_timer(f"duration|{path}")
    lifted = tuple(leases.revert(turn, path, lease) for lease in step.leases)
    turn.tell(StepEntered(at=turn.at, path=path, phase="undoing"))
    return replace(step, stage="held", leases=lifted, left=left)


def unhold(turn: Turn, plan: PlanStep, step: StepState, path: str) -> StepState:
    """Resume: put the faults back with the time that was left."""
    if step.stage != "held":
        return step
    if not step.leases:
        return _inject(turn, plan, step, path)
    again = tuple(leases.ask_again(turn, plan, path, lease) for lease in step.leases)
    turn.tell(StepEntered(at=turn.at, path=path, phase="starting"))
    return _look_at_leases(turn, plan, replace(step, stage="starting", leases=again), path)


def result(turn: Turn, plan: PlanStep, step: StepState, path: str) -> Result | None:
    """How the attempt ended, or None while it goes on."""
    if not isinstance(plan.step.action, Injection):
        return step.answer
    if step.answer is None and step.forced is None:
        return None
    if any(lease.owed for lease in step.leases):
        return None
    outcome, reason = step.answer or ("cancelled", "")
    if outcome == "succeeded":
        return _touched(turn, plan, step, path)
    return outcome, reason


def _touched(turn: Turn, plan: PlanStep, step: StepState, path: str) -> Result:
    """A fault nobody met is a warning, and a failure where somebody should have met it.

    Where requests came and the rate is low it may be luck.
    """
    deliveries = [delivery for lease in step.leases for delivery in lease.deliveries]
    if any(delivery.met for delivery in deliveries):
        return "succeeded", ""
    targets = " or ".join(plan.step.targets)
    seen = max((delivery.seen for delivery in deliveries), default=0)
    reason = (
        f"none of {seen:,} requests to {targets} met a fault"
        if seen
        else f"no request that matches reached {targets}"
    )
    since = step.activated if step.activated is not None else turn.at
    should = plan.step.expect_traffic or turn.load_beside(plan.step.targets, since)
    luck = prod((1 - one.asked) ** one.seen for one in deliveries)
    if should and (not seen or luck < NO_LUCK):
        return "failed", reason
    turn.warn(f"{shown(without_attempt(path))}: {reason}")
    return "succeeded", reason
