"""Values put in where ``${{ }}`` stands, before anything asks whether the document is right.

Called by `load` with the values of the inputs, so that schema, `build` and `checks` only ever see
what is meant. A step that speaks of other steps cannot be filled yet: it gets the example of the
schema at that place, and keeps its text for the machine to `fill_blank` when its turn comes.
References to secrets stay as they are until a probe is performed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from squall.core.diagnostics import Edit
from squall.core.playbook import expressions
from squall.core.playbook.expressions import (
    Answer,
    Failure,
    Mistake,
    Template,
    names_in,
    rendered,
    template_mistakes,
    templates_in,
)
from squall.core.playbook.fixes import Fix
from squall.core.playbook.model import STEPS, Given
from squall.core.playbook.names import INPUTS
from squall.core.playbook.places import Places
from squall.core.playbook.schema import example_at, only_text_fits
from squall.core.playbook.source import Data, Document, Path

BARE: Final = frozenset({"when", "expect", "until", "while", "abort_if", "outputs"})
"""Keys that hold expressions themselves; nothing is put into them."""
FIXED: Final = frozenset(
    {"name", "delay", "timeout", "on_timeout", "needs", "retry", "continue_on_failure", "targets"}
)
"""Keys of a step that have to be known before a run begins."""
_FREE: Final = frozenset({"headers", "body", "env", "scenarios", "targets", "inputs", "each"})
"""Keys whose own keys are anybody's choice."""
_LATE: Final = ("steps", "loop")
"""What the names begin with that have a value only while a run is on its way."""

Render = Callable[[str], Answer]
"""Works out one expression, as a playbook would write what it comes to."""


def fill(places: Places, inputs: tuple[Given, ...], schema: str) -> Document:
    """The document with everything put in that is known; what cannot be is noted in `places`.

    `schema` says what may stand at a place, for values nobody knows yet, and where it is a text.
    """
    return _Filler(places, {one.name: one for one in inputs}, schema).document()


