"""How much an evaluation may cost, before it is begun: nothing can interrupt the library.

Called by `programs` with the sizes of the values. The library itself stops after 10,000 rounds of
macros; but texts that double (``['a'].map(x, x + x).map(…)``) or long texts searched in every round
would still take hours. So sizes and work are bounded from above by walking the tree once: a macro's
body is weighed with an item as large as the whole list (all items together are no larger), and
again with an empty one for as many rounds as there can be.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from squall.core.playbook.expressions.syntax import Node, dotted

MOST: Final = 50_000_000
"""Work an evaluation may do: about the bytes it looks at. Some tenths of a second at worst."""
_ROUNDS: Final = 10_000
_STEP: Final = 100
_WRITTEN: Final = 64
_PATTERN: Final = 50
_DEEPEST: Final = 4
"""Macros inside macros; each level weighs what is below it twice."""


class Cost(NamedTuple):
    """Upper bounds: how large the value is, and how much work it is to get there."""

    size: int
    work: int


def cost(node: Node, sizes: Mapping[str, int], depth: int = 0) -> Cost:
    """Bounds for a tree in which the names have values of these sizes."""
    if (name := dotted(node)) is not None:
        return Cost(_size(name, sizes), _STEP)
    if node.kind == "literal":
        return Cost(len(node.text), _STEP)
    if node.kind == "macro":
        return _macro(node, sizes, depth)
    parts = [cost(part, sizes, depth) for part in node.parts]
    size = sum(part.size for part in parts)
    work = sum(part.work for part in parts) + _STEP + size
    match node.kind, node.text:
        case (("call" | "method"), "matches"):
            return Cost(1, work + _PATTERN * size)
        case (("call" | "method"), _):
            return Cost(size + _WRITTEN, work)
        case "choice", _:
            return Cost(max(part.size for part in parts), work)
        case ("index", _) | ("select", _):
            return Cost(parts[0].size, work)
        case ("list" | "map", _):
            return Cost(size + len(parts), work)
        case "binary", operator if operator != "+":
            return Cost(_WRITTEN, work)
    return Cost(size + 1, work)


def _macro(node: Node, sizes: Mapping[str, int], depth: int) -> Cost:
    among, item, *asked = node.parts
    whole = cost(among, sizes, depth)
    if depth == _DEEPEST:
        return Cost(whole.size, MOST + 1)
    rounds = min(whole.size, _ROUNDS)
    large = [cost(part, {**sizes, item.text: whole.size}, depth + 1) for part in asked]
    empty = [cost(part, {**sizes, item.text: 0}, depth + 1) for part in asked]
    work = sum(part.work for part in large) + rounds * sum(part.work for part in empty)
    size = 1
    if node.text == "filter":
        size = whole.size
    elif node.text == "map":
        size = large[-1].size + rounds * (empty[-1].size + 1)
    return Cost(size, whole.work + work)


def _size(name: str, sizes: Mapping[str, int]) -> int:
    """The size of the value a name begins with; what is looked up in it is no larger."""
    while name not in sizes and "." in name:
        name = name.rpartition(".")[0]
    return sizes.get(name, _WRITTEN)
