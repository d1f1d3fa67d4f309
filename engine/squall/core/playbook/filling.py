"""Values put in where ``${{ }}`` stands, before anything asks whether the document is right.

Called by `load` with the values of the inputs, so that schema, `build` and `checks` only ever see
what is meant. A step that speaks of other steps cannot be filled yet: it gets the example of the
schema at that place, and keeps its text for the machine to `fill_blank` when its turn comes.
References to secrets stay as they are until a probe is performed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from squall.core.diagnostics import nearest
from squall.core.playbook.expressions import (
    Failure,
    Kind,
    Template,
    Value,
    evaluate,
    mistakes_in,
    names_in,
    templates_in,
)
from squall.core.playbook.model import Given
from squall.core.playbook.names import INPUTS
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, Document, Path
from squall.core.timing import format_duration, parse_duration

BARE: Final = frozenset({"when", "expect", "until", "while", "abort_if", "outputs"})
"""Keys that hold expressions themselves; nothing is put into them."""
FIXED: Final = frozenset(
    {"name", "delay", "timeout", "on_timeout", "needs", "retry", "continue_on_failure", "targets"}
)
"""Keys of a step that have to be known before a run begins."""
_STEPS: Final = frozenset({"steps", "parallel", "finally"})
_LATE: Final = ("steps", "loop")
"""What the names begin with that have a value only while a run is on its way."""

Answer = Callable[[str], Value | Failure]
"""Works out one expression."""


def fill(places: Places, inputs: tuple[Given, ...], example: Callable[[Path], Data]) -> Document:
    """The document with everything put in that is known; what cannot be is noted in `places`.

    `example` is what may stand at a place, for values nobody knows yet.
    """
    return _Filler(places, inputs, example).document()


def has_templates(data: Data) -> bool:
    """Whether there is anything to fill."""
    if isinstance(data, str):
        return "${{" in data
    if isinstance(data, dict):
        return any(map(has_templates, data.values()))
    return isinstance(data, list) and any(map(has_templates, data))


def fill_blank(text: str, answer: Answer) -> Data | Failure:
    """The keys of a step with every value put in; the first that cannot be is why not."""
    try:
        return _filled(json.loads(text), answer)
    except _Unknown as unknown:
        return unknown.failure


class _Unknown(Exception):  # noqa: N818 - never leaves this module
    """A value could not be worked out."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def _filled(data: Data, answer: Answer, key: str = "") -> Data:
    if isinstance(data, dict):
        return {name: _filled(value, answer, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_filled(value, answer, key) for value in data]
    if not isinstance(data, str) or "${{" not in data or key in BARE:
        return data
    return put_in(data, templates_in(data), answer)


def put_in(text: str, templates: tuple[Template, ...], answer: Answer) -> Data:
    """A text with its templates worked out; one that is all of it keeps its kind."""
    values = []
    for template in templates:
        if is_secret(template):
            values.append(text[template.start : template.end])
            continue
        value = answer(template.text)
        if isinstance(value, Failure):
            raise _Unknown(value)
        values.append(value)
    if len(templates) == 1 and (templates[0].start, templates[0].end) == (0, len(text)):
        return values[0]
    parts, at = [], 0
    for template, value in zip(templates, values, strict=True):
        parts += [text[at : template.start], as_text(value)]
        at = template.end
    return "".join([*parts, text[at:]])


def as_text(value: Value) -> str:
    """A value inside a longer text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list) or value is None:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value if isinstance(value, str) else f"{value:.15g}"


def is_secret(template: Template) -> bool:
    """Whether it names a secret, whose value nobody knows before it is used."""
    return template.text.strip().startswith("secrets.")


def is_late(template: Template) -> bool:
    """Whether its value is known only while a run is on its way."""
    return any(name.partition(".")[0] in _LATE for name, _ in names_in(template.text))


@dataclass
class _Filler:
    """One document on its way from what is written to what is meant."""

    places: Places
    inputs: tuple[Given, ...]
    example: Callable[[Path], Data]
    late: dict[Path, str] = field(default_factory=dict)

    def document(self) -> Document:
        document = self.places.document
        data = self._node(document.data, ())
        return replace(document, data=data, late=self.late)

    def _node(self, data: Data, path: Path) -> Data:
        if isinstance(data, dict):
            return {
                key: value if key in BARE or path + (key,) == ("inputs",) else self._node(value, (*path, key))
                for key, value in data.items()
            }
        if isinstance(data, list):
            return [self._node(value, (*path, index)) for index, value in enumerate(data)]
        if not isinstance(data, str) or "${{" not in data:
            return data
        return self._text(data, path)
