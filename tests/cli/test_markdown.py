"""``squall lint --format markdown``: the text of a comment, which others may have a hand in."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from squall.cli.main import squall

TARGETS = '{t: {http: {listen: "127.0.0.1:1", upstream: "builtin:echo"}}}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in a repository."""
    (tmp_path / "books").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.chdir(tmp_path / "books")
    return tmp_path / "books"


def markdown() -> str:
    return CliRunner().invoke(squall, ["lint", "--format", "markdown", "."]).stdout


def test_findings_stand_in_a_block_the_worst_first(folder: Path) -> None:
    (folder / "a.yaml").write_text("name: a\nsteps: [{name: a, wait: 1s, timeout: 500ms}]\n")
    (folder / "b.yaml").write_text("name: a\nsteps: [{name: a, wait: 1s, delya: 1s}]\n")
    lines = markdown().splitlines()
    assert lines[0] == "<!-- squall lint -->"
    assert re.fullmatch(r"### squall: \d+ errors?, .*", lines[1])
    assert lines[3] == "```text"
    assert lines[-1] == "```"
    found = [line for line in lines if re.match(r"books/\w\.yaml:\d+:\d+: SQ\d{3} ", line)]
    severities = [re.search(r"SQ\d{3} (warning|note)?", line)[1] or "error" for line in found]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert "did you mean 'delay'?" in lines[lines.index(found[0]) + 3]


def test_nothing_found_is_a_comment_too(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"name: a\ntargets: {TARGETS}\nsteps: [{{name: a, wait: 1s}}]\n")
    assert markdown() == "<!-- squall lint -->\n### squall: nothing to say\n"


def test_no_fence_in_a_playbook_ends_the_block(folder: Path) -> None:
    (folder / "a.yaml").write_text(f"name: a\n{'`' * 7}: '@all'\nsteps: []\n")
    text = markdown()
    assert "`" * 8 + "text\n" in text
    assert text.endswith("\n" + "`" * 8 + "\n")


def test_it_is_never_longer_than_a_comment_may_be(folder: Path) -> None:
    steps = "".join(f"  - {{name: s{each}, wait: 1s, delya: 1s}}\n" for each in range(1000))
    (folder / "a.yaml").write_text(f"name: a\ntargets: {TARGETS}\nsteps:\n{steps}")
    text = markdown()
    assert len(text) < 65_536
    assert "### squall: 1000 errors\n" in text
    [more] = re.findall(r"\nAnd (\d+) more\.\n$", text)
    assert int(more) == 1000 - text.count("SQ101")
