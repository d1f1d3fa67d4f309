"""What a group makes of its children: which may start, which failure ends it, how it ended.

Called by `steps`, which does what is found here. Nothing is changed and nothing is told.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from squall.core.playbook.model import Group, Outcome
from squall.core.playbook.plan import PlanStep
from squall.core.run.state import StepState


def lacking(plan: PlanStep, children: Sequence[StepState], index: int) -> str | None:
    """What keeps a child from starting: nothing, a sibling that is not over, or one that ended so.

    None: it may start. Empty: not yet. Else it never will, and this is why.
    """
    for edge in plan.edges[index]:
        before = children[edge.index]
        if not before.ended:
            return ""
        met = before.outcome in edge.outcomes if edge.outcomes else before.passed
        if not met:
            return f"'{plan.children[edge.index].step.name}' {said(before.outcome)}"
    return None


def unhandled(plan: PlanStep, child: StepState, index: int) -> bool:
    """Whether a child of a parallel group failed, and no sibling waits for just that."""
    if child.passed or child.conclusion == "omitted":
        return False
    return child.outcome not in plan.handled[index]


def goes_on(plan: PlanStep) -> bool:
    """Whether what follows a failed child is tried all the same: what tidies up in `finally`."""
    called = plan.step.action.called if isinstance(plan.step.action, Group) else None
    return plan.path == "finally" or (called is not None and called.tidies)


def failing(plan: PlanStep, step: StepState) -> StepState:
    """A sequence all of whose children are tried fails for the reason of the first that failed."""
    if not goes_on(plan) or step.cursor < len(step.children) or step.answer is not None:
        return step
    ended = zip(plan.children, step.children, strict=True)
    reason = next((why(below, child) for below, child in ended if not child.passed), None)
    return step if reason is None else replace(step, answer=("failed", reason))


def why(plan: PlanStep, child: StepState) -> str:
    """Why the group of a child that failed has failed."""
    in_round = plan.step.loop and child.iteration
    name = f"{plan.step.name}[{child.iteration}]" if in_round else plan.step.name
    return f"{name}: {child.reason}" if child.reason else f"{name} {child.outcome}"


def result(step: StepState) -> tuple[Outcome, str] | None:
    """How a group ended, once all its children have."""
    if step.stage == "active" and step.cursor < len(step.children):
        return None
    if step.stage == "undoing" and not all(child.ended for child in step.children):
        return None
    return step.answer or ("succeeded", "")


def with_child(step: StepState, index: int, child: StepState) -> tuple[StepState, ...]:
    """The children, one of them changed."""
    children = list(step.children)
    children[index] = child
    return tuple(children)


def said(outcome: Outcome | None) -> str:
    """An outcome in words."""
    return str(outcome).replace("_", " ")
