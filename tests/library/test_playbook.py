"""Playbooks written in Python mean what the same YAML means, and are checked as it is."""

import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path

import click
import jsonschema_rs
import pytest

import squall
from squall.library.playbook import PlaybookKeys, StepKeys
from squall.worktree import schema_text

ROOT = Path(__file__).parents[2]

COMPLEX_TEST = """
name: complex_test
description: Multi-stage chaos test
loop: {times: 3}
steps:
  - name: network_degradation
    duration: 60s
    delay: 5s
    scenario: {latency: 100ms, packet_loss: 5%}
  - {name: service_instability, duration: 30s, continue_on_failure: true, scenario: {errors: 20%}}
  - {name: recovery, duration: 30, scenario: {latency: 20ms}}
"""


def complex_test() -> squall.Playbook:
    """The orchestration of MockForge's builder: three steps, one that may fail, three times."""
    return (
        squall.Playbook("complex_test", description="Multi-stage chaos test", loop=3)
        .step(
            "network_degradation",
            scenario={"latency": "100ms", "packet_loss": "5%"},
            duration="60s",
            delay="5s",
        )
        .step(
            "service_instability",
            scenario={"errors": 0.2},
            duration="30s",
            continue_on_failure=True,
        )
        .step("recovery", scenario={"latency": "20ms"}, duration="30s")
    )


def test_a_playbook_written_in_python_is_the_one_written_in_yaml() -> None:
    assert complex_test().digest == squall.loads(COMPLEX_TEST).digest


def test_what_is_written_out_reads_back_as_the_same(tmp_path: Path) -> None:
    file = tmp_path / "complex_test.yaml"
    file.write_text(complex_test().to_yaml())
    assert squall.load(file).digest == complex_test().digest


@pytest.mark.parametrize(
    "file",
    [*ROOT.glob("playbooks/*.yaml"), *ROOT.glob("tests/corpus/good/everything.yaml")],
    ids=lambda path: path.name,
)
def test_every_playbook_survives_being_written_out(file: Path) -> None:
    loaded = squall.load(file)
    assert squall.loads(loaded.to_yaml()).digest == loaded.digest


def test_groups_hold_steps() -> None:
    built = squall.Playbook(
        "groups",
        parallel=[
            squall.step("clients", load={"requests": "50/s"}, duration="5s"),
            squall.step(
                "waves",
                loop={"times": 2},
                steps=[
                    squall.step("hit", scenario={"resets": "5%"}, duration="1s"),
                    squall.step("rest", wait=1),
                ],
            ),
        ],
        finally_=[squall.step("look", http={"get": "http://127.0.0.1:7070/"})],
    ).step("last", needs=["waves"], wait="1s")
    written = squall.loads("""
name: groups
parallel:
  - {name: clients, load: {requests: 50/s}, duration: 5s}
  - name: waves
    loop: {times: 2}
    steps:
      - {name: hit, scenario: {resets: 5%}, duration: 1s}
      - {name: rest, wait: 1s}
  - {name: last, needs: [waves], wait: 1s}
finally:
  - {name: look, http: {get: "http://127.0.0.1:7070/"}}
""")
    assert built.digest == written.digest


def test_adding_a_step_changes_nothing_that_was_there() -> None:
    first = squall.Playbook("p").step("a", wait=1)
    second = first.step("b", wait=1)
    assert [playbook.to_yaml().count("name: ") for playbook in (first, second)] == [2, 3]


def test_what_a_caller_changes_later_does_not_change_the_playbook() -> None:
    scenario = {"latency": "100ms"}
    playbook = squall.Playbook("p").step("a", scenario=scenario, duration=1)
    before = playbook.digest
    scenario["latency"] = "1s"
    assert playbook.digest == before


def test_a_loaded_playbook_can_be_added_to(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("name: p\nsteps: [{name: a, wait: 1s}]\n")
    longer = squall.load(file).step("b", wait="2s")
    assert longer.digest == squall.Playbook("p").step("a", wait=1).step("b", wait=2).digest


def test_invalid_carries_every_finding_and_reads_as_lint_does(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: x\nsteps:\n  - {name: a, wait: 5 apples}\n  - {name: a, wait: 1s}\n")
    with pytest.raises(squall.Invalid) as invalid:
        squall.load(file)
    found = [(finding.line, finding.column, finding.code) for finding in invalid.value.findings]
    assert found == [(1, 1, "SQ210"), (3, 21, "SQ105"), (4, 12, "SQ203")]
    linted = subprocess.run(
        [sys.executable, "-m", "squall", "lint", "--color", "always", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert click.unstyle(linted.stdout).strip() == str(invalid.value)
    assert pickle.loads(pickle.dumps(invalid.value)).findings == invalid.value.findings


def test_a_finding_has_the_members_of_the_findings_schema() -> None:
    schema = json.loads((ROOT / "schemas/finding.schema.json").read_text())
    with pytest.raises(squall.Invalid) as invalid:
        squall.loads("name: x\nsteps: 5\n")
    rows = [dataclasses.asdict(finding) for finding in invalid.value.findings]
    jsonschema_rs.validator_for(schema).validate({"findings": rows, "files": 1})


def test_a_mistake_in_python_is_a_finding_in_the_yaml_it_makes() -> None:
    wrong = squall.Playbook("wrong").step("a", scenario={"latencey": "1s"}, duration="1s")
    with pytest.raises(squall.Invalid, match="did you mean 'latency'") as invalid:
        _ = wrong.digest
    [finding] = [each for each in invalid.value.findings if each.severity == "error"]
    assert finding.file == "<wrong>"
    assert "latencey" in wrong.to_yaml().splitlines()[finding.line - 1]


def test_an_object_that_cannot_be_written_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="object"):
        squall.Playbook("p").step("a", scenario={"latency": object()}, duration=1)


def test_one_of_several_playbooks_is_named(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(
        "name: one\nsteps: [{name: a, wait: 1s}]\n---\nname: two\nsteps: [{name: a, wait: 1s}]\n"
    )
    assert squall.load(f"{file}#two").name == "two"
    with pytest.raises(squall.Refused, match="holds 2 playbooks"):
        squall.load(file)
    with pytest.raises(squall.Refused, match="did you mean 'two'"):
        squall.load(f"{file}#tow")


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        squall.load(tmp_path / "nothing.yaml")


def test_the_keywords_are_the_keys_of_the_language() -> None:
    schema = json.loads(schema_text())
    steps = set(schema["$defs"]["step"]["properties"]) - {"name"}
    assert set(StepKeys.__annotations__) == steps
    top = {key.replace("finally", "finally_") for key in schema["properties"]}
    assert set(PlaybookKeys.__annotations__) == top - {"name", "version"}
