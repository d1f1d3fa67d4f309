"""Answers that took long to find, by a digest of everything they depend on: ``cache/`` of a state.

Whoever asks makes the digest, so that an answer is never out of date, only missing. Losing all of
it costs time and nothing else: what cannot be read, written or believed counts as not there, and is
begun anew. Several processes may use it at once; SQLite keeps them apart, and a check value tells
an answer that was kept from bytes that lie where it was.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, Self

_FILE: Final = "answers.db"
_MOST: Final = 100_000_000
"""How large the file may get, in bytes, before all of it is forgotten."""
_LARGEST: Final = 64 * 1024
_BUSY_SECONDS: Final = 1.0
_CHECK: Final = 16
_TABLE: Final = "CREATE TABLE IF NOT EXISTS answers (digest BLOB UNIQUE NOT NULL, answer BLOB)"


class Answers:
    """What is kept in a folder; used as a context, at whose end new answers are written."""

    def __init__(self, folder: Path, *, most: int = _MOST) -> None:
        """`folder` is made if need be. Never raises: what does not work is done without."""
        self._file = folder / _FILE
        self._most = most
        self._new: dict[bytes, bytes] = {}
        self._database: sqlite3.Connection | None = None
        with self._doubt():
            folder.mkdir(exist_ok=True)
            self._database = sqlite3.connect(self._file, timeout=_BUSY_SECONDS)
            self._database.execute("PRAGMA synchronous = OFF")  # the worst is to begin anew
            self._database.execute(_TABLE)

    def get(self, digest: bytes) -> bytes | None:
        """The answer that was put there; None if there is none."""
        if digest in self._new:
            return self._new[digest]
        kept: object = None
        with self._doubt():
            if self._database is not None:
                asked = "SELECT answer FROM answers WHERE digest = ?"
                row = self._database.execute(asked, (digest,)).fetchone()
                kept = row[0] if row else None
        if not isinstance(kept, bytes) or kept[:_CHECK] != _check(digest, kept[_CHECK:]):
            return None
        return kept[_CHECK:]

    def put(self, digest: bytes, answer: bytes) -> None:
        """Keep an answer, unless it is very large. A digest has at most 64 bytes."""
        if len(answer) <= _LARGEST:
            self._new[digest] = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is new."""
        rows = [(digest, _check(digest, new) + new) for digest, new in self._new.items()]
        with self._doubt():
            if self._database is not None and rows:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
                if self._file.stat().st_size > self._most:
                    self._forget()
        self._close()

    @contextmanager
    def _doubt(self) -> Iterator[None]:
        """What goes wrong in here is no error, but the end of the cache."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._close()
            # An operation that fails, for a lock or for want of space, says nothing of the file.
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(
                error, sqlite3.OperationalError
            ):
                self._forget()

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _forget(self) -> None:
        for each in (self._file, self._file.with_name(f"{_FILE}-journal")):
            with suppress(OSError):
                each.unlink(missing_ok=True)


def _check(digest: bytes, answer: bytes) -> bytes:
    return blake2b(answer, key=digest, digest_size=_CHECK).digest()
