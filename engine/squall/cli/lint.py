"""``squall lint``: every finding of every file, at once, and what can be set right by itself.

Which files are read, what of them is spoken of, what is written back. What there is to find is
`core.playbook`'s to say; how it is written down for programs, `cli.formats`'.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from squall.cli.selection import Selection, selection
from squall.core.diagnostics import Diagnostic
from squall.core.playbook.across import check_across
from squall.core.playbook.load import Loaded, load, load_project
from squall.core.playbook.project import PROJECT_FILE
from squall.worktree import (
    Projects,
    catalogue_texts,
    read_bytes,
    replace,
    repository,
    schema_text,
    shown,
)

if TYPE_CHECKING:
    from squall.cli.formats.report import Report
    from squall.core.playbook.mending import Mended

FORMS: Final = {
    "json": "data",
    "github": "github",
    "sarif": "sarif",
    "junit": "junit",
    "gitlab": "gitlab",
    "rdjson": "rdjson",
    "markdown": "markdown",
}
"""The formats for programs, each with its module in `cli.formats`."""

_FROM_HERE: Final = {"text", "json", "rdjson"}
"""Formats that name files as seen from the current folder, not from the root of the repository."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--format", "form", type=click.Choice(["text", *FORMS]), default="text",
              help="How findings are written.")  # fmt: skip
@click.option("--json", "as_document", is_flag=True, help="The same as --format json.")
@click.option("--fix", is_flag=True, help="Set right what is certain; the rest is reported.")
@click.option("--diff", is_flag=True, help="Show what --fix would do, and write nothing.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--select", multiple=True, metavar="CODE",
              help="Only these codes: SQ304, or SQ3 for all of SQ3xx.")  # fmt: skip
@click.option("--ignore", multiple=True, metavar="CODE", help="All but these codes.")
@click.option("--baseline", metavar="FILE", help="All but what 'squall lint --json' found then.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
              help="Whether to colour the text; NO_COLOR is heeded.")  # fmt: skip
def lint(
    paths: tuple[str, ...],
    form: str,
    as_document: bool,  # noqa: FBT001
    fix: bool,  # noqa: FBT001
    diff: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    baseline: str | None,
    color: str,
) -> None:
    r"""Check playbooks: every finding at once, each with its place.

    A folder is searched for files that hold playbooks; a file that is named must hold one. Project
    files, squall.yaml, are checked with the playbooks they hold for. Exits with 1 if anything is
    wrong, with 2 if a path cannot be read. With --diff it exits with 1 if there is something to
    fix, and reports nothing else.

    A comment `# squall: ignore[SQ304] why it is meant`, at the end of a line or above it, keeps
    that finding back; `# squall: ignore-file[SQ304] why`, on a line of its own, in the whole file.

    \b
    Example:
      squall lint playbooks
      squall lint --fix playbooks/progressive_chaos.yaml
      squall lint --format github --strict --ignore SQ210 playbooks
    """
    wanted = selection(select, ignore)
    form = "json" if as_document else form
    read = _read_all(paths)
    if diff:
        _show_diff(read, wanted, color)
    fixed = _fix(read, wanted) if fix else 0
    report = _report(read, wanted, form, strict=strict)
    if baseline:
        from squall.cli.baseline import beyond

        report = beyond(report, baseline)
    _write(report, form, color)
    if form == "text":
        _summary(read, report, fixed)
    if read.unread:
        sys.exit(2)
    sys.exit(int(any(map(report.fails, report.findings))))


@dataclass
class _File:
    """A file of playbooks or of a project, and how to look at it again with other bytes."""

    path: Path
    data: bytes
    loaded: Loaded
    check: Callable[[bytes], Loaded]


@dataclass
class _Read:
    """The files that hold playbooks, how many do not, and whether a named one cannot be read."""

    files: list[_File] = field(default_factory=list)
    passed_over: int = 0
    unread: bool = False


def _read_all(paths: tuple[str, ...]) -> _Read:
    schema, catalogue, projects = schema_text(), catalogue_texts(), Projects()
    read = _Read()
    seen: set[str] = set()
    for name in paths:
        path = Path(name)
        named = not path.is_dir()
        for file in [path] if named else projects.files_below(path):
            called, place = click.format_filename(file), os.path.normpath(file.absolute())
            if place in seen:
                continue
            seen.add(place)
            try:
                data = read_bytes(file)
                around = projects.around(file)
            except OSError as error:
                click.echo(f"{called} cannot be read: {error.strerror}", err=True)
                read.unread |= named
                read.passed_over += not named
                continue
            if file.name == PROJECT_FILE:
                outer, project_schema = projects.above(file), schema_text("project")
                check = partial(load_project, file=shown(file), schema=project_schema, around=outer)
            else:
                check = partial(
                    load, file=called, schema=schema, catalogue=catalogue, named=named,
                    project=around, snapshot=projects.snapshot(file),
                )  # fmt: skip
            one = check(data)
            if one.claimed or one.diagnostics:
                read.files.append(_File(file, data, one, check))
            else:
                read.passed_over += 1
    return read


