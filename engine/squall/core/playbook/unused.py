"""Targets and scenarios that a playbook declares and has no use for.

Called by `checks`. Said only where it is certain: nothing is missing from the document, every call
is known, and no name of a scenario comes from outside.
"""

from collections.abc import Iterator

from squall.core.diagnostics import Severity
from squall.core.playbook.filling import has_templates
from squall.core.playbook.model import ExecProbe, Group, Injection, Load, Playbook, Replay, Step
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data
from squall.core.playbook.targets import used


def check_unused(places: Places, playbook: Playbook) -> None:
    """Note every entry of ``targets`` and ``scenarios`` that nothing speaks of."""
    data = places.document.data
    if places.document.holes or not isinstance(data, dict):
        return
    steps = tuple(playbook.walk())
    told = {finding.code for finding in places.found}
    if "SQ201" not in told:
        _scenarios(places, data)
    if "SQ202" not in told:
        _targets(places, playbook, data, steps)


def _scenarios(places: Places, data: dict[str, Data]) -> None:
    declared = data.get("scenarios")
    named = list(_named(places.document.as_written))
    if not isinstance(declared, dict) or any(map(has_templates, named)):
        return
    for name in declared:
        if name not in named:
            places.note(
                ("scenarios", name), "SQ214", f"no step has the scenario '{name}'",
                f"write it in a step, scenario: {name}, or remove it",
                key=True, severity=Severity.WARNING,
            )  # fmt: skip


def _named(data: Data, key: str = "") -> Iterator[str]:
    """Every text that stands where steps name their scenarios."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _named(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from _named(value, key)
    elif isinstance(data, str) and key == "scenario":
        yield data


def _targets(
    places: Places, playbook: Playbook, data: dict[str, Data], steps: tuple[Step, ...]
) -> None:
    declared = data.get("targets")
    acts = any(isinstance(step.action, Injection | Load) for step in steps)
    if not isinstance(declared, dict) or not acts or any(map(_may_reach_any, steps)):
        return
    elsewhere = {key: value for key, value in data.items() if key != "targets"}
    needed = used(playbook.targets, steps, elsewhere)
    for target in playbook.targets:
        if target.name in declared and target.name not in needed:
            places.note(
                ("targets", target.name), "SQ215",
                f"nothing goes to target '{target.name}': every step names others",
                "name it under a step's 'targets', or remove it",
                key=True, severity=Severity.WARNING,
            )  # fmt: skip


def _may_reach_any(step: Step) -> bool:
    """Whether nobody knows where a step goes: a program, a replay, a call of who knows what."""
    group = step.action
    unknown = isinstance(group, Group) and not group.steps
    return unknown or step.blank is not None or isinstance(step.action, ExecProbe | Replay)
