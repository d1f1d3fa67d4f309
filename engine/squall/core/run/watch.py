"""Whether the system is in its steady state: looked at before, during and after the faults.

Called by `steady`, which knows what to make of the answer. A look asks all checks at once and is
over when each has answered or had its time; the next begins `every` so often. It knows nothing of
steps, and its probes go on while a run is paused.
"""

from typing import Final, Literal

from msgspec.structs import replace

from squall.core.playbook.model import Probe
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.playbook.talk import STEADY
from squall.core.run import values
from squall.core.run.answers import wrong_by_itself
from squall.core.run.commands import CancelAction, StartProbe
from squall.core.run.events import ActionEnded
from squall.core.run.facts import SteadyStateSeen, WatchStage
from squall.core.run.state import PENDING, Watch
from squall.core.run.turn import Turn
from squall.core.timing import MILLISECOND, SECOND, Duration, format_duration

PATIENCE: Final = Duration(5 * SECOND)
"""How long a check may take, where the looks are not further apart."""
RECOVERY_PACE: Final = Duration(500 * MILLISECOND)
"""How often it is looked whether the system has recovered, if not more often anyway."""

Judgement = Literal["open", "holds", "broken"]


def begin(turn: Turn, plan: Plan, stage: WatchStage) -> Watch:
    """Start to look."""
    return look(turn, plan, Watch(stage=stage, since=turn.at))


def look(turn: Turn, plan: Plan, watch: Watch) -> Watch:
    """Ask all checks."""
    steady = _steady(plan)
    number = turn.next_look()
    for check in steady.children:
        assert isinstance(check.step.action, Probe)
        turn.do(StartProbe(path=f"{check.path}#{number}", probe=check.step.action))
    assert plan.playbook.steady_state is not None
    turn.start_timer(f"check|{STEADY}#{number}", max(PATIENCE, plan.playbook.steady_state.every))
    waiting = tuple(check.step.name for check in steady.children)
    return replace(watch, look=number, began=turn.at, waiting=waiting, failed=())


def heard(turn: Turn, plan: Plan, watch: Watch, event: ActionEnded) -> Watch:
    """One check came back; an answer to an older look changes nothing."""
    path, _, look = event.path.partition("#")
    name = path.partition("/")[2]
    if look != str(watch.look) or name not in watch.waiting:
        return watch
    check = next(one for one in _steady(plan).children if one.step.name == name)
    reason = _wrong(turn, check, event)
    failed = watch.failed if reason is None else (*watch.failed, f"{name}: {reason}")
    waiting = tuple(one for one in watch.waiting if one != name)
    if not waiting:
        turn.cancel_timer(f"check|{STEADY}#{look}")
    return replace(watch, waiting=waiting, failed=failed)


def _wrong(turn: Turn, check: PlanStep, event: ActionEnded) -> str | None:
    """Why a check did not pass."""
    if event.outcome == "failed" and event.saw is None:
        return event.reason
    step = replace(PENDING, attempt=1, saw=event.saw)
    if check.step.expect:
        return values.disappointment(turn, check, step, STEADY)
    assert isinstance(check.step.action, Probe)
    return (event.saw and wrong_by_itself(check.step.action, event.saw)) or None


def overdue(turn: Turn, watch: Watch) -> Watch:
    """Checks that have not answered in time count as failed."""
    for name in watch.waiting:
        turn.do(CancelAction(path=f"{STEADY}/{name}#{watch.look}"))
    late = tuple(f"{name}: no answer in time" for name in watch.waiting)
    return replace(watch, waiting=(), failed=watch.failed + late)


def judge(turn: Turn, plan: Plan, watch: Watch) -> tuple[Watch, Judgement]:
    """What a look that is over says; while nothing is certain the next one is waited for."""
    if watch.waiting:
        return watch, "open"
    steady = plan.playbook.steady_state
    assert steady is not None
    watch = replace(watch, strikes=watch.strikes + 1 if watch.failed else 0)
    if not watch.failed and watch.stage != "during":
        _tell(turn, watch, holds=True)
        return watch, "holds"
    late = watch.stage == "after" and turn.at - watch.since >= steady.recover_within
    if late or (watch.stage != "after" and watch.strikes >= steady.failures):
        _tell(turn, watch, holds=False)
        return watch, "broken"
    every = min(steady.every, RECOVERY_PACE) if watch.stage == "after" else steady.every
    turn.start_timer(f"watch|{STEADY}", max(1, watch.began + every - turn.at))
    return watch, "holds" if not watch.failed else "open"


def cut(turn: Turn, watch: Watch) -> None:
    """Look no more."""
    turn.cancel_timer(f"watch|{STEADY}")
    turn.cancel_timer(f"check|{STEADY}#{watch.look}")
    for name in watch.waiting:
        turn.do(CancelAction(path=f"{STEADY}/{name}#{watch.look}"))


def why(watch: Watch) -> str:
    """What does not hold, as a sentence."""
    return "; ".join(watch.failed)


def _tell(turn: Turn, watch: Watch, *, holds: bool) -> None:
    took = Duration(turn.at - watch.since) if watch.stage == "after" else None
    turn.tell(
        SteadyStateSeen(at=turn.at, stage=watch.stage, holds=holds, reason=why(watch), took=took)
    )


def not_back(watch: Watch, within: Duration) -> str:
    """Why a run whose steady state did not return has failed."""
    limit = f" within {format_duration(within)}" if within else ""
    return f"the steady state did not return{limit}: {why(watch)}"


def _steady(plan: Plan) -> PlanStep:
    assert plan.steady is not None
    return plan.steady
