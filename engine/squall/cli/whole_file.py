"""Writing files whole or not at all: what was there before is kept until the new one is complete.

Called by every command that writes a file a person named.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click


@contextmanager
def written(output: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes the place of `output` at the end; exit 2 if it cannot.

    A link stays a link, and a file that is replaced keeps its permissions.
    """
    target = output.resolve()
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            partial.unlink()
