"""The only door to the CEL library: expressions checked, and worked out.

Called through the package by whoever holds an expression. The library is imported with the first
expression that needs it, which not every playbook has. It compiles a text in which every name of
the scope is replaced (``loop`` is a word of CEL's own, and durations come in as texts). Programs
are kept by text and kinds, so that playbooks and rounds share them. Nothing here raises.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from squall.core.diagnostics import short
from squall.core.playbook.expressions import wording
from squall.core.playbook.expressions.costs import ITEM, Size, too_much
from squall.core.playbook.expressions.names import Scope, mistaken, misused, uses
from squall.core.playbook.expressions.rewriting import Kinds, Rewritten, kinds_of
from squall.core.playbook.expressions.syntax import Node, dotted, nodes, parse
from squall.core.playbook.expressions.tokens import Mistake
from squall.core.playbook.expressions.values import (
    Answer,
    Failure,
    Unfit,
    given,
    nanoseconds,
    taken,
)
from squall.core.playbook.kind import Kind
from squall.core.playbook.source import Data

_KINDS: Final[Mapping[str, Kind]] = {
    "BOOL": "bool", "INT": "int", "UINT": "int", "DOUBLE": "double", "STRING": "string",
    "DURATION": "duration", "LIST": "list", "MAP": "map", "DYN": "dyn", "NULL": "dyn",
}  # fmt: skip
_WORDS: Final[Mapping[Kind, str]] = {
    "bool": "true or false", "int": "a whole number", "double": "a decimal number",
    "string": "a text", "duration": "a duration", "list": "a list", "map": "a mapping",
    "dyn": "anything",
}  # fmt: skip
_COMPLAINT: Final = re.compile(r"^.*?ERROR: <input>:(\d+):(\d+): (.*)", re.MULTILINE)
_QUOTED: Final = re.compile(r"""'[^'\\]*'|"[^"\\]*"|[rR](?:'[^']*'|"[^"]*")""")
_ABSENT: Final = re.compile(r'No value with name "_([0-9]+)"')
_DURATION: Final = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:h|m|s|ms|us|ns))+)")
_MISSING: Final = "expressions cannot be worked out: the package cel-expr-python is not installed"
_REMEDY: Final = (
    "pip install cel-expr-python; it has wheels for Linux with glibc, macOS and Windows"
)
_GUESS: Final = Size(10 * ITEM, 10)
"""How large a value is taken to be before it is known."""


class _Program(NamedTuple):
    """A text made ready: what runs (None where nothing can), the kind it gives, what is wrong."""

    run: Any
    kind: Kind
    mistakes: tuple[Mistake, ...]


def mistakes_in(text: str, scope: Scope, wanted: Kind | None = None) -> tuple[Mistake, ...]:
    """Everything wrong with an expression, from left to right; what it gives must be `wanted`."""
    tree = parse(text)
    if isinstance(tree, Mistake):
        return (tree,)
    program = _program(text, kinds_of(text, scope))
    found = list(mistaken(tree, text, scope))
    told = {mistake.column for mistake in found}
    found += [mistake for mistake in program.mistakes if mistake.column not in told]
    if not found and program.run is None:
        found.append(Mistake(1, len(text), "this cannot be read as an expression"))
    if not found and wanted is not None and not _fits(program.kind, wanted):
        message = f"this is {_WORDS[program.kind]}; what is wanted is {_WORDS[wanted]}"
        hint = wording.compared(tree, program.kind, text) if wanted == "bool" else ""
        found.append(Mistake(1, len(text), message, hint))
    return tuple(sorted(set(found)))


def kind_of(text: str, scope: Scope) -> Kind | None:
    """What an expression gives; None when something is wrong with it."""
    tree = parse(text)
    if isinstance(tree, Mistake) or uses(text, scope)[1]:
        return None
    program = _program(text, kinds_of(text, scope))
    return None if program.run is None or program.mistakes else program.kind


def evaluate(text: str, scope: Scope, values: Mapping[str, Data]) -> Answer:
    """What the expression comes to with these values; durations in nanoseconds.

    A name without a value fails the evaluation, unless it cannot matter (``false && status == 1``).
    """
    found = worked_out(text, scope, values)
    return found if isinstance(found, Failure) else found[1]


def holds(text: str, scope: Scope, values: Mapping[str, Data]) -> bool | Failure:
    """Whether a condition is true."""
    found = worked_out(text, scope, values)
    if isinstance(found, Failure):
        return found
    if isinstance(found[1], bool):
        return found[1]
    return _failure(text, f"it is {_WORDS[found[0]]}, neither true nor false")


def worked_out(text: str, scope: Scope, values: Mapping[str, Data]) -> tuple[Kind, Data] | Failure:
    """What the expression comes to, and of which kind that is; see `evaluate`."""
    try:
        return _answer(text, scope, values)
    except Unfit as unfit:
        return _failure(text, str(unfit))


def _answer(text: str, scope: Scope, values: Mapping[str, Data]) -> tuple[Kind, Data]:
    """Raises `Unfit` with the reason when there is no value."""
    tree = parse(text)
    if isinstance(tree, Mistake):
        raise Unfit(tree.message)
    name = dotted(tree)
    if name is not None and name in scope:
        if name not in values:
            raise Unfit("it is not there")
        return scope[name], values[name]
    kinds = kinds_of(text, scope)
    program = _program(text, kinds)
    if program.run is None or uses(text, scope)[1]:
        raise Unfit(mistakes_in(text, scope)[0].message)
    return _run(tree, program, kinds, values)


