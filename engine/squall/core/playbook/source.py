"""YAML text to plain data, with the place of every key and value.

The only door to PyYAML, and only to its *events*: libyaml's composer recurses in C, so a file of
opening brackets would end the interpreter. What a scalar means is decided in `scalars`. Limits on
depth, nodes and size are kept while reading; aliases count with all they repeat. JSON is read by
the same loop. Nothing is raised; `read` returns what it could read and a finding for whatever it
could not.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from squall.core.diagnostics import Diagnostic, Position, Span, short
from squall.core.playbook.complaints import MAX_DEPTH, in_plain_words
from squall.core.playbook.files import MAX_BYTES, text_of
from squall.core.playbook.fixes import Fix, quoted
from squall.core.playbook.scalars import RESOLVED, TAGS, meaning

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_NODES: Final = 100_000

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS: Final = RESOLVED | {"str"}
_COLLECTIONS: Final = frozenset({"map", "seq"})
_CONTENT: Final = (
    yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent,
    yaml.MappingEndEvent, yaml.SequenceEndEvent,
)  # fmt: skip
_Event: TypeAlias = yaml.events.Event
_Begin: TypeAlias = yaml.MappingStartEvent | yaml.SequenceStartEvent


@dataclass(slots=True)
class Document:
    """One document: its data, and where each path in it stands.

    `keys` holds what a mapping's key was read from, `values` the same of a value; where that
    stands, `locate` says. `aliases` holds where the value of an alias is written. `holes` are the
    mappings in which something was left out, so that nobody complains about what is not there.
    `late` are texts whose values are known only while a run is on its way; in `data` an example
    stands for each, and for those `unknown` because an input has no value. `written` is the data
    before anything was put in.
    """

    data: Data = None
    keys: dict[Path, yaml.events.Event] = field(default_factory=dict)
    values: dict[Path, yaml.events.Event] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)
    holes: set[Path] = field(default_factory=set)
    late: dict[Path, str] = field(default_factory=dict)
    unknown: set[Path] = field(default_factory=set)
    written: Data = None

    def locate(self, path: Path, *, key: bool = False) -> Span:
        """The span of the key or value at `path`, or of the nearest thing around it."""
        while path:
            written = self._written(path)
            found = self.keys.get(written) if key else self.values.get(written)
            if found is None:
                found = self.keys.get(written) or self.values.get(written)
            if found is not None:
                return _span(found)
            path = path[:-1]
        whole = self.values.get(())
        return Span(Position(1, 1), Position(1, 1)) if whole is None else _span(whole)

    @property
    def as_written(self) -> Data:
        """The data before anything was put in."""
        return self.data if self.written is None else self.written

    def text_at(self, path: Path) -> str | None:
        """The text that is written at `path`; None where there is no text."""
        here = self.written_at(path)
        return here if isinstance(here, str) else None

    def written_at(self, path: Path) -> Data:
        """What is written at `path`, before anything was put in; None where nothing is."""
        here: Data = self.data if self.written is None else self.written
        for part in path:
            if isinstance(here, dict) and isinstance(part, str):
                here = here.get(part)
            elif isinstance(here, list) and isinstance(part, int) and part < len(here):
                here = here[part]
            else:
                return None
        return here

    def has_key(self, path: Path) -> bool:
        """Whether the key at `path` stands in the text, perhaps by way of an alias."""
        return self._written(path) in self.keys

    def _written(self, path: Path) -> Path:
        """Findings inside an aliased value point at where it is written."""
        for length in range(1, len(path)) if self.aliases else ():
            origin = self.aliases.get(path[:length])
            if origin is not None:
                return self._written(origin + path[length:])
        return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file read: its documents as far as they could be read, and what was wrong with it.

    `broken`: reading ended before the file did.
    """

    file: str
    text: str
    documents: tuple[Document, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: bool = False


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
            message=f"the file is larger than a playbook may be: {MAX_BYTES:,} bytes",
            hint="split it into several playbooks",
        )  # fmt: skip
        return Source(file=file, text="", diagnostics=(finding,), broken=True)
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        finding = Diagnostic(
            file=file, span=Span(place, place), code="SQ001",
            message=f"byte 0x{data[error.start]:02x} is not UTF-8",
            hint="save the file as UTF-8",
        )  # fmt: skip
        return Source(file=file, text=text_of(data), diagnostics=(finding,), broken=True)
    return _Reader(file, text_of(data)).read()


