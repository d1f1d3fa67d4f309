"""Which squall this is: a digest of everything but the files it looks at that decides what it says.

Called by `cli.checked` when something from an earlier command may be taken for an answer. It reads
squall's own code, schemas and scenarios, because a checkout changes without a new version; of what
else is installed, of Python and of the time zones, names and versions do.
"""

import os
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH

from squall.worktree import SCENARIOS, SCHEMAS

_PACKAGE: Final = Path(__file__).parents[1]
_CODE: Final = (_PACKAGE / "core", _PACKAGE / "worktree.py", Path(__file__).with_name("checked.py"))
_INSTALLED: Final = (".dist-info", ".egg-info")


@cache
def edition() -> bytes:
    """The digest; the same as long as the same squall runs on the same Python beside the same."""
    digest = blake2b(digest_size=32)
    for part in (*_own(), *_installed(), *_zones()):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def _own() -> Iterator[bytes]:
    for each in (*_CODE, SCHEMAS, SCENARIOS):
        for file in sorted(_below(each)):
            yield file.encode()
            with open(file, "rb") as source:  # noqa: PTH123 - hundreds of files at every start
                yield source.read()


def _below(place: Path) -> Iterator[str]:
    if place.is_file():
        yield str(place)
    for folder, _, names in os.walk(place):
        yield from (
            f"{folder}/{name}" for name in names if name.endswith((".py", ".json", ".yaml"))
        )


def _installed() -> Iterator[bytes]:
    """Python, and the names of what is installed for it, which hold their versions."""
    yield sys.version.encode()
    for folder in sys.path:
        try:
            names = os.listdir(folder)  # noqa: PTH208 - names are all there is to know
        except OSError:
            continue
        yield from sorted(os.fsencode(name) for name in names if name.endswith(_INSTALLED))


def _zones() -> Iterator[bytes]:
    """When the folders of time zones, and the list in them, were written."""
    for folder in TZPATH:
        yield os.fsencode(folder)
        for name in (folder, f"{folder}/tzdata.zi", f"{folder}/Europe"):
            try:
                yield str(os.stat(name).st_mtime_ns).encode()  # noqa: PTH116
            except OSError:
                yield b"none"
