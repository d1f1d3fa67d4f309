"""What an outcome means to a step: whether it is allowed, whether it is tried again, what is told.

Called by `steps` and `rounds`, which decide what happens next.
"""

from squall.core.faults.effects import Delivery
from squall.core.playbook.model import Outcome
from squall.core.playbook.plan import PlanStep
from squall.core.run import values
from squall.core.run.facts import StepEnded
from squall.core.run.paths import iteration_path
from squall.core.run.state import StepState
from squall.core.run.turn import Turn


def conclusion(plan: PlanStep, step: StepState, outcome: Outcome) -> Outcome:
    """The outcome after `on_timeout` and `continue_on_failure`."""
    if outcome == "timed_out" and plan.step.on_timeout == "continue":
        return "succeeded"
    tolerance = plan.step.continue_on_failure
    if tolerance is None or outcome not in tolerance.outcomes:
        return outcome
    return "succeeded" if tolerance.max is None or step.tolerated < tolerance.max else outcome


def allowed(plan: PlanStep, outcome: Outcome, concluded: Outcome) -> bool:
    """Whether it is `continue_on_failure` that lets an outcome pass."""
    tolerance = plan.step.continue_on_failure
    return concluded != outcome and tolerance is not None and outcome in tolerance.outcomes


def tries_again(plan: PlanStep, step: StepState, outcome: Outcome) -> bool:
    """Whether another attempt follows one that ended so."""
    retry = plan.step.retry
    if retry is None or step.forced is not None:
        return False
    return outcome in retry.outcomes and step.attempt < retry.attempts


def backoff(turn: Turn, plan: PlanStep, step: StepState, place: str) -> int:
    """How long to wait before the next attempt, in nanoseconds."""
    assert plan.step.retry is not None
    asked = plan.step.retry.backoff
    # A large exponent overflows a float; long before that the cap holds.
    wait = min(asked.initial * asked.factor ** min(step.attempt - 1, 64), asked.cap)
    spread = 2 * turn.chance("retry", place, step.attempt) - 1
    return round(wait * (1 + asked.jitter * spread))


def tell(turn: Turn, plan: PlanStep, step: StepState, ended: StepState, above: str) -> None:
    """Tell the end of a round: how it ended, and what it came to until then."""
    deliveries: tuple[Delivery, ...] = ()
    for lease in step.leases:
        deliveries += lease.deliveries
    assert ended.outcome is not None
    assert ended.conclusion is not None
    turn.tell(
        StepEnded(
            at=turn.at,
            path=iteration_path(plan, step, above),
            outcome=ended.outcome,
            conclusion=ended.conclusion,
            reason=ended.reason,
            began=step.began,
            attempts=step.attempt,
            touched_nothing=bool(step.leases) and not any(d.met for d in deliveries),
            deliveries=deliveries,
            felt=values.felt_by(step),
            filled=step.filled,
        )
    )
