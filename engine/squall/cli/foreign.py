"""``squall import`` and ``squall export``: MockForge's files as playbooks, and the other way.

What cannot be said on the other side is told on stderr, as findings with their places.
"""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from squall.cli.findings import as_text
from squall.cli.playbook_file import open_playbook
from squall.core.diagnostics import Diagnostic, Severity

_FILE = click.Path(path_type=Path, dir_okay=False)
_MODELINE = "# yaml-language-server: $schema=playbook.schema.json\n"


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--from", "origin", type=click.Choice(["mockforge"]),
              help="Whose format it is; usually seen from what is in it.")  # fmt: skip
@click.option("-o", "--output", type=_FILE, help="Where to: NAME.yaml, NAME.yml or NAME.json.")
def import_(file: Path, origin: str | None, output: Path | None) -> None:  # noqa: ARG001 - one is known
    """Turn a MockForge orchestration, scenario or schedule into a playbook.

    Reads JSON and YAML. Every field without a counterpart is told with its place; the playbook goes
    to stdout, or where -o says. Exits with 2 when the file is something else, or wrong.

    \b
    Example:
      squall import orchestration.json -o playbooks/orchestration.yaml
    """
    from squall.core.playbook.catalogue import entries
    from squall.core.playbook.foreign.imports import import_mockforge
    from squall.core.playbook.source import read
    from squall.worktree import catalogue_texts, read_bytes

    _check_output(file, output)
    try:
        source = read(read_bytes(file), str(file))
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}") from None
    _tell(source.diagnostics, source.text, file)
    if source.diagnostics:
        sys.exit(2)
    imported = import_mockforge(source, entries(catalogue_texts()))
    _tell(imported.diagnostics, source.text, file)
    if imported.failed:
        sys.exit(2)
    text = _as_written(imported.playbooks, source.text if imported.verbatim else None, output)
    _checked(text, str(output or file))
    _put(text, output)
    _say(f"{', '.join(imported.what)}: {_count(imported.diagnostics)}")


@click.command()
@click.argument("file")
@click.option("--to", "origin", type=click.Choice(["mockforge"]), required=True,
              help="Whose format to write.")  # fmt: skip
@click.option("-o", "--output", type=_FILE, help="Where to: NAME.json, NAME.yaml or NAME.yml.")
def export(file: str, origin: str, output: Path | None) -> None:  # noqa: ARG001 - one is known
    """Write a playbook as a MockForge orchestration, scenario or schedule.

    What MockForge cannot say is told with its place in the playbook. FILE#NAME picks one of several
    playbooks. Without -o it goes to stdout, as YAML or, from a .json file, as JSON.

    \b
    Example:
      squall export playbooks/progressive_chaos.yaml --to mockforge -o chaos.json
    """
    from squall.core.playbook.foreign.mockforge import export_mockforge
    from squall.core.playbook.writing import to_yaml

    name = file.partition("#")[0]
    _check_output(Path(name), output)
    loaded = open_playbook(file, quiet=True)
    exported = export_mockforge(loaded.playbook, loaded.document, name)
    text = Path(name).read_text(encoding="utf-8-sig") if Path(name).exists() else ""
    _tell(exported.diagnostics, text, Path(name))
    as_json = (output or Path(name)).suffix == ".json"
    _put(_json(exported.data) if as_json else to_yaml(exported.data), output)
    _say(f"a MockForge {exported.form}: {_count(exported.diagnostics)}")


def _check_output(file: Path, output: Path | None) -> None:
    if output is None:
        return
    if output.suffix not in {".json", ".yaml", ".yml"}:
        raise click.UsageError(f"{output}: the name must end in .json, .yaml or .yml")
    if output.exists() and file.exists() and output.samefile(file):
        raise click.UsageError(f"{output} is the file itself")


def _as_written(
    playbooks: tuple[dict[str, Any], ...], verbatim: str | None, output: Path | None
) -> str:
    """The playbooks as their file: one document each, with the modeline first."""
    from squall.core.playbook.rewrite import formatted
    from squall.core.playbook.writing import to_yaml

    if output is not None and output.suffix == ".json":
        if len(playbooks) > 1:
            message = f"{output}: JSON holds one playbook, and these are {len(playbooks)}"
            raise click.UsageError(message)
        return _json(playbooks[0])
    text = verbatim or "---\n".join(to_yaml(playbook) for playbook in playbooks)
    return formatted(text if text.lstrip().startswith(_MODELINE[:23]) else _MODELINE + text)


def _json(data: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"


def _checked(text: str, file: str) -> None:
    """Refuse to hand out what would not lint; what is wrong with it is told."""
    from squall.core.playbook.load import load
    from squall.worktree import catalogue_texts, schema_text

    loaded = load(text.encode(), file, schema_text(), catalogue=catalogue_texts())
    if loaded.failed:
        errors = [one for one in loaded.diagnostics if one.severity is Severity.ERROR]
        click.echo(as_text(errors, {file: text}, sys.stderr, context=True), err=True)
        _say("the playbook that it makes has these errors, and was not written")
        sys.exit(2)


def _put(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    from squall.worktree import replace

    try:
        replace(output, text.encode())
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from None


def _tell(findings: tuple[Diagnostic, ...], text: str, file: Path) -> None:
    if findings:
        shown = as_text(findings, {str(file): text}, sys.stderr, context=False)
        click.echo(shown, err=True)


def _say(text: str) -> None:
    click.echo(text, err=True)


def _count(findings: tuple[Diagnostic, ...]) -> str:
    counts = {s: sum(one.severity is s for one in findings) for s in Severity}
    said = [f"{n} {s}{'' if n == 1 else 's'}" for s, n in counts.items() if n]
    return ", ".join(said) or "nothing got lost"
