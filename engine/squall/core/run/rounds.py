"""Whether a loop goes round once more, and when.

Called by `steps` before the first round and after each. Conditions are asked with what the last
round saw; where that is not known, as in a rehearsal, the loop goes on to its `max`.
"""

from squall.core.playbook.expressions import Failure
from squall.core.playbook.plan import PlanStep
from squall.core.run import values
from squall.core.run.paths import step_path
from squall.core.run.state import StepState
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
        return Failure(f"while {answer.reason}")
    if answer is UNKNOWN:
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
        answer: values.Answer = loop.items()
        if loop.each_of:
            answer = values.ask(turn, plan, step, above, loop.each_of)
        if isinstance(answer, Failure):
            return Failure(f"each: {answer.reason}")
        if not isinstance(answer, list | Unknown):
            return Failure("each: it is no list")
        turn.keep(path, "each", answer)
    items = turn.recall(path, "each")
    return step.iteration < len(items) if isinstance(items, list) else step.iteration == 0
