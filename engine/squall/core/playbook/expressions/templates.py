"""Expressions inside other values: where ``${{ … }}`` stands in a text, and putting values there.

Called while a playbook is loaded, for its inputs, and by the run machine for what steps saw. A text
that is one template and nothing else becomes what the expression gives, as a playbook would write
it; in a longer text the value is put in as text. Keys are left as they are.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from squall.core.playbook.expressions.names import Scope
from squall.core.playbook.expressions.programs import mistakes_in, worked_out
from squall.core.playbook.expressions.tokens import STRING, Mistake
from squall.core.playbook.expressions.values import Answer, Failure, written
from squall.core.playbook.kind import Kind
from squall.core.playbook.source import Data, Path

OPENING: Final = "${{"
_CLOSING: Final = "}}"
_PIECE: Final = re.compile(rf"(?P<string>{STRING})|\}}\}}|.", re.VERBOSE | re.DOTALL)


IsText = Callable[[Path, Data], bool]
"""Whether a value can only be put in as text where it is to stand."""


def _never(_: Path, __: Data) -> bool:
    return False


class Template(NamedTuple):
    """One ``${{ … }}``: from `start` to before `end` of its text, counted from 0.

    `expression` is what stands in it, without the spaces around, and `column` where that begins,
    from 1. One that is not `closed` reaches to the end of the text.
    """

    start: int
    end: int
    expression: str
    column: int
    closed: bool


class Filled(NamedTuple):
    """Data with its templates filled, and every template that could not be: where, and why."""

    data: Data
    failures: tuple[tuple[Path, Template, Failure], ...]


@lru_cache(maxsize=256)
def templates_in(text: str) -> tuple[Template, ...]:
    """Every template of a text; a ``}}`` inside quotes or braces of the expression ends none."""
    found = []
    start = text.find(OPENING)
    while start >= 0:
        inner = start + len(OPENING)
        stop = _end(text, inner)
        written = text[inner : len(text) if stop is None else stop]
        end = len(text) if stop is None else stop + len(_CLOSING)
        column = inner + len(written) - len(written.lstrip()) + 1
        found.append(Template(start, end, written.strip(), column, stop is not None))
        start = text.find(OPENING, end)
    return tuple(found)


def _end(text: str, start: int) -> int | None:
    """Where the braces that close a template stand."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        match piece.group():
            case "}}" if depth == 0:
                return piece.start()
            case "}}" | "}" as closing:
                depth = max(0, depth - len(closing))
            case "{":
                depth += 1
    return None


def template_mistakes(text: str, scope: Scope, wanted: Kind | None = None) -> Iterator[Mistake]:
    """Everything wrong with the templates of a text, by column; `wanted` where one is all of it."""
    for template in templates_in(text):
        if not template.closed:
            hint = f"add {_CLOSING} behind the expression"
            yield Mistake(template.start + 1, len(OPENING), f"this {OPENING} is never closed", hint)
            continue
        whole = wanted if _is_whole(template, text) else None
        for found in mistakes_in(template.expression, scope, whole):
            yield found._replace(column=found.column + template.column - 1)


def rendered(text: str, scope: Scope, values: Mapping[str, Data]) -> Answer:
    """What an expression comes to, as a playbook would write it: durations as ``250ms``."""
    found = worked_out(text, scope, values)
    if isinstance(found, Failure):
        return found
    kind, value = found
    if kind == "duration" and isinstance(value, int):
        return written(value)
    return value


def fill(
    data: Data, render: Callable[[str], Answer], path: Path = (), *, is_text: IsText = _never
) -> Filled:
    """The data with what `render` makes of the expression in place of each template.

    A template that fails is left as it stands, and so is one that is never closed. What `is_text`
    says of is put in as text, also where it is all there is.
    """
    match data:
        case str() if OPENING in data:
            return _filled(data, render, path, is_text)
        case list():
            parts = [
                fill(part, render, (*path, place), is_text=is_text)
                for place, part in enumerate(data)
            ]
            return Filled([part.data for part in parts], _all(parts))
        case dict():
            parts = [
                fill(part, render, (*path, key), is_text=is_text) for key, part in data.items()
            ]
            named = zip(data, parts, strict=True)
            return Filled({key: part.data for key, part in named}, _all(parts))
        case _:
            return Filled(data, ())


def _filled(text: str, render: Callable[[str], Answer], path: Path, is_text: IsText) -> Filled:
    failures = []
    pieces, read = [], 0
    for template in templates_in(text):
        value = render(template.expression) if template.closed else text[template.start :]
        if isinstance(value, Failure):
            failures.append((path, template, value))
            value = text[template.start : template.end]
        elif _is_whole(template, text):
            return Filled(_as_text(value) if is_text(path, value) else value, ())
        pieces += [text[read : template.start], _as_text(value)]
        read = template.end
    return Filled("".join([*pieces, text[read:]]), tuple(failures))


def _is_whole(template: Template, text: str) -> bool:
    return not text[: template.start].strip() and not text[template.end :].strip()


def _as_text(value: Data) -> str:
    match value:
        case str():
            return value
        case float() if value.is_integer() and abs(value) < 1e15:
            return f"{value:.0f}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _all(parts: list[Filled]) -> tuple[tuple[Path, Template, Failure], ...]:
    return tuple(failure for part in parts for failure in part.failures)
