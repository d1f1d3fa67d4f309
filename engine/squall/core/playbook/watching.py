"""Who looks: faults that nothing would notice, and measurements that nobody may be there to make.

Called by `checks` with the model. Both are notes: a run like that is in order, and tells little.
"""

from collections.abc import Sequence

from squall.core.diagnostics import Severity
from squall.core.playbook.addresses import is_named
from squall.core.playbook.expressions import names_in
from squall.core.playbook.model import (
    ExecProbe,
    Group,
    Injection,
    Load,
    Playbook,
    Probe,
    Replay,
    Step,
)
from squall.core.playbook.places import Places
from squall.core.playbook.secrets import texts
from squall.core.playbook.talk import Said, expressions


def check_watching(places: Places, playbook: Playbook) -> None:
    """Note a playbook that looks at no service, and questions that nobody may have measured."""
    steps = tuple(playbook.walk())
    _steady(places, playbook, steps)
    _measured(places, playbook, steps)


def _steady(places: Places, playbook: Playbook, steps: Sequence[Step]) -> None:
    injects = any(isinstance(step.action, Injection | Replay) for step in steps)
    looks = playbook.steady_state or playbook.abort_if or playbook.outputs
    served = any(target.upstream for target in playbook.targets)
    if not (injects and served) or looks or any(map(_looks, steps)):
        return
    places.note(
        ("name",), "SQ333",
        "no steady state: nothing here looks whether the service bears the faults",
        "say what must hold: steady_state: {checks: [{name: up, http: {get: URL}}]}",
        key=True, severity=Severity.NOTE,
    )  # fmt: skip


def _looks(step: Step) -> bool:
    called = step.action.called if isinstance(step.action, Group) else None
    unknown = isinstance(step.action, Group) and not step.action.steps
    asks = isinstance(step.action, Probe) or unknown or (called is not None and called.abort_if)
    return bool(asks or step.expect or step.abort_if or step.expect_traffic)


def _measured(places: Places, playbook: Playbook, steps: Sequence[Step]) -> None:
    if any(isinstance(step.action, ExecProbe) for step in steps):
        return  # a program may send anything
    told: set[str] = set()
    for said in expressions(playbook):
        asked = None if said.at is None or said.guard else _asks_for(said)
        if asked is None or asked.name in told or _has_traffic(places, playbook, steps, asked):
            continue
        told.add(asked.name)
        path = (*said.at, *said.key) if said.at is not None else ()
        if said.key and places.document.text_at(path) is None and isinstance(path[-1], int):
            path = path[:-1]
        places.note(
            path, "SQ332",
            f"'measured' fails when no request comes by while '{asked.name}' goes on, and nothing "
            "here sends any",
            "put a 'load' beside it, or say expect_traffic: true where others send enough",
            severity=Severity.NOTE,
        )  # fmt: skip


def _asks_for(said: Said) -> Step | None:
    """The step with faults whose measurements an expression speaks of."""
    for chain, _ in names_in(said.text):
        found = said.find(chain)
        if found is None or not found.read.what.startswith("measured."):
            continue
        place = said.place
        for _ in range(found.read.up):
            assert place.above is not None
            place = place.above
        children = {step.name: step for step in place.children()}
        step = children.get(found.read.child) if found.read.child else place.step
        if step is not None and isinstance(step.action, Injection):
            return step
    return None


def _has_traffic(places: Places, playbook: Playbook, steps: Sequence[Step], asked: Step) -> bool:
    """Whether requests come by for certain, or something in the playbook may send them."""
    if asked.expect_traffic or asked.blank is not None:
        return True
    loads = {name for step in steps if isinstance(step.action, Load) for name in step.targets}
    if loads & set(asked.targets):
        return True
    data = places.document.data
    rest = (
        {key: value for key, value in data.items() if key != "targets"}
        if isinstance(data, dict)
        else {}
    )
    written = "\n".join(text for _, text in texts(rest))
    return any(
        target.name in asked.targets and is_named(target.listen, written)
        for target in playbook.targets
    )
