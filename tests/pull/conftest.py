"""A git repository, pull requests to it, and a runner that has the action installed."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pull.runner import GOOD, Runner

UNPLAYED = "kind: Pod\nmetadata: {name: shop}\n"

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Git in `tmp_path/shop`, whoever's machine this is."""
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path / "shop"), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def shop(tmp_path: Path, git: Git) -> Path:
    """A repository whose main branch holds a good playbook and somebody else's YAML."""
    folder = tmp_path / "shop"
    (folder / "playbooks").mkdir(parents=True)
    git("init", "--quiet", "--initial-branch", "main")
    (folder / "playbooks/checkout.yaml").write_text(GOOD.format(name="checkout"))
    (folder / "pod.yaml").write_text(UNPLAYED)
    git("add", ".")
    git("commit", "--quiet", "--message", "Begin")
    return folder


Pull = Callable[[Mapping[str, str]], str]


@pytest.fixture
def pull(shop: Path, git: Git) -> Pull:
    """Open a pull request with these files; check out its merge, as a workflow does.

    Gives the commit it was opened against.
    """

    def opened(files: Mapping[str, str]) -> str:
        base = git("rev-parse", "main")
        git("switch", "--quiet", "--create", "topic")
        for name, text in files.items():
            (shop / name).parent.mkdir(parents=True, exist_ok=True)
            (shop / name).write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", "Add playbooks")
        git("switch", "--quiet", "--detach", "main")
        git("merge", "--quiet", "--no-ff", "--message", "Merge topic into main", "topic")
        return base

    return opened


@pytest.fixture
def runner(shop: Path, tmp_path: Path) -> Runner:
    """A runner in the repository, where the action has installed squall already."""
    temp = tmp_path / "temp"
    temp.mkdir()
    (temp / "squall").symlink_to(sys.prefix)
    return Runner(shop, temp)