def _report(read: _Read, wanted: Selection, form: str, *, strict: bool) -> "Report":
    """All that is found, less what comments suppress and what is not asked for."""
    from squall.cli.formats.report import Report

    loaded = [file.loaded for file in read.files]
    findings, suppressed = _elsewhere(loaded), []
    across = _across(read)
    for one in loaded:
        kept, more = one.ignores.heeded(across[one.file])
        found = [*one.diagnostics, *kept]
        findings += sorted(found, key=lambda finding: (finding.span, finding.code))
        suppressed += [*one.suppressed, *more]
    return Report(
        findings=[finding for finding in findings if wanted.takes(finding)],
        texts={file: text for one in loaded for file, text in one.texts.items()},
        suppressed=[one for one in suppressed if wanted.takes(one.finding)],
        paths={} if form in _FROM_HERE else dict(_from_root(read)),
        strict=strict,
    )


def _elsewhere(loaded: list[Loaded]) -> list[Diagnostic]:
    """What is wrong with the project files around that are not among those that were asked for."""
    asked = {one.file for one in loaded}
    found = {finding for one in loaded for finding in one.around if finding.file not in asked}
    return sorted(found, key=lambda finding: (finding.file, finding.span, finding.code))


def _across(read: _Read) -> dict[str, list[Diagnostic]]:
    """The findings that only several files together can have, by file."""
    findings: dict[str, list[Diagnostic]] = defaultdict(list)
    for finding in check_across([file.loaded for file in read.files]):
        findings[finding.file].append(finding)
    return findings


def _from_root(read: _Read) -> Iterator[tuple[str, str]]:
    """Each file as the repository calls it; in full when it lies elsewhere."""
    root = repository(Path.cwd())
    for name, path in _paths(read).items():
        place = path.parent.resolve() / path.name
        inside = place.is_relative_to(root)
        yield name, (place.relative_to(root) if inside else place).as_posix()


def _paths(read: _Read) -> dict[str, Path]:
    """Where each file that has a finding lies, by what it is called."""
    around = {name: Path(name) for file in read.files for name in file.loaded.texts}
    return around | {file.loaded.file: file.path for file in read.files}


def _write(report: "Report", form: str, color: str) -> None:
    if form != "text":
        import importlib

        written = importlib.import_module(f"squall.cli.formats.{FORMS[form]}").write(report)
        if written:
            click.echo(written)
    elif report.findings:
        from squall.cli.findings import as_text

        context = color == "always"
        shown = as_text(report.findings, report.texts, sys.stdout, context=context)
        click.echo(shown, color=_coloured(color))


def _coloured(choice: str) -> bool | None:
    """What click should do about colours; None lets it look at the stream."""
    if choice == "auto":
        return False if os.environ.get("NO_COLOR") else None
    return choice == "always"


def _mended(read: _Read, wanted: Selection) -> Iterator[tuple[_File, "Mended"]]:
    """The files in which something can be set right, and how they would be."""
    from squall.core.playbook.mending import mended

    for file in read.files:
        if any(finding.fix for finding in file.loaded.diagnostics):
            after = mended(file.data, file.check, wanted.takes)
            if after.fixes:
                yield file, after


def _fix(read: _Read, wanted: Selection) -> int:
    """Write what can be set right; returns how many findings that settles."""
    fixed = 0
    for file, after in _mended(read, wanted):
        try:
            replace(file.path, after.data)
        except OSError as error:
            click.echo(f"{file.loaded.file} cannot be written: {error.strerror}", err=True)
            read.unread = True
            continue
        file.data, file.loaded = after.data, file.check(after.data)
        fixed += after.fixes
    return fixed


def _show_diff(read: _Read, wanted: Selection, color: str) -> None:
    """Show what would be set right, and end: 1 if there is something."""
    from squall.cli.diff import unified
    from squall.core.playbook.findings import count

    fixes = files = 0
    for file, after in _mended(read, wanted):
        shown = unified(file.loaded.file, file.data, after.data)
        click.echo(shown, nl=False, color=_coloured(color))
        fixes, files = fixes + after.fixes, files + 1
    would = f"{count(fixes, 'finding')} in {count(files, 'file')} would be fixed"
    click.echo(would if fixes else "nothing to fix", err=True)
    sys.exit(2 if read.unread else int(bool(fixes)))


def _summary(read: _Read, report: "Report", fixed: int) -> None:
    from squall.cli.findings import columns
    from squall.core.playbook.findings import count, counted, wrapped

    playbooks = sum(len(file.loaded.playbooks) for file in read.files)
    fixable = sum(bool(finding.fix) for finding in report.findings)
    said = [f"{counted(report.findings) or 'nothing to say'}"]
    said += [f"{fixed} fixed"] if fixed else []
    said += [f"{fixable} can be fixed with --fix"] if fixable else []
    said += [f"{len(report.suppressed)} suppressed"] if report.suppressed else []
    said += [f"{count(read.passed_over, 'other file')} passed over"] if read.passed_over else []
    files = f"{count(len(read.files), 'file')}, {count(playbooks, 'valid playbook')}"
    click.echo(wrapped(f"{files}: {'; '.join(said)}", columns(sys.stderr)), err=True)
