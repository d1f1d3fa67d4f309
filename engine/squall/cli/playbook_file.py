"""Opening the playbook that a command names, or ending with what is wrong with it."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from squall.cli.findings import as_text
from squall.core.diagnostics import Refused
from squall.core.playbook.inputs import require_runnable
from squall.core.playbook.load import LoadedPlaybook, load
from squall.core.playbook.model import Target
from squall.worktree import Projects, catalogue_texts, read, schema_text


def open_playbook(
    name: str,
    *,
    targets: Sequence[Target] = (),
    inputs: Sequence[str] | None = None,
    quiet: bool = False,
) -> LoadedPlaybook:
    """The one playbook of ``FILE`` or ``FILE#NAME``; findings go to stderr, exit 2 on errors.

    `inputs` are written ``NAME=VALUE``; with them, even none, every input needs a value.
    """
    projects = Projects()
    try:
        file, data, wanted = read(name)
        project = projects.around(Path(file))
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from None
    loaded = load(
        data,
        file,
        schema_text(),
        catalogue=catalogue_texts(),
        targets=targets,
        inputs=dict(map(_given, inputs or ())),
        project=project,
        snapshot=projects.snapshot(Path(file)),
    )
    if loaded.findings and not (quiet and not loaded.failed):
        click.echo(as_text(loaded.findings, loaded.texts, sys.stderr, context=False), err=True)
    if loaded.failed:
        sys.exit(2)
    try:
        picked = loaded.pick(wanted)
    except Refused as refusal:
        raise click.UsageError(f"{refusal.message}; {refusal.hint}") from None
    if inputs is not None:
        require_runnable(picked.playbook)
    return picked


def _given(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals:
        raise click.UsageError(f"'{written}' is not NAME=VALUE")
    return name.strip(), value
