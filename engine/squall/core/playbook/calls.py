"""Playbooks that call others: which one each call means, and whether it can be called so.

Called by `load` with the playbooks around, which nothing reads before a ``playbook`` step is met.
What a call gives back, and how it is run, is not decided here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from squall.core.playbook.expressions import Failure
from squall.core.playbook.inputs import EXAMPLES, KINDS, fitting
from squall.core.playbook.model import STEPS
from squall.core.playbook.places import Places
from squall.core.playbook.snapshot import Missing, Snapshot, Written, either
from squall.core.playbook.source import Data, Document, Path

_TEMPLATE: Final = "${{"

Calls = Mapping[Path, Written]
"""The playbook that each ``playbook`` key means, by the key's path."""


def resolve(places: Places, snapshot: Snapshot) -> Calls:
    """What the calls of a document mean.

    Those that mean nothing, go round in a circle, or do not fit the inputs of what they call are
    noted and left out.
    """
    document = places.document
    found: dict[Path, Written] = {}
    calls = list(_calls(document))
    if not calls:
        return found
    here = snapshot.known_as(places.file)
    me = Written(file=here, name=_name(document), document=document)
    for path, call in calls:
        at = _place(path, call)
        try:
            called = _meant(call, here, snapshot)
        except Missing as missing:
            places.note(at, "SQ221", missing.message, missing.hint)
            continue
        if called is None:
            continue
        circle = _circle(me, called, snapshot)
        if circle:
            message = f"these playbooks call each other: {' → '.join(circle)}"
            places.note(at, "SQ222", message, "remove one of the calls")
            continue
        before = len(places.found)
        _check_inputs(places, path, called, call)
        if len(places.found) == before:
            found[path] = called
    return found


def _calls(document: Document) -> Iterator[tuple[Path, Data]]:
    """Every ``playbook`` key of a document's steps."""
    waiting: list[tuple[Path, Data]] = [((), document.data)]
    while waiting:
        path, node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if path and "playbook" in node:
            yield (*path, "playbook"), node["playbook"]
        for key in STEPS:
            steps = node.get(key)
            below = enumerate(steps) if isinstance(steps, list) else ()
            waiting += [((*path, key, index), step) for index, step in below]


def _meant(call: Data, caller: str, snapshot: Snapshot) -> Written | None:
    """What a call means; None for one that is wrong in itself, or that only a run can tell.

    Raises `Missing`.
    """
    ways = [call] if isinstance(call, str) else [_mapping(call).get(k) for k in ("name", "path")]
    written = [way for way in ways if isinstance(way, str)]
    if len(written) != 1 or _TEMPLATE in written[0]:
        return None
    which = written[0]
    return snapshot.at(which, caller) if which.startswith(".") else snapshot.named(which)


def _circle(caller: Written, called: Written, snapshot: Snapshot) -> tuple[str, ...]:
    """The names along the first circle that a call leads into, its first one last again."""
    way, ahead = [caller], [iter((called,))]
    settled: set[tuple[str, str]] = set()
    while ahead:
        here = next(ahead[-1], None)
        if here is None:
            ahead.pop()
            done = way.pop()
            settled.add((done.file, done.name))
            continue
        known = [(one.file, one.name) for one in way]
        if (here.file, here.name) in known:
            start = known.index((here.file, here.name))
            return (*(one.name for one in way[start:]), here.name)
        if (here.file, here.name) not in settled:
            way.append(here)
            ahead.append(_called_by(here, snapshot))
    return ()


def _called_by(caller: Written, snapshot: Snapshot) -> Iterator[Written]:
    for _, call in _calls(caller.document):
        try:
            called = _meant(call, caller.file, snapshot)
        except Missing:  # a finding where that playbook is looked at
            continue
        if called is not None:
            yield called


def _place(path: Path, call: Data) -> Path:
    """Where the playbook is named."""
    return next(((*path, key) for key in ("name", "path") if key in _mapping(call)), path)


def _check_inputs(places: Places, path: Path, called: Written, call: Data) -> None:
    declared = _mapping(called.data.get("inputs"))
    given = _mapping(_mapping(call).get("inputs"))
    for name, value in given.items():
        at = (*path, "inputs", name)
        if name not in declared:
            message = f"playbook '{called.name}' has no input '{name}'"
            hint = either(name, declared, "its inputs") or "it has none"
            places.note(at, "SQ223", message, hint, key=True)
            continue
        kind = _mapping(declared[name]).get("type")
        if kind not in KINDS or _is_open(places.document, at, value):
            continue
        problem = fitting(kind, value)
        if isinstance(problem, Failure):
            message = f"input '{name}' of '{called.name}': {problem.reason}"
            places.note(at, "SQ223", message, f"for example {EXAMPLES[kind]}")
    for name, node in declared.items():
        if name not in given and "default" not in _mapping(node):
            kind = _mapping(node).get("type")
            what, example = (kind, EXAMPLES[kind]) if kind in KINDS else ("value", "...")
            message = f"playbook '{called.name}' needs '{name}', a {what}, and is not given it"
            hint = f"write {{name: {called.name}, inputs: {{{name}: {example}}}}}"
            places.note(_place(path, call), "SQ223", message, hint)


def _is_open(document: Document, at: Path, value: Data) -> bool:
    """Whether nobody knows yet what the value at a place will be."""
    is_template = isinstance(value, str) and _TEMPLATE in value
    return is_template or at in document.late or at in document.unknown


def _name(document: Document) -> str:
    return str(_mapping(document.data).get("name", ""))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
