"""One step's way from pending to ended, whatever it does: delay, rounds, attempts, time-out.

The functions take a step's plan and state and return its new state. What an attempt of a leaf does
is in `attempts`; a group's is here, because its children are steps again, and so are the rounds of
a loop. A child that ends is told to the group above it and no further, so a transition costs its
depth, not the size of the plan. How an event finds its step is known to `reach`.
"""

from collections.abc import Callable

from msgspec.structs import replace

from squall.core.playbook.expressions import Failure
from squall.core.playbook.model import Group, Outcome
from squall.core.playbook.plan import PlanStep
from squall.core.run import attempts, groups, outcomes, rounds, values
from squall.core.run.facts import StepEntered, StepFilled
from squall.core.run.paths import attempt_path, iteration_path, shown, step_path
from squall.core.run.state import PENDING, SETTLED, StepState
from squall.core.run.turn import MAX_ROUNDS, UNKNOWN, Turn


def start(turn: Turn, plan: PlanStep, above: str) -> StepState:
    """Begin a step whose turn has come, if its `when` is true."""
    path = step_path(plan, above)
    if plan.step.when:
        answer = values.ask(turn, plan, PENDING, above, plan.step.when)
        if isinstance(answer, Failure):
            return _unbegun(turn, plan, above, "failed", f"when {answer.reason}")
        if answer is False:
            return _unbegun(turn, plan, above, "skipped", f"not so: {plan.step.when}")
        if answer is UNKNOWN:
            turn.suppose(path, f"when {plan.step.when} is not known, it is taken as true")
    if plan.step.delay:
        until = turn.start_timer(f"delay|{path}", plan.step.delay)
        turn.tell(StepEntered(at=turn.at, path=path, phase="delayed", until=until))
        return replace(PENDING, stage="delayed")
    return enter(turn, plan, above)


def enter(turn: Turn, plan: PlanStep, above: str) -> StepState:
    """Its delay is over: start the clock of its time-out and the first round."""
    if plan.step.timeout is not None:
        turn.start_timer(f"timeout|{step_path(plan, above)}", plan.step.timeout)
    more = rounds.another(turn, plan, PENDING, above)
    if isinstance(more, Failure):
        return _unbegun(turn, plan, above, "failed", more.reason)
    if not more:
        return _unbegun(turn, plan, above, "skipped", "its loop has no round")
    if rounds.side_by_side(plan):
        return _abreast(turn, plan, replace(PENDING, stage="abreast"), above)
    return _iterate(turn, plan, PENDING, above)


def omit(turn: Turn, plan: PlanStep, above: str, reason: str) -> StepState:
    """It never runs: something before it went wrong."""
    ended = replace(PENDING, stage="ended", outcome="omitted", conclusion="omitted", reason=reason)
    outcomes.tell(turn, plan, PENDING, ended, above)
    values.keep_end(turn, plan, PENDING, ended, above)
    return ended


def _unbegun(turn: Turn, plan: PlanStep, above: str, outcome: Outcome, reason: str) -> StepState:
    """It is over before it did anything."""
    turn.cancel_timer(f"timeout|{step_path(plan, above)}")
    concluded = outcomes.conclusion(plan, PENDING, outcome)
    return _over(turn, plan, PENDING, above, outcome, concluded, reason)


# -- rounds, one after the other --------------------------------------------------------------


