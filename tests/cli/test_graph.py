"""``squall graph`` as a person types it."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from click.testing import CliRunner

from squall.cli.graph import graph

ROOT = Path(__file__).parents[2]
TWO = """\
name: first
steps: [{name: a, wait: 1s}]
---
name: second
steps: [{name: b, wait: 1s}, {name: c, duration: 1m, scenario: {errors: 10%}}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    path.write_text(TWO)
    return path


def test_text_is_the_default(file: Path) -> None:
    done = CliRunner().invoke(graph, [f"{file}#second"])
    assert done.exit_code == 0
    assert "├─ 1. b: wait 1 s" in done.stdout
    assert "└─ 2. c: 10 % errors · for 1 min" in done.stdout


def test_json_fits_its_schema() -> None:
    schema = json.loads((ROOT / "schemas/graph.schema.json").read_text())
    done = CliRunner().invoke(graph, [str(ROOT / "tests/corpus/good/everything.yaml"), "--json"])
    assert done.exit_code == 0
    jsonschema_rs.validator_for(schema).validate(json.loads(done.stdout))


@pytest.mark.parametrize("file", sorted((ROOT / "playbooks").glob("*.yaml")), ids=lambda p: p.name)
def test_every_shipped_playbook_can_be_drawn(file: Path) -> None:
    for form in ("text", "mermaid", "dot", "svg", "json"):
        done = CliRunner().invoke(graph, [str(file), "--format", form])
        assert done.exit_code == 0
        assert done.stdout.endswith("\n")
        if form == "svg":
            ET.fromstring(done.stdout)


def test_several_playbooks_ask_for_a_name(file: Path) -> None:
    done = CliRunner().invoke(graph, [str(file)])
    assert done.exit_code == 2
    assert f"{file}#first" in done.stderr


def test_a_circle_of_needs_is_named_and_nothing_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "circle.yaml"
    path.write_text(
        "name: circle\nparallel:\n"
        "  - {name: a, wait: 1s, needs: [b]}\n"
        "  - {name: b, wait: 1s, needs: [a]}\n"
    )
    done = CliRunner().invoke(graph, [str(path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "a" in done.stderr
    assert f"{path}:" in done.stderr
