"""MockForge's structures to playbooks and back: nothing that both can say gets lost."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from laws.mockforges import orchestrations, scenarios, scheduled
from squall.core.diagnostics import Refused, Severity
from squall.core.playbook.catalogue import entries
from squall.core.playbook.foreign.imports import Imported, import_mockforge
from squall.core.playbook.foreign.mockforge import Exported, export_mockforge
from squall.core.playbook.load import Loaded, load
from squall.core.playbook.model import digest
from squall.core.playbook.rewrite import formatted
from squall.core.playbook.source import read
from squall.core.playbook.writing import to_yaml

ROOT = Path(__file__).parents[2]
SCHEMA = (ROOT / "schemas/playbook.schema.json").read_text(encoding="utf-8")
CATALOGUE = tuple(
    p.read_text(encoding="utf-8") for p in sorted((ROOT / "playbooks/scenarios").glob("*.yaml"))
)


def imported(structure: dict[str, Any]) -> Imported:
    return import_mockforge(read(json.dumps(structure).encode(), "m.json"), entries(CATALOGUE))


def loaded(playbook: dict[str, Any]) -> Loaded:
    found = load(to_yaml(playbook).encode(), "p.yaml", SCHEMA, catalogue=CATALOGUE)
    told = [f for f in found.diagnostics if f.code != "SQ306"]  # faults of nothing come over too
    assert [f for f in told if f.severity is not Severity.NOTE] == []
    return found


def exported(found: Loaded) -> Exported:
    [one] = found.playbooks
    return export_mockforge(one.playbook, one.document, found.file)


def warnings(of: Imported | Exported) -> list[str]:
    return [one.message for one in of.diagnostics if one.severity is not Severity.NOTE]


def there_and_back(structure: dict[str, Any]) -> Exported:
    there = imported(structure)
    assert [w for w in warnings(there) if "until somebody stops it" not in w] == []
    back = exported(loaded(there.playbooks[0]))
    assert warnings(back) == []
    return back


@settings(max_examples=50)
@given(orchestrations())
def test_an_orchestration_comes_back_as_it_was(structure: dict[str, Any]) -> None:
    back = there_and_back(structure)
    assert (back.form, back.data) == ("orchestration", structure) or (
        # One step with the orchestration's name is a scenario, which says the same.
        back.form == "scenario"
        and back.data["chaos_config"] == structure["steps"][0]["scenario"]["chaos_config"]
    )


@settings(max_examples=50)
@given(scenarios())
def test_a_scenario_comes_back_as_it_was(structure: dict[str, Any]) -> None:
    back = there_and_back(structure)
    assert (back.form, back.data) == ("scenario", structure)


@settings(max_examples=50)
@given(scheduled())
def test_a_schedule_comes_back_as_it_was(structure: dict[str, Any]) -> None:
    back = there_and_back(structure)
    assert (back.form, back.data) == ("schedule", structure)


@settings(max_examples=50)
@given(orchestrations() | scenarios() | scheduled())
def test_a_playbook_that_came_from_mockforge_goes_there_and_comes_back_the_same(
    structure: dict[str, Any],
) -> None:
    [playbook] = imported(structure).playbooks
    first = loaded(playbook)
    [again] = imported(exported(first).data).playbooks
    second = loaded(again)
    assert digest(second.playbooks[0].playbook) == digest(first.playbooks[0].playbook)


@settings(max_examples=50)
@given(orchestrations() | scenarios() | scheduled())
def test_an_imported_playbook_is_formatted_as_fmt_does(structure: dict[str, Any]) -> None:
    [playbook] = imported(structure).playbooks
    text = formatted(to_yaml(playbook))
    assert formatted(text) == text
    [document] = read(text.encode(), "p.yaml").documents
    assert document.data == playbook


KEYS = st.sampled_from(
    [
        "name",
        "steps",
        "scenario",
        "chaos_config",
        "config",
        "enabled",
        "latency",
        "fault_injection",
        "schedule",
        "type",
        "id",
        "x",
        "tags",
        "duration_seconds",
        "error_pattern",
        "request_matcher",
        "headers",
        "parallel",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 700) | st.floats(0, 2) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)


@given(st.dictionaries(KEYS, ANYTHING, max_size=8))
def test_whatever_is_in_a_file_is_imported_told_or_refused(structure: dict[str, Any]) -> None:
    try:
        found = imported(structure)
    except Refused:
        return
    assert found.failed or all(isinstance(one, dict) for one in found.playbooks)
