"""What an expression of a step can speak of: each name, its kind, and where its value is found.

In reach are the playbook's inputs, the step's siblings, the siblings of every group around it, the
round and item of the nearest loop, and, once the step has done something, what it saw itself. A
called playbook is a wall: inside are its own inputs and steps. The linter asks here which names
there are, `compile` where the machine will find them; how an expression is written and worked out
is known to `expressions`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from squall.core.playbook.expressions import ANYTHING, Kind, Range
from squall.core.playbook.model import (
    Action,
    Called,
    ExecProbe,
    Given,
    Group,
    HttpProbe,
    Injection,
    InputKind,
    Load,
    Outcome,
    Step,
    TcpProbe,
)

INPUTS: Final[Mapping[InputKind, Kind]] = {
    "string": "string", "integer": "int", "number": "double", "boolean": "bool",
    "duration": "duration", "share": "double", "size": "int", "list": "list",
}  # fmt: skip
"""How an expression sees an input: a share is a number from 0 to 1, a size a number of bytes."""

MEASURED: Final[Mapping[str, Kind]] = {
    "measured.requests": "int", "measured.errors": "int", "measured.error_rate": "double",
    "measured.rate": "double", "measured.p50": "duration", "measured.p95": "duration",
    "measured.p99": "duration", "measured.max": "duration",
}  # fmt: skip
"""What clients feel, and how expressions see it."""
_SEEN: Final[Mapping[type, Mapping[str, Kind]]] = {
    HttpProbe: {
        "status": "int", "latency": "duration", "body": "string", "json": "dyn", "headers": "map",
    },
    TcpProbe: {"latency": "duration", "received": "string"},
    ExecProbe: {
        "exit_code": "int", "latency": "duration", "stdout": "string", "stderr": "string",
        "json": "dyn",
    },
    Injection: MEASURED,
    Load: MEASURED,
}  # fmt: skip
_AT_LEAST_NOTHING: Final = Range(0)
_RANGES: Final[Mapping[str, Range]] = {
    **dict.fromkeys((*MEASURED, "latency"), _AT_LEAST_NOTHING),
    "measured.error_rate": Range(0, 1),
    "status": Range(100, 999),
    "loop.index": Range(1),
    "outcome": Range(choices=get_args(Outcome)),
}
"""What the values can be of which more is known than their kind."""
_ENDED: Final[Mapping[str, Kind]] = {"ran": "bool", "outcome": "string"}
_NO_IDENTIFIER: Final = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Where a value is found, seen from a step: `up` steps above it, in `child`, named `what`.

    Up 0 without a child is the step itself; up 1 with a child is a sibling.
    """

    up: int
    what: str
    child: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name in an expression: its kind, and where its value is found."""

    name: str
    kind: Kind
    read: Read


Found = tuple[Kind, Read]


class Place:
    """A step and the steps around it, the nearest in `above`; the outermost is the playbook."""

    __slots__ = ("_children", "above", "inputs", "step")

    def __init__(
        self, step: Step, above: "Place | None" = None, inputs: tuple[Given, ...] = ()
    ) -> None:
        """`inputs` are the playbook's own, of its outermost place."""
        self.step = step
        self.above = above
        called = step.action.called if isinstance(step.action, Group) else None
        self.inputs = called.inputs if called is not None else inputs if above is None else None
        """Those of the playbook whose steps stand in here, where a playbook begins."""
        self._children: dict[str, Step] | None = None

    def child(self, name: str) -> Step | None:
        """The step in it that expressions call so."""
        if self._children is None:
            steps = self.step.action.steps if isinstance(self.step.action, Group) else ()
            self._children = {identifier(step.name): step for step in reversed(steps)}
        return self._children.get(name)

    @property
    def called(self) -> Called | None:
        """The playbook it calls, if it does."""
        return self.step.action.called if isinstance(self.step.action, Group) else None

    def children(self) -> tuple[Step, ...]:
        """The steps in it."""
        return self.step.action.steps if isinstance(self.step.action, Group) else ()


def identifier(name: str) -> str:
    """A step's name as an expression writes it: with ``_`` for a space or a hyphen."""
    plain = _NO_IDENTIFIER.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


