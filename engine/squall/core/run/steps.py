"""One step's way from pending to ended, whatever it does: delay, iterations, attempts, time-out.

The functions take a step's plan and state and return its new state. What an attempt of a leaf does
is in `attempts`; a group's is here, because its children are steps again. A child that ends is told
to the group above it and no further, so a transition costs its depth, not the size of the plan.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from squall.core.faults.effects import Delivery
from squall.core.playbook.expressions import Failure
from squall.core.playbook.model import Group, Outcome
from squall.core.playbook.plan import PlanStep
from squall.core.run import attempts, rounds, values
from squall.core.run.facts import StepEnded, StepEntered, StepFilled
from squall.core.run.paths import attempt_path, iteration_path, shown, step_path
from squall.core.run.state import PENDING, StepState
from squall.core.run.turn import MAX_ROUNDS, Turn

Change = Callable[[PlanStep, StepState, str], StepState]

_SETTLED: Final = frozenset({"pending", "delayed", "retrying", "resting", "ended"})


def start(turn: Turn, plan: PlanStep, above: str) -> StepState:
    """Begin a step whose turn has come, if its `when` is true."""
    path = step_path(plan, above)
    if plan.step.when:
        answer = values.ask(turn, plan, PENDING, above, plan.step.when)
        if isinstance(answer, Failure):
            return _unbegun(turn, plan, above, "failed", f"when {answer.reason}")
        if answer is False:
            return _unbegun(turn, plan, above, "skipped", f"not so: {plan.step.when}")
    if plan.step.delay:
        until = turn.start_timer(f"delay|{path}", plan.step.delay)
        turn.tell(StepEntered(at=turn.at, path=path, phase="delayed", until=until))
        return replace(PENDING, stage="delayed")
    return enter(turn, plan, above)


def enter(turn: Turn, plan: PlanStep, above: str) -> StepState:
    """Its delay is over: start the clock of its time-out and the first iteration."""
    if plan.step.timeout is not None:
        turn.start_timer(f"timeout|{step_path(plan, above)}", plan.step.timeout)
    more = rounds.another(turn, plan, PENDING, above)
    if isinstance(more, Failure):
        return _unbegun(turn, plan, above, "failed", more.reason)
    if not more:
        return _unbegun(turn, plan, above, "skipped", "its loop has no round")
    return _iterate(turn, plan, replace(PENDING, iteration=0), above)


def _unbegun(turn: Turn, plan: PlanStep, above: str, outcome: Outcome, reason: str) -> StepState:
    """It is over before it did anything."""
    turn.cancel_timer(f"timeout|{step_path(plan, above)}")
    conclusion = _conclusion(plan, PENDING, outcome)
    return _over(turn, plan, PENDING, above, outcome, conclusion, reason)


def _iterate(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """Run iterations until one takes time or the last is over."""
    while True:
        turn.rounds += int(step.iteration > 0)
        step = replace(
            PENDING, iteration=step.iteration + 1, tolerated=step.tolerated, began=turn.at
        )
        if turn.rounds > MAX_ROUNDS:
            reason = f"the loop turned {MAX_ROUNDS:,} times without taking any time"
            return _over(turn, plan, step, above, "failed", "failed", reason)
        step = _round(turn, plan, step, above)
        if not step.more or _rests(turn, plan, step, above):
            return step if not step.more else replace(step, stage="resting")


def _round(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """One iteration: its values first, then its first attempt."""
    unable = values.begin_round(turn, plan, step, above)
    if unable is None and plan.step.blank is not None:
        filled = values.filled(turn, plan, step, above)
        if isinstance(filled, Failure):
            unable = filled
        else:
            step = replace(step, filled=filled)
            turn.tell(StepFilled(at=turn.at, path=iteration_path(plan, step, above), step=filled))
    if unable is not None:
        conclusion = _conclusion(plan, step, "failed")
        return _over(turn, plan, step, above, "failed", conclusion, unable.reason)
    return attempt(turn, plan, step, above)


def _rests(turn: Turn, plan: PlanStep, step: StepState, above: str) -> bool:
    """Whether the next round of a loop with a pace has to wait; then it is waited for."""
    if plan.step.loop is None or step.began is None:
        return False
    left = step.began + plan.step.loop.every - turn.at
    if left <= 0:
        return False
    path = step_path(plan, above)
    until = turn.start_timer(f"pace|{path}", left)
    turn.tell(StepEntered(at=turn.at, path=path, phase="delayed", until=until))
    return True


def attempt(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """Try once more."""
    step = replace(
        step, attempt=step.attempt + 1, stage="active", leases=(), children=(), answer=None,
        saw=None, felt=None,
    )  # fmt: skip
    plan = plan.filled(step.filled)
    path = attempt_path(plan, step, above)
    if isinstance(plan.step.action, Group):
        turn.tell(StepEntered(at=turn.at, path=path, phase="active"))
        step = replace(step, children=(PENDING,) * len(plan.children), cursor=0)
        return settle(turn, plan, advance_group(turn, plan, step, path), above)
    return settle(turn, plan, attempts.begin(turn, plan, step, path), above)


def settle(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """After anything happened in a step: is the attempt over, and what then?"""
    if step.stage in _SETTLED:
        return step
    plan = plan.filled(step.filled)
    path = attempt_path(plan, step, above)
    if isinstance(plan.step.action, Group):
        result = _group_result(step)
    else:
        result = attempts.result(turn, plan, step, path)
    if result is None:
        return step
    outcome, reason = step.forced or result
    if outcome == "succeeded" and plan.step.expect:
        disappointment = values.disappointment(turn, plan, step, above)
        outcome, reason = ("failed", disappointment) if disappointment else (outcome, reason)
    return _attempt_over(turn, plan, step, above, outcome, reason)


def _attempt_over(
    turn: Turn, plan: PlanStep, step: StepState, above: str, outcome: Outcome, reason: str
) -> StepState:
    retry = plan.step.retry
    again = retry is not None and outcome in retry.outcomes and step.attempt < retry.attempts
    if retry is not None and again and step.forced is None:
        path = attempt_path(plan, step, above)
        turn.forget_inside(path)
        wait = _backoff(turn, plan, step, iteration_path(plan, step, above))
        until = turn.start_timer(f"retry|{path}", wait)
        turn.tell(StepEntered(at=turn.at, path=path, phase="retrying", until=until))
        return replace(step, stage="retrying", reason=reason)
    return _over(turn, plan, step, above, outcome, _conclusion(plan, step, outcome), reason)


def _backoff(turn: Turn, plan: PlanStep, step: StepState, place: str) -> int:
    assert plan.step.retry is not None
    backoff = plan.step.retry.backoff
    # A large exponent overflows a float; long before that the cap holds.
    wait = min(backoff.initial * backoff.factor ** min(step.attempt - 1, 64), backoff.cap)
    spread = 2 * turn.chance("retry", place, step.attempt) - 1
    return round(wait * (1 + backoff.jitter * spread))


def _conclusion(plan: PlanStep, step: StepState, outcome: Outcome) -> Outcome:
    """The outcome after `on_timeout` and `continue_on_failure`."""
    if outcome == "timed_out" and plan.step.on_timeout == "continue":
        return "succeeded"
    tolerance = plan.step.continue_on_failure
    if tolerance is None or outcome not in tolerance.outcomes:
        return outcome
    return "succeeded" if tolerance.max is None or step.tolerated < tolerance.max else outcome


def _over(
    turn: Turn, plan: PlanStep, step: StepState, above: str,
    outcome: Outcome, conclusion: Outcome, reason: str,
) -> StepState:  # fmt: skip
    path = iteration_path(plan, step, above)
    more = False
    if conclusion == "succeeded" and step.forced is None and step.iteration:
        another = rounds.another(turn, plan, step, above)
        if isinstance(another, Failure):
            outcome, conclusion, reason = (
                "failed",
                _conclusion(plan, step, "failed"),
                another.reason,
            )
        else:
            more = another
    tolerance = plan.step.continue_on_failure
    allowed = conclusion != outcome and tolerance is not None and outcome in tolerance.outcomes
    if allowed:
        turn.warn(f"{shown(path)}: {reason}")
    deliveries: tuple[Delivery, ...] = ()
    for lease in step.leases:
        deliveries += lease.deliveries
    turn.tell(
        StepEnded(
            at=turn.at,
            path=path,
            outcome=outcome,
            conclusion=conclusion,
            reason=reason,
            began=step.began,
            attempts=step.attempt,
            touched_nothing=bool(step.leases) and not any(d.met for d in deliveries),
            deliveries=deliveries,
            felt=values.felt_by(step),
            filled=step.filled,
        )
    )
    ended = replace(
        PENDING,
        stage="ended",
        iteration=step.iteration,
        attempt=step.attempt,
        began=step.began,
        forced=step.forced,
        tolerated=step.tolerated + int(allowed),
        outcome=outcome,
        conclusion=conclusion,
        reason=reason,
        more=more,
    )
    values.keep_end(turn, plan, step, ended, above)
    if not more:
        turn.cancel_timer(f"timeout|{step_path(plan, above)}")
    return ended


def proceed(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """An iteration may just have ended: run the next ones."""
    if not step.more or step.stage == "resting":
        return step
    if _rests(turn, plan, step, above):
        return replace(step, stage="resting")
    return _iterate(turn, plan, step, above)


def go_round(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """A loop has rested for long enough."""
    return _iterate(turn, plan, step, above)


def omit(turn: Turn, plan: PlanStep, above: str, reason: str) -> StepState:
    """It never runs: something before it went wrong."""
    turn.tell(
        StepEnded(
            at=turn.at,
            path=step_path(plan, above),
            outcome="omitted",
            conclusion="omitted",
            reason=reason,
        )
    )
    ended = replace(PENDING, stage="ended", outcome="omitted", conclusion="omitted", reason=reason)
    values.keep_end(turn, plan, PENDING, ended, above)
    return ended


def wind_down(
    turn: Turn, plan: PlanStep, step: StepState, above: str, outcome: Outcome, reason: str
) -> StepState:
    """End a step as soon as everything in it is undone and awaited; the first reason stays."""
    if step.ended:
        return step
    if step.stage == "pending":
        return omit(turn, plan, above, reason)
    if step.stage == "delayed":
        turn.cancel_timer(f"delay|{step_path(plan, above)}")
        ended = replace(step, iteration=1, forced=(outcome, reason))
        return _over(turn, plan, ended, above, outcome, outcome, reason)
    plan = plan.filled(step.filled)
    path = attempt_path(plan, step, above)
    step = replace(step, forced=step.forced or (outcome, reason))
    if step.stage == "resting":
        return _stop_resting(turn, plan, step, above)
    if step.stage == "retrying":
        turn.cancel_timer(f"retry|{path}")
        forced, why = step.forced or (outcome, reason)
        return _over(turn, plan, step, above, forced, _conclusion(plan, step, forced), why)
    if isinstance(plan.step.action, Group):
        step = _wind_down_children(turn, plan, step, path, reason)
    else:
        step = attempts.wind_down(turn, plan, step, path)
    return settle(turn, plan, step, above)


def _stop_resting(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """No next round: the last one has been told, and the loop ends as it was asked to."""
    path = step_path(plan, above)
    turn.cancel_timer(f"pace|{path}")
    turn.cancel_timer(f"timeout|{path}")
    outcome, reason = step.forced or ("cancelled", "")
    conclusion = _conclusion(plan, step, outcome)
    return replace(
        step, stage="ended", more=False, outcome=outcome, conclusion=conclusion, reason=reason
    )


# -- groups -----------------------------------------------------------------------------------


def advance_group(
    turn: Turn, plan: PlanStep, step: StepState, path: str, ended: int | None = None
) -> StepState:
    """Start what may start: at the beginning of a group, or after its child `ended` has ended."""
    children = list(step.children)
    if not plan.parallel:
        return _advance_sequence(turn, plan, step, path, children)
    over = [ended] if ended is not None else _start_ready(turn, plan, children, path)
    return _advance_parallel(turn, plan, step, path, children, over)


def _start_ready(turn: Turn, plan: PlanStep, children: list[StepState], path: str) -> list[int]:
    """Start every child of a parallel group that needs nothing; returns those over at once."""
    for index in range(len(children)):
        children[index] = _start_when_ready(turn, plan, children, index, path)
    return [index for index, child in enumerate(children) if child.ended]


def _advance_sequence(
    turn: Turn, plan: PlanStep, step: StepState, path: str, children: list[StepState]
) -> StepState:
    cursor = step.cursor
    while cursor < len(children):
        if children[cursor].stage == "pending":
            children[cursor] = start(turn, plan.children[cursor], path)
        child = children[cursor]
        if not child.ended:
            break
        cursor += 1
        if not child.passed:
            return _fail(turn, plan, replace(step, cursor=cursor), path, children, cursor - 1)
    return replace(step, children=tuple(children), cursor=cursor)


def _advance_parallel(
    turn: Turn, plan: PlanStep, step: StepState, path: str,
    children: list[StepState], over: list[int],
) -> StepState:  # fmt: skip
    for index in over:
        step = replace(step, cursor=step.cursor + 1)
        if _unhandled(plan, children[index], index):
            return _fail(turn, plan, step, path, children, index)
        for dependent in plan.dependents[index]:
            if children[dependent].stage == "pending":
                children[dependent] = _start_when_ready(turn, plan, children, dependent, path)
                if children[dependent].ended:
                    over.append(dependent)
    return replace(step, children=tuple(children))


def _start_when_ready(
    turn: Turn, plan: PlanStep, children: list[StepState], index: int, path: str
) -> StepState:
    """Start a pending child if all it needs is there, omit it if that can no longer be."""
    child = children[index]
    if child.stage != "pending":
        return child
    for edge in plan.edges[index]:
        before = children[edge.index]
        if not before.ended:
            return child
        met = before.outcome in edge.outcomes if edge.outcomes else before.passed
        if not met:
            name = plan.children[edge.index].step.name
            return omit(turn, plan.children[index], path, f"'{name}' {_said(before.outcome)}")
    return start(turn, plan.children[index], path)


def _unhandled(plan: PlanStep, child: StepState, index: int) -> bool:
    if child.passed or child.conclusion == "omitted":
        return False
    return child.outcome not in plan.handled[index]


def _fail(
    turn: Turn, plan: PlanStep, step: StepState, path: str, children: list[StepState], index: int
) -> StepState:
    """A child failed and nobody handles it: the rest is cancelled, awaited and undone."""
    child, name = children[index], plan.children[index].step.name
    if plan.children[index].step.loop:
        name = f"{name}[{child.iteration}]"
    reason = f"{name}: {child.reason}" if child.reason else f"{name} {child.outcome}"
    failing = replace(step, children=tuple(children), answer=step.answer or ("failed", reason))
    return _wind_down_children(turn, plan, failing, path, f"'{name}' {_said(child.outcome)}")


def _wind_down_children(
    turn: Turn, plan: PlanStep, step: StepState, path: str, reason: str
) -> StepState:
    children = tuple(
        wind_down(turn, below, child, path, "cancelled", reason)
        for below, child in zip(plan.children, step.children, strict=True)
    )
    return replace(step, stage="undoing", children=children)


def _group_result(step: StepState) -> tuple[Outcome, str] | None:
    """How a group ended, once all its children have."""
    if step.stage == "active" and step.cursor < len(step.children):
        return None
    if step.stage == "undoing" and not all(child.ended for child in step.children):
        return None
    return step.answer or ("succeeded", "")


# -- reaching steps ---------------------------------------------------------------------------


def at_path(
    turn: Turn, plan: PlanStep, step: StepState, above: str, rest: Sequence[str], change: Change
) -> StepState:
    """Change the step that `rest` names below this one, and let everything above it follow.

    `change` gets the step's plan, its state and the path above it; it returns the same state when
    what it brings belongs to an attempt long over.
    """
    if not rest:
        changed = change(plan.filled(step.filled), step, above)
        if changed is step:
            return step
        return proceed(turn, plan, settle(turn, plan, changed, above), above)
    index = plan.places.get(rest[0])
    if index is None or not step.children:
        return step
    path = attempt_path(plan, step, above)
    child = step.children[index]
    changed = at_path(turn, plan.children[index], child, path, rest[1:], change)
    if changed is child:
        return step
    step = _with_child(step, index, changed)
    if changed.ended and step.stage == "active":
        step = advance_group(turn, plan, step, path, index)
    return proceed(turn, plan, settle(turn, plan, step, above), above)


def _with_child(step: StepState, index: int, child: StepState) -> StepState:
    children = list(step.children)
    children[index] = child
    return replace(step, children=tuple(children))


def everywhere(
    turn: Turn, plan: PlanStep, step: StepState, above: str, change: Change
) -> StepState:
    """Change every leaf that is doing something, and let everything above follow."""
    if step.stage in _SETTLED:
        return step
    path = attempt_path(plan, step, above)
    if not isinstance(plan.step.action, Group):
        changed = change(plan.filled(step.filled), step, above)
        return proceed(turn, plan, settle(turn, plan, changed, above), above)
    for index in range(len(step.children)):
        child = step.children[index]
        changed = everywhere(turn, plan.children[index], child, path, change)
        if changed is child:
            continue
        step = _with_child(step, index, changed)
        if changed.ended and step.stage == "active":
            step = advance_group(turn, plan, step, path, index)
    return proceed(turn, plan, settle(turn, plan, step, above), above)


def leaves(step: StepState) -> Iterator[StepState]:
    """Every leaf that has begun and is not over."""
    if step.children:
        for child in step.children:
            if not child.ended:
                yield from leaves(child)
    elif step.stage not in _SETTLED:
        yield step


def _said(outcome: Outcome | None) -> str:
    return str(outcome).replace("_", " ")
