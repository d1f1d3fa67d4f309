"""The pre-commit hooks, under pre-commit itself, in a repository with somebody else's YAML too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pull.runner import BAD, GOOD, ROOT

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
PRE_COMMIT = [sys.executable, "-m", "pre_commit"]


@pytest.fixture
def hooked(shop: Path, git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository with both hooks on; squall is the one that is installed.

    Only `language` differs from what users have, for whom pre-commit installs squall first.
    """
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "pre-commit"))
    monkeypatch.setenv("PATH", f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}")
    hooks = [hook | {"language": "system"} for hook in HOOKS]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (shop / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git("add", ".")
    git("commit", "--quiet", "--message", "Add hooks")
    subprocess.run([*PRE_COMMIT, "install"], cwd=shop, check=True, capture_output=True)
    return shop


def commit(folder: Path) -> tuple[int, str]:
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    command = ["git", "commit", "--message", "Add a playbook"]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def test_pre_commit_takes_the_file() -> None:
    command = [*PRE_COMMIT, "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    subprocess.run(command, check=True)


def test_a_bad_playbook_cannot_be_committed(hooked: Path) -> None:
    (hooked / "playbooks/bad.yaml").write_text(BAD.format(name="bad"))
    code, said = commit(hooked)
    assert code == 1
    assert "playbooks/bad.yaml:4:48: SQ101 unknown key 'latencey'" in said


def test_a_good_one_in_the_style_of_fmt_can(hooked: Path) -> None:
    (hooked / "playbooks/good.yaml").write_text(GOOD.format(name="good"))
    subprocess.run([sys.executable, "-m", "squall", "fmt", "."], cwd=hooked, check=True)
    code, said = commit(hooked)
    assert code == 0, said


def test_fmt_writes_playbooks_and_leaves_other_files_alone(hooked: Path) -> None:
    (hooked / "playbooks/good.yaml").write_text(GOOD.format(name="good").replace(": ", ":   "))
    (hooked / "service.yaml").write_text("kind:    Service\n")
    code, said = commit(hooked)
    assert code == 1
    assert "files were modified by this hook" in said
    assert (hooked / "service.yaml").read_text() == "kind:    Service\n"
    assert ":   " not in (hooked / "playbooks/good.yaml").read_text()
    assert commit(hooked)[0] == 0


def test_what_init_writes_names_hooks_that_there_are() -> None:
    text = (ROOT / "engine/squall/templates/pre-commit.yaml").read_text()
    [repo] = yaml.safe_load(text)["repos"]
    assert {hook["id"] for hook in repo["hooks"]} == {hook["id"] for hook in HOOKS}