def _iterate(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """Run rounds until one takes time or the last is over."""
    while True:
        turn.rounds += int(step.iteration > 0)
        step = replace(
            PENDING, iteration=step.iteration + 1, tolerated=step.tolerated, began=turn.at
        )
        step = _round(turn, plan, step, above)
        if not step.more or rounds.rest(turn, plan, step, above):
            return step if not step.more else replace(step, stage="resting")


def _round(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """One round: its values first, then its first attempt."""
    if turn.rounds > MAX_ROUNDS:
        reason = f"the loop turned {MAX_ROUNDS:,} times without taking any time"
        return _over(turn, plan, step, above, "failed", "failed", reason)
    unable = values.begin_round(turn, plan, step, above)
    if unable is None and plan.step.blank is not None:
        filled = values.filled(turn, plan, step, above)
        if isinstance(filled, Failure):
            unable = filled
        else:
            step = replace(step, filled=filled)
            turn.tell(StepFilled(at=turn.at, path=iteration_path(plan, step, above), step=filled))
    if unable is not None:
        concluded = outcomes.conclusion(plan, step, "failed")
        return _over(turn, plan, step, above, "failed", concluded, unable.reason)
    return attempt(turn, plan, step, above)


def proceed(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """A round may just have ended: run the next ones."""
    if not step.more or step.stage == "resting":
        return step
    if rounds.rest(turn, plan, step, above):
        return replace(step, stage="resting")
    return _iterate(turn, plan, step, above)


def go_round(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """A loop has rested for long enough."""
    if step.stage == "abreast":
        return _abreast(turn, plan, step, above)
    return _iterate(turn, plan, step, above)


# -- rounds, side by side ---------------------------------------------------------------------


def _abreast(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """Start rounds while there is room and time for one; the loop ends with the last of them."""
    while rounds.has_room(plan, step):
        more = step.iteration == 0 or rounds.another(turn, plan, step, above)
        if more is not True or rounds.rest(turn, plan, step, above):
            break
        step = replace(step, iteration=step.iteration + 1, began=turn.at)
        begun = _round(turn, plan, rounds.first_of(step), above)
        turn.rounds += int(begun.ended)
        step = _with_round(turn, plan, step, above, begun)
    if step.rounds or turn.waits_for(f"pace|{step_path(plan, above)}"):
        return step
    turn.cancel_timer(f"timeout|{step_path(plan, above)}")
    return rounds.over(plan, step)


def _with_round(
    turn: Turn, plan: PlanStep, step: StepState, above: str, changed: StepState
) -> StepState:
    """Put a round back into its loop; one that failed ends all the others."""
    went_well = step.answer is None and step.forced is None
    step = rounds.put(step, changed)
    if went_well and step.answer is not None:
        reason = f"'{plan.step.name}[{changed.iteration}]' {groups.said(changed.outcome)}"
        return _wind_down_rounds(turn, plan, step, above, "cancelled", reason)
    return step


def _wind_down_rounds(
    turn: Turn, plan: PlanStep, step: StepState, above: str, outcome: Outcome, reason: str
) -> StepState:
    turn.cancel_timer(f"pace|{step_path(plan, above)}")
    for one in step.rounds:
        counting = replace(one, tolerated=step.tolerated)
        step = rounds.put(step, wind_down(turn, plan, counting, above, outcome, reason))
    return step


def in_round(
    turn: Turn, plan: PlanStep, step: StepState, above: str, number: int,
    change: Callable[[StepState], StepState],
) -> StepState:  # fmt: skip
    """Change one of the rounds that go on side by side, and let the loop follow."""
    one = rounds.numbered(step, number)
    if one is None:
        return step
    # Failures are counted over all rounds, also over those that ended since this one began.
    one = one if one.tolerated == step.tolerated else replace(one, tolerated=step.tolerated)
    changed = change(one)
    if changed is one:
        return step
    step = _with_round(turn, plan, step, above, changed)
    return _abreast(turn, plan, step, above) if changed.ended else step


# -- attempts ---------------------------------------------------------------------------------


def attempt(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """Try once more."""
    step = replace(
        step, attempt=step.attempt + 1, stage="active", leases=(), children=(), answer=None,
        saw=None, felt=None, activated=None,
    )  # fmt: skip
    plan = plan.filled(step.filled)
    path = attempt_path(plan, step, above)
    if isinstance(plan.step.action, Group):
        turn.tell(StepEntered(at=turn.at, path=path, phase="active"))
        step = replace(step, children=(PENDING,) * len(plan.children), cursor=0, activated=turn.at)
        return settle(turn, plan, advance_group(turn, plan, step, path), above)
    return settle(turn, plan, attempts.begin(turn, plan, step, path), above)


def settle(turn: Turn, plan: PlanStep, step: StepState, above: str) -> StepState:
    """After anything happened in a step: is the attempt over, and what then?"""
    if step.stage in SETTLED:
        return step
    plan = plan.filled(step.filled)
    if isinstance(plan.step.action, Group):
        result = groups.result(step)
    else:
        result = attempts.result(turn, plan, step, attempt_path(plan, step, above))
    if result is None:
        return step
    outcome, reason = step.forced or result
    if outcome == "succeeded" and plan.step.expect:
        disappointment = values.disappointment(turn, plan, step, above)
        outcome, reason = ("failed", disappointment) if disappointment else (outcome, reason)
    if outcomes.tries_again(plan, step, outcome):
        return _retry(turn, plan, step, above, reason)
    concluded = outcomes.conclusion(plan, step, outcome)
    return _over(turn, plan, step, above, outcome, concluded, reason)


def _retry(turn: Turn, plan: PlanStep, step: StepState, above: str, reason: str) -> StepState:
    path = attempt_path(plan, step, above)
    turn.forget_inside(path)
    wait = outcomes.backoff(turn, plan, step, iteration_path(plan, step, above))
    until = turn.start_timer(f"retry|{path}", wait)
    turn.tell(StepEntered(at=turn.at, path=path, phase="retrying", until=until))
    return replace(step, stage="retrying", reason=reason)


def _over(
    turn: Turn, plan: PlanStep, step: StepState, above: str,
    outcome: Outcome, concluded: Outcome, reason: str,
) -> StepState:  # fmt: skip
    """A round is over: tell it, keep what others will ask of it, say whether another follows."""
    alone = not rounds.side_by_side(plan)
    more: bool | Failure = False
    if alone and concluded == "succeeded" and step.forced is None and step.iteration:
        more = rounds.another(turn, plan, step, above)
    if isinstance(more, Failure):
        outcome, reason = "failed", more.reason
        concluded = outcomes.conclusion(plan, step, outcome)
    allowed = outcomes.allowed(plan, outcome, concluded)
    if allowed:
        turn.warn(f"{shown(iteration_path(plan, step, above))}: {reason}")
    ended = replace(
        PENDING,
        stage="ended",
        iteration=step.iteration,
        attempt=step.attempt,
        began=step.began,
        forced=step.forced,
        tolerated=step.tolerated + int(allowed),
        outcome=outcome,
        conclusion=concluded,
        reason=reason,
        more=more is True,
    )
    outcomes.tell(turn, plan, step, ended, above)
    values.keep_end(turn, plan, step, ended, above)
    if alone and not ended.more:
        turn.cancel_timer(f"timeout|{step_path(plan, above)}")
    return ended


# -- ending early -----------------------------------------------------------------------------


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
    forced = step.forced or (outcome, reason)
    step = replace(step, forced=forced)
    if step.stage == "abreast":
        step = _wind_down_rounds(turn, plan, step, above, outcome, reason)
        return _abreast(turn, plan, step, above)
    if step.stage == "resting":
        return _stop_resting(turn, plan, step, above)
    plan = plan.filled(step.filled)
    path = attempt_path(plan, step, above)
    if step.stage == "retrying":
        turn.cancel_timer(f"retry|{path}")
        concluded = outcomes.conclusion(plan, step, forced[0])
        return _over(turn, plan, step, above, forced[0], concluded, forced[1])
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
    concluded = outcomes.conclusion(plan, step, outcome)
    return replace(
        step, stage="ended", more=False, outcome=outcome, conclusion=concluded, reason=reason
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
        _start_when_ready(turn, plan, children, index, path)
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
        if not child.passed and not groups.goes_on(plan):
            return _fail(turn, plan, replace(step, cursor=cursor), path, children, cursor - 1)
    return groups.failing(plan, replace(step, children=tuple(children), cursor=cursor))


def _advance_parallel(
    turn: Turn, plan: PlanStep, step: StepState, path: str,
    children: list[StepState], over: list[int],
) -> StepState:  # fmt: skip
    for index in over:
        step = replace(step, cursor=step.cursor + 1)
        if groups.unhandled(plan, children[index], index):
            return _fail(turn, plan, step, path, children, index)
        for dependent in plan.dependents[index]:
            if children[dependent].stage == "pending":
                _start_when_ready(turn, plan, children, dependent, path)
                if children[dependent].ended:
                    over.append(dependent)
    return replace(step, children=tuple(children))


def _start_when_ready(
    turn: Turn, plan: PlanStep, children: list[StepState], index: int, path: str
) -> None:
    """Start a pending child if all it needs is there, omit it if that can no longer be."""
    if children[index].stage != "pending":
        return
    lacking = groups.lacking(plan, children, index)
    if lacking is None:
        children[index] = start(turn, plan.children[index], path)
    elif lacking:
        children[index] = omit(turn, plan.children[index], path, lacking)


def _fail(
    turn: Turn, plan: PlanStep, step: StepState, path: str, children: list[StepState], index: int
) -> StepState:
    """A child failed and nobody handles it: the rest is cancelled, awaited and undone."""
    child, below = children[index], plan.children[index]
    answer = step.answer or ("failed", groups.why(below, child))
    failing = replace(step, children=tuple(children), answer=answer)
    reason = f"'{below.step.name}' {groups.said(child.outcome)}"
    return _wind_down_children(turn, plan, failing, path, reason)


def _wind_down_children(
    turn: Turn, plan: PlanStep, step: StepState, path: str, reason: str
) -> StepState:
    children = tuple(
        wind_down(turn, below, child, path, "cancelled", reason)
        for below, child in zip(plan.children, step.children, strict=True)
    )
    return replace(step, stage="undoing", children=children)