def has_templates(data: Data) -> bool:
    """Whether there is anything to fill."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "${{" in value:
                return True
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def fill_blank(text: str, answer: Render, schema: str) -> Answer:
    """The keys of a step with every value put in; the first that cannot be worked out if not."""
    data = json.loads(text)
    bare = {key: data.pop(key) for key in BARE & data.keys()}
    filled = put_in(data, answer, schema, ("steps", 0))
    if isinstance(filled, Failure):
        return filled
    assert isinstance(filled, dict)
    return {**filled, **bare}


def put_in(data: Data, answer: Render, schema: str, path: Path) -> Answer:
    """Data with its templates worked out, as it fits at `path`; references to secrets stay."""
    filled = expressions.fill(
        data,
        lambda text: _secret(text) or answer(text),
        path,
        is_text=partial(only_text_fits, schema),
    )
    return filled.failures[0][2] if filled.failures else filled.data


def _secret(text: str) -> str:
    return "${{ " + text + " }}" if text.startswith("secrets.") else ""


def texts_in(data: Data) -> Iterator[str]:
    """Every text of a step with a template in it, where templates have a meaning."""
    for path, text in every_text(data):
        if "${{" in text and not is_bare(path):
            yield text


def every_text(data: Data, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in the data, with its place."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from every_text(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from every_text(value, (*path, index))
    elif isinstance(data, str):
        yield path, data


def is_bare(path: Path) -> bool:
    """Whether an expression stands here, in a document or a step, and not a value."""
    return next((key for key in path if key in BARE or key in _FREE), None) in BARE


def is_secret(template: Template) -> bool:
    """Whether it names a secret, whose value nobody knows before it is used."""
    return any(name.partition(".")[0] == "secrets" for name, _ in names_in(template.expression))


@dataclass
class _Filler:
    """One document on its way from what is written to what is meant."""

    places: Places
    inputs: Mapping[str, Given]
    schema: str
    late: dict[Path, str] = field(default_factory=dict)
    unknown: set[Path] = field(default_factory=set)
    broken: set[Path] = field(default_factory=set)
    """Where nothing could be put in: what is said of the example there is not said to anybody."""

    def document(self) -> Document:
        """The document as it is meant."""
        document = self.places.document
        filled = self._node(document.data, ())
        holes = document.holes | self.broken
        return replace(
            document,
            data=filled,
            written=document.data,
            late=self.late,
            unknown=self.unknown,
            holes=holes,
        )

    def _node(self, data: Data, path: Path) -> Data:
        if not has_templates(data):
            return data
        if isinstance(data, dict):
            return {key: self._node(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self._node(value, (*path, index)) for index, value in enumerate(data)]
        assert isinstance(data, str)
        if not path:
            return data  # the schema says that a text is no playbook
        if path[0] in {"inputs", "name", "version"} or is_bare(path):
            self._superfluous(path)
            return data
        return self._text(data, path)

    def _superfluous(self, path: Path) -> None:
        what = "an expression already" if is_bare(path) else "known before anything else"
        hint = "write it without ${{ }}" if is_bare(path) else "write the value itself"
        fix = self._bared(path) if is_bare(path) else ()
        self.places.note(path, "SQ230", f"nothing can be put in here: it is {what}", hint, fix=fix)
        self.broken.add(path)

    def _bared(self, path: Path) -> Fix:
        """The edits that leave of a quoted expression in ``${{ }}`` the expression."""
        text = self.places.document.text_at(path) or ""
        inside = templates_in(text)
        if len(inside) != 1 or not inside[0].closed or not _is_whole(text, inside[0]):
            return ()
        start = inside[0].column - 1
        end = start + len(inside[0].expression)
        before = self.places.within(path, 0, start)
        behind = self.places.within(path, end, len(text) - end)
        value = self.places.document.locate(path)
        quoted = before is not None and before.start != value.start
        if before is None or behind is None or not quoted:
            return ()
        return Edit(before, ""), Edit(behind, "")

    def _text(self, text: str, path: Path) -> Data:
        templates = templates_in(text)
        if all(map(is_secret, templates)) and all(one.closed for one in templates):
            return text
        if any(map(self._is_late, templates)):
            return self._later(text, path, templates)
        scope = {f"inputs.{one.name}": INPUTS[one.kind] for one in self.inputs.values()}
        mistakes = [
            mistake
            for mistake in template_mistakes(text, scope)
            if not any(
                is_secret(one) and one.start < mistake.column <= one.end for one in templates
            )
        ]
        for mistake in mistakes:
            self._mistaken(path, mistake)
            self.broken.add(path)
        render = partial(rendered, scope=scope, values=self._values())
        filled = put_in(text, render, self.schema, path)
        if not isinstance(filled, Failure) and not mistakes:
            return filled
        if isinstance(filled, Failure) and not mistakes and self._all_given(templates):
            self.places.note(path, "SQ232", filled.reason)
            self.broken.add(path)
        self.unknown.add(path)
        return example_at(self.schema, path)

    def _later(self, text: str, path: Path, templates: tuple[Template, ...]) -> Data:
        """A value that is there once the run is on its way, in a step that can wait for it."""
        step = step_of(path)
        is_check = step[:1] == ("steady_state",)
        fixed = _fixed(path[len(step) :]) if step else None
        if path[-2:] == ("loop", "each") and len(templates) == 1 and _is_whole(text, templates[0]):
            self.late[path] = templates[0].expression
        elif not step or is_check or fixed is not None:
            where = "a check of the steady state" if is_check else f"'{fixed or path[0]}'"
            first = next(filter(self._is_late, templates))
            self.places.note_within(
                path, first.start, first.end - first.start, "SQ231",
                f"{where} has to be known before the run, and '{first.expression}' is not",
                "only what a step does can depend on other steps and on rounds",
            )  # fmt: skip
            self.broken.add(path)
        else:
            self.late[path] = text
        return example_at(self.schema, path)

    def _is_late(self, template: Template) -> bool:
        """Whether its value is known only while a run is on its way."""
        chains = [chain.split(".") for chain, _ in names_in(template.expression)]
        return any(
            chain[0] in _LATE
            or (chain[0] == "inputs" and len(chain) > 1 and self._is_passed_on(chain[1]))
            for chain in chains
        )

    def _is_passed_on(self, name: str) -> bool:
        """Whether whoever calls the playbook knows the input's value only while running."""
        return name in self.inputs and bool(self.inputs[name].template)

    def _values(self) -> dict[str, Data]:
        return {f"inputs.{name}": one.decoded() for name, one in self.inputs.items() if one.value}

    def _all_given(self, templates: tuple[Template, ...]) -> bool:
        """Whether there is a value for every input in them; without one nothing is wrong yet."""
        chains = [chain for one in templates for chain, _ in names_in(one.expression)]
        return all(chain in self._values() for chain in chains if chain.startswith("inputs."))

    def _mistaken(self, path: Path, mistake: Mistake) -> None:
        span = (mistake.column - 1, mistake.length)
        self.places.note_within(path, *span, "SQ232", mistake.message, mistake.hint)


def _is_whole(text: str, template: Template) -> bool:
    return (template.start, template.end) == (0, len(text))


def _fixed(keys: Path) -> str | None:
    """What of a step has to be known before a run and holds the value under these keys of it."""
    match keys:
        case ("playbook", "inputs", _):
            return None
        case ("playbook", "inputs", name, *_):
            return str(name)
        case ("scenario",) | ("scenario", int()):
            return "scenario"
        case (first, *_) if first in FIXED | {"loop", "playbook"}:
            return str(first)
    return None


def step_of(path: Path) -> Path:
    """The path of the step, or check, this value belongs to; empty outside of them."""
    for length in range(len(path) - 1, 1, -1):
        if isinstance(path[length - 1], int) and path[length - 2] in (*STEPS, "checks"):
            return path[:length]
    return ()
