"""What the expressions of a running step are worth, and what is kept for those of others.

Called by `steps` and `rounds`. The plan says which names an expression holds, where the value of
each is found, and what of a step somebody will ask for; only that is kept, under the path of the
step, until whatever is around it is over. In a rehearsal what the world would say is not known,
unless it is assumed: such a value is `UNKNOWN`, and so is everything that depends on it.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from squall.core.faults.effects import Felt
from squall.core.playbook.expressions import Failure, Scope, evaluate, rendered, shown
from squall.core.playbook.filling import fill_blank, put_in
from squall.core.playbook.inputs import fitting
from squall.core.playbook.late import build_filled
from squall.core.playbook.limits import beyond, spares
from squall.core.playbook.model import Given, Group, Step
from squall.core.playbook.names import Named
from squall.core.playbook.plan import PlanStep
from squall.core.playbook.source import Data
from squall.core.run.paths import attempt_path, iteration_path, names, step_path, without_attempt
from squall.core.run.state import StepState
from squall.core.run.turn import UNKNOWN, Known, Turn, Unknown

MEASURED: Final = ("requests", "errors", "error_rate", "rate", "p50", "p95", "p99", "max")
"""What of `Felt` an expression can ask for."""

_PASSED: Final = ("steps", 0, "playbook", "inputs", "")
"""Where in a playbook the input of a call stands, which may be of any kind."""

_SPARES: Final = "spares"
"""Under which name it is kept what a filled step spares, as long as it goes on."""

Worth: TypeAlias = "Known | Failure"
"""What an expression of a running step comes to."""


def ask(
    turn: Turn, plan: PlanStep, step: StepState, above: str, text: str,
    ahead: Mapping[str, Known] | None = None,
) -> Worth:  # fmt: skip
    """Work out one expression of a step; `ahead` are values that are about to be kept."""
    known = _known(turn, plan, step, above, text, ahead)
    answer = evaluate(text, known.scope, known.found)
    # What is not known may not matter: true || anything.
    return UNKNOWN if known.lacking and isinstance(answer, Failure) else answer


def speaks_of_itself(plan: PlanStep, text: str) -> bool:
    """Whether an expression of a step asks for what the step, or one inside it, has seen."""
    named = (one for one in plan.speaks[text] if one.read.up == 0)
    return any(not one.name.startswith(("inputs.", "loop.")) for one in named)


def disappointment(turn: Turn, plan: PlanStep, step: StepState, above: str) -> str | None:
    """Why what the step saw is not what was expected; None when it is, or nobody can know."""
    for text in plan.step.expect:
        answer = ask(turn, plan, step, above, text)
        if isinstance(answer, Failure):
            return f"expected {answer.reason}"
        if answer is False:
            was = were(turn, plan, step, above, text)
            return f"expected {text}; {was}" if was else f"expected {text}"
    return None


def were(turn: Turn, plan: PlanStep, step: StepState, above: str, text: str) -> str:
    """What the names in an expression were: ``status was 503``."""
    known = _known(turn, plan, step, above, text)
    scope = {name: known.scope[name] for name in known.found} if known.lacking else known.scope
    return shown(text, scope, known.found)


def filled(turn: Turn, plan: PlanStep, step: StepState, above: str) -> Step | Failure:
    """The step with every value it speaks of put in; with examples where nobody can know."""
    assert plan.step.blank is not None
    render = _Render(turn, plan, step, above)
    data = fill_blank(plan.step.blank.text, render, turn.plan.schema)
    if render.unknown:
        return plan.step
    if isinstance(data, Failure):
        return data
    built = build_filled(plan.step, data, turn.plan.schema)
    if isinstance(built, Failure):
        return built
    if too_far := beyond(turn.plan.playbook, plan.step, built, _on(turn)):
        return Failure(too_far)
    if turn.plan.playbook.limits.error_share is not None:
        turn.keep(iteration_path(plan, step, above), _SPARES, spares(built))
    return built


def _on(turn: Turn) -> dict[str, float]:
    """What the filled steps that go on spare, by their names on the way; rounds together."""
    on: dict[str, float] = {}
    for path, name in turn.values:
        known = turn.recall(path, name) if name == _SPARES else None
        if isinstance(known, int | float):
            at = "/".join(names(path)[1:])
            on[at] = on.get(at, 1.0) * known
    return on


class _Render:
    """Writes what expressions of a step come to as a playbook would; remembers what is unknown."""

    def __init__(self, turn: Turn, plan: PlanStep, step: StepState, above: str) -> None:
        self.unknown = False
        self._asked = (turn, plan, step, above)

    def __call__(self, text: str) -> "Data | Failure":
        known = _known(*self._asked, text)
        self.unknown |= known.lacking
        return None if known.lacking else rendered(text, known.scope, known.found)


def seen(step: StepState) -> dict[str, Known]:
    """What a step has seen, by the names its own expressions have for it."""
    found: dict[str, Known] = {}
    if step.saw is not None:
        found.update(step.saw.named())
    felt = felt_by(step)
    if felt is not None and felt.requests:
        found |= {f"measured.{name}": getattr(felt, name) for name in MEASURED}
    return found


def felt_by(step: StepState) -> Felt | None:
    """What clients felt of a step, if anybody did."""
    return step.felt or next((lease.felt for lease in step.leases if lease.felt), None)


class _Names(NamedTuple):
    """The names of an expression, and the values that are there; `lacking`: one is not known."""

    scope: Scope
    found: dict[str, Data]
    lacking: bool


def _known(
    turn: Turn, plan: PlanStep, step: StepState, above: str, text: str,
    ahead: Mapping[str, Known] | None = None,
) -> _Names:  # fmt: skip
    own = {**seen(step), **(ahead or {})}
    found: dict[str, Data] = {}
    lacking = False
    for named in plan.speaks[text]:
        value = _value(turn, plan, step, above, named, own)
        if isinstance(value, Unknown):
            lacking = True
        elif not isinstance(value, Failure):
            found[named.name] = value
    scope = {named.name: named.kind for named in plan.speaks[text]}
    return _Names(scope, found, lacking)


def _value(
    turn: Turn, plan: PlanStep, step: StepState, above: str, named: Named,
    own: dict[str, Known],
) -> Worth:  # fmt: skip
    read = named.read
    if read.up == 0 and not read.child and named.name in own:
        return own[named.name]
    path = _place(plan, step, above, named)
    if turn.has(path, read.what):
        return turn.recall(path, read.what)
    if turn.rehearsal and not read.up and not read.child:
        return UNKNOWN
    return False if read.child and read.what == "ran" else Failure("it is not there")


def _place(plan: PlanStep, step: StepState, above: str, named: Named) -> str:
    """The path under which the value of a name is kept."""
    read = named.read
    if read.up == 0:
        own = attempt_path(plan, step, above) if read.child else iteration_path(plan, step, above)
        return f"{own}/{read.child}" if read.child else own
    around = "/".join(above.split("/")[: len(above.split("/")) - read.up + 1])
    return f"{around}/{read.child}" if read.child else without_attempt(around)


# -- what is kept -----------------------------------------------------------------------------


def begin_round(turn: Turn, plan: PlanStep, step: StepState, above: str) -> Failure | None:
    """Keep what this round offers to the steps inside; why it cannot begin, if so."""
    path = iteration_path(plan, step, above)
    if "loop.index" in plan.wanted:
        turn.keep(path, "loop.index", step.iteration)
    if "loop.item" in plan.wanted:
        items = turn.recall(step_path(plan, above), "each")
        item = items[step.iteration - 1] if isinstance(items, list) else UNKNOWN
        turn.keep(path, "loop.item", item)
    for given in _inputs(turn, plan, above):
        if not given.value and not given.template:
            continue
        value = _input(turn, plan, step, above, given)
        if isinstance(value, Failure):
            return Failure(f"input '{given.name}': {value.reason}")
        if f"inputs.{given.name}" in plan.wanted:
            turn.keep(path, f"inputs.{given.name}", value)
    return None


def _inputs(turn: Turn, plan: PlanStep, above: str) -> tuple[Given, ...]:
    if isinstance(plan.step.action, Group) and plan.step.action.called is not None:
        return plan.step.action.called.inputs
    return () if above else turn.plan.playbook.inputs


def _input(turn: Turn, plan: PlanStep, step: StepState, above: str, given: Given) -> Worth:
    """The value of an input; one that is passed on by a caller is worked out now."""
    if not given.template:
        value: Data = given.decoded()
        return value
    render = _Render(turn, plan, step, above)
    passed = put_in(given.template, render, turn.plan.schema, _PASSED)
    if render.unknown:
        return UNKNOWN
    return passed if isinstance(passed, Failure) else fitting(given.kind, passed)


def keep_end(turn: Turn, plan: PlanStep, step: StepState, ended: StepState, above: str) -> None:
    """Forget what was inside a round that is over, and keep what others will ask of it."""
    outputs = _outputs(turn, plan, step, above)
    turn.forget(iteration_path(plan, step, above))
    if not plan.wanted:
        return
    known: dict[str, Known] = {**seen(step), **outputs}
    known["ran"] = ended.attempt > 0
    known["outcome"] = str(ended.outcome)
    path = step_path(plan, above)
    assumed = turn.rehearsal and ended.attempt > 0
    for what in sorted(plan.wanted if assumed else plan.wanted & known.keys()):
        turn.keep(path, what, known.get(what, UNKNOWN))


def _outputs(turn: Turn, plan: PlanStep, step: StepState, above: str) -> dict[str, Known]:
    """What a playbook that was called tells; an output that cannot be worked out is not there."""
    called = plan.step.action.called if isinstance(plan.step.action, Group) else None
    if called is None:
        return {}
    answers = {
        f"outputs.{output.name}": ask(turn, plan, step, above, output.expression)
        for output in called.outputs
    }
    return {name: value for name, value in answers.items() if not isinstance(value, Failure)}
