"""Which steps speak of which: every expression of a playbook, with its place and what it may say.

`checks` reads the expressions to find what is wrong with them, `compile` to tell the machine where
the values are found and which values are worth keeping. A playbook without expressions costs a
walk.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from msgspec.structs import replace as changed

from squall.core.playbook.expressions import Kind, kind_of, names_in, templates_in
from squall.core.playbook.filling import is_secret, texts_in
from squall.core.playbook.graph import FINALLY, MAIN
from squall.core.playbook.model import Group, Output, Playbook, Step
from squall.core.playbook.names import Named, Place, Read, find, in_reach
from squall.core.playbook.source import Path

STEADY: Final = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One expression: whose it is, under which key, and what it should give.

    `path` names the step as plans do, `at` is where it is written; None inside of a playbook that
    is called, which is looked at by itself. `done`: it is worked out when the step has been done,
    and knows what the step saw. `guard`: it is
    worked out while the step goes on, with what is measured right then. `inside`: a playbook
    that is called says it.
    """

    path: str
    at: Path | None
    place: Place
    key: Path
    text: str
    wanted: Kind | None = "bool"
    done: bool = False
    guard: bool = False
    inside: bool = False

    def find(self, chain: str) -> Named | None:
        """What a name means here."""
        return find(self.place, chain, done=self.done, guard=self.guard, inside=self.inside)

    @property
    def kind(self) -> Kind | None:
        """What it gives; None when something is wrong with it."""
        found = [self.find(chain) for chain, _ in names_in(self.text)]
        return kind_of(self.text, {named.name: named.kind for named in found if named})

    def in_reach(self) -> dict[str, Kind]:
        """Every name that means something here."""
        return in_reach(self.place, done=self.done, guard=self.guard, inside=self.inside)


class Talk:
    """Everything the steps of a playbook say."""

    def __init__(self, playbook: Playbook) -> None:
        self.speaks: dict[str, dict[str, tuple[Named, ...]]] = defaultdict(dict)
        self._wanted: dict[str, set[str]] = defaultdict(set)
        for said in expressions(playbook):
            self._note(said)

    def wanted(self, path: str) -> frozenset[str]:
        """What is asked of the step at `path` by others, or by expressions of its own."""
        return frozenset(self._wanted.get(path, ()))

    def _note(self, said: Said) -> None:
        named = []
        for chain, _ in names_in(said.text):
            found = said.find(chain)
            if found is not None:
                named.append(found)
                self._want(said.path, found.read)
        self.speaks[said.path][said.text] = tuple(named)

    def _want(self, path: str, read: Read) -> None:
        whose = path.split("/")[: -read.up or None]
        if read.child:
            whose.append(read.child)
        self._wanted["/".join(whose)].add(read.what)


def expressions(playbook: Playbook) -> Iterator[Said]:
    """Every expression, the playbook's own last."""
    root = Step(name=MAIN, action=playbook.body, loop=playbook.loop)
    main = Place(root, inputs=playbook.inputs)
    yield from _Walk(main, MAIN, ()).said()
    last = Place(Step(name=FINALLY, action=Group(steps=playbook.finally_)), inputs=playbook.inputs)
    yield from _Walk(last, FINALLY, (), key="finally").said()
    if playbook.steady_state is not None:
        checks = Group(steps=playbook.steady_state.checks, parallel=True)
        steady = Place(Step(name=STEADY, action=checks), inputs=playbook.inputs)
        yield from _Walk(steady, STEADY, ("steady_state",), key="checks").said()
    for index, text in enumerate(playbook.abort_if):
        yield Said(path=MAIN, at=(), place=main, key=("abort_if", index), text=text, guard=True)
    for output in playbook.outputs:
        yield _told(main, output)


def told_by(playbook: Playbook) -> tuple[Output, ...]:
    """The outputs of a playbook, each with the kind of what its expression gives."""
    main = Place(Step(name=MAIN, action=playbook.body, loop=playbook.loop), inputs=playbook.inputs)
    return tuple(
        changed(output, kind=_told(main, output).kind or "dyn") for output in playbook.outputs
    )


def _told(main: Place, output: Output) -> Said:
    return Said(path=MAIN, at=(), place=main, key=("outputs", output.name),
                text=output.expression, wanted=None, done=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Walk:
    """One step and all below it; `key` is where its children are written, if not as usual."""

    place: Place
    path: str
    at: Path | None
    key: str = ""

    def said(self) -> Iterator[Said]:
        """Everything that is said there."""
        step = self.place.step
        if step.when:
            yield self._one(("when",), step.when)
        yield from self._loop()
        for index, text in enumerate(step.expect):
            yield self._one(("expect", index), text, done=True)
        for index, text in enumerate(step.abort_if):
            yield replace(self._one(("abort_if", index), text), guard=True)
        if step.blank is not None:
            for text in texts_in(json.loads(step.blank.text)):
                for template in templates_in(text):
                    if not is_secret(template):
                        yield self._one((), template.expression, wanted=None)
        if isinstance(step.action, Group):
            yield from self._inside(step.action)

    def _one(
        self, key: Path, text: str, wanted: Kind | None = "bool", *, done: bool = False
    ) -> Said:
        return Said(path=self.path, at=self.at, place=self.place, key=key, text=text,
                    wanted=wanted, done=done)  # fmt: skip

    def _loop(self) -> Iterator[Said]:
        loop = self.place.step.loop
        if loop is None:
            return
        theirs = self.place.called is not None and self.place.called.loops
        for key, text in (("until", loop.until), ("while", loop.while_)):
            if text:
                yield self._theirs(self._one(("loop", key), text, done=True), theirs)
        if loop.each_of:
            yield self._theirs(self._one(("loop", "each"), loop.each_of, "list"), theirs)

    @staticmethod
    def _theirs(said: Said, theirs: bool) -> Said:  # noqa: FBT001
        """What a called playbook says of its own loop."""
        return replace(said, at=None, inside=True) if theirs else said

    def _inside(self, group: Group) -> Iterator[Said]:
        called, at = group.called, self.at
        if called is not None:
            at = None
            for given in called.inputs:
                passed = ("playbook", "inputs", given.name)
                for template in templates_in(given.template):
                    yield self._one(passed, template.expression, wanted=None)
            for output in called.outputs:
                said = self._one((), output.expression, wanted=None, done=True)
                yield replace(said, at=None, inside=True)
            for text in called.abort_if:
                yield replace(self._one((), text), at=None, guard=True, inside=True)
        key = self.key or ("parallel" if group.parallel else "steps")
        for index, child in enumerate(group.steps):
            below = None if at is None else (*at, key, index)
            yield from _Walk(Place(child, self.place), f"{self.path}/{child.name}", below).said()
