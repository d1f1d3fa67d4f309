"""Which steps speak of which: every expression of a playbook, with its place and what it may say.

`checks` reads the expressions to find what is wrong with them, `compile` to tell the machine where
the values are found and which values are worth keeping. A playbook without expressions costs a
walk.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from squall.core.playbook.expressions import Kind, names_in, templates_in
from squall.core.playbook.graph import FINALLY, MAIN
from squall.core.playbook.model import Group, Playbook, Step
from squall.core.playbook.names import Place, Read, find
from squall.core.playbook.plan import Named


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One expression: whose it is, under which key, and what it should give.

    `done`: it is worked out when the step has been done, and knows what the step saw.
    """

    path: str
    place: Place
    key: tuple[str | int, ...]
    text: str
    wanted: Kind | None = "bool"
    done: bool = False


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
        for name, _ in names_in(said.text):
            found = find(said.place, name, done=said.done)
            if found is not None:
                named.append(Named(name=name, kind=found[0], read=found[1]))
                self._want(said.path, found[1])
        self.speaks[said.path][said.text] = tuple(named)

    def _want(self, path: str, read: Read) -> None:
        whose = path.split("/")[: -read.up or None]
        if read.child:
            whose.append(read.child)
        self._wanted["/".join(whose)].add(read.what)


def expressions(playbook: Playbook) -> Iterator[Said]:
    """Every expression, the playbook's own last."""
    main = Place(
        Step(name=MAIN, action=playbook.body, loop=playbook.loop), inputs=playbook.inputs
    )
    yield from _of_step(main, MAIN)
    last = Step(name=FINALLY, action=Group(steps=playbook.finally_))
    yield from _of_step(Place(last, inputs=playbook.inputs), FINALLY)
    for output in playbook.outputs:
        yield Said(path=MAIN, place=main, key=("outputs", output.name), text=output.expression,
                   wanted=None, done=True)  # fmt: skip


def _of_step(place: Place, path: str) -> Iterator[Said]:
    step = place.step
    if step.when:
        yield Said(path=path, place=place, key=("when",), text=step.when)
    yield from _of_loop(place, path)
    for index, text in enumerate(step.expect):
        yield Said(path=path, place=place, key=("expect", index), text=text, done=True)
    for index, text in enumerate(step.abort_if):
        yield Said(path=path, place=place, key=("abort_if", index), text=text, done=True)
    if step.blank is not None:
        for template in templates_in(step.blank.text):
            yield Said(path=path, place=place, key=(), text=template.text, wanted=None)
    if isinstance(step.action, Group):
        yield from _of_call(place, path)
        for child in step.action.steps:
            yield from _of_step(Place(child, place), f"{path}/{child.name}")


def _of_loop(place: Place, path: str) -> Iterator[Said]:
    loop = place.step.loop
    if loop is None:
        return
    for key, text in (("until", loop.until), ("while", loop.while_)):
        if text:
            yield Said(path=path, place=place, key=("loop", key), text=text, done=True)
    if loop.each_of:
        yield Said(path=path, place=place, key=("loop", "each"), text=loop.each_of, wanted="list")


def _of_call(place: Place, path: str) -> Iterator[Said]:
    called = place.called
    if called is None:
        return
    for given in called.inputs:
        for template in templates_in(given.template):
            yield Said(path=path, place=place, key=("playbook", "inputs", given.name),
                       text=template.text, wanted=None)  # fmt: skip
    for output in called.outputs:
        yield Said(path=path, place=place, key=("playbook",), text=output.expression,
                   wanted=None, done=True)  # fmt: skip
