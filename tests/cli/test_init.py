"""``squall init``: what it puts in place, that it works as it stands, and what it leaves alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from scenarios.running import free_port
from squall.cli.main import squall
from squall.worktree import schema_text

FILES = {
    "squall.yaml",
    "playbooks/first_storm.yaml",
    "playbooks/.playbook.schema.json",
    ".github/workflows/squall.yml",
    ".pre-commit-config.yaml",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository to work in."""
    folder = tmp_path / "shop"
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return folder


def init(*arguments: str) -> Result:
    return CliRunner().invoke(squall, ["init", *arguments])


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_a_repository_gets_all_it_needs_and_hears_what_is_next(folder: Path) -> None:
    done = init()
    assert done.exit_code == 0
    assert set(files_of(folder)) == FILES
    for file in FILES:
        assert f"written  {file}\n" in done.stdout
    assert "squall run playbooks/first_storm.yaml" in done.stdout
    assert "pre-commit install" in done.stdout


def test_a_second_time_changes_nothing(folder: Path) -> None:
    init()
    before = files_of(folder)
    (folder / "playbooks/first_storm.yaml").rename(folder / "playbooks/ours.yaml")
    done = init()
    assert done.exit_code == 0
    assert "written" not in done.stdout
    (folder / "playbooks/ours.yaml").rename(folder / "playbooks/first_storm.yaml")
    assert files_of(folder) == before


def test_nothing_that_is_there_is_changed_and_missing_lines_are_shown(folder: Path) -> None:
    ours = "repos:\n  - repo: local\n    hooks: []\n"
    (folder / ".pre-commit-config.yaml").write_text(ours)
    (folder / "squall.yaml").symlink_to("nowhere")
    done = init()
    assert done.exit_code == 0
    assert (folder / ".pre-commit-config.yaml").read_text() == ours
    assert not (folder / "nowhere").exists()
    assert "kept     squall.yaml\n" in done.stdout
    assert "kept     .pre-commit-config.yaml\n" in done.stdout
    assert "Add to .pre-commit-config.yaml, under the keys it has:" in done.stdout
    assert "      - id: squall-lint\n" in done.stdout


def test_where_there_are_playbooks_no_example_is_added(folder: Path) -> None:
    (folder / "playbooks").mkdir()
    (folder / "playbooks/checkout.yaml").write_text("name: checkout\n")
    init()
    assert set(files_of(folder)) == {*FILES, "playbooks/checkout.yaml"} - {
        "playbooks/first_storm.yaml", "playbooks/.playbook.schema.json",
    }  # fmt: skip


def test_on_gitlab_there_is_a_job_to_include(folder: Path) -> None:
    (folder / ".gitlab-ci.yml").write_text("stages: [test]\n")
    done = init()
    assert (folder / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert not (folder / ".github").exists()
    job = yaml.safe_load((folder / ".gitlab/squall.yml").read_text())["squall"]
    assert job["script"][-1] == "squall lint playbooks"
    assert "  include:\n    - local: .gitlab/squall.yml\n" in done.stdout
    (folder / ".gitlab-ci.yml").write_text("include:\n  - local: .gitlab/squall.yml\n")
    assert "Add to" not in init().stdout


def test_in_a_part_of_a_repository_checks_go_to_its_root(folder: Path) -> None:
    done = init("services/shop")
    assert done.exit_code == 0
    assert set(files_of(folder)) == {
        file if file.startswith(".") else f"services/shop/{file}" for file in FILES
    }
    [hooks] = yaml.safe_load((folder / ".pre-commit-config.yaml").read_text())["repos"]
    assert hooks["hooks"][0]["args"] == ["services/shop/playbooks"]
    assert "squall lint services/shop/playbooks" in done.stdout


def test_a_folder_whose_name_needs_quotes_is_checked_with_all_others(folder: Path) -> None:
    init("our: 'shop")
    workflow = yaml.safe_load((folder / ".github/workflows/squall.yml").read_text())
    assert workflow["jobs"]["lint"]["steps"][1]["with"]["paths"] == "."


def test_json_says_the_same(folder: Path) -> None:
    (folder / ".pre-commit-config.yaml").write_text("repos: []\n")
    document = json.loads(init("--json").stdout)
    states = {row["path"]: row["state"] for row in document["files"]}
    assert states == dict.fromkeys(FILES, "written") | {".pre-commit-config.yaml": "add"}
    [add] = [row["add"] for row in document["files"] if row["add"]]
    assert yaml.safe_load(add)["repos"]
    assert document["next"]


def test_what_cannot_be_written_is_a_sentence(folder: Path) -> None:
    (folder / "playbooks").write_text("not a folder")
    done = init()
    assert done.exit_code == 2
    assert done.stderr == "playbooks cannot be written: file exists\n"


def test_where_squall_came_from_is_filled_in_when_pip_noted_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "OWNER/squall" in init().stdout + files_of(folder)[".pre-commit-config.yaml"]
    noted = tmp_path / "site/squall-9.dist-info"
    noted.mkdir(parents=True)
    (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: squall\nVersion: 9\n")
    url = "https://ada:s3cr3t@github.com/acme/squall.git"
    commit = "0123456789abcdef0123456789abcdef01234567"
    vcs = {"vcs": "git", "commit_id": commit}
    (noted / "direct_url.json").write_text(json.dumps({"url": url, "vcs_info": vcs}))
    monkeypatch.syspath_prepend(str(noted.parent))
    other = tmp_path / "other"
    done = init(str(other))
    written = files_of(other)
    workflow = yaml.safe_load(written[".github/workflows/squall.yml"])
    used = workflow["jobs"]["lint"]["steps"][1]["uses"]
    assert used == f"acme/squall/.github/actions/lint@{commit}"
    [repo] = yaml.safe_load(written[".pre-commit-config.yaml"])["repos"]
    assert (repo["repo"], repo["rev"]) == ("https://github.com/acme/squall", commit)
    assert not [text for text in written.values() if "s3cr3t" in text or "OWNER" in text]
    assert "REF" not in done.stdout


def test_the_schema_that_editors_find_is_this_squalls(folder: Path) -> None:
    init()
    first = (folder / "playbooks/first_storm.yaml").read_text().splitlines()[0]
    named = folder / "playbooks" / first.removeprefix("# yaml-language-server: $schema=")
    assert named.read_text() == schema_text("playbook.draft-07")


def test_what_it_wrote_lints_clean_rehearses_and_runs(folder: Path, tmp_path: Path) -> None:
    init()
    port = str(free_port())
    file = folder / "playbooks/first_storm.yaml"
    file.write_text(file.read_text().replace("7070", port))
    lint = CliRunner().invoke(squall, ["lint", "--strict", "."])
    assert (lint.exit_code, lint.stdout) == (0, "")
    assert CliRunner().invoke(squall, ["fmt", "--check", "."]).exit_code == 0
    rehearsed = CliRunner().invoke(squall, ["rehearse", "playbooks/first_storm.yaml"])
    assert rehearsed.exit_code == 0, rehearsed.output
    command = [sys.executable, "-m", "squall", "run", "playbooks/first_storm.yaml", "--strict"]
    command += ["--state", str(tmp_path / "state")]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "✔ passed · first_storm" in ran.stdout
