"""Conditions that are so whatever the values are: ``status >= 0``, ``x == 1 && x == 2``.

Called by `conditions` for every condition without a mistake. A condition is true and false parts
joined by ``&&``, ``||``, ``!`` and choices. Parts that compare one name with something fixed are
tried with every value that could make a difference, all other parts with both answers; what comes
out the same each time is always so. Never wrong, and silent where it would take too many tries.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from math import prod
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, NamedTuple

from squall.core.playbook.expressions.names import Scope
from squall.core.playbook.expressions.programs import worked_out
from squall.core.playbook.expressions.syntax import Node, dotted, nodes, parse
from squall.core.playbook.expressions.tokens import Mistake
from squall.core.playbook.expressions.values import Failure
from squall.core.playbook.kind import Kind

_MOST: Final = 4_096
"""Parts looked at for one condition, over all tries."""
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_JOINS: Final = frozenset({"&&", "||"})
_WHOLE: Final = frozenset({"int", "duration"})
_ANOTHER: Final = "\0"
"""A text that nobody compares with."""


class Range(NamedTuple):
    """What a value can be: from `low` to `high`, None without such an end, or one of `choices`."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


ANYTHING: Final = Range()


class Always(NamedTuple):
    """A part of a condition, from column `column` on, that is always `so`.

    `name` is what it compares and `against` what with, where it is such a part and nothing more.
    """

    column: int
    length: int
    so: bool
    name: str = ""
    against: object = None


def always_in(text: str, scope: Scope, ranges: Callable[[str], Range]) -> tuple[Always, ...]:
    """The largest parts of a condition that nothing can change; `ranges` says what a name can be.

    An expression that reads well is expected; of one that does not, nothing is said.
    """
    tree = parse(text)
    if isinstance(tree, Mistake):
        return ()
    return tuple(_Look(text, scope, ranges).always(tree))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A name beside something fixed."""

    name: str
    sign: str
    against: Any

    def holds(self, value: Any) -> bool:
        if self.sign == "in":
            return value in self.against
        return _COMPARE[self.sign](value, self.against)


Part = _Comparison | bool | str
"""A comparison, what is so in itself, or the text of something that could be either."""


@dataclass
class _Look:
    """One condition, its parts read once each."""

    text: str
    scope: Scope
    ranges: Callable[[str], Range]
    parts: dict[tuple[int, int], Part] = field(default_factory=dict)

    def always(self, node: Node) -> Iterator[Always]:
        """The largest parts at or below a node that are always so."""
        so = self._so(node)
        if so is not None:
            part = self._part(node)
            name, against = (
                (part.name, part.against) if isinstance(part, _Comparison) else ("", None)
            )
            yield Always(node.start + 1, node.end - node.start, so, name, against)
        elif _is_joined(node):
            for below in node.parts:
                yield from self.always(below)

    def _so(self, node: Node) -> bool | None:
        parts = list(self._leaves(node))
        tried = _tries(parts, self._values(parts))
        found = set()
        for values in tried or ():
            found.add(self._holds(node, values))
            if len(found) > 1:
                return None
        return found.pop() if found else None

    def _leaves(self, node: Node) -> Iterator[Part]:
        if _is_joined(node):
            for below in node.parts:
                yield from self._leaves(below)
        else:
            yield self._part(node)

    def _holds(self, node: Node, values: Mapping[str, Any]) -> bool:
        if not _is_joined(node):
            part = self._part(node)
            if isinstance(part, _Comparison):
                return part.holds(values[part.name])
            return part if isinstance(part, bool) else bool(values[part])
        first, *others = (self._holds(below, values) for below in node.parts)
        match node.text:
            case "&&":
                return first and others[0]
            case "||":
                return first or others[0]
            case "!":
                return not first
        return others[0] if first else others[1]

    def _part(self, node: Node) -> Part:
        place = (node.start, node.end)
        if place not in self.parts:
            self.parts[place] = self._read(node)
        return self.parts[place]

    def _read(self, node: Node) -> Part:
        fixed = self._fixed(node)
        if isinstance(fixed, bool):
            return fixed
        if node.kind == "binary" and node.text in {*_COMPARE, "in"}:
            left, right = node.parts
            found = self._comparison(left, node.text, right)
            if found is None and node.text != "in":
                found = self._comparison(right, _TURNED.get(node.text, node.text), left)
            if found is not None:
                return found
        return self.text[node.start : node.end]

    def _comparison(self, name: Node, sign: str, other: Node) -> _Comparison | None:
        chain = dotted(name)
        kind = self.scope.get(chain or "")
        against = self._fixed(other)
        if chain is None or kind is None or against is None:
            return None
        fixed = against if sign == "in" else [against]
        if not isinstance(fixed, list) or not fixed or not all(_is(kind, one) for one in fixed):
            return None
        if (kind, sign) == ("duration", "in") or (kind == "string" and sign in _TURNED):
            return None
        return _Comparison(chain, sign, against)

    def _fixed(self, node: Node) -> Any:
        """What a part without names comes to; None if that is not known."""
        if any(below.kind == "name" for below in nodes(node)):
            return None
        found = worked_out(self.text[node.start : node.end], self.scope, {})
        return None if isinstance(found, Failure) else found[1]

    def _values(self, parts: Sequence[Part]) -> dict[str, list[Any]]:
        """What is tried for each name, and for each part that could be either."""
        tried: dict[str, list[Any]] = {
            part: [True, False] for part in parts if isinstance(part, str)
        }
        against: dict[str, list[Any]] = {}
        for part in parts:
            if isinstance(part, _Comparison):
                fixed = part.against if part.sign == "in" else [part.against]
                against.setdefault(part.name, []).extend(fixed)
        for name, fixed in against.items():
            tried[name] = _telling(self.scope[name], fixed, self.ranges(name))
        return tried


def _is(kind: Kind, value: Any) -> bool:
    """Whether a value can be compared with a name of this kind, here."""
    if kind == "string":
        return isinstance(value, str)
    return kind in {"int", "double", "duration"} and type(value) in {int, float}


def _is_joined(node: Node) -> bool:
    return (
        (node.kind == "binary" and node.text in _JOINS)
        or (node.kind == "unary" and node.text == "!")
        or node.kind == "choice"
    )


def _tries(
    parts: Sequence[Part], values: Mapping[str, list[Any]]
) -> Iterator[dict[str, Any]] | None:
    if prod(map(len, values.values())) * len(parts) > _MOST:
        return None
    return (dict(zip(values, each, strict=True)) for each in product(*values.values()))


def _telling(kind: Kind, fixed: Sequence[Any], within: Range) -> list[Any]:
    """The values of a name that can make a difference: what it is compared with, and between."""
    if kind == "string":
        return list(within.choices) or [*dict.fromkeys(fixed), _ANOTHER]
    points = sorted({*fixed, *(end for end in within[:2] if end is not None)})
    values = [*points, points[0] - 1, points[-1] + 1]
    if kind in _WHOLE:
        values += [point + 1 for point in points]
    else:
        values += [(one + other) / 2 for one, other in pairwise(points)]
    low, high = within.low, within.high
    return [
        value
        for value in sorted(set(values))
        if (low is None or value >= low) and (high is None or value <= high)
    ]
