"""A project file holds for every verb that reads the playbooks around it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import squall as library
from squall.cli.main import squall

PROJECT = """
targets:
  shop: {{http: {{listen: "127.0.0.1:{shop}", upstream: "builtin:echo"}}}}
  cart: {{http: {{listen: "127.0.0.1:{cart}", upstream: "builtin:echo"}}}}
scenarios:
  slow: {{latency: 10ms}}
defaults: {{timeout: 30s}}
limits: {{targets: 1, error_share: 50%, duration: 5m}}
"""
PLAYBOOK = """
name: friday
steps:
  - {name: slow, targets: shop, duration: 100ms, scenario: slow}
"""


def call(*arguments: object) -> Result:
    return CliRunner().invoke(squall, [*map(str, arguments)])


def process(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "squall", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def taken() -> socket.socket:
    """Somebody else's, listening."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def folder(tmp_path: Path, taken: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SQUALL_STATE", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / "chaos").mkdir()
    text = PROJECT.format(shop=0, cart=taken.getsockname()[1])
    (tmp_path / "squall.yaml").write_text(text)
    (tmp_path / "chaos/friday.yaml").write_text(PLAYBOOK)
    return tmp_path


def test_lint_checks_playbooks_with_the_project_around_them(folder: Path) -> None:
    done = call("lint", ".", "--strict")
    assert (done.stdout, done.exit_code) == ("", 0)
    assert done.stderr == "2 files, 1 valid playbook: nothing to say\n"
    assert call("lint", "chaos/friday.yaml").exit_code == 0


def test_what_is_wrong_in_a_project_file_is_told_once(folder: Path) -> None:
    (folder / "chaos/monday.yaml").write_text(PLAYBOOK.replace("friday", "monday"))
    with (folder / "squall.yaml").open("a") as file:
        file.write("limts: {}\n")
    for named in (".", folder, "chaos", "chaos/friday.yaml", "squall.yaml"):
        done = call("lint", named)
        assert done.stdout.count("squall.yaml:9:1: SQ101 unknown key 'limts'") == 1
        assert done.exit_code == 1


def test_a_playbook_beyond_the_limits_is_an_error(folder: Path) -> None:
    everywhere = PLAYBOOK.replace("targets: shop, ", "").replace("friday", "wide")
    (folder / "chaos/wide.yaml").write_text(everywhere)
    done = call("lint", "chaos", "--color", "always")
    assert "has faults on 2 targets at once: cart, shop; squall.yaml:8 allows 1" in done.stdout
    assert call("rehearse", "chaos/wide.yaml").exit_code == 2


def test_the_graph_shows_defaults_and_targets_as_they_hold(folder: Path) -> None:
    graph = json.loads(call("graph", "chaos/friday.yaml", "--json").stdout)
    assert graph["targets"] == ["shop"]
    assert graph["main"]["children"][0]["timeout"] == "30s"


def test_a_run_opens_only_what_it_uses_and_keeps_its_state_beside_the_project(
    folder: Path,
) -> None:
    done = process("run", "chaos/friday.yaml", "--plain")
    assert done.returncode == 0, done.stderr
    assert (folder / ".squall/state.db").exists()
    (folder / "chaos/cart.yaml").write_text(PLAYBOOK.replace("shop", "cart"))
    refused = process("run", "chaos/cart.yaml", "--plain")
    assert refused.returncode == 2
    assert "SQ410" in refused.stderr


def test_a_given_target_replaces_the_projects(folder: Path) -> None:
    (folder / "chaos/cart.yaml").write_text(PLAYBOOK.replace("shop", "cart"))
    given = "cart=127.0.0.1:0=builtin:echo"
    done = process("run", "chaos/cart.yaml", "--plain", "--target", given)
    assert done.returncode == 0, done.stderr


def test_no_run_takes_longer_than_the_project_allows(folder: Path) -> None:
    done = process("run", "chaos/friday.yaml", "--timeout", "10m")
    assert done.returncode == 2
    assert "SQ403 a run of 'friday' may take 5m at most, not 10m" in done.stderr


def test_a_broken_project_file_stops_a_run(folder: Path) -> None:
    (folder / "squall.yaml").write_text("targets: [")
    done = process("run", "chaos/friday.yaml")
    assert done.returncode == 2
    assert "squall.yaml:2:1: SQ001" in done.stderr
    assert "friday.yaml" not in done.stderr


def test_the_library_reads_what_the_command_line_reads(folder: Path) -> None:
    for playbook in (library.load("chaos/friday.yaml"), library.loads(PLAYBOOK)):
        outcome = library.run_sync(playbook)
        assert outcome.verdict == "warned", outcome.reason
    with pytest.raises(library.Invalid, match=r"squall\.yaml:8 allows 50%"):
        library.loads(PLAYBOOK.replace("scenario: slow", "scenario: {down: true}"))


def test_only_so_many_runs_go_on_at_once(folder: Path) -> None:
    (folder / "squall.yaml").write_text("limits: {concurrent_runs: 1}\n")
    text = 'targets: {{shop: {{http: {{listen: "127.0.0.1:0", upstream: "builtin:echo"}}}}}}\n{}'
    (folder / "a.yaml").write_text(text.format("name: a\nsteps: [{name: w, wait: 1m}]\n"))
    (folder / "b.yaml").write_text(text.format("name: b\nsteps: [{name: w, wait: 1ms}]\n"))
    with subprocess.Popen(
        [sys.executable, "-m", "squall", "run", "a.yaml", "--json"],
        stdout=subprocess.PIPE, text=True,
    ) as first:  # fmt: skip
        assert first.stdout is not None
        assert "run" in first.stdout.readline()
        refused = process("run", "b.yaml")
        assert refused.returncode == 2
        assert "SQ402 the project allows 1 at once, and there is run 1 of 'a'" in refused.stderr
        first.terminate()
        first.stdout.read()
    assert process("run", "b.yaml", "--wait", "10s").returncode == 0
