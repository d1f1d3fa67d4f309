"""The playbooks that stand around one, by name and by path, from the texts of their files.

Made by `worktree` or by a test, asked by `calls`. It is handed the files' names and how to read
one, reads no more than it is asked about, and each file once. Nothing in it has been checked.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import dirname, relpath
from typing import Any

from squall.core.diagnostics import nearest
from squall.core.playbook.project import NOTHING_AROUND, Project
from squall.core.playbook.source import Document, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A playbook as it is written: the file, the name, the document."""

    file: str
    name: str
    document: Document

    @property
    def data(self) -> Mapping[str, Any]:
        """What stands in it."""
        return self.document.data if isinstance(self.document.data, dict) else {}


class Missing(Exception):  # noqa: N818 - it names what happened; `calls` makes a finding of it
    """No playbook is meant, or more than one: in a sentence, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _none(_: str) -> Project:
    return NOTHING_AROUND


class Snapshot:
    """The playbooks that may call each other, as their files stood when they were first read."""

    def __init__(
        self,
        files: Callable[[], Sequence[str]],
        text: Callable[[str], bytes],
        known_as: Callable[[str], str] = str,
        project_of: Callable[[str], Project] = _none,
    ) -> None:
        """`files`: the names of those that may hold playbooks, with ``/``, all seen from one place.

        `text` reads one; it raises `OSError` for what cannot be read. `known_as` gives the name
        among them of a file that was named otherwise, `project_of` what holds for one. `asked`
        counts how often something was looked up.
        """
        self.asked = 0
        self.known_as = known_as
        self.project_of = project_of
        self._list = files
        self._text = text
        self._names: tuple[str, ...] | None = None
        self._texts: dict[str, bytes] = {}
        self._held: dict[str, tuple[Written, ...]] = {}

    def named(self, name: str) -> Written:
        """The one playbook of that name; raises `Missing`."""
        self.asked += 1
        spelt = name.encode()
        found = self._all(name, [file for file in self._files() if spelt in self._bytes(file)])
        # A name may be spelt with escapes, so nothing is missing before all was read.
        found = found or self._all(name, self._files())
        if len(found) == 1:
            return found[0]
        if found:
            where = " and ".join(one.file for one in found)
            raise Missing(f"playbook '{name}' stands in {where}", "name one by its path")
        known = [one.name for file in self._files() for one in self._playbooks(file)]
        raise Missing(f"there is no playbook '{name}'", either(name, known, "playbooks here"))

    def at(self, path: str, caller: str) -> Written:
        """The playbook of ``./FILE`` or ``./FILE#NAME``, seen from a file; raises `Missing`."""
        self.asked += 1
        written, _, name = path.partition("#")
        file = beside(caller, written)
        if file not in self._files():
            close = nearest(file, self._files())
            hint = "a path is seen from this file's folder"
            hint = f"did you mean {_seen_from(caller, close)}?" if close else hint
            raise Missing(f"there is no playbook file {file}", hint)
        held = self._playbooks(file)
        found = [one for one in held if not name or one.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            ways = ", ".join(f"{written}#{one.name}" for one in found)
            raise Missing(f"{file} holds {len(found)} playbooks", f"pick one: {ways}")
        what = f"playbook '{name}'" if name else "playbook"
        hint = either(name, [one.name for one in held], "it holds")
        raise Missing(f"there is no {what} in {file}", hint)

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Every file and what stands in it, as it is looked up."""
        for file in self._files():
            yield file, self._bytes(file)

    def _all(self, name: str, files: Sequence[str]) -> list[Written]:
        return [one for file in files for one in self._playbooks(file) if one.name == name]

    def _files(self) -> tuple[str, ...]:
        if self._names is None:
            self._names = tuple(self._list())
        return self._names

    def _bytes(self, file: str) -> bytes:
        if file not in self._texts:
            try:
                self._texts[file] = self._text(file)
            except OSError:
                self._texts[file] = b""
        return self._texts[file]

    def _playbooks(self, file: str) -> tuple[Written, ...]:
        if file not in self._held:
            documents = read(self._bytes(file), file).documents
            self._held[file] = tuple(
                Written(file=file, name=str(document.data["name"]), document=document)
                for document in documents
                if is_playbook(document) and isinstance(document.data, dict)
            )
        return self._held[file]


def is_playbook(document: Document) -> bool:
    """Whether a document is one by its looks: a name, and steps."""
    data = document.data
    return isinstance(data, dict) and "name" in data and bool({"steps", "parallel"} & data.keys())


def beside(file: str, path: str) -> str:
    """A path seen from the folder of a file, as seen from where the file is seen from."""
    parts = file.split("/")[:-1]
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] not in {"..", ""}:
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _seen_from(caller: str, file: str) -> str:
    """A file as a playbook in `caller` names it: ``./z/slow.yaml``, ``../slow.yaml``."""
    path = relpath(file, dirname(caller) or ".")
    return path if path.startswith("../") else f"./{path}"


def either(word: str, choices: Collection[str], introduction: str) -> str:
    """The choice that was probably meant, or else all there are; nothing if there are none."""
    close = nearest(word, choices)
    if close:
        return f"did you mean '{close}'?"
    return f"{introduction}: {', '.join(sorted(choices))}" if choices else ""
