"""The scenarios that come with squall: listed, shown, used by name."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall
from squall.core.faults.kinds import Bandwidth, Errors, Fixed, Latency, PacketLoss, RateLimit, Share
from squall.core.playbook.catalogue import entries, shipped
from squall.core.playbook.load import load
from squall.core.playbook.model import Injection
from squall.core.timing import MILLISECOND, Duration
from squall.worktree import catalogue_texts, schema_text

NAMES = sorted(entries(catalogue_texts()))
MOCKFORGE = {
    "network_degradation", "service_instability", "cascading_failure", "peak_traffic",
    "slow_backend", "slow_3g", "fast_3g", "flaky_wifi", "cable", "dialup",
}  # fmt: skip


def scenarios(*arguments: str) -> Result:
    return CliRunner().invoke(squall, ["scenarios", *arguments])


def test_mockforges_names_are_all_there() -> None:
    assert set(NAMES) >= MOCKFORGE


def test_the_numbers_are_mockforges() -> None:
    known = shipped(catalogue_texts())
    assert known["slow_3g"].faults == (
        Latency(delay=Fixed(value=Duration(400 * MILLISECOND)), jitter_share=Share(0.1)),
        Bandwidth(limit=400_000),
        PacketLoss(rate=Share(0.01)),
    )
    assert known["service_instability"].faults[0] == Errors(rate=Share(0.2))
    assert known["peak_traffic"].faults == (RateLimit(limit=50, burst=10, by="endpoint"),)


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_used_by_its_name(name: str) -> None:
    text = f"name: x\nsteps: [{{name: a, duration: 1s, scenario: {name}}}]\n"
    loaded = load(text.encode(), "f", schema_text(), catalogue=catalogue_texts())
    [one] = loaded.playbooks
    action = one.playbook.body.steps[0].action
    assert isinstance(action, Injection)
    assert action.scenarios[0].name == name
    assert action.scenarios[0].faults


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_is_what_a_playbook_can_declare(name: str) -> None:
    shown = scenarios(name).stdout
    indented = "".join(f"  {line}\n" for line in shown.splitlines())
    text = f"name: x\nscenarios:\n{indented}steps: [{{name: a, duration: 1s, scenario: {name}}}]\n"
    loaded = load(text.encode(), "f", schema_text())
    assert [str(found) for found in loaded.diagnostics if found.code != "SQ210"] == []


def test_a_playbooks_own_scenario_comes_first() -> None:
    text = (
        "name: x\nscenarios: {cable: {errors: 1%}}\n"
        "steps: [{name: a, duration: 1s, scenario: cable}]\n"
    )
    loaded = load(text.encode(), "f", schema_text(), catalogue=catalogue_texts())
    action = loaded.playbooks[0].playbook.body.steps[0].action
    assert isinstance(action, Injection)
    assert action.scenarios[0].faults == (Errors(rate=Share(0.01)),)


def test_a_misspelt_name_is_told_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\nsteps: [{name: a, duration: 1s, scenario: slow_3k}]\n")
    done = CliRunner().invoke(squall, ["lint", str(file)])
    assert "SQ201 there is no scenario 'slow_3k'" in done.stdout
    assert "did you mean 'slow_3g'?" in done.stdout
    assert "did you mean 'dialup'?" in scenarios("dialpu").stderr
    assert scenarios("dialpu").exit_code == 2


def test_the_list_says_what_each_does() -> None:
    shown = scenarios().stdout
    assert "A modem on a telephone line" in shown
    assert "latency 2 s ± 15 % + bandwidth 50 KB/s + 2 % packet loss" in shown
    rows = json.loads(scenarios("--json").stdout)["scenarios"]
    assert [row["name"] for row in rows if row["name"] in MOCKFORGE] != []
    assert all(row["description"] and row["faults"] for row in rows)
