"""``squall lint``: every finding of every file, at once."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import click

from squall.cli.findings import as_json, as_text
from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.across import check_across
from squall.core.playbook.load import Loaded, load
from squall.core.playbook.project import PROJECT_FILE, Project
from squall.worktree import Projects, catalogue_texts, read_bytes, schema_text, shown


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              help="How findings are written.")  # fmt: skip
@click.option("--json", "as_document", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
              help="Whether to colour the text; NO_COLOR is heeded.")  # fmt: skip
def lint(paths: tuple[str, ...], form: str, as_document: bool, strict: bool, color: str) -> None:  # noqa: FBT001
    r"""Check playbooks: every finding at once, each with its place.

    A folder is searched for files that hold playbooks; a file that is named must hold one. Project
    files, squall.yaml, are checked with the playbooks they hold for. Exits with 1 if anything is
    wrong, with 2 if a path cannot be read.

    \b
    Example:
      squall lint playbooks
      squall lint --format json playbooks/progressive_chaos.yaml
    """
    read = _read_all(paths)
    loaded = read.loaded
    texts = {file: text for one in loaded for file, text in one.texts.items()}
    findings = _all_findings(loaded)
    if as_document or form == "json":
        click.echo(as_json(findings, len(loaded)))
    elif findings:
        shown = as_text(findings, texts, context=sys.stdout.isatty() or color == "always")
        click.echo(shown, color=_coloured(color))
    worst = {finding.severity for finding in findings}
    if form == "text" and not as_document:
        _summary(read, findings)
    if read.unread:
        sys.exit(2)
    sys.exit(int(Severity.ERROR in worst or (strict and Severity.WARNING in worst)))


def _coloured(choice: str) -> bool | None:
    """What click should do about colours; None lets it look at the stream."""
    import os

    if choice == "auto":
        return False if os.environ.get("NO_COLOR") else None
    return choice == "always"


@dataclass
class _Read:
    """The files that hold playbooks, how many do not, and whether a named one cannot be read."""

    loaded: list[Loaded] = field(default_factory=list)
    passed_over: int = 0
    unread: bool = False


def _read_all(paths: tuple[str, ...]) -> _Read:
    schema, catalogue, projects = schema_text(), catalogue_texts(), Projects()
    read = _Read()
    for name in paths:
        path = Path(name)
        named = not path.is_dir()
        for file in [path] if named else projects.files_below(path):
            try:
                data = read_bytes(file)
                project = projects.around(file)
            except OSError as error:
                click.echo(f"{file} cannot be read: {error.strerror}", err=True)
                read.unread |= named
                read.passed_over += not named
                continue
            if file.name == PROJECT_FILE:
                read.loaded.append(_project_file(file, project))
                continue
            one = load(
                data, str(file), schema, catalogue=catalogue, named=named, project=project,
                snapshot=projects.snapshot(file),
            )  # fmt: skip
            if one.claimed or one.diagnostics:
                read.loaded.append(one)
            else:
                read.passed_over += 1
    return read


def _project_file(file: Path, project: Project) -> Loaded:
    name = shown(file)
    return Loaded(
        file=name,
        text=project.texts.get(name, ""),
        texts=project.texts,
        playbooks=(),
        diagnostics=project.diagnostics,
    )


def _all_findings(loaded: list[Loaded]) -> list[Diagnostic]:
    """File by file, with those that only several files together can have."""
    order = {file: number for number, one in enumerate(loaded) for file in (*one.texts, one.file)}
    # Each file repeats what is wrong with the project files around it.
    found = {finding for one in loaded for finding in one.diagnostics}.union(check_across(loaded))
    return sorted(found, key=lambda finding: (order[finding.file], finding.span, finding.code))


def _summary(read: _Read, findings: list[Diagnostic]) -> None:
    playbooks = sum(len(one.playbooks) for one in read.loaded)
    counts = {
        severity: sum(finding.severity is severity for finding in findings) for severity in Severity
    }
    said = [_count(number, severity.value) for severity, number in counts.items() if number]
    what = ", ".join(said) if said else "nothing to say"
    counted = f"{_count(len(read.loaded), 'file')}, {_count(playbooks, 'valid playbook')}: {what}"
    others = f"; {_count(read.passed_over, 'other file')} passed over" if read.passed_over else ""
    click.echo(counted + others, err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
