"""A YAML text as it is written: values with the places of their text, and every comment.

Called by `rewrite`, which checks with it that a text still says the same in the same order, and by
`layout`, which writes it anew. Works on libyaml's events, as `source` does; what a scalar means is
not asked here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import yaml

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTY: Final = re.compile(r"[&!][^\s,\[\]{}]*")
_BLOCK_HEADER: Final = re.compile(r"[|>][-+0-9]*[ \t]*(#.*)?")

Kind = Literal["scalar", "alias", "map", "seq"]


class Comment(NamedTuple):
    """A comment with its ``#``, and where it begins."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(slots=True)
class Node:
    """A value: `start` and `stop` are around all of it, `inside` is behind its anchor and tag.

    A mapping's `children` are its keys and values by turns. `dash` is where the ``-`` of an item of
    a block sequence stands.
    """

    kind: Kind
    start: int
    stop: int
    inside: int
    value: str = ""
    style: str = ""
    flow: bool = False
    tagged: bool = False
    properties: tuple[str, ...] = ()
    children: "list[Node]" = field(default_factory=list)
    dash: int = 0

    @property
    def pairs(self) -> "list[tuple[Node, Node]]":
        """A mapping's keys with their values."""
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    @property
    def is_block(self) -> bool:
        """Whether it takes lines of its own: a block collection with something in it."""
        return self.kind in {"map", "seq"} and not self.flow


class Document(NamedTuple):
    """One document: where its ``---`` stands if it has one, and its root."""

    marker: int | None
    root: Node


class Outline(NamedTuple):
    """A text, its documents, and its comments in order, those in heads of block texts aside."""

    text: str
    documents: tuple[Document, ...]
    comments: tuple[Comment, ...]
    directives: bool = False


def outline(text: str) -> Outline:
    """The outline of a text that `source` read without a finding."""
    return _Reader(text).read()


def order(of: Outline) -> Iterator[tuple[str, ...]]:
    """What stands in the text, first to last, whatever the space between and the quotes."""
    found: list[tuple[int, tuple[str, ...]]] = [
        (comment.start, ("#", comment.text.rstrip())) for comment in of.comments
    ]
    for document in of.documents:
        found += _entries(of.text, document.root)
    for _, what in sorted(found, key=lambda entry: entry[0]):
        yield what


def _entries(text: str, node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
    if node.kind == "scalar" and node.style in {"|", ">"}:
        head = _BLOCK_HEADER.match(text, node.inside)
        if head is not None and head[1]:
            yield node.inside, ("#", head[1].rstrip())
    yield node.inside, (node.kind, node.value, str(node.flow), *node.properties)
    for child in node.children:
        yield from _entries(text, child)


class _Reader:
    """Builds nodes out of events, and looks for comments in the gaps between them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[Comment] = []
        self.documents: list[Document] = []
        self.stack: list[Node] = []
        self.marker: int | None = None
        self.directives = False

    def read(self) -> Outline:
        behind = 0
        for event in yaml.parse(self.text, Loader=_LOADER):
            assert event.start_mark is not None
            assert event.end_mark is not None
            start, end = event.start_mark.index, event.end_mark.index
            if behind < start:
                self.comments += _comments(self.text, behind, start)
            # What a block collection begins with may stand lines below its anchor.
            behind = max(behind, start if isinstance(event, yaml.CollectionStartEvent) else end)
            self._take(event, start, end)
        self.comments += _comments(self.text, behind, len(self.text))
        return Outline(
            self.text, tuple(self.documents), tuple(sorted(set(self.comments))), self.directives
        )

    def _take(self, event: yaml.events.Event, start: int, end: int) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.marker = start if event.explicit else None
            self.directives |= bool(event.version or event.tags)
        elif isinstance(event, yaml.ScalarEvent):
            node = self._node("scalar", start, end, event.value, event.style or "")
            node.tagged = event.tag is not None
            self._put(self._within(node))
        elif isinstance(event, yaml.AliasEvent):
            self._put(self._node("alias", start, end, str(event.anchor)))
        elif isinstance(event, yaml.CollectionStartEvent):
            kind: Kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
            node = self._node(kind, start, end)
            node.flow = bool(event.flow_style)
            self.stack.append(node)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(end)

    def _node(self, kind: Kind, start: int, end: int, value: str = "", style: str = "") -> Node:
        inside, properties = start, []
        while kind != "alias" and (found := _PROPERTY.match(self.text, inside)):
            if style and found.end() > end:
                break
            properties.append(found[0])
            inside = _skip(self.text, found.end())
            self.comments += _comments(self.text, found.end(), inside)
        return Node(kind, start, end, inside, value, style, properties=tuple(properties))

    def _within(self, node: Node) -> Node:
        """A block text ends behind its last line that says something, or that it keeps."""
        if not node.style and not node.value and node.inside > node.stop:
            node.inside = node.stop
        if node.style in {"|", ">"}:
            head, *lines = self.text[node.inside : node.stop].split("\n")
            if lines and not lines[-1].strip(" "):
                lines.pop()
            full = next((line for line in lines if line.strip(" ")), "")
            indent = len(full) - len(full.lstrip(" "))
            kept = "+" in head.partition("#")[0]
            while lines and not kept and not lines[-1].strip(" ") and len(lines[-1]) <= indent:
                lines.pop()
            node.stop = node.inside + len("\n".join([head, *lines]))
        return node

    def _end(self, end: int) -> None:
        node = self.stack.pop()
        if node.flow:
            node.stop = max(end, node.children[-1].stop if node.children else 0)
        else:
            node.stop = node.children[-1].stop
            if node.kind == "seq":
                self._find_dashes(node)
        self._put(node)

    def _find_dashes(self, node: Node) -> None:
        at = node.inside
        for item in node.children:
            at = _skip(self.text, at)
            item.dash = at
            at = max(item.stop, at + 1)

    def _put(self, node: Node) -> None:
        if self.stack:
            self.stack[-1].children.append(node)
        else:
            self.documents.append(Document(self.marker, node))


def _comments(text: str, start: int, end: int) -> Iterator[Comment]:
    """The comments in a gap, in which a ``#`` begins nothing else."""
    at = text.find("#", start, end)
    while at >= 0:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        yield Comment(at, text[at:stop])
        at = text.find("#", stop, end)


def _skip(text: str, at: int) -> int:
    """Behind all white space and comments from here on."""
    while at < len(text) and (text[at].isspace() or text[at] == "#"):
        if text[at] == "#":
            stop = text.find("\n", at)
            at = len(text) if stop < 0 else stop
        else:
            at += 1
    return at
