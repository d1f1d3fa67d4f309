"""The shape of an expression: a text to a tree of nodes, or the mistake where reading ends.

The grammar is CEL's, without messages (``Name{…}``). The library parses every text again; this tree
is for what it does not tell: mistakes in plain words, the names in a text and where they stand,
which of them are guarded, what an evaluation may cost. Knows nothing of types.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, NoReturn

from squall.core.diagnostics import short
from squall.core.playbook.expressions.functions import MACROS, TYPES
from squall.core.playbook.expressions.tokens import Mistake, Token, Unreadable, refuse, tokens_of

LONGEST: Final = 1_000
"""Characters an expression may have."""
DEEPEST: Final = 24
"""Brackets, calls and choices that may stand inside each other."""
_TALLEST: Final = 100
"""How much may build on each other: 33 operators or dots, of which the library bears 32, or 100 of
&& and ||, which it balances."""

_RESERVED: Final = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    }
)
_VALUES: Final = frozenset({"true", "false", "null"})
_WORDS: Final = {"and": "&&", "or": "||", "not": "!", "is": "==", "eq": "==", "ne": "!="}
_STRENGTH: Final = {
    "||": 1, "&&": 2,
    "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5,
}  # fmt: skip
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_CHOICE: Final = "a choice is written CONDITION ? VALUE : OTHER"
_FIELD: Final = "a field with any name is written json['NAME']"

Kind = Literal[
    "literal", "name", "select", "index", "call", "method", "macro", "unary", "binary", "choice",
    "list", "map",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression, from `start` to before `end`.

    `text` is the literal, name, operator or function; `at` is where the library points: at the
    operator, the dot or the opening bracket. The parts of a macro are its list, the name of an
    item, and what is asked of each.
    """

    kind: Kind
    text: str
    start: int
    end: int
    at: int
    parts: tuple["Node", ...] = ()
    height: int = 0


@lru_cache(maxsize=1024)
def parse(text: str) -> Node | Mistake:
    """The tree of an expression, or why there is none."""
    if len(text) > LONGEST:
        message = f"an expression has at most {LONGEST:,} characters, this one {len(text):,}"
        return Mistake(1, len(text), message)
    try:
        return _Parser(tokens_of(text)).whole()
    except Unreadable as unreadable:
        return unreadable.mistake


def dotted(node: Node) -> str | None:
    """``measured.p99`` for a node that is names and dots alone, else None."""
    fields = []
    while node.kind == "select":
        fields.append(node.text)
        node = node.parts[0]
    return ".".join([node.text, *reversed(fields)]) if node.kind == "name" else None


@lru_cache(maxsize=1024)
def chains_in(text: str) -> tuple[tuple[str, Node], ...]:
    """Every name used, with all the dots behind it; not types, nor the items of macros."""
    tree = parse(text)
    return () if isinstance(tree, Mistake) else tuple(_chains(tree, TYPES))


def _chains(node: Node, bound: frozenset[str]) -> Iterator[tuple[str, Node]]:
    name = dotted(node)
    if name is not None:
        if name.split(".", 1)[0] not in bound:
            yield name, node
    elif node.kind == "macro":
        among, item, *asked = node.parts
        yield from _chains(among, bound)
        for part in asked:
            yield from _chains(part, bound | {item.text})
    else:
        for part in node.parts:
            yield from _chains(part, bound)


