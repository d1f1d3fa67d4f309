"""What stands around a playbook on disk: project files up to the repository, and its neighbours."""

from pathlib import Path

import pytest

from squall.core.playbook.snapshot import Missing
from squall.settings import state_folder
from squall.worktree import Projects, project_files

TARGET = 'targets: {{{}: {{http: {{listen: "127.0.0.1:{}", upstream: "builtin:echo"}}}}}}\n'
PLAYBOOK = "name: {}\nsteps: [{{name: a, wait: 1s}}]\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``repo`` with a project file at its root and one in ``chaos/eu``; another one above it."""
    root = tmp_path / "repo"
    (root / "chaos/eu").mkdir(parents=True)
    (root / ".git").mkdir()
    (tmp_path / "squall.yaml").write_text(TARGET.format("outside", 9000))
    (root / "squall.yaml").write_text(TARGET.format("shop", 9001))
    (root / "chaos/eu/squall.yaml").write_text(TARGET.format("cart", 9002))
    (root / "chaos/a.yaml").write_text(PLAYBOOK.format("a"))
    (root / "chaos/eu/b.yaml").write_text(PLAYBOOK.format("b"))
    monkeypatch.chdir(root)
    return root


def test_project_files_are_looked_for_as_far_up_as_the_repository_goes(repository: Path) -> None:
    assert project_files(repository / "chaos/eu") == (
        repository / "squall.yaml",
        repository / "chaos/eu/squall.yaml",
    )
    assert sorted(Projects().around(Path("chaos/eu/b.yaml")).targets) == ["cart", "shop"]
    assert sorted(Projects().around(Path("chaos/a.yaml")).targets) == ["shop"]


def test_without_a_repository_they_are_looked_for_everywhere_above(repository: Path) -> None:
    (repository / ".git").rmdir()
    assert "outside" in Projects().around(Path("chaos/a.yaml")).targets


def test_a_submodule_is_a_repository_of_its_own(repository: Path) -> None:
    (repository / "chaos/.git").write_text("gitdir: ../.git/modules/chaos\n")
    assert sorted(Projects().around(Path("chaos/eu/b.yaml")).targets) == ["cart"]


def test_it_does_not_matter_how_a_file_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects = Projects()
    wanted = projects.around(Path("chaos/eu/b.yaml"))
    assert projects.around(repository / "chaos/eu/b.yaml") == wanted
    assert projects.around(Path("chaos/../chaos/eu/b.yaml")) == wanted
    (repository / "link").symlink_to("chaos/eu")
    assert projects.around(Path("link/b.yaml")) == wanted
    monkeypatch.chdir(repository / "chaos")
    assert sorted(Projects().around(Path("eu/b.yaml")).targets) == ["cart", "shop"]


def test_places_are_told_as_seen_from_here(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = Projects().around(Path("chaos/eu/b.yaml")).targets
    assert targets["cart"].where == "chaos/eu/squall.yaml:1"
    monkeypatch.chdir(repository / "chaos")
    targets = Projects().around(Path("eu/b.yaml")).targets
    assert targets["shop"].where == f"{repository}/squall.yaml:1"


def test_globs_say_which_files_are_playbooks_also_for_the_folders_below(repository: Path) -> None:
    (repository / "deploy").mkdir()
    (repository / "deploy/values.yaml").write_text(PLAYBOOK.format("values"))
    (repository / "squall.yaml").write_text('playbooks: ["chaos/**/*.yaml"]\n')
    names = [str(path) for path in Projects().files_below(Path())]
    assert names == ["chaos/a.yaml", "chaos/eu/b.yaml", "chaos/eu/squall.yaml", "squall.yaml"]
    (repository / "chaos/eu/squall.yaml").write_text("playbooks: [c.yaml]\n")
    names = [str(path) for path in Projects().files_below(repository / "chaos")]
    assert names == [f"{repository}/chaos/a.yaml", f"{repository}/chaos/eu/squall.yaml"]


def test_a_playbook_may_call_those_below_the_outermost_project_file(repository: Path) -> None:
    snapshot = Projects().snapshot(Path("chaos/eu/b.yaml"))
    assert snapshot.named("a").file == "chaos/a.yaml"
    assert snapshot.at("../a.yaml", "chaos/eu/b.yaml").name == "a"
    assert snapshot.known_as(f"{repository}/chaos/eu/../a.yaml") == "chaos/a.yaml"
    with pytest.raises(Missing, match="no playbook 'values'"):
        snapshot.named("values")


def test_without_a_project_file_it_may_call_those_beside_it_and_below(repository: Path) -> None:
    (repository / "squall.yaml").unlink()
    snapshot = Projects().snapshot(Path("chaos/a.yaml"))
    assert snapshot.named("b").file == "chaos/eu/b.yaml"


def test_state_is_kept_beside_the_nearest_project_file(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SQUALL_STATE", raising=False)
    monkeypatch.chdir(repository / "chaos")
    assert state_folder() == repository / ".squall"
    monkeypatch.chdir(repository / "chaos/eu")
    assert state_folder() == repository / "chaos/eu/.squall"
    (repository / "squall.yaml").unlink()
    monkeypatch.chdir(repository / "chaos")
    assert state_folder() == repository / "chaos/.squall"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that nobody can read")
def test_a_project_file_that_cannot_be_read_is_not_passed_over(repository: Path) -> None:
    (repository / "squall.yaml").unlink()
    (repository / "squall.yaml").symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error"):
        Projects().around(Path("chaos/a.yaml"))
