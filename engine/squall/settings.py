"""What the environment says, read here and nowhere else, once per process.

``SQUALL_STATE``: the state folder. ``SQUALL_JOURNAL``: how hard the journal tries to survive a loss
of power, ``auto`` (before harm only), ``normal`` or ``full``. Flags of the command line come first.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from squall.core.diagnostics import Refused, nearest
from squall.worktree import project_files

STATE_FOLDER: Final = ".squall"

Journal = Literal["auto", "normal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """An engine's settings."""

    journal: Journal = "auto"


def settings() -> Settings:
    """From the environment; raises `Refused` for a value that means nothing."""
    written = os.environ.get("SQUALL_JOURNAL", "auto")
    for journal in get_args(Journal):
        if written == journal:
            return Settings(journal=journal)
    close = nearest(written, get_args(Journal))
    raise Refused(
        "SQ425",
        f"SQUALL_JOURNAL is '{written}', which is none of auto, normal, full",
        f"did you mean '{close}'?" if close else "unset it for 'auto'",
    )


def state_folder(explicit: str | None = None) -> Path:
    """Where state is kept: as named, else beside the nearest ``squall.yaml``, else here."""
    named = explicit or os.environ.get("SQUALL_STATE")
    if named:
        return Path(named).absolute()
    here = Path.cwd()
    around = project_files(here)
    return (around[-1].parent if around else here) / STATE_FOLDER
