"""Who is alive in a state folder: each engine holds a lock on a file of its own.

The kernel lets the lock go when the process dies, however it dies, so a file whose lock is free (or
that is not there) belongs to a dead engine. A second file is locked by the engine and by its edges
together, and an edge that lost its engine lets go of it once its faults are off: nobody need guess
whether they are. A file is locked before it gets its name, so that nobody can see it unlocked while
its engine lives. Probing uses shared locks, so probers do not meet.
"""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from typing import Self

from squall.core.diagnostics import Refused

_IGNORE = "# made by squall: its state is nobody else's business\n*\n"


def prepare(state: Path) -> Path:
    """Make the state folder with its own ignore file; raises `Refused` when that is impossible."""
    try:
        (state / "engines").mkdir(parents=True, exist_ok=True)
        ignore = state / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_IGNORE, encoding="utf-8")
    except OSError as error:
        raise unusable(state, error) from error
    return state


def keep_trace(state: Path, run: int, trace: str) -> str:
    """Keep what went wrong in squall itself; says where, or why it could not be kept."""
    file = state / "crashes" / f"run-{run}.txt"
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(trace, encoding="utf-8")
    except OSError as error:
        return f"no file ({error.strerror})"
    return str(file)


def unusable(state: Path, error: OSError) -> Refused:
    """The state folder cannot be used, in words."""
    why = (error.strerror or str(error)).lower()
    return Refused(
        "SQ420",
        f"the state folder {state} cannot be used: {why}",
        "name another one with --state or SQUALL_STATE",
    )


class FileEngines:
    """This process as an engine, and what it can tell of the others."""

    def __init__(self, state: Path) -> None:
        """Take locks of our own, and tidy up after the dead.

        `edges` is for the edges to inherit. Raises `Refused` when the folder cannot be written.
        """
        self._folder = state / "engines"
        self.me = secrets.token_hex(4)
        for file in self._folder.glob("[!.]*"):
            if not _held(file):
                _remove(file)
        with contextlib.ExitStack() as undo:
            try:
                self._lock = _locked(self._folder, f"{self.me}.lock")
                undo.callback(os.close, self._lock)
                self.edges = _locked(self._folder, f"{self.me}.edges")
            except OSError as error:
                raise unusable(state, error) from error
            undo.pop_all()

    def alive(self, engine: str) -> bool:
        """Whether that engine's lock is held."""
        return engine == self.me or is_alive(self._folder.parent, engine)

    def close(self) -> None:
        """Stop being an engine."""
        for name, lock in (("lock", self._lock), ("edges", self.edges)):
            _remove(self._folder / f"{self.me}.{name}")
            os.close(lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_alive(state: Path, engine: str) -> bool:
    """Whether an engine of that state folder still runs, asked by anyone."""
    return _held(state / "engines" / f"{engine}.lock")


def may_harm(state: Path, engine: str) -> bool:
    """Whether that engine, or an edge that outlived it, may still have faults on."""
    return _held(state / "engines" / f"{engine}.edges")


def _held(file: Path) -> bool:
    try:
        seen = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(seen, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(seen)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def _locked(folder: Path, name: str) -> int:
    """Create the file, lock it, and only then give it the name others look for."""
    unnamed = folder / f".{name}"
    lock = os.open(unnamed, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, f"{os.getpid()}\n".encode())
        unnamed.rename(folder / name)
    except OSError:
        os.close(lock)
        _remove(unnamed)
        raise
    return lock