def _run(
    tree: Node, program: _Program, kinds: Kinds, values: Mapping[str, Data]
) -> tuple[Kind, Data]:
    data: dict[str, Any] = {}
    sizes: dict[str, Size] = {}
    for place, (name, kind) in enumerate(kinds):
        if name in values:
            data[f"_{place}"], sizes[name] = taken(values[name], kind)
    if too_much(tree, sizes):
        raise Unfit("it would take too long with values of this size")
    found, plain = _value(program.run, data, [name for name, _ in kinds])
    if program.kind == "duration":
        return "duration", nanoseconds(plain)
    return _KINDS.get(found, program.kind), given(plain)


def _value(run: Any, data: Mapping[str, Any], names: Sequence[str] = ()) -> tuple[str, Any]:
    """The type and the value a program of the library gives; raises `Unfit` when it has none."""
    try:
        value = run.eval(data=data)
        kind, plain = value.type().name().split("<")[0], value.plain_value()
    except (RuntimeError, ValueError, TypeError) as error:
        raise Unfit(wording.at_work(str(error))) from None
    if kind == "ERROR":
        absent = _ABSENT.search(plain)
        raise Unfit(f"{names[int(absent[1])]} is not there" if absent else wording.at_work(plain))
    return kind, plain


def _failure(text: str, reason: str) -> Failure:
    return Failure(f"{short(' '.join(text.split()))}: {reason}")


def _fits(kind: Kind, wanted: Kind) -> bool:
    return kind == wanted or "dyn" in {kind, wanted} or (kind, wanted) == ("int", "double")


def _unreadable(tree: Node, environment: Any) -> Iterator[Mistake]:
    """Quoted durations and patterns that are none: they would fail whenever they are worked out."""
    for node in nodes(tree):
        quoted = node.parts[-1] if node.parts else node
        if node.text not in {"duration", "matches"} or not _QUOTED.fullmatch(quoted.text):
            continue
        column, length = quoted.start + 1, quoted.end - quoted.start
        inner = quoted.text.lstrip("rR")[1:-1]
        if node.text == "matches":
            try:
                _value(environment.compile(f"''.matches({quoted.text})"), {})
            except Unfit as unfit:
                yield Mistake(column, length, str(unfit))
        elif not _DURATION.fullmatch(inner):
            hint = "write it like '1h30m' or '300ms'; a day is '24h'"
            if inner.isdecimal():
                hint = f"write '{short(inner)}ms' or '{short(inner)}s'"
            yield Mistake(column, length, f"{short(quoted.text)} is no duration", hint)


@lru_cache(maxsize=1024)
def _program(text: str, kinds: Kinds) -> _Program:
    tree = parse(text)
    assert isinstance(tree, Node)
    environment = _environment(tuple(kind for _, kind in kinds))
    if environment is None:
        return _Program(None, "dyn", (Mistake(1, len(text), _MISSING, _REMEDY),))
    written = Rewritten(tree, text, kinds)
    mistakes = tuple(_unreadable(tree, environment))
    try:
        run = environment.compile(written.text)
        kind = run.return_type().name().split("<")[0]
        if kind == "DURATION":  # whose own value would be rounded
            run = environment.compile(f"string({written.text}\n)")
    except (RuntimeError, TypeError) as error:
        return _Program(None, "dyn", (*mistakes, *_complaints(str(error), written, text)))
    if kind not in _KINDS:
        message = f"this gives {wording.kind_in_words(kind.lower())}, which has no use here"
        wrong = Mistake(1, len(text), message, "string() makes a text of it")
        return _Program(None, "dyn", (*mistakes, wrong))
    if too_much(tree, {name: _GUESS for name, _ in kinds}):
        hint = "ask less of each item, or of fewer items"
        mistakes += (Mistake(1, len(text), "this could take too long to work out", hint),)
    return _Program(run, _KINDS[kind], mistakes)


def _complaints(said: str, written: Rewritten, text: str) -> Iterator[Mistake]:
    """What the library says is wrong; nothing of functions that `names` tells of."""
    complaints = _COMPLAINT.findall(said)
    for line, column, complaint in complaints:
        place, node = written.origin(int(line), int(column))
        if node is None or "undeclared reference" not in complaint or not misused(node, text):
            start, end = (node.start, node.end) if node is not None else (place, place + 1)
            if not 0 <= start < len(text):
                start, end = 0, len(text)
            words = wording.while_reading(complaint, node, text)
            yield Mistake(start + 1, max(1, end - start), *words)
    if not complaints:
        yield Mistake(1, len(text), *wording.while_reading(said, None, text))


@lru_cache(maxsize=256)
def _environment(kinds: tuple[Kind, ...]) -> Any:
    """An environment with a variable ``_0``, ``_1``, … of each kind; None without the library."""
    try:
        from cel_expr_python import cel  # noqa: PLC0415 - its door, and it may be missing
    except ImportError:
        return None
    types = {
        "bool": cel.Type.BOOL, "int": cel.Type.INT, "double": cel.Type.DOUBLE,
        "string": cel.Type.STRING, "duration": cel.Type.STRING, "list": cel.Type.LIST,
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN), "dyn": cel.Type.DYN,
    }  # fmt: skip
    return cel.NewEnv(variables={f"_{place}": types[kind] for place, kind in enumerate(kinds)})
