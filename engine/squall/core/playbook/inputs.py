"""What a playbook is given when it is run: which inputs it declares, and whether a value fits.

Called by `load` before anything else is looked at, because every value may speak of an input; by
the machine when one playbook calls another. What is written under ``inputs`` is read here as far as
it makes sense; that it has the right shape is asked of the schema.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

from squall.core.diagnostics import Refused, nearest, short
from squall.core.playbook.expressions import Answer, Failure
from squall.core.playbook.filling import has_templates
from squall.core.playbook.model import (
    Approve,
    Given,
    Group,
    InputKind,
    Playbook,
    Replay,
    Step,
)
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, read
from squall.core.sizes import parse_size
from squall.core.timing import parse_duration

KINDS: Final[tuple[InputKind, ...]] = get_args(InputKind)
EXAMPLES: Final[Mapping[InputKind, str]] = {
    "string": "a text", "integer": "3", "number": "0.5", "boolean": "true", "duration": "100ms",
    "share": "10%", "size": "64KiB", "list": "[1, 2]",
}  # fmt: skip


def declared(places: Places, given: Mapping[str, Any]) -> tuple[Given, ...]:
    """The inputs of a document, each with the value given for it or its default.

    `given` holds values as they would be written in a playbook. One without a value has no value
    for the linter; whoever runs the playbook asks `missing` first.
    """
    data = places.document.data
    written = data.get("inputs") if isinstance(data, dict) else None
    nodes: Mapping[str, Any] = written if isinstance(written, dict) else {}
    for name in given:
        if name not in nodes:
            close = nearest(name, nodes)
            known = ", ".join(nodes) or "none"
            hint = f"did you mean '{close}'?" if close else f"inputs here: {known}"
            places.note(("inputs",), "SQ233", f"there is no input '{short(name)}'", hint, key=True)
    found = []
    for name, node in nodes.items():
        kind = node.get("type") if isinstance(node, dict) else None
        if kind in KINDS:
            found.append(_declared(places, name, kind, node, given))
    return tuple(sorted(found, key=lambda one: one.name))


def _declared(
    places: Places, name: str, kind: InputKind, node: Mapping[str, Any], given: Mapping[str, Any]
) -> Given:
    value: Any = None
    if "default" in node and not has_templates(node["default"]):
        value = _checked(places, ("inputs", name, "default"), name, kind, node["default"])
    if name in given:
        one = given[name]
        written = read_given(one, kind) if isinstance(one, str) else one
        value = _checked(places, ("inputs", name), name, kind, written)
    return Given(name=name, kind=kind, value="" if value is None else json.dumps(value))


def _checked(
    places: Places, path: tuple[str, ...], name: str, kind: InputKind, written: Any
) -> Data:
    value = fitting(kind, written)
    if isinstance(value, Failure):
        hint = f"for example {EXAMPLES[kind]}"
        places.note(path, "SQ234", f"input '{name}': {value.reason}", hint)
        return None
    return value


def require_runnable(playbook: Playbook) -> None:
    """See that a playbook can be run now; raises `Refused` when it cannot.

    An input has no value, or a step does what only a running engine can.
    """
    for one in playbook.inputs:
        if not one.value:
            message = f"input '{one.name}' has no value"
            raise Refused("SQ428", message, f"give one: --set {one.name}={EXAMPLES[one.kind]}")
    for step in _steps(playbook.body):
        what = {Replay: "replays a recording", Approve: "waits for a person"}.get(type(step.action))
        if what:
            message = f"step '{step.name}' {what}, which is checked and cannot be run yet"
            raise Refused("SQ429", message, "leave the step out")


def _steps(group: Group) -> Iterator[Step]:
    for step in group.steps:
        yield step
        if isinstance(step.action, Group):
            yield from _steps(step.action)


def read_given(text: str, kind: InputKind) -> Any:
    """A value from the command line, as a playbook would write it; a list also without brackets."""
    if kind == "string":
        return text
    listed = f"[{text}]" if kind == "list" and not text.lstrip().startswith("[") else text
    source = read(listed.encode(), "")
    return text if source.diagnostics or not source.documents else source.documents[0].data


def fitting(kind: InputKind, written: Any) -> Answer:
    """What is written as a value of this kind: a duration in nanoseconds, a share from 0 to 1."""
    value = _FITTING[kind](written)
    if value is None:
        shown = written if isinstance(written, str) else json.dumps(written)
        return Failure(f"'{short(shown)}' is no {kind}")
    return value


def _integer(written: Any) -> int | None:
    return written if isinstance(written, int) and not isinstance(written, bool) else None


def _number(written: Any) -> float | None:
    is_number = isinstance(written, int | float) and not isinstance(written, bool)
    return float(written) if is_number else None


def _duration(written: Any) -> int | None:
    return parse_duration(written) if isinstance(written, str | int | float) else None


def _size(written: Any) -> int | None:
    return parse_size(written) if isinstance(written, str | int | float) else None


def _share(written: Any) -> float | None:
    if isinstance(written, str) and written.strip().endswith("%"):
        try:
            written = float(written.strip()[:-1]) / 100
        except ValueError:
            return None
    share = _number(written)
    return share if share is not None and 0 <= share <= 1 else None


_FITTING: Final[Mapping[InputKind, Callable[[Any], Data]]] = {
    "string": lambda written: written if isinstance(written, str) else None,
    "integer": _integer,
    "number": _number,
    "boolean": lambda written: written if isinstance(written, bool) else None,
    "duration": _duration,
    "share": _share,
    "size": _size,
    "list": lambda written: written if isinstance(written, list) else None,
}
