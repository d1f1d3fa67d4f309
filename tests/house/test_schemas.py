"""What is written from the schemas is fresh, and fit for editors and readers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from squall.core.playbook.source import read
from squall.worktree import schema_text

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
GOOD = [
    document.data
    for path in sorted([*(ROOT / "tests/corpus/good").iterdir(), *ROOT.glob("playbooks/*.yaml")])
    for document in read(path.read_bytes(), path.name).documents
]
EDITORS = jsonschema.Draft7Validator(json.loads(schema_text("playbook.draft-07")))
TAKEN_AS_WRITTEN = {"version", "inputs"}
"""Keys of a playbook that are read before anything is filled in."""


def generate(schemas: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(schemas / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_what_is_written_from_the_schemas_is_fresh() -> None:
    done = generate(SCHEMAS, "--check")
    assert done.returncode == 0, done.stderr


def test_a_changed_schema_makes_what_is_written_from_it_stale(tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, schemas)
    playbook = schemas / "playbook.schema.json"
    playbook.write_text(playbook.read_text().replace("For people and filters.", "For filters."))
    done = generate(schemas, "--check")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{name} is stale: run python schemas/generate.py"
        for name in ("README.md", "playbook.draft-07.schema.json")
    ]
    assert generate(schemas).returncode == 0
    assert generate(schemas, "--check").returncode == 0
    assert "For filters." in (schemas / "README.md").read_text()


def slugs(page: str) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    return [
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    ]


def test_every_link_within_the_reference_leads_to_its_one_heading() -> None:
    page = (SCHEMAS / "README.md").read_text()
    anchors = slugs(page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= set(anchors)


def test_the_entries_for_schemastore_are_complete() -> None:
    page = (SCHEMAS / "README.md").read_text()
    [catalogue] = re.findall(r"^```json\n(\[.*?)^```", page, re.MULTILINE | re.DOTALL)
    for entry in json.loads(catalogue):
        assert entry.keys() == {"name", "description", "fileMatch", "url"}
        assert all(match.endswith((".yaml", ".yml", ".json")) for match in entry["fileMatch"])


def test_the_reference_has_every_key_of_a_step() -> None:
    page = (SCHEMAS / "README.md").read_text()
    section = page.partition("### `step`")[2].partition("###")[0]
    for key in json.loads(schema_text())["$defs"]["step"]["properties"]:
        assert f"| `{key}` |" in section


@pytest.mark.parametrize("name", ["playbook", "project"])
def test_the_editors_builds_are_draft_07_in_one_piece(name: str) -> None:
    text = schema_text(f"{name}.draft-07")
    jsonschema.Draft7Validator.check_schema(json.loads(text))
    assert set(re.findall(r'"\$ref": "([^"]*?)[^/"]*"', text)) == {"#/definitions/"}
    assert "$defs" not in text


@pytest.mark.parametrize("document", GOOD, ids=range(len(GOOD)))
def test_editors_take_what_squall_takes(document) -> None:
    assert [error.message for error in EDITORS.iter_errors(document)] == []


def filled(value):
    if isinstance(value, dict):
        return {key: filled(inner) for key, inner in value.items()}
    return [filled(inner) for inner in value] if isinstance(value, list) else "${{ inputs.x }}"


@pytest.mark.parametrize("document", GOOD, ids=range(len(GOOD)))
def test_in_editors_a_filled_in_value_may_stand_for_any_other(document) -> None:
    asked = {
        key: value if key in TAKEN_AS_WRITTEN else filled(value) for key, value in document.items()
    }
    assert [error.message for error in EDITORS.iter_errors(asked)] == []


def test_in_editors_a_value_may_be_filled_in_part() -> None:
    assert EDITORS.is_valid({"name": "x", "steps": [{"name": "a", "wait": "${{ inputs.x }}ms"}]})


def test_editors_mark_what_is_wrong() -> None:
    for step in (
        {"name": "a", "wait": "5 ms"},
        {"name": "a", "weit": "5ms"},
        {"name": "a", "duration": "1s", "scenario": {"latencey": "1s"}},
        {"name": "a", "wait": "1s", "on_timeout": "stop"},
    ):
        assert not EDITORS.is_valid({"name": "x", "steps": [step]}), step


def test_in_editors_inputs_are_declared_as_they_stand() -> None:
    inputs = {"base": {"type": "${{ inputs.kind }}"}}
    assert not EDITORS.is_valid({"name": "x", "inputs": inputs, "steps": [{"name": "a"}]})
