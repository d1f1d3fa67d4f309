"""Files checked one by one, or remembered from the last time: what ``squall lint`` works on.

A `Checked` holds what is said of a file and no more, so that memory grows with findings and not
with files. What `core` said of a file is kept in the state folder by a digest of all it depends on:
its bytes and names, the project files around it, every file it may call if it calls any, and squall
itself with what it is installed beside. Whoever changes one of them changes the digest.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from squall.cli.edition import edition
from squall.core.diagnostics import Diagnostic, Refused
from squall.core.playbook.files import PROJECT_FILE, text_of
from squall.core.playbook.neighbours import Neighbour
from squall.core.playbook.suppressions import Ignores, Suppressed
from squall.settings import STATE_FOLDER, state_folder
from squall.worktree import Projects, catalogue_texts, read_bytes, schema_text

if TYPE_CHECKING:
    from squall.core.playbook.load import Loaded
    from squall.store.answers import Answers

_SIZE: Final = 32


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a file: as `core.playbook.load.Loaded`, without what it was made of.

    `files` are the names of the project files around it, the outermost first, and its own.
    `depends` is a digest of the files it may call; empty when it calls none.
    """

    file: str
    files: tuple[str, ...]
    claimed: bool
    neighbours: tuple[Neighbour, ...]
    diagnostics: tuple[Diagnostic, ...]
    around: tuple[Diagnostic, ...]
    ignores: Ignores
    suppressed: tuple[Suppressed, ...]
    depends: bytes = b""


class Checker:
    """Checks files for one command; `answers` are those of earlier ones."""

    def __init__(self, answers: "Answers | None" = None) -> None:
        self.projects = Projects()
        self._answers = answers
        self._edition = edition() if answers is not None else b""
        self._digests: dict[int, bytes] = {}

    def check(self, file: Path, data: bytes, *, named: bool) -> Checked:
        """What is to be said of these bytes in that file; `named`: it must hold a playbook.

        Raises `OSError` when a project file around cannot be read.
        """
        if self._answers is None:
            return self._looked_at(file, data, named=named)
        digest = self._digest(file, data, named=named)
        kept = self._answers.get(digest)
        if kept is not None:
            known: Checked = _DECODER.decode(kept)
            if not known.depends or known.depends == self._around(file):
                return known
        found = self._looked_at(file, data, named=named)
        self._answers.put(digest, msgspec.msgpack.encode(found))
        return found

    def loader(self, file: Path, *, named: bool) -> "Callable[[bytes], Loaded]":
        """How to look at other bytes in that file. Raises `OSError` as `check`."""
        from squall.core.playbook.load import load, load_project

        if file.name == PROJECT_FILE:
            return partial(
                load_project, file=self.projects.called(file), schema=schema_text("project"),
                around=self.projects.above(file),
            )  # fmt: skip
        return partial(
            load, file=click.format_filename(file), schema=self._schema, named=named,
            catalogue=self._catalogue, project=self.projects.around(file),
            snapshot=self.projects.snapshot(file),
        )  # fmt: skip

    def text(self, file: Path) -> str:
        """What stands in a file; nothing if it cannot be read any more."""
        try:
            return text_of(read_bytes(file))
        except OSError:
            return ""

    def _looked_at(self, file: Path, data: bytes, *, named: bool) -> Checked:
        look = self.loader(file, named=named)
        snapshot = self.projects.snapshot(file)
        before = snapshot.asked
        loaded = look(data)
        return Checked(
            file=loaded.file,
            files=tuple(loaded.texts) or (loaded.file,),
            claimed=loaded.claimed,
            neighbours=loaded.neighbours,
            diagnostics=loaded.diagnostics,
            around=loaded.around,
            ignores=loaded.ignores,
            suppressed=loaded.suppressed,
            depends=self._around(file) if snapshot.asked > before else b"",
        )

    # -- digests ------------------------------------------------------------------------------

    def _digest(self, file: Path, data: bytes, *, named: bool) -> bytes:
        chain = self._chain(file)
        names = (click.format_filename(file), self.projects.called(file), str(named))
        return _digest(self._edition, *map(_encoded, names), data, *chain)

    def _around(self, file: Path) -> bytes:
        """A digest of every file that may be called from there, and of what stands around each."""
        snapshot = self.projects.snapshot(file)
        if id(snapshot) not in self._digests:
            self._digests[id(snapshot)] = _digest(*self._called(snapshot.texts()))
        return self._digests[id(snapshot)]

    def _called(self, texts: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
        for name, data in texts:
            yield _encoded(name)
            yield data
            yield from self._chain(Path(name))

    def _chain(self, file: Path) -> Iterator[bytes]:
        for name, data in self.projects.chain(file):
            yield _encoded(name)
            yield data

    @cached_property
    def _schema(self) -> str:
        return schema_text()

    @cached_property
    def _catalogue(self) -> tuple[str, ...]:
        return catalogue_texts()


_DECODER: Final = msgspec.msgpack.Decoder(Checked)


@contextmanager
def remembering(wanted: bool) -> Iterator[Checker]:  # noqa: FBT001
    """A checker that knows what earlier commands found, if that is `wanted` and there is a place.

    That is the state folder if it is there, or belongs beside a ``squall.yaml``: whoever looks at
    somebody else's files leaves nothing behind.
    """
    state = state_folder() if wanted else None
    if state is None or not (state.is_dir() or _made(state)):
        yield Checker()
        return
    from squall.store.answers import Answers

    with Answers(state / "cache") as answers:
        yield Checker(answers)


def _made(state: Path) -> bool:
    if state.name != STATE_FOLDER or not state.with_name(PROJECT_FILE).is_file():
        return False
    from squall.store.engines import prepare

    try:
        prepare(state)
    except Refused:
        return False
    return True


def _encoded(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=_SIZE)
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()
