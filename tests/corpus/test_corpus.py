"""Good playbooks are good, bad ones are bad in the words that stand beside them.

A new case is a new file. ``bad/NAME.yaml`` is named after the code it shows; ``NAME.txt`` holds
its findings word for word. What takes several files is a folder in ``tests/projects``. After a
deliberate change of wording, ``SQUALL_WRITE_CORPUS=1 pytest tests/corpus`` writes them anew, and
the diff is what there is to review.
"""

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall
from squall.core.diagnostics import Severity
from squall.core.playbook.across import check_across
from squall.core.playbook.codes import CODES
from squall.core.playbook.findings import as_text
from squall.core.playbook.load import load
from squall.worktree import schema_text

HERE = Path(__file__).parent
GOOD = sorted((HERE / "good").iterdir())
BAD = sorted(path for path in (HERE / "bad").iterdir() if path.suffix != ".txt")
PROJECTS = HERE.parent / "projects"
GOOD_PROJECTS = sorted((PROJECTS / "good").iterdir())
BAD_PROJECTS = sorted(path for path in (PROJECTS / "bad").iterdir() if path.is_dir())
TOO_LARGE_TO_KEEP = {"SQ002"}
GIVEN_BESIDE = {"SQ233"}
"""What is wrong with a value that is given on the command line, and with no file."""


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_playbooks_have_no_error_and_no_warning(path: Path) -> None:
    loaded = load(path.read_bytes(), path.name, schema_text())
    assert [f for f in loaded.diagnostics if f.severity is not Severity.NOTE] == []
    assert loaded.playbooks


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_bad_playbooks_are_told_what_is_wrong(path: Path) -> None:
    loaded = load(path.read_bytes(), path.name, schema_text())
    shown = path.name.split("_")[0]
    findings = [*loaded.diagnostics, *check_across([loaded])]
    findings = [f for f in findings if f.severity is not Severity.NOTE or f.code == shown]
    compare(as_text(findings, {path.name: loaded.text}, context=True) + "\n", path)
    assert shown in {finding.code for finding in findings}


def compare(said: str, path: Path) -> None:
    """Hold what is said of a file or folder against the words beside it."""
    expected = path.with_suffix(".txt")
    if os.environ.get("SQUALL_WRITE_CORPUS"):
        expected.write_text(said)
    assert said == expected.read_text()


def lint(folder: Path, monkeypatch: pytest.MonkeyPatch, *others: str) -> Result:
    """All that is said of a folder, seen from within."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(
        squall, ["lint", ".", "--no-cache", "--strict", "--color", "always", *others]
    )


@pytest.mark.parametrize("path", GOOD_PROJECTS, ids=lambda path: path.name)
def test_good_projects_have_nothing_said_of_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = lint(path, monkeypatch)
    assert (done.stdout, done.exit_code) == ("", 0)


@pytest.mark.parametrize("path", BAD_PROJECTS, ids=lambda path: path.name)
def test_bad_projects_are_told_what_is_wrong(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = ",".join(code for code, about in CODES.items() if about.severity is Severity.NOTE)
    said = click.unstyle(lint(path, monkeypatch, "--ignore", notes).stdout)
    compare(said, path)
    assert path.name.split("_")[0] in said


def test_every_code_has_a_bad_playbook() -> None:
    shown = {path.name.split("_")[0] for path in (*BAD, *BAD_PROJECTS)}
    assert set(CODES) - TOO_LARGE_TO_KEEP - GIVEN_BESIDE <= shown
