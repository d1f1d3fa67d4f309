"""The two libraries agree on what fits, and every key says what it is for."""

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.schema import check_shape, explainer
from squall.core.playbook.source import Document, read
from squall.worktree import schema_names, schema_text

SCHEMA = schema_text()
PROJECT = schema_text("project")
CORPUS = Path(__file__).parents[2] / "corpus"
DOCUMENTS = [
    document.data
    for path in sorted(CORPUS.glob("*/*"))
    if path.suffix != ".txt"
    for document in read(path.read_bytes(), path.name).documents
]
ACTIONS = {
    "scenario", "replay", "load", "http", "tcp", "exec", "approve", "wait", "playbook", "steps",
    "parallel",
}  # fmt: skip
STRANGERS = [
    None, True, False, 0, -1, 1, 1.0, 1.5, 101, 10**30, "", " ", "x", "x\n", "1s", "1s\n", "10%",
    "130%", "٣s", "ſ", "100/s", "/", "a/b", "none", 504, [], ["x"], ["x", "x"], [[]], {},
    {"x": 1}, {"rate": "5%"}, {"times": 2.0}, {"forever": True}, {"x\n": "y"},
]  # fmt: skip


def places(value, path=()) -> Iterator[tuple]:
    yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in value.items() if isinstance(value, dict) else items:
        yield from places(inner, (*path, key))


def changed(document, path, change):
    document = copy.deepcopy(document)
    if not path:
        return change(document)
    around = document
    for key in path[:-1]:
        around = around[key]
    around[path[-1]] = change(around[path[-1]])
    return document


def agree(data, schema: str = SCHEMA) -> None:
    decided = jsonschema_rs.validator_for(schema).is_valid(data)
    worded = list(explainer(schema).iter_errors(data))
    assert decided == (not worded), [error.message for error in worded]


def keys(schema, path="") -> Iterator[tuple[str, dict]]:
    """Every key of a schema's own mappings, with where it stands."""
    if isinstance(schema, list):
        for inner in schema:
            yield from keys(inner, path)
    if not isinstance(schema, dict) or (path and "$id" in schema):
        return
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        yield f"{path}/{name}", inner
    for name, inner in schema.items():
        if name not in {"examples", "default", "if"}:
            yield from keys(inner, f"{path}/{name}")


def said(schema, key) -> dict:
    """What a key says of itself, and where it is silent what it points to says."""
    if "$ref" not in key:
        return key
    address, _, pointer = key["$ref"].partition("#")
    if address and address != schema["$id"]:
        schema = json.loads(schema_text(address.split(":")[-1].partition(".")[0]))
    node = schema
    for part in pointer.split("/")[1:]:
        node = node[part]
    return {**said(schema, node), **key}


def alone(schema, key) -> str:
    """The schema of one key's value."""
    return json.dumps({**key, "$defs": schema.get("$defs", {})})


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_both_libraries_agree_on_the_corpus(document) -> None:
    agree(document)


@given(st.data())
def test_both_libraries_agree_on_what_is_close_to_the_corpus(data) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    path = data.draw(st.sampled_from(list(places(document))))
    stranger = data.draw(st.sampled_from(STRANGERS) | st.text(max_size=6))

    agree(changed(document, path, data.draw(changes(stranger))))


def changes(stranger):
    """Put something else in a place, or beside what is there."""

    def extended(value):
        if isinstance(value, dict):
            return {**value, "stranger": stranger}
        return [*value, stranger] if isinstance(value, list) else stranger

    return st.sampled_from([lambda _: stranger, extended])


@pytest.mark.parametrize("text", [SCHEMA, PROJECT], ids=["playbook", "project"])
@given(st.data())
def test_both_libraries_agree_on_what_is_close_to_the_examples_of_every_key(text, data) -> None:
    schema = json.loads(text)
    _, key = data.draw(st.sampled_from(list(keys(schema))))
    example = data.draw(st.sampled_from(said(schema, key)["examples"]))
    path = data.draw(st.sampled_from(list(places(example))))
    stranger = data.draw(st.sampled_from(STRANGERS) | st.text(max_size=6))
    agree(changed(example, path, data.draw(changes(stranger))), alone(schema, key))


def test_without_the_fast_library_the_slow_one_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = SCHEMA + " "  # what is decided by is kept per schema
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    good, bad = {"name": "x", "steps": [{"name": "a", "wait": "1s"}]}, {"name": 1}
    assert check_shape(Document(data=good), "f", apart) == []
    assert check_shape(Document(data=bad), "f", apart)


@pytest.mark.parametrize("name", schema_names())
def test_every_key_has_a_title_a_description_and_an_example_that_fits(name: str) -> None:
    schema = json.loads(schema_text(name))
    seen = 0
    for path, key in keys(schema):
        about = said(schema, key)
        assert {"title", "description", "examples"} <= about.keys(), path
        own = jsonschema_rs.validator_for(alone(schema, key))
        for example in about["examples"]:
            assert own.is_valid(example), (path, example)
        if "default" in about:
            assert own.is_valid(about["default"]), path
        seen += 1
    assert seen > 10


@pytest.mark.parametrize("name", ["playbook", "project"])
def test_objects_are_closed_and_errors_are_found_one_by_one(name: str) -> None:
    text = schema_text(name)
    for word in ("oneOf", "anyOf", "unevaluatedProperties"):
        assert f'"{word}"' not in text
    schema = json.loads(text)
    for key, inner in [("", schema), *schema["$defs"].items()]:
        if "properties" in inner:
            assert inner["additionalProperties"] is False, key


def test_a_project_file_says_of_scenarios_and_steps_what_playbooks_say() -> None:
    playbook, project = json.loads(SCHEMA), json.loads(PROJECT)
    scenario = playbook["$defs"]["scenario"]["properties"].keys()
    assert project["$defs"]["scenario"]["properties"].keys() == {"from", *scenario}
    modifiers = playbook["$defs"]["step"]["properties"].keys() - {*ACTIONS, "name", "needs"}
    defaults = project["properties"]["defaults"]["properties"].keys()
    assert defaults == {*modifiers, "steady_state"}
