"""Whether a loop goes round once more, and when; and the rounds that go on side by side.

Called by `steps` before the first round and after each. Conditions are asked with what the last
round saw; where that is not known, as in a rehearsal, the loop goes on to its `max`. Rounds side by
side are kept in the order they were started; one that is over leaves the state, counts stay.
"""

from bisect import bisect_left
from operator import attrgetter

from msgspec.structs import replace

from squall.core.playbook.expressions import Failure
from squall.core.playbook.plan import PlanStep
from squall.core.run import outcomes, values
from squall.core.run.facts import StepEntered
from squall.core.run.paths import step_path
from squall.core.run.state import PENDING, StepState
from squall.core.run.turn import UNKNOWN, Known, Turn, Unknown


def another(turn: Turn, plan: PlanStep, step: StepState, above: str) -> bool | Failure:
    """Whether another round follows this one; with iteration 0, whether there is a first."""
    loop = plan.step.loop
    if loop is None:
        return step.iteration == 0
    if loop.times is not None:
        return step.iteration < loop.times
    if loop.each or loop.each_of:
        return _next_item(turn, plan, step, above)
    if loop.while_:
        return _while(turn, plan, step, above, loop.while_)
    if loop.until and step.iteration:
        return _until(turn, plan, step, above, loop.until)
    return loop.max is None or step.iteration < loop.max


def _while(
    turn: Turn, plan: PlanStep, step: StepState, above: str, condition: str
) -> bool | Failure:
    most = plan.step.loop.max if plan.step.loop else None
    if most is not None and step.iteration >= most:
        return False
    ahead: dict[str, Known] = {"loop.index": step.iteration + 1}
    answer = values.ask(turn, plan, step, above, condition, ahead)
    if isinstance(answer, Failure):
        # Nothing was seen before the first round, so that cannot keep it back.
        first = step.iteration == 0 and values.speaks_of_itself(plan, condition)
        return True if first else Failure(f"while {answer.reason}")
    if answer is UNKNOWN:
        _suppose(turn, plan, above, f"while {condition}", most or 1)
        return most is not None or step.iteration == 0
    return answer is True


def _until(
    turn: Turn, plan: PlanStep, step: StepState, above: str, condition: str
) -> bool | Failure:
    most = plan.step.loop.max if plan.step.loop else None
    answer = values.ask(turn, plan, step, above, condition)
    if isinstance(answer, Failure):
        return Failure(f"until {answer.reason}")
    if answer is UNKNOWN:
        _suppose(turn, plan, above, f"until {condition}", most or 1)
        return most is not None and step.iteration < most
    if answer is True:
        return False
    if most is not None and step.iteration >= most:
        return Failure(f"until {condition}: not so after {most:,} rounds")
    return True


def _next_item(turn: Turn, plan: PlanStep, step: StepState, above: str) -> bool | Failure:
    loop = plan.step.loop
    assert loop is not None
    path = step_path(plan, above)
    if step.iteration == 0:
        answer: values.Worth = loop.items()
        if loop.each_of:
            answer = values.ask(turn, plan, step, above, loop.each_of)
        if isinstance(answer, Failure):
            return Failure(f"each: {answer.reason}")
        if not isinstance(answer, list | Unknown):
            return Failure("each: it is no list")
        if answer is UNKNOWN:
            _suppose(turn, plan, above, f"each {loop.each_of}", 1)
        turn.keep(path, "each", answer)
    items = turn.recall(path, "each")
    return step.iteration < len(items) if isinstance(items, list) else step.iteration == 0


def _suppose(turn: Turn, plan: PlanStep, above: str, condition: str, many: int) -> None:
    rounds = "one round is" if many == 1 else f"{many:,} rounds are"
    turn.suppose(step_path(plan, above), f"{condition} is not known, {rounds} assumed")


def rest(turn: Turn, plan: PlanStep, step: StepState, above: str) -> bool:
    """Whether the next round of a loop with a pace has to wait; then it is waited for."""
    if plan.step.loop is None or step.began is None:
        return False
    left = step.began + plan.step.loop.every - turn.at
    if left <= 0:
        return False
    path = step_path(plan, above)
    if not turn.waits_for(f"pace|{path}"):
        until = turn.start_timer(f"pace|{path}", left)
        if not step.rounds:
            turn.tell(StepEntered(at=turn.at, path=path, phase="delayed", until=until))
    return True


# -- side by side -----------------------------------------------------------------------------


def side_by_side(plan: PlanStep) -> bool:
    """Whether several rounds of a step may go on at once."""
    return plan.step.loop is not None and plan.step.loop.max_parallel > 1


def has_room(plan: PlanStep, step: StepState) -> bool:
    """Whether one more round may start beside those that go on."""
    most = plan.step.loop.max_parallel if plan.step.loop else 1
    return step.answer is None and step.forced is None and len(step.rounds) < most


def first_of(step: StepState) -> StepState:
    """The newest round of a loop, before it has done anything."""
    return replace(PENDING, iteration=step.iteration, tolerated=step.tolerated, began=step.began)


def numbered(step: StepState, number: int) -> StepState | None:
    """The round of this number, if it goes on."""
    at = bisect_left(step.rounds, number, key=attrgetter("iteration"))
    one = step.rounds[at] if at < len(step.rounds) else None
    return one if one is not None and one.iteration == number else None


def put(step: StepState, changed: StepState) -> StepState:
    """A loop with one of its rounds changed, or let go when it is over.

    The first that did not pass decides how the loop ends.
    """
    at = bisect_left(step.rounds, changed.iteration, key=attrgetter("iteration"))
    after = at + (numbered(step, changed.iteration) is not None)
    if not changed.ended:
        return replace(step, rounds=(*step.rounds[:at], changed, *step.rounds[after:]))
    step = replace(
        step,
        rounds=step.rounds[:at] + step.rounds[after:],
        attempt=max(step.attempt, changed.attempt),
        tolerated=changed.tolerated,
        outcome=changed.outcome,
        reason=changed.reason,
    )
    if changed.passed or step.answer is not None or changed.outcome is None:
        return step
    return replace(step, answer=(changed.outcome, changed.reason), iteration=changed.iteration)


def over(plan: PlanStep, step: StepState) -> StepState:
    """The loop when no round goes on or follows: as the first that failed, else as the last."""
    outcome, reason = step.answer or step.forced or (step.outcome, step.reason)
    concluded = outcome if step.answer else "succeeded"
    if step.forced and not step.answer:
        concluded = outcomes.conclusion(plan, step, step.forced[0])
    return replace(
        step, stage="ended", answer=None, outcome=outcome, conclusion=concluded, reason=reason
    )
