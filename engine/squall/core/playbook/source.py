"""YAML text to plain data, with the place of every key and value.

The only door to PyYAML, and only to its *events*: libyaml's composer recurses in C, so a file of
opening brackets would end the interpreter. What a scalar means is decided here, after the core
schema of YAML 1.2: ``no``, ``on``, ``1:30``, ``012`` and dates are strings. Limits on depth, nodes
and size are kept while reading. JSON is read by the same loop. Nothing is raised; `read` returns
what it could read and a finding for whatever it could not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from squall.core.diagnostics import Diagnostic, Position, Span

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_BYTES: Final = 5_000_000
MAX_DEPTH: Final = 64
MAX_NODES: Final = 100_000

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_PLAIN: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_LONGEST_NUMBER: Final = 40

_TAGS: Final = "tag:yaml.org,2002:"
_Event: TypeAlias = yaml.events.Event


@dataclass(slots=True)
class Document:
    """One document: its data, and where each path in it stands.

    `keys` holds the span of a mapping's key, `values` the span of a value's own text.
    """

    data: Data = None
    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)

    def locate(self, path: Path, *, key: bool = False) -> Span:
        """The span of the key or value at `path`, or of the nearest thing around it."""
        while path:
            found = self.keys.get(path) if key else self.values.get(path)
            if found is None:
                found = self.keys.get(path) or self.values.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.values.get((), Span(Position(1, 1), Position(1, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file read: its documents as far as they could be read, and what was wrong with it."""

    file: str
    text: str
    documents: tuple[Document, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


class _Problem(Exception):  # noqa: N818 - never leaves this module
    """Reading cannot go on; carries the finding."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read(data: bytes, file: str) -> Source:
    """Read a whole file; every document before the first thing that cannot be read is returned."""
    top = Span(Position(1, 1), Position(1, 1))
    if len(data) > MAX_BYTES:
        finding = Diagnostic(
            file=file, span=top, code="SQ002",
            message=f"the file has {len(data):,} bytes; a playbook has at most {MAX_BYTES:,}",
            hint="split it into several playbooks",
        )  # fmt: skip
        return Source(file=file, text="", diagnostics=(finding,))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        finding = Diagnostic(
            file=file, span=Span(place, place), code="SQ001",
            message=f"byte 0x{data[error.start]:02x} is not UTF-8",
            hint="save the file as UTF-8",
        )  # fmt: skip
        return Source(file=file, text=data.decode("utf-8", "replace"), diagnostics=(finding,))
    return _Reader(file, text).read()


class _Reader:
    """Turns the events of one text into documents."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.nodes = 0
        self.found: list[Diagnostic] = []
        self.documents: list[Document] = []

    def read(self) -> Source:
        try:
            self._documents(yaml.parse(self.text, Loader=_LOADER))
        except _Problem as problem:
            self.found.append(problem.diagnostic)
        except yaml.reader.ReaderError as error:
            self.found.append(self._unreadable(error))
        except yaml.MarkedYAMLError as error:
            self.found.append(self._broken(error))
        return Source(
            file=self.file,
            text=self.text,
            documents=tuple(self.documents),
            diagnostics=tuple(self.found),
        )

    def _documents(self, events: Iterator[_Event]) -> None:
        tree: _Tree | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                tree = _Tree(self)
            elif isinstance(event, yaml.DocumentEndEvent):
                assert tree is not None
                if tree.document.values:
                    self.documents.append(tree.document)
                tree = None
            elif tree is not None:
                tree.feed(event)

    def count(self, event: _Event, nodes: int = 1) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _Problem(
                self.finding(
                    event, "SQ005",
                    f"the file has more than {MAX_NODES:,} values once its aliases are expanded",
                    "write fewer values, or fewer aliases of aliases",
                )
            )  # fmt: skip

    def finding(self, event: _Event, code: str, message: str, hint: str = "") -> Diagnostic:
        return Diagnostic(file=self.file, span=_span(event), code=code, message=message, hint=hint)

    def _broken(self, error: yaml.MarkedYAMLError) -> Diagnostic:
        message, hint = _kinder(error)
        opened = error.context_mark if message.endswith("is not closed") else None
        mark = opened or error.problem_mark or error.context_mark
        place = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        lines = self.text.splitlines()
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            column = indent.index("\t") + 1
            place = Position(place.line, column)
            message, hint = "a tab cannot indent YAML", "indent with spaces"
        end = Position(place.line, place.column + 1)
        return Diagnostic(
            file=self.file, span=Span(place, end), code="SQ001", message=message, hint=hint
        )

    def _unreadable(self, error: yaml.reader.ReaderError) -> Diagnostic:
        position = error.position if isinstance(error.position, int) else 0
        before = self.text[:position]
        place = Position(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
        character = error.character
        code = character if isinstance(character, int) else ord(str(character)[:1] or "\0")
        return Diagnostic(
            file=self.file, span=Span(place, Position(place.line, place.column + 1)), code="SQ001",
            message=f"character U+{code:04X} may not stand in YAML",
            hint="remove it, or write it as an escape in a double-quoted string",
        )  # fmt: skip


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    data: "list[Data] | dict[str, Data]"
    path: Path
    key: str | None = None
    anchor: str | None = None
    first_node: int = 0


class _Tree:
    """Builds one document from its events, in a loop of its own."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.document = Document()
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Data, Path, int]] = {}

    def feed(self, event: _Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self.reader.count(event)
        if self._expects_key():
            self._key(event)
            return
        value = _meaning(event)
        path = self._place(value)
        self.document.values[path] = _span(event)
        if event.anchor:
            self.anchors[event.anchor] = (value, path, 1)

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self.reader.count(event)
        if self._expects_key():
            raise _Problem(
                self.reader.finding(
                    event, "SQ004", "a key must be a plain name, not a list or a mapping"
                )
            )
        if len(self.stack) >= MAX_DEPTH:
            raise _Problem(
                self.reader.finding(
                    event, "SQ005", f"the file nests deeper than {MAX_DEPTH} levels"
                )
            )
        data: list[Data] | dict[str, Data]
        data = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._place(data)
        self.document.values[path] = _span(event)
        self.stack.append(_Open(data, path, None, event.anchor, self.reader.nodes))

    def _end(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            size = self.reader.nodes - done.first_node + 1
            self.anchors[done.anchor] = (done.data, done.path, size)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._expects_key():
            raise _Problem(self.reader.finding(event, "SQ004", "an alias cannot be a key"))
        known = self.anchors.get(str(event.anchor))
        if known is None:
            raise _Problem(
                self.reader.finding(
                    event, "SQ001", f"alias *{event.anchor} stands before its anchor is complete"
                )
            )
        data, origin, size = known
        self.reader.count(event, size)
        path = self._place(data)
        self.document.values[path] = _span(event)
        self._copy_places(origin, path)

    def _copy_places(self, origin: Path, path: Path) -> None:
        """Findings inside an aliased value point at where it is written."""
        for places in (self.document.keys, self.document.values):
            inside = [p for p in places if len(p) > len(origin) and p[: len(origin)] == origin]
            for place in inside:
                places[path + place[len(origin) :]] = places[place]

    def _expects_key(self) -> bool:
        if not self.stack:
            return False
        top = self.stack[-1]
        return isinstance(top.data, dict) and top.key is None

    def _key(self, event: yaml.ScalarEvent) -> None:
        top = self.stack[-1]
        name = event.value
        path = (*top.path, name)
        if name == "<<" and event.implicit[0]:
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ004", "merge keys (<<) are not part of YAML 1.2",
                    "write the keys out, or give the shared part a name under `scenarios`",
                )
            )  # fmt: skip
        elif isinstance(top.data, dict) and name in top.data:
            first = self.document.keys[path].start
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ003",
                    f"key '{_short(name)}' stands twice; the first is on line {first.line}",
                    "keep one of them",
                )
            )  # fmt: skip
        else:
            self.document.keys[path] = _span(event)
        top.key = name

    def _place(self, value: Data) -> Path:
        """Put a value where it belongs; returns its path."""
        if not self.stack:
            self.document.data = value
            return ()
        top = self.stack[-1]
        if isinstance(top.data, list):
            top.data.append(value)
            return (*top.path, len(top.data) - 1)
        assert top.key is not None
        path = (*top.path, top.key)
        if top.key != "<<":
            top.data.setdefault(top.key, value)
        top.key = None
        return path


def _meaning(event: yaml.ScalarEvent) -> Data:
    """What a scalar means: YAML 1.2 core for plain ones, text for quoted ones."""
    text: str = event.value
    tag: str | None = event.tag
    if tag and tag != "!":
        return _PLAIN.get(text, text) if tag in {_TAGS + "bool", _TAGS + "null"} else text
    if not event.implicit[0] or tag == "!":
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(infinite[1] + "inf")
    return float("nan") if text in {".nan", ".NaN", ".NAN"} else text


def _span(event: _Event) -> Span:
    """From the event's start to its end; a collection's is its first character only."""
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    first = Position(start.line + 1, start.column + 1)
    if isinstance(event, yaml.CollectionStartEvent):
        return Span(first, first)
    return Span(first, Position(end.line + 1, end.column + 1))


_KINDER: Final = (
    ("mapping values are not allowed", "a ':' stands where no key can be",
     "quote the text, or check the indentation"),
    ("did not find expected ',' or ']'", "a '[' is not closed", "add ']' or a comma"),
    ("did not find expected ',' or '}'", "a '{' is not closed", "add '}' or a comma"),
    ("found unexpected end of stream", "a quoted text is not closed", "add the closing quote"),
    ("did not find expected key", "the indentation does not fit", "align it with the lines above"),
    ("could not find expected ':'", "a key has no ':'", "write 'key: value'"),
    ("did not find expected '-' indicator", "the indentation does not fit", "align the list"),
    ("cannot start any token", "this character cannot start a value", "put the text in quotes"),
    ("found undefined alias", "an alias has no anchor", "define it with &name first"),
)  # fmt: skip


def _kinder(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    """The parser's complaint in a user's words."""
    problem = str(error.problem or error.context or "this is not YAML")
    for needle, message, hint in _KINDER:
        if needle in problem:
            return message, hint
    return f"this is not YAML: {problem}", ""


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