class _Reader:
    """Turns the events of one text into documents."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.nodes = 0
        self.found: list[Diagnostic] = []
        self.documents: list[Document] = []

    def read(self) -> Source:
        end: Diagnostic | None = None
        try:
            self._documents(_LOADER(self.text))
        except _Problem as problem:
            end = problem.diagnostic
        except yaml.reader.ReaderError as error:
            end = self._unreadable(error)
        except yaml.MarkedYAMLError as error:
            end = self._broken(error)
        return Source(
            file=self.file,
            text=self.text,
            documents=tuple(self.documents),
            diagnostics=(*self.found, end) if end else tuple(self.found),
            broken=end is not None,
        )

    def _documents(self, parser: Any) -> None:
        tree: _Tree | None = None
        following = parser.get_event
        while (event := following()) is not None:
            kind = type(event)
            if tree is not None and kind in _CONTENT:
                tree.feed(event, kind)
            elif kind is yaml.DocumentStartEvent:
                tree = _Tree(self)
            elif kind is yaml.DocumentEndEvent:
                assert tree is not None
                if tree.document.data is not None:
                    self.documents.append(tree.document)
                tree = None

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

    def finding(
        self, event: _Event, code: str, message: str, hint: str = "", fix: Fix = ()
    ) -> Diagnostic:
        return self._said(_span(event), code, message, hint, fix)

    def _said(self, span: Span, code: str, message: str, hint: str, fix: Fix = ()) -> Diagnostic:
        return Diagnostic(file=self.file, span=span, code=code, message=message, hint=hint, fix=fix)

    def _broken(self, error: yaml.MarkedYAMLError) -> Diagnostic:
        code, message, hint = in_plain_words(str(error.problem or error.context))
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
        return self._said(_mark_at(place), code, message, hint)

    def _unreadable(self, error: yaml.reader.ReaderError) -> Diagnostic:
        position = error.position if isinstance(error.position, int) else 0
        before = self.text[:position]
        place = Position(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
        character = error.character
        code = character if isinstance(character, int) else ord(str(character)[:1] or "\0")
        message = f"character U+{code:04X} may not stand in YAML"
        hint = "remove it, or write it as an escape in a double-quoted string"
        return self._said(_mark_at(place), "SQ001", message, hint)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    data: "list[Data] | dict[str, Data]"
    path: Path
    maps: bool
    anchor: str | None = None
    first_node: int = 0
    key: str | None = None
    height: int = 1


class _Anchored(NamedTuple):
    """A value that aliases repeat: how many nodes it has, and how many levels."""

    data: Data
    path: Path
    size: int = 1
    height: int = 0


class _Tree:
    """Builds one document from its events, in a loop of its own."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader
        self.document = Document()
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored] = {}

    def feed(self, event: Any, kind: type[_Event]) -> None:
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._begin(event)
        else:
            self._end()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self.reader.count(event)
        if self._expects_key():
            self._key(event)
            return
        value = self._checked(event)
        path = self._place(value)
        self.document.values.setdefault(path, event)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, path)

    def _checked(self, event: yaml.ScalarEvent) -> Data:
        if event.tag:
            self._check_tag(event, _SCALARS)
        value = meaning(event.value, event.tag, plain=event.implicit[0])
        if isinstance(value, float) and not math.isfinite(value):
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ007", f"{short(event.value)} is no number anything can be set to",
                    "write a finite number, or quote it if it is a text",
                )
            )  # fmt: skip
            return None
        return value

    def _check_tag(self, event: yaml.ScalarEvent | _Begin, known: frozenset[str]) -> None:
        tag = event.tag
        if tag and tag != "!" and tag.removeprefix(TAGS) not in known:
            shown = tag.replace(TAGS, "!!")
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ008", f"tag '{short(shown)}' has no meaning here",
                    "remove it: what a value is follows from how it is written",
                )
            )  # fmt: skip

    def _begin(self, event: _Begin) -> None:
        self.reader.count(event)
        if self._expects_key():
            raise _Problem(
                self.reader.finding(
                    event, "SQ004", "a key must be a plain name, not a list or a mapping"
                )
            )
        self._check_depth(event, 1)
        if event.tag:
            self._check_tag(event, _COLLECTIONS)
        maps = isinstance(event, yaml.MappingStartEvent)
        data: list[Data] | dict[str, Data] = {} if maps else []
        path = self._place(data)
        self.document.values.setdefault(path, event)
        self.stack.append(_Open(data, path, maps, event.anchor, self.reader.nodes))

    def _check_depth(self, event: _Event, height: int) -> None:
        if len(self.stack) + height > MAX_DEPTH:
            too_deep = f"the file nests deeper than {MAX_DEPTH} levels"
            raise _Problem(self.reader.finding(event, "SQ005", too_deep))

    def _end(self) -> None:
        done = self.stack.pop()
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, done.height + 1)
        if done.anchor:
            size = self.reader.nodes - done.first_node + 1
            self.anchors[done.anchor] = _Anchored(done.data, done.path, size, done.height)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._expects_key():
            raise _Problem(self.reader.finding(event, "SQ004", "an alias cannot be a key"))
        name = str(event.anchor)
        known = self.anchors.get(name)
        if known is None:
            inside = any(around.anchor == name for around in self.stack)
            message, hint = (
                ("stands inside the value it repeats", "")
                if inside
                else ("has no anchor before it", f"mark a value before it with &{short(name)}")
            )
            finding = self.reader.finding(event, "SQ001", f"alias *{short(name)} {message}", hint)
            raise _Problem(finding)
        self.reader.count(event, known.size)
        self._check_depth(event, known.height)
        path = self._place(known.data)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, known.height + 1)
        self.document.values.setdefault(path, event)
        self.document.aliases[path] = known.path

    def _expects_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].key is None and self.stack[-1].maps

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
            self.document.holes.add(top.path)
        elif isinstance(top.data, dict) and name in top.data:
            first = _span(self.document.keys[path]).start
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ003",
                    f"key '{short(name)}' stands twice; the first is on line {first.line}",
                    "keep one of them",
                )
            )  # fmt: skip
        else:
            self.document.keys[path] = event
            self._check_key(event)
        top.key = name

    def _check_key(self, event: yaml.ScalarEvent) -> None:
        """A key is text; one that YAML reads as something else needs quotes to be meant."""
        if event.tag:
            self._check_tag(event, _SCALARS)
        key = meaning(event.value, event.tag, plain=event.implicit[0])
        if not isinstance(key, str):
            kind = {bool: "a truth value", type(None): "nothing"}.get(type(key), "a number")
            self.reader.found.append(
                self.reader.finding(
                    event, "SQ004", f"key '{short(event.value)}' is {kind}, not a name",
                    f'write "{short(event.value)}" if it is meant as a text',
                    quoted(_span(event), event.value),
                )
            )  # fmt: skip

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
        if path in self.document.keys:
            top.data.setdefault(top.key, value)
        top.key = None
        return path


def _mark_at(place: Position) -> Span:
    return Span(place, Position(place.line, place.column + 1))


def _span(event: _Event) -> Span:
    """From the event's start to its end; a collection's is its first character only."""
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    first = Position(start.line + 1, start.column + 1)
    if isinstance(event, yaml.CollectionStartEvent):
        return Span(first, first)
    return Span(first, Position(end.line + 1, end.column + 1))
