"""What the environment says, read here and nowhere else.

``SQUALL_STATE``: the state folder. ``SQUALL_JOURNAL``: how hard the journal tries to survive a loss
of power, ``auto`` (before harm only), ``normal`` or ``full``. ``SQUALL_SECRET_NAME``: a secret;
``SQUALL_SECRETS_DIR``: a folder with a file for each secret, asked when there is no variable. Flags
of the command line come first.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

from squall.core.diagnostics import Refused, nearest
from squall.worktree import project_files

STATE_FOLDER: Final = ".squall"
_SECRET: Final = "SQUALL_SECRET_"  # noqa: S105 - only the beginning of names
_USUAL: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
)  # fmt: skip

Journal = Literal["auto", "normal", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """An engine's settings."""

    journal: Journal = "auto"
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets_folder: Path | None = None
    usual: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables that programs get of ours; no others, and above all no secrets."""


def settings() -> Settings:
    """From the environment; raises `Refused` for a value that means nothing."""
    folder = os.environ.get("SQUALL_SECRETS_DIR")
    return Settings(
        journal=_journal(os.environ.get("SQUALL_JOURNAL", "auto")),
        secrets={
            name.removeprefix(_SECRET): value
            for name, value in os.environ.items()
            if name.startswith(_SECRET)
        },
        secrets_folder=Path(folder).absolute() if folder else None,
        usual={name: os.environ[name] for name in _USUAL if name in os.environ},
    )


def _journal(written: str) -> Journal:
    choices: tuple[Journal, ...] = get_args(Journal)
    for journal in choices:
        if written == journal:
            return journal
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
