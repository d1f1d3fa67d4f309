"""How much an evaluation may cost, before it is begun: nothing can interrupt the library.

Called by `programs` with the sizes of the values. The library itself stops after 10,000 rounds of
macros; but texts that double (``['a'].map(x, x + x).map(…)``), or long ones that are searched in
every round, could still take hours. So work is bounded from above by walking the tree: the body of
a macro is weighed with an item as large as the whole list (all items together are no larger), and
again with an empty one for as many rounds as there can be.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from squall.core.playbook.expressions.syntax import Node, dotted

ITEM: Final = 32
"""What every value weighs, beside the length of a text."""
_MOST: Final = 250_000_000
"""Work an evaluation may do: about nanoseconds."""
_LARGEST: Final = 16_000_000
"""Bytes a value may have on the way."""
_ROUNDS: Final = 10_000
_DEEPEST: Final = 4
"""Macros inside macros; each level weighs what is below it twice."""
_STEP: Final = 300
_ROUND: Final = 1_000
_COPIED: Final = 60
"""``map`` and ``filter`` copy what they have in every round, 16 bytes an item as well."""
_BYTE: Final = 2
_SOUGHT: Final = 12
"""What the worst text costs a byte to be searched; what it is searched for costs in blocks."""
_BLOCK: Final = 64
_UNKNOWN: Final = 20_000
"""What a byte may cost a pattern that is put together only when it is needed."""
_STATE: Final = 16
_CLASS: Final = 8
"""States of a class of Unicode, ``\\pL``."""
_PIECE: Final = re.compile(
    r"\{([0-9]+)(?:,([0-9]*))?\}|\\\\?.|\[\^?(?:\\.|[^\]\\])*\]|.", re.DOTALL
)


class Size(NamedTuple):
    """How large a value is: its bytes, and the items in the longest of its lists."""

    size: int
    items: int = 0


class _Cost(NamedTuple):
    """Upper bounds: the size of a value on its own, the work until it is there."""

    size: int
    items: int
    work: int


def too_much(tree: Node, sizes: Mapping[str, Size]) -> bool:
    """Whether an evaluation with values of these sizes might take longer than it may."""
    return _cost(tree, sizes, 0).work > _MOST


def _cost(node: Node, sizes: Mapping[str, Size], depth: int) -> _Cost:
    if (name := dotted(node)) is not None:
        return _Cost(*_size(name, sizes), _STEP)
    if node.kind == "literal":
        return _Cost(ITEM + len(node.text), 0, _STEP)
    if node.kind == "macro":
        return _macro(node, sizes, depth)
    parts = [_cost(part, sizes, depth) for part in node.parts]
    total = sum(part.size for part in parts)
    size, items = ITEM, max((part.items for part in parts), default=0)
    work = sum(part.work for part in parts) + _STEP + _BYTE * total
    match node.kind, node.text:
        case (("call" | "method"), "matches"):
            work += total * _weight(node.parts[-1])
        case "method", "contains":
            work += parts[0].size * (_SOUGHT + parts[1].size // _BLOCK)
        case "call", _:
            size = total + ITEM
        case ("choice", _) | ("index", _) | ("select", _):
            size = max(part.size for part in parts)
        case ("list" | "map", _):
            size, items = total + ITEM, max(items, len(parts))
        case "binary", "+":
            size, items = total, sum(part.items for part in parts)
    return _Cost(size, items, work if size <= _LARGEST else _MOST + 1)


def _macro(node: Node, sizes: Mapping[str, Size], depth: int) -> _Cost:
    among, item, *asked = node.parts
    whole = _cost(among, sizes, depth)
    if depth == _DEEPEST:
        return _Cost(whole.size, whole.items, _MOST + 1)
    rounds = min(whole.items, _ROUNDS)
    all_items = Size(whole.size, min(whole.size // ITEM, _ROUNDS))
    large = [_cost(part, {**sizes, item.text: all_items}, depth + 1) for part in asked]
    empty = [_cost(part, {**sizes, item.text: Size(0)}, depth + 1) for part in asked]
    work = whole.work + sum(part.work for part in large)
    work += rounds * (_ROUND + sum(part.work for part in empty))
    size, items = whole.size, whole.items
    if node.text in {"map", "filter"}:
        work += _COPIED * rounds * rounds
    if node.text == "map":
        size = large[-1].size + rounds * (empty[-1].size + ITEM)
        items = max(items, large[-1].items)
    return _Cost(size, items, work if size <= _LARGEST else _MOST + 1)


def _weight(pattern: Node) -> int:
    """What a byte costs at most when it is compared with a pattern: the states it may be in."""
    if pattern.kind != "literal" or "\\Q" in pattern.text:
        return _UNKNOWN
    groups, last = [0], 1
    for piece in _PIECE.finditer(pattern.text):
        least, most = piece.groups()
        if least is not None:
            groups[-1] += last * max(0, int(most or least) - 1)
            continue
        last = _CLASS if piece.group().lower() in {"\\p", "\\\\p"} else 1
        if piece.group() == "(":
            groups.append(0)
        elif piece.group() == ")" and len(groups) > 1:
            last = groups.pop()
        groups[-1] += last
    return _STATE * sum(groups)


def _size(name: str, sizes: Mapping[str, Size]) -> Size:
    """The size of the value a name begins with; what is looked up in it is no larger."""
    while name not in sizes and "." in name:
        name = name.rpartition(".")[0]
    return sizes.get(name, Size(ITEM))
