"""``squall init``: what a repository needs to have playbooks, put in place once.

The files lie in ``squall/templates``, as they will lie in the repository. What a template cannot
know stands there as ``PLAYBOOKS``, ``OWNER/squall`` and ``REF`` and is filled in here, the last two
when pip noted where it had squall from. Nothing that is there already is changed: for a file that
would need lines added, the lines are shown.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click

from squall.worktree import repository, schema_text, template_text

State = Literal["written", "kept", "add"]
"""A piece is new, was there, or has lines that belong into a file that was there."""

_EXAMPLE: Final = "first_storm.yaml"
_OPEN: Final = "OWNER/squall"
_PLAIN: Final = re.compile(r"[\w./-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A file to put in place. One that is there already should have `mention` in it."""

    path: Path
    text: str
    mention: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What became of a piece; `add` are the lines that its file lacks."""

    path: str
    state: State
    add: str = ""


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def init(folder: Path, as_json: bool) -> None:  # noqa: FBT001
    """Put in place what a repository needs to have playbooks.

    A project file (squall.yaml), a playbook to begin with, a workflow that checks pull requests,
    and an entry for pre-commit. Nothing that is there already is changed.

    \b
    Example:
      squall init
      squall init services/shop
    """
    import msgspec

    try:
        pieces = list(_pieces(folder))
        done = [_put(piece) for piece in pieces]
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        click.echo(f"{error.filename} cannot be written: {why}", err=True)
        sys.exit(2)
    steps = list(_next(folder, list(zip(pieces, done, strict=True))))
    if as_json:
        document = msgspec.json.encode({"files": done, "next": steps})
        click.echo(msgspec.json.format(document, indent=2))
        return
    for one in done:
        click.echo(f"{'kept' if one.state == 'add' else one.state:<9}{one.path}")
    for one in done:
        if one.add:
            lines = _indented(one.add.splitlines())
            click.echo(f"\nAdd to {one.path}, under the keys it has:\n\n{lines}")
    click.echo(f"\nNext:\n\n{_indented(steps)}")


def _pieces(folder: Path) -> Iterator[_Piece]:
    """What belongs into the folder, and into the repository it is a part of."""
    playbooks = folder / "playbooks"
    yield _Piece(path=folder / "squall.yaml", text=template_text("squall.yaml"))
    if not any(playbooks.glob("*")):
        yield _Piece(path=playbooks / _EXAMPLE, text=template_text(_EXAMPLE))
        yield _Piece(
            path=playbooks / ".playbook.schema.json", text=schema_text("playbook.draft-07")
        )
    root = repository(folder.resolve())
    where = playbooks.resolve().relative_to(root).as_posix()
    for piece in _checks(root):
        text = piece.text.replace("PLAYBOOKS", where if _PLAIN.fullmatch(where) else ".")
        yield _Piece(path=piece.path, text=_sourced(text), mention=piece.mention)


def _checks(root: Path) -> Iterator[_Piece]:
    """What checks changes: a workflow where the repository is kept, and pre-commit."""
    if (root / ".gitlab-ci.yml").exists():
        own = ".gitlab/squall.yml"
        yield _Piece(path=root / own, text=template_text("gitlab.yml"))
        lines = f"include:\n  - local: {own}\n"
        yield _Piece(path=root / ".gitlab-ci.yml", text=lines, mention=own)
    else:
        workflow = root / ".github/workflows/squall.yml"
        yield _Piece(path=workflow, text=template_text("github.yml"))
    hooks = root / ".pre-commit-config.yaml"
    yield _Piece(path=hooks, text=template_text("pre-commit.yaml"), mention="squall-lint")


def _sourced(text: str) -> str:
    """The template with where this squall came from, as far as pip noted a repository."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit

    import msgspec

    try:
        noted = msgspec.json.decode(distribution("squall").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return text
    url = urlsplit(noted.get("url", ""))
    commit = noted.get("vcs_info", {}).get("commit_id")
    name = url.path.strip("/").removesuffix(".git")
    if url.scheme != "https" or not commit or name.count("/") != 1:
        return text
    filled = text.replace(f"https://github.com/{_OPEN}", f"https://{url.hostname}/{name}")
    if url.hostname == "github.com":  # an action of that name elsewhere would be somebody else's
        filled = filled.replace(_OPEN, name)
    return re.sub(r"\bREF\b", commit, filled)


def _put(piece: _Piece) -> _Done:
    """Write it unless something is there; raises `OSError`."""
    shown = os.path.relpath(piece.path)
    if not piece.path.parent.is_dir():
        piece.path.parent.mkdir(parents=True)
    try:
        with piece.path.open("x", encoding="utf-8") as file:
            file.write(piece.text)
    except FileExistsError:
        if piece.mention in (piece.path.read_text(errors="replace") if piece.mention else ""):
            return _Done(path=shown, state="kept")
        return _Done(path=shown, state="add", add=piece.text)
    return _Done(path=shown, state="written")


def _next(folder: Path, done: Sequence[tuple[_Piece, _Done]]) -> Iterator[str]:
    """What to do now, a line each."""
    written = {piece.path.name: one.path for piece, one in done if one.state == "written"}
    open_ends = [one.path for piece, one in done if one.state != "kept" and _OPEN in piece.text]
    if _EXAMPLE in written:
        yield f"squall run {written[_EXAMPLE]}    # ten seconds, nothing else needed"
    yield f"squall lint {os.path.relpath(folder / 'playbooks')}"
    if _EXAMPLE in written:
        yield "name your own service there, under 'targets'"
    if open_ends:
        yield f"in {' and '.join(open_ends)}, put where squall is from for {_OPEN} and REF"
    if not (repository(folder.resolve()) / ".git").exists():
        yield "git init: there is no repository here yet"
    if ".pre-commit-config.yaml" in written:
        yield "pre-commit install"


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {line}".rstrip() for line in lines)
