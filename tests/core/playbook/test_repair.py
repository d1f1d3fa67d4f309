"""One mistake hides no other, and invents none."""

import contextlib
import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.load import load
from squall.core.playbook.schema import fitting
from squall.core.playbook.source import read
from squall.worktree import schema_text

SCHEMA = schema_text()
EVERYTHING = (Path(__file__).parents[2] / "corpus/good/everything.yaml").read_bytes()
[DOCUMENT] = read(EVERYTHING, "f").documents
KEYS = sorted(DOCUMENT.keys, key=str)
WRONG = [None, True, 0, 7.5, "not this", [], {}, [1], {"x": 1}]


def codes(text: str) -> list[str]:
    found = load(text.encode(), "f", SCHEMA).diagnostics
    return [finding.code for finding in found if finding.code != "SQ210"]


@given(st.sampled_from(KEYS), st.sampled_from(WRONG))
def test_a_wrong_value_is_found_alone(path, wrong) -> None:
    """A playbook good but for one place has findings at that place and at no other.

    Except where the wrong value is a right one, and where it takes the declarations of others away.
    """
    text = _with(path, wrong)
    source = read(text, "f").documents[0]
    found = load(text, "f", SCHEMA).diagnostics
    fits = fitting(source, SCHEMA)
    if fits is source or path in {("scenarios",), ("targets",)}:
        return
    near = {
        source.locate(at, key=key).start
        for key, known in ((True, source.keys), (False, source.values))
        for at in known
        if at[: len(path)] == path or at == path[:-1]
    }
    assert {finding.span.start for finding in found} <= near


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(WRONG)), min_size=2, max_size=5))
def test_no_heap_of_mistakes_raises_anything(changes) -> None:
    data = copy.deepcopy(DOCUMENT.data)
    for path, wrong in changes:
        with contextlib.suppress(TypeError, KeyError, IndexError):
            _change(data, path, wrong)
    load(json.dumps(data).encode(), "f", SCHEMA)


def _with(path, wrong) -> bytes:
    data = copy.deepcopy(DOCUMENT.data)
    _change(data, path, wrong)
    return json.dumps(data, indent=1).encode()


def _change(data, path, wrong) -> None:
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = copy.deepcopy(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What is misspelt is not missed as well.
        ("name: x\nsteps: [{name: a, wiat: 1s}]", ["SQ101"]),
        ("name: x\nstep: [{name: a, wait: 1s}]", ["SQ101"]),
        ("name: x\nsteps: [{name: a, scenario: {errors: 1%}, duraton: 1s}]", ["SQ101"]),
        # What was declared badly is still declared.
        (
            (
                "name: x\nscenarios: {s: {errors: 130%}}\n"
                "steps: [{name: a, duration: 1s, scenario: s}]"
            ),
            ["SQ106"],
        ),
        (
            (
                "name: x\ntargets: {t: {http: {listen: 1, upstream: builtin:echo}}}\n"
                "steps: [{name: a, duration: 1s, scenario: {errors: 1%}, targets: t}]"
            ),
            ["SQ103"],
        ),
        (
            "name: x\nscenarois: {s: {errors: 1%}}\nsteps: [{name: a, duration: 1s, scenario: s}]",
            ["SQ101"],
        ),
        # A sibling whose name cannot be read may be the one that is needed.
        (
            "name: x\nparallel: [{nme: b, wait: 1s}, {name: a, wait: 1s, needs: [b]}]",
            ["SQ102", "SQ101"],
        ),
        # A bound that cannot be read is a bound.
        ("name: x\ntimeout: soon\nsteps: [{name: a, wait: 1s, loop: {forever: true}}]", ["SQ105"]),
        ("name: x\ntimeout: 0\nsteps: [{name: a, wait: 1s, loop: {forever: true}}]", ["SQ106"]),
        # Merged keys are not missed.
        ("name: x\nsteps: [&a {name: a, wait: 1s}, {<<: *a, name: b}]", ["SQ004"]),
        # And what is independent is found.
        (
            (
                "name: x\nscenarios: {t: {errors: 1%}}\nzzz: 1\n"
                "steps: [{name: a, duration: 1s, scenario: s}]"
            ),
            ["SQ101", "SQ201"],
        ),
        (
            (
                "name: x\nsteps: [{name: a, wait: fast}, "
                "{name: a, duration: 1s, scenario: {errors: 1%}, targets: t}]"
            ),
            ["SQ105", "SQ203", "SQ202"],
        ),
    ],
)
def test_follow_ups_are_left_out_and_others_are_not(text: str, expected: list[str]) -> None:
    assert codes(text) == expected
