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
from squall.worktree import schema_text

SCHEMA = schema_text()
CORPUS = Path(__file__).parents[2] / "corpus"
DOCUMENTS = [
    document.data
    for path in sorted(CORPUS.glob("*/*"))
    if path.suffix != ".txt"
    for document in read(path.read_bytes(), path.name).documents
]
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


def agree(data) -> None:
    decided = jsonschema_rs.validator_for(SCHEMA).is_valid(data)
    worded = list(explainer(SCHEMA).iter_errors(data))
    assert decided == (not worded), [error.message for error in worded]


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_both_libraries_agree_on_the_corpus(document) -> None:
    agree(document)


@given(st.data())
def test_both_libraries_agree_on_what_is_close_to_the_corpus(data) -> None:
    document = data.draw(st.sampled_from(DOCUMENTS))
    path = data.draw(st.sampled_from(list(places(document))))
    stranger = data.draw(st.sampled_from(STRANGERS) | st.text(max_size=6))

    def extended(value):
        if isinstance(value, dict):
            return {**value, "stranger": stranger}
        return [*value, stranger] if isinstance(value, list) else stranger

    agree(changed(document, path, data.draw(st.sampled_from([lambda _: stranger, extended]))))


def test_without_the_fast_library_the_slow_one_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = SCHEMA + " "  # what is decided by is kept per schema
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    good, bad = {"name": "x", "steps": [{"name": "a", "wait": "1s"}]}, {"name": 1}
    assert check_shape(Document(data=good), "f", apart) == []
    assert check_shape(Document(data=bad), "f", apart)


def keys(schema, path="") -> Iterator[tuple[str, dict]]:
    if isinstance(schema, list):
        for inner in schema:
            yield from keys(inner, path)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        yield f"{path}/{name}", inner
    for name, inner in schema.items():
        if name not in {"examples", "default"}:
            yield from keys(inner, f"{path}/{name}")


def test_every_key_has_a_title_a_description_and_an_example_that_fits() -> None:
    schema = json.loads(SCHEMA)
    seen = 0
    for path, key in keys(schema):
        resolved = key
        if "title" not in key:
            resolved = schema["$defs"][key["$ref"].rpartition("/")[2]]
        assert {"title", "description", "examples"} <= resolved.keys(), path
        own = jsonschema_rs.validator_for({**key, "$defs": schema["$defs"]})
        for example in resolved["examples"]:
            assert own.is_valid(example), (path, example)
        if "default" in resolved:
            assert own.is_valid(resolved["default"]), path
        seen += 1
    assert seen > 80


def test_objects_are_closed_and_errors_are_found_one_by_one() -> None:
    for word in ("oneOf", "anyOf", "unevaluatedProperties"):
        assert f'"{word}"' not in SCHEMA
    schema = json.loads(SCHEMA)
    for name, inner in [("", schema), *schema["$defs"].items()]:
        if "properties" in inner:
            assert inner["additionalProperties"] is False, name