def ranges(name: str) -> Range:
    """What the value of a name, as an expression writes it, can be."""
    if name.startswith("steps."):
        _, _, name = name.removeprefix("steps.").partition(".")
    return _RANGES.get(name, ANYTHING)


def seen_by(action: Action) -> Mapping[str, Kind]:
    """What a step that did this offers to its own ``expect``, without a prefix."""
    return _SEEN.get(type(action), {})


def is_measured(step: Step) -> bool:
    """Whether it is known what clients feel while a step goes on: it, or one in it, has targets."""
    if isinstance(step.action, Group):
        return any(map(is_measured, step.action.steps))
    return isinstance(step.action, Injection | Load)


def offered_by(step: Step) -> Mapping[str, Kind]:
    """What a step that is over offers to others, behind ``steps.NAME.``."""
    offered = {**_ENDED, **seen_by(step.action)}
    if isinstance(step.action, Group) and step.action.called is not None:
        offered |= {f"outputs.{one.name}": one.kind for one in step.action.called.outputs}
    return offered


def find(
    place: Place, chain: str, *, done: bool, guard: bool = False, inside: bool = False
) -> Named | None:
    """What a name with dots means at a step: the longest part of it that is known.

    `done`: the step has been done, and what it saw is known. `guard`: it goes on, and what its
    clients feel right now is known. `inside`: it is a playbook that is called, and speaks itself.
    """
    name = chain
    while True:
        found = _find(place, name, done=done, guard=guard, inside=inside)
        if found is not None:
            return Named(name=name, kind=found[0], read=found[1])
        name, dot, _ = name.rpartition(".")
        if not dot:
            return None


def _find(place: Place, name: str, *, done: bool, guard: bool, inside: bool) -> Found | None:
    first, _, rest = name.partition(".")
    own = _own(place, done=done, guard=guard)
    if name in own:
        return own[name], Read(up=0, what=name)
    if first == "steps":
        return _find_step(place, rest, done=done)
    for up, here in _upwards(place):
        outermost = here.above is None or inside
        if first == "inputs" and here.inputs is not None and up + outermost > 0:
            known = next((one for one in here.inputs if one.name == rest), None)
            return None if known is None else (INPUTS[known.kind], Read(up=up, what=name))
        if first == "loop" and (kind := _round(here, up).get(name)):
            return kind, Read(up=up, what=name)
    return None


def _own(place: Place, *, done: bool, guard: bool) -> Mapping[str, Kind]:
    """What is known of the step itself."""
    if guard:
        return MEASURED if place.above is None or is_measured(place.step) else {}
    return seen_by(place.step.action) if done else {}


def _find_step(place: Place, rest: str, *, done: bool) -> Found | None:
    name, _, what = rest.partition(".")
    for up, here in _upwards(place):
        step = here.child(name) if up or done else None
        if step is not None and not (up == 1 and step is place.step):
            kind = offered_by(step).get(what)
            return None if kind is None else (kind, Read(up=up, what=what, child=step.name))
    return None


def in_reach(
    place: Place, *, done: bool, guard: bool = False, inside: bool = False
) -> dict[str, Kind]:
    """Every name that `find` finds, for whoever misspelt one."""
    found: dict[str, Kind] = dict(_own(place, done=done, guard=guard))
    for up, here in _upwards(place):
        if here.inputs is not None and up + (here.above is None or inside) > 0:
            found |= {f"inputs.{one.name}": INPUTS[one.kind] for one in here.inputs}
        found |= _round(here, up)
        for step in here.children() if up or done else ():
            if step is not place.step:
                prefix = f"steps.{identifier(step.name)}."
                found |= {prefix + what: kind for what, kind in offered_by(step).items()}
    return found


def _upwards(place: Place) -> Iterator[tuple[int, Place]]:
    """The step itself and those around it, up to where its playbook begins."""
    up, here = 0, place
    while True:
        yield up, here
        if here.above is None or (up and here.inputs is not None):
            return
        up, here = up + 1, here.above


def _round(place: Place, up: int) -> dict[str, Kind]:
    """What a loop offers to the steps in it; what is called does not see who calls it."""
    loop = place.step.loop
    called = place.called
    if loop is None or (up and called is not None and not called.loops):
        return {}
    return (
        {"loop.index": "int", "loop.item": "dyn"}
        if loop.each or loop.each_of
        else {"loop.index": "int"}
    )
