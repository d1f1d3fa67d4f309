"""What a project file says for every step that does not say it itself.

Called by `load` between the schema and `build`, so that all behind it see a playbook in which the
defaults are written out. They hold for the steps that do something, where they have a meaning; a
group, and a playbook that is called, would only count them a second time.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from squall.core.playbook.model import STEPS
from squall.core.playbook.source import Data, Document

_HOLD_OTHERS: Final = frozenset({"steps", "parallel", "playbook"})
_OF_THE_RUN: Final = frozenset({"steady_state"})
_ASK: Final = frozenset({"http", "tcp", "exec"})
_INJECT: Final = frozenset({"scenario", "replay"})
_WORK: Final = _ASK | _INJECT | {"load", "approve"}
_MEANT_FOR: Final = {
    "targets": _INJECT | {"load"},
    "duration": frozenset({"scenario", "load"}),
    "expect": _ASK | _INJECT | {"load"},
    "expect_traffic": _INJECT,
    "timeout": _WORK,
    "on_timeout": _WORK,
    "retry": _WORK,
    "continue_on_failure": _WORK,
}
"""The actions for which a default means something; every action for what is not here."""

Table = Mapping[str, Data]


def with_defaults(document: Document, defaults: Table) -> Document:
    """The document with the defaults written out; the same one when there are none."""
    data = document.data
    if not defaults or not isinstance(data, dict):
        return document
    of_the_run = {key: value for key, value in defaults.items() if key in _OF_THE_RUN}
    of_steps = {key: value for key, value in defaults.items() if key not in _OF_THE_RUN}
    return replace(document, data={**of_the_run, **_inside(data, of_steps)})


def _inside(node: dict[str, Data], defaults: Table) -> dict[str, Data]:
    """A playbook or a group with the defaults in its steps."""
    return {
        key: [_step(step, defaults) for step in value]
        if key in STEPS and isinstance(value, list)
        else value
        for key, value in node.items()
    }


def _step(node: Data, defaults: Table) -> Data:
    if not isinstance(node, dict):
        return node
    if _HOLD_OTHERS & node.keys():
        chosen = "targets" in node  # for all the steps in it
        return _inside(node, {k: v for k, v in defaults.items() if not (chosen and k == "targets")})
    meant = {key: value for key, value in defaults.items() if _is_meant(key, node)}
    return {**meant, **node}


def _is_meant(key: str, node: Table) -> bool:
    return key not in _MEANT_FOR or bool(_MEANT_FOR[key] & node.keys())
