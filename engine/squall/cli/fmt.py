"""``squall fmt``: playbooks in one style, comments kept."""

import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from squall.cli.findings import as_text
from squall.core.playbook.load import claims
from squall.core.playbook.rewrite import Unfaithful, rewritten
from squall.core.playbook.source import Source, read
from squall.worktree import Projects, read_bytes, replace

_PROJECT = "squall.yaml"


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> None:  # noqa: FBT001
    """Write playbooks in one style: indentation, spaces, blank lines and needless quotes.

    Comments, the order of keys, and what is written in one line stay; so do line ends. In a folder,
    the files that hold playbooks and each squall.yaml are looked at. A file that cannot be read
    without errors is left as it is, and said, with exit code 2.

    \b
    Example:
      squall fmt playbooks
      squall fmt --check --diff playbooks
    """
    work, projects = _Work(check=check, diff=diff), Projects()
    for name in paths:
        path = Path(name)
        for file in projects.files_below(path) if path.is_dir() else [path]:
            work.look_at(file, named=not path.is_dir())
    work.end()


@dataclass
class _Work:
    """Goes through files and counts what came of them."""

    check: bool
    diff: bool
    changed: int = 0
    kept: int = 0
    failed: int = 0

    def look_at(self, file: Path, *, named: bool) -> None:
        """Rewrite one file, or say why not."""
        called = click.format_filename(file)
        try:
            data = read_bytes(file)
        except OSError as error:
            self._fail(f"{called} cannot be read: {error.strerror}")
            return
        source = read(data, called)
        if not (named or file.name == _PROJECT or claims(source)):
            return
        if source.diagnostics:
            texts = {called: source.text}
            shown = as_text(source.diagnostics, texts, sys.stderr, context=False)
            self._fail(f"{shown}\n{called} is left as it is")
            return
        try:
            new = rewritten(source, json=file.suffix == ".json")
        except Unfaithful as why:
            self._fail(f"{called} is left as it is: {why}")
            return
        if new == data:
            self.kept += 1
            return
        self._change(file, source, new)

    def _change(self, file: Path, source: Source, new: bytes) -> None:
        if not (self.check or self.diff):
            try:
                replace(file, new)
            except OSError as error:
                self._fail(f"{source.file} cannot be written: {error.strerror}")
                return
        self.changed += 1
        if self.diff:
            click.echo("".join(_difference(source.file, source.text, new.decode())), nl=False)
        else:
            click.echo(source.file)

    def _fail(self, why: str) -> None:
        self.failed += 1
        click.echo(why, err=True)

    def end(self) -> None:
        """Say what came of it and leave with the code for it."""
        would = "would be " if self.check or self.diff else ""
        said = [f"{_files(self.changed)} {would}changed", f"{self.kept} as they should be"]
        said += [f"{self.failed} left alone"] if self.failed else []
        click.echo(", ".join(said), err=True)
        sys.exit(2 if self.failed else int(self.check and self.changed > 0))


def _difference(file: str, old: str, new: str) -> Iterator[str]:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for line in difflib.unified_diff(before, after, file, f"{file} (formatted)"):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
