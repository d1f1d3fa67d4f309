"""``squall lint``: every finding of every file, at once, and what can be set right by itself.

Which files are read, what of them is spoken of, what is written back. What there is to find is
`core.playbook`'s to say; how it is written down for programs, `cli.formats`'.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from squall.cli.checked import Checked, Checker, remembering
from squall.cli.selection import Selection, selection
from squall.core.diagnostics import Diagnostic
from squall.core.playbook.files import text_of
from squall.worktree import read_bytes, replace, repository

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
@click.option("--no-cache", is_flag=True, help="Look at every file anew, and keep nothing.")
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
    no_cache: bool,  # noqa: FBT001
    color: str,
) -> None:
    """Check playbooks: every finding at once, each with its place.

    A folder is searched for files that hold playbooks; a file that is named must hold one. Project
    files, squall.yaml, are checked with the playbooks they hold for. Exits with 1 if anything is
    wrong, with 2 if a path cannot be read. With --diff it exits with 1 if there is something to
    fix, and reports nothing else.

    A comment `# squall: ignore[SQ304] why it is meant`, at the end of a line or above it, keeps
    that finding back; `# squall: ignore-file[SQ304] why`, on a line of its own, in the whole file.

    Where there is a state folder, or a squall.yaml beside which it belongs, what is found is kept
    there, and files that are as they were are not looked at again.

    \b
    Example:
      squall lint playbooks
      squall lint --fix playbooks/progressive_chaos.yaml
      squall lint --format github --strict --ignore SQ210 playbooks
    """
    wanted = selection(select, ignore)
    form = "json" if as_document else form
    with remembering(not no_cache) as checker:
        read = _read_all(paths, checker)
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
    """A file of playbooks or of a project, and what is said of it; `data` if that is anything."""

    path: Path
    named: bool
    checked: Checked
    data: bytes | None


@dataclass
class _Read:
    """The files that hold playbooks, how many do not, and whether a named one cannot be read."""

    checker: Checker
    files: list[_File] = field(default_factory=list)
    passed_over: int = 0
    unread: bool = False


def _read_all(paths: tuple[str, ...], checker: Checker) -> _Read:
    read = _Read(checker)
    seen: set[str] = set()
    for name in paths:
        path = Path(name)
        named = not path.is_dir()
        for file in [path] if named else checker.projects.files_below(path):
            place = os.path.normpath(file.absolute())
            if place in seen:
                continue
            seen.add(place)
            try:
                data = read_bytes(file)
                one = checker.check(file, data, named=named)
            except OSError as error:
                called = click.format_filename(file)
                click.echo(f"{called} cannot be read: {error.strerror}", err=True)
                read.unread |= named
                read.passed_over += not named
                continue
            if one.claimed or one.diagnostics:
                said = one.diagnostics or one.suppressed
                read.files.append(_File(file, named, one, data if said else None))
            else:
                read.passed_over += 1
    return read


def _report(read: _Read, wanted: Selection, form: str, *, strict: bool) -> "Report":
    """All that is found, less what comments suppress and what is not asked for."""
    from squall.cli.formats.report import Report

    checked = [file.checked for file in read.files]
    findings, suppressed = _elsewhere(checked), []
    across = _across(checked)
    for one in checked:
        kept, more = one.ignores.heeded(across.get(one.file, ()))
        found = [*one.diagnostics, *kept]
        findings += sorted(found, key=lambda finding: (finding.span, finding.code))
        suppressed += [*one.suppressed, *more]
    taken = [finding for finding in findings if wanted.takes(finding)]
    hidden = [one for one in suppressed if wanted.takes(one.finding)]
    shown = {finding.file for finding in (*taken, *(one.finding for one in hidden))}
    return Report(
        findings=taken,
        texts=dict(_texts(read, shown)),
        suppressed=hidden,
        paths={} if form in _FROM_HERE else dict(_from_root(read)),
        strict=strict,
    )


def _texts(read: _Read, shown: set[str]) -> Iterator[tuple[str, str]]:
    """What stands in each file of which something is shown; nothing of the others."""
    known: set[str] = set()
    for file in read.files:
        for name in file.checked.files:
            if name in known:
                continue
            known.add(name)
            if name not in shown:
                yield name, ""
            elif name == file.checked.file and file.data is not None:
                yield name, text_of(file.data)
            else:
                path = file.path if name == file.checked.file else Path(name)
                yield name, read.checker.text(path)


def _elsewhere(checked: list[Checked]) -> list[Diagnostic]:
    """What is wrong with the project files around that are not among those that were asked for."""
    asked = {one.file for one in checked}
    found = {finding for one in checked for finding in one.around if finding.file not in asked}
    return sorted(found, key=lambda finding: (finding.file, finding.span, finding.code))


def _across(checked: list[Checked]) -> dict[str, list[Diagnostic]]:
    """The findings that only several files together can have, by file."""
    from squall.core.playbook.across import check_across

    findings: dict[str, list[Diagnostic]] = defaultdict(list)
    for finding in check_across(checked):
        findings[finding.file].append(finding)
    return findings


def _from_root(read: _Read) -> Iterator[tuple[str, str]]:
    """Each file as the repository calls it; in full when it lies elsewhere."""
    root = repository(Path.cwd())
    for name, file in _paths(read).items():
        place = file.parent.resolve() / file.name
        inside = place.is_relative_to(root)
        path = (place.relative_to(root) if inside else place).as_posix()
        yield name, click.format_filename(path)


def _paths(read: _Read) -> dict[str, Path]:
    """Where each file that has a finding lies, by what it is called."""
    around = {name: Path(name) for file in read.files for name in file.checked.files}
    return around | {file.checked.file: file.path for file in read.files}


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
        if file.data is not None and any(finding.fix for finding in file.checked.diagnostics):
            look = read.checker.loader(file.path, named=file.named)
            after = mended(file.data, look, wanted.takes)
            if after.fixes:
                yield file, after


def _fix(read: _Read, wanted: Selection) -> int:
    """Write what can be set right; returns how many findings that settles."""
    fixed = 0
    for file, after in _mended(read, wanted):
        try:
            replace(file.path, after.data)
        except OSError as error:
            click.echo(f"{file.checked.file} cannot be written: {error.strerror}", err=True)
            read.unread = True
            continue
        file.data = after.data
        file.checked = read.checker.check(file.path, after.data, named=file.named)
        fixed += after.fixes
    return fixed


def _show_diff(read: _Read, wanted: Selection, color: str) -> None:
    """Show what would be set right, and end: 1 if there is something."""
    from squall.cli.diff import unified
    from squall.core.playbook.findings import count

    fixes = files = 0
    for file, after in _mended(read, wanted):
        shown = unified(file.checked.file, file.data or b"", after.data)
        click.echo(shown, nl=False, color=_coloured(color))
        fixes, files = fixes + after.fixes, files + 1
    would = f"{count(fixes, 'finding')} in {count(files, 'file')} would be fixed"
    click.echo(would if fixes else "nothing to fix", err=True)
    sys.exit(2 if read.unread else int(bool(fixes)))


def _summary(read: _Read, report: "Report", fixed: int) -> None:
    from squall.cli.findings import columns
    from squall.core.playbook.findings import count, counted, wrapped

    playbooks = sum(len(file.checked.neighbours) for file in read.files)
    fixable = sum(bool(finding.fix) for finding in report.findings)
    said = [f"{counted(report.findings) or 'nothing to say'}"]
    said += [f"{fixed} fixed"] if fixed else []
    said += [f"{fixable} can be fixed with --fix"] if fixable else []
    said += [f"{len(report.suppressed)} suppressed"] if report.suppressed else []
    said += [f"{count(read.passed_over, 'other file')} passed over"] if read.passed_over else []
    files = f"{count(len(read.files), 'file')}, {count(playbooks, 'valid playbook')}"
    click.echo(wrapped(f"{files}: {'; '.join(said)}", columns(sys.stderr)), err=True)
