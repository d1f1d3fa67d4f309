"""A playbook that is called becomes a group of the one that calls it, with inputs of its own.

`load` hands it to `build`, which asks for one group a call. The called playbook is filled with the
inputs it is given, checked, built and, where it calls others, resolved in turn; what stands around
its own file holds for it. Without targets of its own it acts on those of the caller. What concerns
a whole run (schedule, gates, steady state, seed) is left to its own runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from msgspec.structs import replace as changed

from squall.core.playbook.build import build
from squall.core.playbook.called import Call
from squall.core.playbook.calls import Calls, resolve
from squall.core.playbook.catalogue import shipped
from squall.core.playbook.checks import check_meaning
from squall.core.playbook.defaults import with_defaults
from squall.core.playbook.filling import fill, has_templates
from squall.core.playbook.inputs import declared
from squall.core.playbook.limits import check_limits
from squall.core.playbook.model import Called, Given, Group, Playbook, Step, Target
from squall.core.playbook.places import Places
from squall.core.playbook.schema import check_shape
from squall.core.playbook.secrets import check_secrets
from squall.core.playbook.snapshot import Snapshot, Written
from squall.core.playbook.source import Path
from squall.core.playbook.talk import told_by
from squall.core.playbook.targets import NAME_ONE, meant_twice

MOST_CALLS: Final = 1_000
"""How many calls a playbook may come to, those of called ones included."""

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Around:
    """What called playbooks are read with; `targets` are given in place of declared ones."""

    schema: str
    catalogue: tuple[str, ...]
    snapshot: Snapshot
    targets: tuple[Target, ...] = ()


@dataclass
class Callings:
    """What the calls of a playbook come to; `targets` and `finally_` are what they bring along."""

    places: Places
    calls: Calls
    around: Around
    made: list[int] = field(default_factory=lambda: [0])
    """How many calls there are in all, shared with those below."""
    targets: dict[str, Target] = field(default_factory=dict)
    finally_: list[Step] = field(default_factory=list)

    def call(self, path: Path, node: Node, scope: tuple[Target, ...]) -> Call | None:
        """The group a call stands for; None when nothing was meant, which is a finding already."""
        written = self.calls.get((*path, "playbook"))
        if written is None:
            return None
        self.made[0] += 1
        if self.made[0] > MOST_CALLS:
            if self.made[0] == MOST_CALLS + 1:
                message = f"this comes to more than {MOST_CALLS:,} calls"
                self.places.note((*path, "playbook"), "SQ222", message, "call fewer", key=True)
            return None
        call = node["playbook"]
        at: Path = (*path, "playbook", "inputs")
        passed = {
            name: value
            for name, value in (call.get("inputs", {}) if isinstance(call, dict) else {}).items()
            if (*at, name) not in self.places.document.unknown
        }
        late = self._late(at)
        playbook, inputs = self._called(path, written, passed, late, scope)
        if playbook is None:
            return None
        self._bring_along(path, node["name"], playbook, inputs)
        called = Called(
            playbook=playbook.name,
            inputs=inputs,
            outputs=told_by(playbook),
            abort_if=playbook.abort_if,
            loops=playbook.loop is not None,
        )
        return Call(
            group=changed(playbook.body, called=called),
            loop=playbook.loop,
            timeout=playbook.timeout,
        )

    def _late(self, path: Path) -> dict[str, str]:
        """The inputs whose values only the run will know, as they are written."""
        late = self.places.document.late
        return {str(at[-1]): text for at, text in late.items() if at[:-1] == path}

    def _called(
        self, path: Path, written: Written, passed: Node, late: Mapping[str, str],
        scope: tuple[Target, ...],
    ) -> tuple[Playbook | None, tuple[Given, ...]]:  # fmt: skip
        known = {name: value for name, value in passed.items() if name not in late}
        places = Places(written.document, written.file)
        inputs = tuple(
            changed(one, value="", template=late[one.name]) if one.name in late else one
            for one in declared(places, known)
        )
        document = written.document
        if has_templates(document.data):
            document = fill(places, inputs, self.around.schema)
        wrong = [
            *check_secrets(written.document, written.file),
            *check_shape(document, written.file, self.around.schema),
        ]
        if wrong or places.failed:
            self._refuse(path, written)
            return None, ()
        project = self.around.snapshot.project_of(written.file)
        if project.targets == self.places.around.targets:  # those the call chose among already
            project = replace(project, targets={})
        inner = Places(with_defaults(document, project.defaults), written.file, project)
        own = {*written.data.get("targets", ()), *project.targets}
        below = Callings(inner, resolve(inner, self.around.snapshot), self.around, self.made)
        replaced = tuple(target for target in self.around.targets if target.name in own)
        targets = replaced if own else scope
        playbook = build(inner, targets, lambda: shipped(self.around.catalogue), inputs, below)
        check_meaning(inner, playbook)
        check_limits(inner, playbook, project.limited_by)
        if inner.failed or project.failed:
            self._refuse(path, written)
            return None, ()
        return playbook if own else changed(playbook, targets=()), inputs

    def _refuse(self, path: Path, written: Written) -> None:
        message = f"playbook '{written.name}' cannot be called: there are errors in it"
        self.places.note((*path, "playbook"), "SQ224", message, f"see 'squall lint {written.file}'")

    def _bring_along(
        self, path: Path, name: str, playbook: Playbook, inputs: tuple[Given, ...]
    ) -> None:
        """Its targets are opened with the caller's, its `finally` runs after the caller's own."""
        for target in playbook.targets:
            known = self.targets.setdefault(target.name, target)
            if known != target:
                message = f"{meant_twice(known, target)} in '{playbook.name}'"
                self.places.note((*path, "playbook"), "SQ225", message, NAME_ONE)
        if playbook.finally_:
            taken = {step.name for step in self.finally_}
            free = (f"{name} {number}" if number else name for number in range(MOST_CALLS + 1))
            # What other steps saw is out of reach there: such inputs have no value any more.
            left = tuple(changed(one, template="") for one in inputs)
            called = Called(playbook=playbook.name, inputs=left, tidies=True)
            group = Group(steps=playbook.finally_, called=called)
            last = next(each for each in free if each not in taken)
            self.finally_.append(Step(name=last, action=group))
