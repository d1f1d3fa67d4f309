"""Playbook files as they lie on disk, the project files around them, and what comes with squall.

The command line and the library find and read playbooks here; what stands in them is `core`'s to
say. What holds for a folder is looked for upwards as far as its git repository goes, or to the root
of the file system where there is none. Nothing but `replace` writes, and that as a whole or not at
all. What reads YAML is imported when something is to be read: who only looks whether a file is
still the same need not wait for it.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from squall.core.playbook.files import MAX_BYTES, PROJECT_FILE

if TYPE_CHECKING:
    from squall.core.playbook.project import Project
    from squall.core.playbook.snapshot import Snapshot

SCHEMAS: Final = Path(__file__).parent / "schemas"
SCENARIOS: Final = Path(__file__).parent / "scenarios"
TEMPLATES: Final = Path(__file__).parent / "templates"
_ENDINGS: Final = {".yaml", ".yml", ".json"}
_POINTED: Final = re.compile(r'"\$ref": "urn:squall:schemas:(\w+)\.schema\.json')


def schema_names() -> tuple[str, ...]:
    """The schemas that come with squall, each by its name."""
    return tuple(sorted({path.name.partition(".")[0] for path in SCHEMAS.glob("*.schema.json")}))


@cache
def schema_text(name: str = "playbook") -> str:
    """A schema as shipped; those it points to are put into its `$defs`, so it is whole by itself.

    ``playbook.draft-07`` and ``project.draft-07`` are the builds for editors.
    """
    text = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    others = sorted(set(_POINTED.findall(text)))
    if not others:
        return text
    schema = json.loads(text)
    inner = {other: json.loads(schema_text(other)) for other in others}
    whole = {**schema, "$defs": {**schema.get("$defs", {}), **inner}}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def catalogue_texts() -> tuple[str, ...]:
    """The scenarios that come with squall, as shipped."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(SCENARIOS.glob("*.yaml")))


def template_text(name: str) -> str:
    """One of the files that ``squall init`` puts in place, as shipped."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def project_files(folder: Path) -> tuple[Path, ...]:
    """The project files that hold in a folder, the outermost first."""
    above: list[Path] = []
    for each in (folder, *folder.parents):
        above.append(each)
        if (each / ".git").exists():
            break
    files = (each / PROJECT_FILE for each in reversed(above))
    return tuple(file for file in files if file.is_file())


class Projects:
    """What playbooks share and whom they may call; every file is read once."""

    def __init__(self) -> None:
        """For one command or call; who asks again later wants another one."""
        self._files: dict[Path, tuple[Path, ...]] = {}
        self._placed: dict[Path, Path] = {}
        self._data: dict[Path, bytes] = {}
        self._read: dict[tuple[Path, ...], Project] = {}
        self._snapshots: dict[Path, Snapshot] = {}
        self._roots: dict[Path, Path] = {}
        self._chains: dict[Path, tuple[tuple[str, bytes], ...]] = {}
        self._chosen: dict[Path, frozenset[Path]] = {}

    def around(self, file: Path) -> "Project":
        """What holds for a file's folder. Raises `OSError` for what is there and cannot be read."""
        return self._project(self._above(file.parent))

    def above(self, file: Path) -> "Project":
        """What holds where a project file stands, without what it says itself."""
        return self._project(self._above(file.parent)[:-1])

    def chain(self, file: Path) -> tuple[tuple[str, bytes], ...]:
        """The names and bytes of the project files that hold for a file. Raises `OSError`."""
        if file.parent not in self._chains:
            files = self._above(file.parent)
            self._chains[file.parent] = tuple((called(each), self._bytes(each)) for each in files)
        return self._chains[file.parent]

    def called(self, file: Path) -> str:
        """As the function of that name, for many files of few folders."""
        folder = file.parent
        if folder not in self._placed:
            self._placed[folder] = _placed(file).parent
        return called(self._placed[folder] / file.name)

    def snapshot(self, file: Path) -> "Snapshot":
        """The playbooks a file's may call: those below the outermost project file, or beside it."""
        from squall.core.playbook.snapshot import Snapshot  # noqa: PLC0415 - it reads YAML

        if file.parent not in self._roots:
            files = self._above(file.parent)
            self._roots[file.parent] = files[0].parent if files else file.parent.resolve()
        root = self._roots[file.parent]
        if root not in self._snapshots:
            self._snapshots[root] = Snapshot(
                partial(self._playbooks, root), _text, _known_as, self._project_of
            )
        return self._snapshots[root]

    def files_below(self, folder: Path) -> Iterator[Path]:
        """The files of a folder that could hold playbooks, in order, and its project files.

        Hidden folders are left out, and what the project's ``playbooks`` do not name.
        """
        for path in _files_below(folder):
            if path.name == PROJECT_FILE or self._is_named(path):
                yield path

    def _project_of(self, file: str) -> "Project":
        return self.around(Path(file))

    @cached_property
    def _schema(self) -> str:
        return schema_text("project")

    def _above(self, folder: Path) -> tuple[Path, ...]:
        if folder not in self._files:
            self._files[folder] = project_files(folder.resolve())
        return self._files[folder]

    def _bytes(self, file: Path) -> bytes:
        if file not in self._data:
            self._data[file] = read_bytes(file)
        return self._data[file]

    def _project(self, files: tuple[Path, ...]) -> "Project":
        from squall.core.playbook.project import NOTHING_AROUND  # noqa: PLC0415 - it reads YAML
        from squall.core.playbook.project_file import read_project  # noqa: PLC0415

        if not files:
            return NOTHING_AROUND
        if files not in self._read:
            around = self._project(files[:-1])
            data, name = self._bytes(files[-1]), called(files[-1])
            self._read[files] = read_project(data, name, self._schema, around)
        return self._read[files]

    def _is_named(self, file: Path) -> bool:
        """Whether the project counts it among its playbooks."""
        try:
            globs, where = self._globs(file)
        except OSError:  # told when the file is looked at
            return True
        if not globs:
            return True
        [root] = [each.parent for each in self._above(file.parent) if called(each) == where]
        if root not in self._chosen:
            self._chosen[root] = frozenset(path for glob in globs for path in _matching(root, glob))
        return _placed(file) in self._chosen[root]

    def _globs(self, file: Path) -> tuple[tuple[str, ...], str]:
        """What the project counts among its playbooks, and the file that says so."""
        texts = [self._bytes(each) for each in self._above(file.parent)]
        if not any(b"playbooks" in text or b"\\" in text for text in texts):
            return (), ""  # no key of that name, however it is spelt
        project = self.around(file)
        return project.playbooks, project.narrowed_by

    def _playbooks(self, root: Path) -> tuple[str, ...]:
        return tuple(shown(file) for file in self.files_below(root) if file.name != PROJECT_FILE)


