"""An expression as the CEL library is given it: with ``_0``, ``_1``, … for the names of its scope.

Called by `programs`. ``loop`` is a word of CEL's own, so ``loop.index`` could not be written; and a
duration comes in as a text, because the library would take only its microseconds. Places the
library points at are led back to the text as it was written.
"""

from typing import NamedTuple

from squall.core.playbook.expressions.names import Scope, Use, uses
from squall.core.playbook.expressions.syntax import Node, nodes
from squall.core.playbook.kind import Kind

Kinds = tuple[tuple[str, Kind], ...]
"""The names an expression uses, each once, with what they are; their places number them."""


def kinds_of(text: str, scope: Scope) -> Kinds:
    """The names used, in an order that makes expressions look alike; unknown ones are anything."""
    known, unknown = uses(text, scope)
    kinds: dict[str, Kind] = {use.name: scope[use.name] for use in known}
    kinds |= {use.name: "dyn" for use in unknown}
    return tuple(sorted(kinds.items(), key=lambda item: (item[1], item[0])))


class _Replaced(NamedTuple):
    """A name, and where its variable stands in the text for the library."""

    use: Use
    start: int
    end: int


class Rewritten:
    """The text for the library, and the way back from a place in it."""

    def __init__(self, tree: Node, text: str, kinds: Kinds) -> None:
        scope = dict(kinds)
        places = {name: place for place, name in enumerate(scope)}
        self._tree = tree
        self._replaced: list[_Replaced] = []
        self.text = ""
        read = 0
        for use in sorted(uses(text, scope)[0], key=lambda use: use.start):
            self.text += text[read : use.start]
            start = len(self.text)
            variable = f"_{places[use.name]}"
            self.text += f"duration({variable})" if scope[use.name] == "duration" else variable
            self._replaced.append(_Replaced(use, start, len(self.text)))
            read = use.end
        self.text += text[read:]

    def origin(self, line: int, column: int) -> tuple[int, Node | None]:
        """The place in the text as written, from 0, and the node there; both counted from 1."""
        before = self.text.split("\n")[: line - 1]
        place = sum(len(each) + 1 for each in before) + column - 1
        read = place
        for use, start, end in self._replaced:
            if start <= place < end:
                named = (each for each in nodes(self._tree) if (each.start, each.end) == use[1:])
                return use.start, next(named, None)
            if place >= end:
                read = use.end + place - end
        return read, next((each for each in nodes(self._tree) if each.at == read), None)
