"""Opening playbook files: finding them, reading them, stopping when one is not valid.

Every verb that takes a FILE opens it with `open_playbook`; `lint` uses the parts.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from squall.cli.findings import as_text
from squall.core.diagnostics import Severity, nearest
from squall.core.playbook.load import Loaded, LoadedPlaybook, load
from squall.core.playbook.model import Target
from squall.core.playbook.source import MAX_BYTES

SCHEMAS: Final = Path(__file__).parents[1] / "schemas"
SCENARIOS: Final = Path(__file__).parents[1] / "scenarios"
_ENDINGS: Final = {".yaml", ".yml", ".json"}


def schema_text() -> str:
    """The playbook schema, as shipped."""
    return (SCHEMAS / "playbook.schema.json").read_text(encoding="utf-8")


def catalogue_texts() -> tuple[str, ...]:
    """The scenarios that come with squall, as shipped."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(SCENARIOS.glob("*.yaml")))


def read_bytes(file: Path) -> bytes:
    """What is in it, as far as it can matter: something endless is a finding, not a full memory.

    Raises OSError.
    """
    with file.open("rb") as source:
        return source.read(MAX_BYTES + 1)


def files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder that could hold playbooks, hidden folders left out, in order."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in _ENDINGS and not hidden and path.is_file():
            yield path


def open_playbook(
    name: str, *, targets: Sequence[Target] = (), quiet: bool = False
) -> LoadedPlaybook:
    """The one playbook of ``FILE`` or ``FILE#NAME``; findings go to stderr, exit 2 on errors."""
    path, _, wanted = (name, "", "") if Path(name).exists() else name.partition("#")
    try:
        data = read_bytes(Path(path))
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
    loaded = load(data, path, schema_text(), catalogue=catalogue_texts(), targets=targets)
    failed = any(finding.severity is Severity.ERROR for finding in loaded.diagnostics)
    if loaded.diagnostics and not (quiet and not failed):
        texts = {path: loaded.text}
        click.echo(as_text(loaded.diagnostics, texts, context=sys.stderr.isatty()), err=True)
    if failed:
        sys.exit(2)
    return _pick(loaded, wanted)


def _pick(loaded: Loaded, wanted: str) -> LoadedPlaybook:
    names = [one.playbook.name for one in loaded.playbooks]
    if not wanted:
        if len(names) == 1:
            return loaded.playbooks[0]
        raise click.UsageError(
            f"{loaded.file} holds {len(names)} playbooks; pick one: "
            + ", ".join(f"{loaded.file}#{name}" for name in names)
        )
    for one in loaded.playbooks:
        if one.playbook.name == wanted:
            return one
    close = nearest(wanted, names)
    hint = f" Did you mean '{close}'?" if close else f" It holds: {', '.join(names)}."
    raise click.UsageError(f"{loaded.file} has no playbook '{wanted}'.{hint}")
