"""Asking the linter about hostile folders: no traceback, no second of processor time for a file.

Everything goes through the commands as a person calls them, each in a folder of its own.
"""

import contextlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random

from click.testing import CliRunner

from campaign.hostile import Files, folder
from squall.cli.main import squall

MOST_SECONDS = 1.0
"""Of processor time, for each file of a folder."""
MOST_MEMORY = 500_000_000
FORMATS = ["text", "json", "github", "sarif", "junit", "gitlab", "rdjson", "markdown"]


def commands(random: Random) -> list[list[str]]:
    """What is asked about a folder; the last ones write."""
    form = random.choice(FORMATS)
    return [
        ["lint", "--format", form, "."],
        ["lint", "--strict", "--diff", "--color", "always", *_named(random)],
        ["lint", "--fix", "--color", "always", "."],
        ["fmt", "--diff", "."],
        ["fmt", *_named(random)],
        ["lint", "."],
    ]


def _named(random: Random) -> list[str]:
    """The folder, or each file by its name: then it has to be a playbook."""
    if random.random() < 0.5:
        return ["."]
    return sorted(str(path) for path in Path().rglob("*.[yj]*") if path.is_file())


@contextlib.contextmanager
def placed(files: Files) -> Iterator[Path]:
    """The files in a folder, which is the current one meanwhile."""
    before, place = Path.cwd(), Path(tempfile.mkdtemp())
    try:
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        os.chdir(place)
        yield place
    finally:
        os.chdir(before)
        shutil.rmtree(place)


def trouble(random: Random) -> tuple[str, Files]:
    """What went wrong with one folder, empty if nothing did; and what was in it."""
    files = folder(random)
    with placed(files):
        for command in commands(random):
            began = time.process_time()
            done = CliRunner().invoke(squall, command)
            took = time.process_time() - began
            if done.exception is not None and not isinstance(done.exception, SystemExit):
                told = "".join(traceback.format_exception(done.exception))
                return f"{' '.join(command)}\n{told}", files
            if done.exit_code not in {0, 1, 2}:
                return f"{' '.join(command)} ended with {done.exit_code}", files
            if took > MOST_SECONDS * len(files):
                return f"{' '.join(command)} took {took:.1f} s of processor time", files
    if memory() > MOST_MEMORY:
        return f"{memory() / 1e6:.0f} MB of memory", files
    return "", files


def memory() -> int:
    """The most this process has had so far, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
