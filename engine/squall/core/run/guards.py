"""Guards: what must not happen while faults are on, asked each time clients are measured.

Called by `machine` when the edge or a load says what clients felt over the last second. A guard
that is true ends the run as aborted; so does one that cannot be worked out, because nobody knows
what it would have said. Without a request there is nothing to ask about. A load goes through its
targets, so its requests are felt there as well: each request counts once. A step is asked once
nothing from before it is in the picture.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from squall.core.faults.effects import PICTURE, Felt
from squall.core.playbook.expressions import Failure
from squall.core.playbook.model import Group, Injection, Load
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run import values
from squall.core.run.paths import attempt_path, names, shown
from squall.core.run.state import State, StepState
from squall.core.run.turn import Turn


def breach(turn: Turn, plan: Plan, state: State, source: str) -> str | None:
    """Why the run has to be aborted, now that clients of `source` were measured; None if not.

    `source` is a target, or the attempt of a load.
    """
    everywhere = frozenset(target.name for target in plan.playbook.targets)
    whole = _once(turn, plan.main, "main", everywhere)
    # Rounds side by side have the same inputs, so any of them may be asked.
    for step in _going_on(state.main)[:1]:
        for text in plan.playbook.abort_if if source in whole else ():
            if reason := _ask(turn, plan.main, step, "", text, _together(whole.values())):
                return reason
    for planned, step, above in _guarded(plan.main, state.main, ""):
        own = _own(turn, planned, step, above)
        for text in _of(planned) if source in own else ():
            if reason := _ask(turn, planned, step, above, text, _together(own.values())):
                return f"{shown(attempt_path(planned, step, above)).partition('#')[0]}: {reason}"
    return None


def is_guarded(plan: Plan) -> bool:
    """Whether anybody wants to know what clients feel while the run goes on."""
    return bool(plan.playbook.abort_if) or any(map(_of, plan.main.walk()))


def _of(plan: PlanStep) -> tuple[str, ...]:
    """The guards of a step, and of the playbook it calls."""
    action = plan.step.action
    called = action.called if isinstance(action, Group) else None
    return plan.step.abort_if + (called.abort_if if called is not None else ())


def _ask(
    turn: Turn, plan: PlanStep, step: StepState, above: str, text: str, felt: Felt | None
) -> str | None:
    if felt is None:
        return None
    measured = StepState(iteration=step.iteration, attempt=step.attempt, felt=felt)
    answer = values.ask(turn, plan, measured, above, text)
    if isinstance(answer, Failure):
        return f"abort_if {answer.reason}"
    return f"abort_if {text}; {values.were(turn, plan, measured, above, text)}" if answer else None


def _guarded(
    plan: PlanStep, step: StepState, above: str
) -> Iterator[tuple[PlanStep, StepState, str]]:
    """Every step that goes on and has a guard."""
    for one in _going_on(step):
        filled = plan.filled(one.filled)
        if _of(filled):
            yield filled, one, above
        path = attempt_path(filled, one, above)
        for below, child in zip(plan.children, one.children, strict=False):
            yield from _guarded(below, child, path)


def _going_on(step: StepState) -> tuple[StepState, ...]:
    """The step, or its rounds side by side, as far as it is doing something."""
    rounds = step.rounds if step.stage == "abreast" else (step,)
    return tuple(one for one in rounds if one.stage in {"active", "starting", "held"})


def _own(turn: Turn, plan: PlanStep, step: StepState, above: str) -> dict[str, Felt]:
    """What was measured for a step: at its targets since it is active, or by its own load."""
    path = attempt_path(plan, step, above)
    if isinstance(plan.step.action, Load):
        return {source: felt for source, (_, felt) in turn.pictures.items() if source == path}
    if step.activated is None:
        return {}
    targets = {
        target
        for step in plan.walk()
        if isinstance(step.step.action, Injection | Load)
        for target in step.step.targets
    }
    return _once(turn, plan, path, targets, step.activated + PICTURE)


def _once(
    turn: Turn, plan: PlanStep, path: str, targets: AbstractSet[str], since: int = 0
) -> dict[str, Felt]:
    """What was measured at targets `since` then, and by loads inside whose targets were not."""
    measured = {source: felt for source, (at, felt) in turn.pictures.items() if at >= since}
    loads = {
        below.path: below.step.targets
        for below in plan.walk()
        if isinstance(below.step.action, Load)
    }

    def counts(source: str) -> bool:
        if source in targets:
            return True
        sent_to = loads.get("/".join(names(source)), ()) if source.startswith(path) else ()
        return bool(sent_to) and measured.keys().isdisjoint(sent_to)

    return {source: felt for source, felt in measured.items() if counts(source)}


def _together(pictures: Iterable[Felt]) -> Felt | None:
    """Several measurements as one: sums, the worst percentiles; None without requests."""
    felt = [one for one in pictures if one.requests]
    if not felt:
        return None
    return Felt(
        requests=sum(one.requests for one in felt),
        errors=sum(one.errors for one in felt),
        rate=sum(one.rate for one in felt),
        p50=max(one.p50 for one in felt),
        p95=max(one.p95 for one in felt),
        p99=max(one.p99 for one in felt),
        max=max(one.max for one in felt),
    )