def nodes(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for part in node.parts:
        yield from nodes(part)


def _node(kind: Kind, text: str, at: int, span: tuple[int, int], parts: tuple[Node, ...]) -> Node:
    height = max((part.height for part in parts), default=0) + (1 if text in {"&&", "||"} else 3)
    if height > _TALLEST:
        message = "too much builds on each other here"
        refuse(at, len(text), message, "split it into several expressions")
    return Node(kind, text, span[0], span[1], at, parts, height)


class _Parser:
    """Reads the tokens of one text, each once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Node:
        """The tree of the whole text."""
        if self._next().kind == "end":
            refuse(0, 1, "there is no expression here")
        node = self._expression()
        if self._next().kind != "end":
            self._refuse_rest()
        return node

    def _next(self) -> Token:
        return self._tokens[self._place]

    @property
    def _behind(self) -> int:
        """Just behind what was read last."""
        return self._tokens[self._place - 1].end

    def _take(self) -> Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def _sees(self, *marks: str) -> bool:
        return self._next().kind == "mark" and self._next().text in marks

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            refuse(self._next().start, 1, f"this nests deeper than {DEEPEST} levels")
        node = self._operation(1)
        if self._sees("?"):
            mark = self._take()
            yes = self._operation(1)
            if not self._sees(":"):
                refuse(mark.start, 1, "this '?' has no ':'", _CHOICE)
            self._take()
            no = self._expression()
            node = _node("choice", "?:", mark.start, (node.start, no.end), (node, yes, no))
        self._depth -= 1
        return node

    def _operation(self, weakest: int) -> Node:
        """Operands joined by operators at least as strong as `weakest`, from the left."""
        left = self._unary()
        while self._next().kind in {"mark", "name"}:
            strength = _STRENGTH.get(self._next().text, 0)
            if strength < weakest:
                break
            mark = self._take()
            if mark.text == "%" and (self._next().kind == "end" or self._sees(")", "&&", "||")):
                refuse(mark.start, 1, "'%' gives the rest of a division", "write 10% as 0.1")
            right = self._operation(strength + 1)
            span = (left.start, right.end)
            left = _node("binary", mark.text, mark.start, span, (left, right))
        return left

    def _unary(self) -> Node:
        marks = []
        while self._sees("!", "-"):
            marks.append(self._take())
        node = self._member()
        for mark in reversed(marks):
            node = _node("unary", mark.text, mark.start, (mark.start, node.end), (node,))
        return node

    def _member(self) -> Node:
        start = self._next().start
        node = self._primary()
        while self._sees(".", "["):
            mark = self._take()
            if mark.text == "[":
                index = self._expression()
                span = (start, self._close(mark))
                node = _node("index", "[]", mark.start, span, (node, index))
                continue
            field = self._take()
            if field.kind != "name" or field.text in _VALUES or field.text == "in":
                refuse(mark.start, 1, "a name is missing behind this '.'", _FIELD)
            if self._sees("("):
                node = self._method(node, field, start)
            else:
                node = _node("select", field.text, mark.start, (start, field.end), (node,))
        return node

    def _method(self, node: Node, function: Token, start: int) -> Node:
        opening = self._take()
        values = self._values(opening)
        kind: Kind = "method"
        if len(values) in MACROS.get(function.text, ()):
            kind = "macro"
            # A leading underscore is kept for the names `programs` gives to the library.
            if values[0].kind != "name" or values[0].text[0] == "_":
                hint = f"for example .{function.text}(item, item > 1)"
                length = values[0].end - values[0].start
                message = f"{function.text}() begins with a name for each item"
                refuse(values[0].start, length, message, hint)
        span = (start, self._behind)
        return _node(kind, function.text, opening.start, span, (node, *values))

    def _primary(self) -> Node:
        token = self._take()
        if token.kind in {"number", "string"} or token.text in _VALUES:
            return Node("literal", token.text, token.start, token.end, token.start)
        if token.kind == "name" and token.text != "in":
            return self._named(token)
        if token.kind != "mark" or token.text not in _CLOSING:
            self._refuse_missing()
        if token.text == "{":
            return self._map(token)
        if token.text == "[":
            items = self._values(token)
            return _node("list", "[]", token.start, (token.start, self._behind), items)
        inner = self._expression()
        return replace(inner, start=token.start, end=self._close(token))

    def _named(self, token: Token) -> Node:
        if self._sees("("):
            opening = self._take()
            values = self._values(opening)
            span = (token.start, self._behind)
            return _node("call", token.text, opening.start, span, values)
        if token.text in _WORDS and self._next().kind in {"name", "number", "string"}:
            self._refuse_word(token)
        if token.text in _RESERVED:
            hint = _CHOICE if token.text in {"if", "else"} else ""
            message = f"'{token.text}' has a meaning of its own and cannot be a name"
            refuse(token.start, len(token.text), message, hint)
        return Node("name", token.text, token.start, token.end, token.start)

    def _values(self, opening: Token) -> tuple[Node, ...]:
        """What stands in brackets, with commas between."""
        found: list[Node] = []
        while not self._sees(_CLOSING[opening.text]):
            found.append(self._expression())
            if not self._sees(","):
                break
            self._take()
        self._close(opening)
        return tuple(found)

    def _map(self, opening: Token) -> Node:
        found: list[Node] = []
        while not self._sees("}"):
            found.append(self._expression())
            if not self._sees(":"):
                hint = "a mapping is written {'KEY': VALUE}"
                refuse(opening.start, 1, "a key in this mapping has no value", hint)
            self._take()
            found.append(self._expression())
            if not self._sees(","):
                break
            self._take()
        span = (opening.start, self._close(opening))
        return _node("map", "{}", opening.start, span, tuple(found))

    def _close(self, opening: Token) -> int:
        """Read the bracket that closes this one; where it ends."""
        closing = _CLOSING[opening.text]
        if self._next().kind == "end":
            refuse(opening.start, 1, f"this '{opening.text}' is never closed", f"add {closing}")
        if not self._sees(closing):
            self._refuse_rest(closing)
        return self._take().end

    def _refuse_missing(self) -> NoReturn:
        """Say that a value had to stand where the token read last does."""
        token = self._tokens[self._place - 1]
        if self._place == 1:
            refuse(token.start, len(token.text), f"a value is missing before '{token.text}'")
        before = self._tokens[self._place - 2]
        message = f"a value is missing behind '{short(before.text, 20)}'"
        refuse(before.start, len(before.text), message)

    def _refuse_rest(self, closing: str = "") -> NoReturn:
        """Say what is wrong with a token where only an operator could go on."""
        token = self._next()
        if token.text in _WORDS:
            self._refuse_word(token)
        message = f"an operator is missing before '{short(token.text, 20)}'"
        hint = ""
        if token.kind == "mark" and token.text in _CLOSING.values():
            message = f"nothing is open that this '{token.text}' could close"
            hint = f"write {closing}" if closing else "leave it out"
        elif token.kind == "mark" and token.text == ",":
            message, hint = "',' separates nothing here", "a list is written [VALUE, VALUE]"
        elif token.kind == "mark" and token.text == ":":
            message, hint = "this ':' has no '?'", _CHOICE
        refuse(token.start, len(token.text), message, hint)

    @staticmethod
    def _refuse_word(token: Token) -> NoReturn:
        message = f"'{token.text}' is not known"
        refuse(token.start, len(token.text), message, f"write {_WORDS[token.text]}")
