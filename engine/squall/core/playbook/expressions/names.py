"""What the names in an expression refer to, and whether what they name is sure to be there.

Called by `programs` with the scope, and by checks that ask which inputs are used and which steps
are looked at. In a scope all names are flat: ``steps.light.measured.p99`` is one name, and what
follows a name (``json.items``) is looked up in its value.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from squall.core.diagnostics import nearest, short
from squall.core.playbook.expressions.functions import misuse
from squall.core.playbook.expressions.syntax import Node, chains_in, dotted, nodes, parse
from squall.core.playbook.expressions.tokens import Mistake
from squall.core.playbook.kind import Kind

Scope = Mapping[str, Kind]
"""Every name that may be used where an expression stands, in full, with its kind."""

_SHOWN: Final = 8
_ALWAYS: Final = frozenset({"ran", "outcome"})
_CONSTANTS: Final = {
    "true": "true", "false": "false", "null": "null", "none": "null", "nil": "null",
    "undefined": "null",
}  # fmt: skip
_WRITTEN: Final = re.compile(r"[\w.-]+", re.ASCII)


class Use(NamedTuple):
    """A name where it is used, from `start` to before `end`."""

    name: str
    start: int
    end: int


def names_in(text: str) -> tuple[tuple[str, int], ...]:
    """Every name used with its column, as written: with the fields behind it, ``json.items``.

    Nothing for a text that cannot be read.
    """
    return tuple((name, node.start + 1) for name, node in chains_in(text))


def uses(text: str, scope: Scope) -> tuple[tuple[Use, ...], tuple[Use, ...]]:
    """The names used that are in the scope, and those that are not."""
    known, unknown = [], []
    for written, node in chains_in(text):
        name: str | None = written
        part = node
        while name is not None and name not in scope:
            part = part.parts[0] if part.parts else part
            name = name.rpartition(".")[0] or None
        if name is None:
            unknown.append(Use(written, node.start, node.end))
        else:
            known.append(Use(name, part.start, part.end))
    return tuple(known), tuple(unknown)


def mistaken(tree: Node, text: str, scope: Scope) -> Iterator[Mistake]:
    """Every name and function that is not known, and every item of a macro that hides a name."""
    behind = 0
    for use in uses(text, scope)[1]:
        if use.start >= behind:
            found = _unknown(use, text, scope)
            behind = use.start + found.length
            yield found
    roots = {name.split(".", 1)[0] for name in scope}
    for node in nodes(tree):
        if node.kind == "macro" and (item := node.parts[1]).text in roots:
            message = f"'{item.text}' has a meaning here already"
            yield Mistake(item.start + 1, len(item.text), message, "give the item another name")
        elif wrong := misused(node, text):
            yield wrong


def misused(node: Node, text: str) -> Mistake | None:
    """What is wrong with the function a node calls, by its name and how many values it is given."""
    if node.kind not in {"call", "method"}:
        return None
    method = node.kind == "method"
    start = text.rindex(node.text, node.start, node.at) if method else node.start
    return misuse(node.text, len(node.parts) - method, start, method=method)


def _unknown(use: Use, text: str, scope: Scope) -> Mistake:
    written = _WRITTEN.match(text, use.start)
    hyphened = written.group() if written else use.name
    if "-" in hyphened and (meant := _prefix(hyphened.replace("-", "_"), scope)):
        hint = f"write '{meant}': a name has _ for every hyphen and space"
        return Mistake(use.start + 1, len(meant), f"'{short(hyphened)}' is not one name", hint)
    length = use.end - use.start
    below = [name for name in scope if name.startswith(f"{use.name}.")]
    if below:
        message = f"'{short(use.name)}' is not a value by itself"
        return Mistake(use.start + 1, length, message, f"it has {_listed(below)}")
    if (found := _closest(use.name, scope)) is not None:
        beginning, close = found
        message = f"'{short(beginning)}' is not known here"
        return Mistake(use.start + 1, len(beginning), message, f"did you mean '{close}'?")
    message = f"'{short(use.name)}' is not known here"
    around = use.name
    while "." in around:
        around = around.rpartition(".")[0]
        if beside := [name for name in scope if name.startswith(f"{around}.")]:
            return Mistake(use.start + 1, length, message, f"known: {_listed(beside)}")
    known = f"known: {_listed(list(scope))}" if scope else "nothing is known here"
    return Mistake(use.start + 1, length, message, known)


def _prefix(name: str, scope: Scope) -> str | None:
    """The name of the scope with which this one begins."""
    while name and name not in scope:
        name = name.rpartition(".")[0]
    return name or None


def _closest(name: str, scope: Scope) -> tuple[str, str] | None:
    """The beginning of a name that is misspelt, and what a person most likely meant by it.

    One part is compared at a time: what names share would make any two look close.
    """
    if name.lower() in _CONSTANTS:
        return name, _CONSTANTS[name.lower()]
    parts = name.split(".")
    known = [tuple(each.split(".")) for each in scope]
    for length in range(len(parts), 0, -1):
        for place in range(length - 1, -1, -1):
            before, after = tuple(parts[:place]), tuple(parts[place + 1 : length])
            siblings = {
                each[place]: ".".join(each)
                for each in known
                if len(each) == length and (each[:place], each[place + 1 :]) == (before, after)
            }
            if close := nearest(parts[place], siblings):
                return ".".join(parts[:length]), siblings[close]
    return None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def unguarded(text: str) -> tuple[tuple[str, int], ...]:
    """What a step saw (``steps.light.status``) where the step may not have run, with columns.

    ``ran`` and ``outcome`` are always there. Any other is guarded where its absence cannot matter:
    ``steps.light.ran && …``, ``!steps.light.ran || …``, ``steps.light.ran ? … : …``, in either
    order, as && and || do not mind an operand that fails when the other decides. That a step's
    outcome is ``'succeeded'`` says as well that it ran.
    """
    tree = parse(text)
    return () if isinstance(tree, Mistake) else tuple(_bare(tree, frozenset()))


def _bare(node: Node, ran: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The uses below a node that steps known to have `ran` do not cover."""
    match node.kind, node.text:
        case "binary", "&&" | "||" as operator:
            left, right = node.parts
            yield from _bare(left, ran | _implied(right, truth=operator == "&&"))
            yield from _bare(right, ran | _implied(left, truth=operator == "&&"))
        case "choice", _:
            asked, yes, no = node.parts
            yield from _bare(asked, ran)
            yield from _bare(yes, ran | _implied(asked, truth=True))
            yield from _bare(no, ran | _implied(asked, truth=False))
        case (("name" | "select"), _) if name := dotted(node):
            root, _, rest = name.partition(".")
            step, _, field = rest.partition(".")
            if root == "steps" and field.split(".")[0] not in _ALWAYS and step not in ran:
                yield name, node.start + 1
        case _:
            for part in node.parts:
                yield from _bare(part, ran)


def _implied(node: Node, *, truth: bool) -> frozenset[str]:
    """The steps that must have run if this is true, or false."""
    match node.kind, node.text:
        case "unary", "!":
            return _implied(node.parts[0], truth=not truth)
        case "binary", "&&" | "||" as operator:
            left, right = (_implied(part, truth=truth) for part in node.parts)
            return left | right if (operator == "&&") == truth else left & right
        case "binary", "==" | "!=" as operator if truth == (operator == "=="):
            compared, outcome = node.parts
            if outcome.kind == "literal" and outcome.text[1:-1] == "succeeded":
                return _step(compared, "outcome")
        case ("select", "ran") if truth:
            return _step(node, "ran")
    return frozenset()


def _step(node: Node, field: str) -> frozenset[str]:
    """The step whose `field` this is."""
    name = (dotted(node) or "").split(".")
    return frozenset({name[1]} if name[0] == "steps" and name[2:] == [field] else ())