def _matching(root: Path, glob: str) -> Iterator[Path]:
    """What a glob names; nothing if no file could have such a name."""
    with suppress(OSError, ValueError):
        yield from root.glob(glob)


def _files_below(folder: Path) -> Iterator[Path]:
    """The files with such an ending, in the order of their paths, name by name."""
    waiting = _entries(str(folder))
    while waiting:
        entry = waiting.pop()
        if entry.is_dir(follow_symlinks=False):
            waiting += _entries(entry.path)
        elif os.path.splitext(entry.name)[1] in _ENDINGS and entry.is_file():  # noqa: PTH122
            yield Path(entry.path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden, the last name first; nothing where nobody may look."""
    try:
        with os.scandir(folder) as found:
            shown = [entry for entry in found if not entry.name.startswith(".")]
    except OSError:
        return []
    return sorted(shown, key=lambda entry: entry.name, reverse=True)


def shown(file: Path) -> str:
    """How a file is called wherever several are: seen from the current folder, if it is below."""
    placed, here = _placed(file), Path.cwd()
    return (placed.relative_to(here) if placed.is_relative_to(here) else placed).as_posix()


def called(file: Path) -> str:
    """How a file is called in what is said of it: as `shown`, with marks for what is no text."""
    return os.fsencode(shown(file)).decode(errors="replace")


def _placed(file: Path) -> Path:
    """Where a file stands, whatever way leads there; links to files are files of their own."""
    return file.parent.resolve() / file.name


def _known_as(file: str) -> str:
    return shown(Path(file))


def _text(file: str) -> bytes:
    return read_bytes(Path(file))


def read(name: str) -> tuple[str, bytes, str]:
    """What ``FILE`` or ``FILE#NAME`` asks for: the file, its bytes, and the playbook's name.

    The name is empty when none is asked for. Raises `OSError` for what cannot be read.
    """
    file, _, wanted = (name, "", "") if Path(name).exists() else name.partition("#")
    return file, read_bytes(Path(file)), wanted


def read_bytes(file: Path) -> bytes:
    """What is in it, as far as it can matter: something endless is a finding, not a full memory.

    Raises `OSError`.
    """
    with file.open("rb") as source:
        return source.read(MAX_BYTES + 1)


def replace(file: Path, data: bytes) -> None:
    """Put bytes into a file, new or in place of others, so that nobody ever finds half of them.

    Its permissions stay, and a link stays a link. Raises `OSError`; then the file is as it was.
    """
    real = file.resolve()
    mode = real.stat().st_mode & 0o7777 if real.exists() else None
    beside = real.with_name(f".{os.getpid()}.squall")
    try:
        handle = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if mode else 0o666)
        with os.fdopen(handle, "wb") as made:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
        if mode is not None:
            beside.chmod(mode)
        beside.replace(real)
    finally:
        beside.unlink(missing_ok=True)


def repository(folder: Path) -> Path:
    """The root of the git repository a folder is in, or the folder itself when it is in none."""
    above = [folder, *folder.parents]
    return next((each for each in above if (each / ".git").exists()), folder)
