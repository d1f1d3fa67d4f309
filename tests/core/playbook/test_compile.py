"""Compiling: the plan says everything about order, and depends on what is meant only."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.playbook.model import Group, Need, Playbook, Step, Wait, digest
from squall.core.playbook.plan import Edge
from squall.core.timing import SECOND

SCHEMA = (Path(__file__).parents[3] / "schemas/playbook.schema.json").read_text()


def wait(name: str, *needs: Need) -> Step:
    return Step(name=name, action=Wait(duration=SECOND), needs=needs)


def playbook(*steps: Step, parallel: bool = False) -> Playbook:
    return Playbook(name="plan", body=Group(steps=steps, parallel=parallel), targets=())


def test_in_a_sequence_each_step_waits_for_the_one_before() -> None:
    plan = compile_plan(playbook(wait("a"), wait("b"), wait("c"))).main
    assert plan.edges == ((), (Edge(index=0),), (Edge(index=1),))
    assert plan.dependents == ((1,), (2,), ())
    assert plan.handled == (frozenset(),) * 3
    assert not plan.parallel


def test_needs_become_edges_dependents_and_handled_outcomes() -> None:
    plan = compile_plan(
        playbook(
            wait("a"),
            wait("rescue", Need(step="a", outcomes=("failed",))),
            wait("alarm", Need(step="a", outcomes=("timed_out",))),
            wait("after", Need(step="alarm"), Need(step="a")),
            parallel=True,
        )
    ).main
    assert plan.edges == (
        (),
        (Edge(index=0, outcomes=frozenset({"failed"})),),
        (Edge(index=0, outcomes=frozenset({"timed_out"})),),
        (Edge(index=0), Edge(index=2)),
    )
    assert plan.dependents == ((1, 2, 3), (), (3,), ())
    assert plan.handled[0] == {"failed", "timed_out"}


def test_a_plan_keeps_its_playbook_and_digest() -> None:
    made = playbook(wait("a"))
    plan = compile_plan(made)
    assert plan.playbook == made
    assert plan.digest == digest(made)
    assert plan.finally_ is None


def test_a_chain_of_a_thousand_steps_compiles() -> None:
    plan = compile_plan(playbook(*(wait(f"s{i}") for i in range(1_000))))
    assert len(list(plan.main.walk())) == 1_001
    assert plan.main.edges[-1] == (Edge(index=998),)


WRITTEN = {
    "name": "law",
    "description": "the same however it is written",
    "targets": {
        "one": {"http": {"listen": "127.0.0.1:9001", "upstream": "builtin:echo"}},
        "two": {"http": {"listen": "127.0.0.1:9002", "upstream": "builtin:echo"}},
    },
    "steps": [
        {"name": "a", "duration": "1s", "scenario": {"latency": "100ms", "match": {"path": "/a"}}},
        {
            "name": "b",
            "loop": {"times": 2},
            "parallel": [
                {"name": "c", "wait": "1s", "continue_on_failure": True},
                {"name": "d", "wait": "1s", "delay": "1s"},
                {"name": "e", "wait": "1s", "needs": ["c", "d"]},
                {
                    "name": "f",
                    "wait": "1s",
                    "needs": {"c": ["failed", "timed_out"], "d": ["failed"]},
                },
            ],
        },
    ],
    "finally": [{"name": "g", "http": {"get": "http://127.0.0.1:9/"}}],
}  # fmt: skip


def shuffled(value: object, dice: random.Random) -> object:
    """The same, with the keys of every mapping and the lists of `needs` in another order."""
    if isinstance(value, list):
        return [shuffled(each, dice) for each in value]
    if not isinstance(value, dict):
        return value
    keys = dice.sample(list(value), len(value))
    mixed = {key: shuffled(value[key], dice) for key in keys}
    needs = mixed.get("needs")
    if isinstance(needs, list):
        mixed["needs"] = dice.sample(needs, len(needs))
    elif isinstance(needs, dict):
        mixed["needs"] = {step: dice.sample(o, len(o)) for step, o in needs.items()}
    return mixed


def plan_of(written: object) -> object:
    loaded = load(json.dumps(written).encode(), "law.yaml", SCHEMA)
    (one,) = loaded.playbooks
    plan = compile_plan(one.playbook)
    # Targets keep the order in which they are written, for people; nothing else does.
    assert {target.name for target in plan.playbook.targets} == {"one", "two"}
    return plan.main, plan.finally_


@settings(max_examples=30)
@given(st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_keys_and_needs(dice: random.Random) -> None:
    mixed = shuffled({key: value for key, value in WRITTEN.items() if key != "targets"}, dice)
    assert isinstance(mixed, dict)
    assert plan_of({**mixed, "targets": WRITTEN["targets"]}) == plan_of(WRITTEN)


@pytest.mark.parametrize("change", ["sequence", "outcome"])
def test_the_plan_does_depend_on_what_is_meant(change: str) -> None:
    other = json.loads(json.dumps(WRITTEN))
    if change == "sequence":
        other["steps"].reverse()
    else:
        other["steps"][1]["parallel"][3]["needs"]["d"] = ["timed_out"]
    assert plan_of(other) != plan_of(WRITTEN)
