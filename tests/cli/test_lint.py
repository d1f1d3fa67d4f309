"""``squall lint`` over folders: which files count, what it says of the others, how it ends."""

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

GOOD = "name: {}\nsteps: [{{name: a, duration: 1s, scenario: {{errors: 1%}}}}]\n"
BROKEN = "name: x\nsteps: [\n"


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["lint", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".squall").mkdir()
    (tmp_path / "a.yaml").write_text(GOOD.format("a"))
    (tmp_path / "deep/b.yml").write_text(GOOD.format("b"))
    (tmp_path / "deep/c.json").write_text('{"name": "c", "steps": [{"name": "a", "wait": 1}]}')
    (tmp_path / "pod.yaml").write_text("kind: Pod\nkind: Pod\n")
    (tmp_path / "notes.txt").write_text(BROKEN)
    (tmp_path / ".squall/state.yaml").write_text(BROKEN)
    return tmp_path


def test_a_folder_is_searched_for_what_holds_playbooks(folder: Path) -> None:
    done = lint(folder, "--strict")
    assert done.exit_code == 0
    assert done.stderr == "3 files, 3 valid playbooks: 3 notes; 1 other file passed over\n"


def test_a_broken_file_that_looks_like_a_playbook_is_an_error(folder: Path) -> None:
    (folder / "broken.yaml").write_text(BROKEN)
    done = lint(folder)
    assert done.exit_code == 1
    assert f"{folder}/broken.yaml:3:1: SQ001 a value or a closing bracket is missing" in done.stdout


def test_a_broken_file_that_does_not_is_a_warning(folder: Path) -> None:
    (folder / "template.yaml").write_text("kind: Pod\n  a: b\n")
    done = lint(folder)
    assert done.exit_code == 0
    assert "template.yaml:2:4: SQ001 warning: " in done.stdout
    assert lint(folder, "--strict").exit_code == 1
    assert lint(folder / "template.yaml").exit_code == 1


def test_the_modeline_claims_a_file(folder: Path) -> None:
    line = "# yaml-language-server: $schema=../schemas/playbook.schema.json\n"
    (folder / "claimed.yaml").write_text(line + "steps: [{name: a, wait: 1s}]\n")
    done = lint(folder)
    assert done.exit_code == 1
    assert "claimed.yaml:2:1: SQ102 'name' is missing" in done.stdout


def test_a_file_that_is_named_must_hold_a_playbook(folder: Path) -> None:
    done = lint(folder / "notes.txt", folder / "a.yaml")
    assert done.exit_code == 1
    assert "notes.txt:3:1: SQ001" in done.stdout
    assert done.stderr == "2 files, 1 valid playbook: 1 error, 1 note\n"


def test_what_cannot_be_read_counts_only_when_it_was_named(folder: Path) -> None:
    (folder / "dangling.yaml").symlink_to(folder / "nowhere")
    assert lint(folder).exit_code == 0
    assert lint(folder / "dangling.yaml").exit_code == 2
    assert lint(folder / "a.yaml", folder / "missing.yaml").exit_code == 2


def test_json_is_one_document_and_the_summary_stays_out(folder: Path) -> None:
    done = lint(folder, "--format", "json")
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["files"] == 3
    assert {finding["severity"] for finding in document["findings"]} == {"note"}


def test_without_colour_there_is_no_escape_whatever_a_playbook_says(folder: Path) -> None:
    (folder / "evil.yaml").write_text('name: "\\e[2J"\nsteps: [{name: "\\e]0;x\\a", wait: 1s}]\n')
    done = lint(folder, "--color", "always")
    assert "\x1b[2J" not in done.stdout
    assert "\x1b]0" not in done.stdout
    assert "'\\x1b[2J' is not written as a name" in done.stdout


def test_a_file_named_twice_is_read_once(folder: Path) -> None:
    done = lint(folder, folder / "a.yaml", folder / "deep/../a.yaml")
    assert done.exit_code == 0
    assert done.stderr.startswith("3 files, ")


def test_a_name_that_is_no_text_or_would_be_obeyed_is_shown_all_the_same(folder: Path) -> None:
    for name in (b"\xff.yaml", b"\x1b[2J.yaml"):
        (folder / os.fsdecode(name)).write_text(BROKEN)
    done = lint(folder)
    assert "/\ufffd.yaml:3:1: SQ001" in done.stdout
    assert "/\\x1b[2J.yaml:3:1: SQ001" in done.stdout
    assert lint("--json", folder).exit_code == 1


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "junit", "gitlab", "markdown"])
def test_a_folder_whose_name_is_no_text_is_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    odd = tmp_path / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / "squall.yaml").write_text("limts: {}\nplaybooks: ['*.yaml']\n")
    (odd / "a.yaml").write_text(GOOD.format("a"))
    (tmp_path / ".squall").mkdir()
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        done = lint("--format", form, ".")
        assert done.exit_code == 1
        assert "limts" in done.stdout
    monkeypatch.chdir(odd)
    assert "limts" in lint("--format", form, ".").stdout


def test_what_would_be_obeyed_in_a_line_of_the_file_is_not_shown(folder: Path) -> None:
    (folder / "a.yaml").write_text('name: "\x1b[2J"\nsteps: []\n')
    done = lint("--color", "always", folder / "a.yaml")
    assert '    1 | name: "\ufffd[2J"\n' in done.stdout


def test_the_caret_stands_below_wide_characters_and_in_long_lines(folder: Path) -> None:
    wide = '{name: "日本語", wiat: 1s}'
    text = f"name: a\nsteps: [{wide}, {wide}, {', '.join([wide] * 20)}]\n"
    (folder / "a.yaml").write_text(text)
    done = lint("--color", "always", "--ignore", "SQ210", folder / "a.yaml")
    lines = click.unstyle(done.stdout).splitlines()
    [first, *_, last] = [line for line in lines if "^" in line]
    assert first.index("^") == len('    2 | steps: [{name: "日本語", ') + 3
    assert last.endswith("^^^^")
    shown = lines[lines.index(last) - 1]
    assert shown.startswith("    2 | …")
    assert len(shown) <= 200
