"""From bytes to a playbook: shorthands, defaults, identity, and what several files share."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.diagnostics import Severity
from squall.core.faults.kinds import Errors, Fixed, Latency, PacketLoss, Timeouts
from squall.core.playbook.addresses import parse_address, parse_target, parse_upstream
from squall.core.playbook.load import load
from squall.core.playbook.model import (
    EVEN,
    Load,
    Playbook,
    Poisson,
    Ramp,
    Shape,
    canonical,
    digest,
    from_canonical,
)
from squall.core.timing import SECOND
from squall.worktree import schema_text

SCHEMA = schema_text()


def playbook(text: str) -> Playbook:
    loaded = load(text.encode(), "f.yaml", SCHEMA)
    assert [f for f in loaded.diagnostics if f.severity is Severity.ERROR] == []
    return loaded.playbooks[0].playbook


def faults(scenario: str) -> tuple:
    text = f"name: x\nsteps: [{{name: a, duration: 1s, scenario: {scenario}}}]\n"
    return playbook(text).body.steps[0].action.scenarios[0].faults


def sent(written: str) -> Load:
    text = f"name: x\nsteps: [{{name: a, duration: 1s, load: {written}}}]\n"
    return playbook(text).body.steps[0].action


def test_the_progressive_playbook_of_the_shortest_form() -> None:
    text = """
name: progressive_chaos
steps:
  - name: phase1_light
    duration: 60
    scenario:
      latency: 100ms
  - name: phase2_medium
    duration: 60
    scenario:
      latency: 500ms
      errors: 10%
"""
    made = playbook(text)
    assert [step.duration for step in made.body.steps] == [60 * SECOND, 60 * SECOND]
    assert made.targets[0].name == "default"
    assert made.body.steps[1].action.scenarios[0].faults == (
        Latency(delay=Fixed(value=500_000_000)),
        Errors(rate=0.1),
    )


def test_a_load_spelled_out_is_the_same_load() -> None:
    defaults = "mix: [{get: /, weight: 1}], shape: constant, timeout: 10s, connections: 512"
    short, spelled = (
        playbook(f"name: x\nsteps: [{{name: a, duration: 1s, load: {written}}}]\n")
        for written in ("{requests: 50/s}", f"{{requests: 50, {defaults}}}")
    )
    assert digest(short) == digest(spelled)
    assert from_canonical(canonical(short)) == short


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("constant", EVEN),
        ("poisson", Poisson()),
        ("ramp", Ramp(start=0)),
        ("{ramp: {}}", Ramp(start=0)),
        ("{ramp: {from: 0}}", Ramp(start=0)),
        ("{ramp: {from: 2.5/s}}", Ramp(start=2.5)),
    ],
)
def test_the_shapes_of_a_load(written: str, shape: Shape) -> None:
    assert sent(f"{{requests: 50/s, shape: {written}}}").shape == shape


def test_data_as_a_body_are_json_and_a_text_is_sent_as_it_stands() -> None:
    load = sent(
        "{requests: 1/s, mix: [{post: /, body: {b: [1, null], a: zoë, no: no}},"
        " {put: /, body: {}, headers: {Content-Type: application/ld+json}},"
        " {patch: /, body: '{}'}]}"
    )
    assert [(each.method, each.headers, each.body) for each in load.mix] == [
        ("POST", (("content-type", "application/json"),), '{"b":[1,null],"a":"zoë","no":"no"}'),
        ("PUT", (("content-type", "application/ld+json"),), "{}"),
        ("PATCH", (), "{}"),
    ]


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("{latency: 100ms}", "{latency: {fixed: 0.1, rate: 1, jitter: 0s}}"),
        ("{errors: 10%}", "{errors: {rate: 0.1, codes: [500, 502, 503, 504]}}"),
        ("{timeouts: 5%}", "{timeouts: {rate: 0.05, after: 5s, answer: 504}}"),
        ("{resets: 1%}", "{resets: {rate: 1%, kind: reset}}"),
        ("{packet_loss: 10%}", "{packet_loss: {rate: 0.1}}"),
    ],
)
def test_a_shorthand_means_its_full_form(short: str, full: str) -> None:
    assert faults(short) == faults(full)


def test_no_answer_is_no_answer() -> None:
    assert faults("{timeouts: {rate: 100%, answer: none}}") == (
        Timeouts(rate=1.0, after=5 * SECOND, answer=None),
    )


@pytest.mark.parametrize("share", ["0%", "100%", 0, 1, "0.5%", 0.005])
def test_shares_have_two_spellings(share: object) -> None:
    [fault] = faults(json.dumps({"packet_loss": share}))
    assert isinstance(fault, PacketLoss)
    written = float(share[:-1]) / 100 if isinstance(share, str) else share
    assert fault.rate == pytest.approx(written)


@given(st.randoms())
def test_the_digest_does_not_depend_on_how_it_is_written(random) -> None:
    def shuffled(value):
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)
            return {key: shuffled(inner) for key, inner in items}
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    document = {
        "name": "x",
        "tags": ["a"],
        "steps": [
            {"name": "a", "duration": "1s",
             "scenario": {"latency": "1s", "errors": "5%", "match": {"path": "/a", "host": "h"}}},
        ],
    }  # fmt: skip
    plain = digest(playbook(json.dumps(document)))
    assert (
        digest(playbook(json.dumps(shuffled(document), indent=random.choice([None, 2])))) == plain
    )


def test_the_canonical_form_reads_back() -> None:
    made = playbook("name: x\nsteps: [{name: a, duration: 1s, scenario: {latency: 1s}}]\n")
    assert from_canonical(canonical(made)) == made
    with pytest.raises(msgspec.DecodeError):
        from_canonical(b'{"name": 1}')


def test_targets_from_outside_replace_those_of_their_name() -> None:
    text = b"name: x\nsteps: [{name: a, duration: 1s, scenario: {latency: 1s}}]\n"
    given_target = parse_target("shop=127.0.0.1:8000=http://localhost:9000")
    loaded = load(text, "f", SCHEMA, targets=[given_target])
    assert not loaded.failed
    [made] = loaded.playbooks
    assert made.playbook.targets == (given_target,)
    assert made.playbook.body.steps[0].targets == ("shop",)


def test_whole_numbers_may_be_written_as_floats() -> None:
    text = """
name: x
seed: {seed}
loop: {{times: {two}}}
steps:
  - name: a
    duration: 1s
    scenario: {{errors: {{rate: 1, codes: [{code}]}}}}
    retry: {{attempts: {two}}}
    continue_on_failure: {{max: {two}}}
"""
    made = playbook(text.format(seed="7.0", two="2.0", code="503.0"))
    assert from_canonical(canonical(made)) == made
    assert digest(made) == digest(playbook(text.format(seed=7, two=2, code=503)))


def test_the_order_of_targets_means_nothing() -> None:
    lines = [
        "  b: {http: {listen: 127.0.0.1:2, upstream: builtin:echo}}\n",
        "  a: {http: {listen: 127.0.0.1:1, upstream: builtin:echo}}\n",
    ]
    steps = "steps: [{name: a, duration: 1s, targets: [%s], scenario: {latency: 1s}}]\n"
    one = playbook("name: x\ntargets:\n" + "".join(lines) + steps % "a, b")
    other = playbook("name: x\ntargets:\n" + "".join(reversed(lines)) + steps % "b, a, b")
    assert digest(one) == digest(other)


def test_a_target_from_outside_must_be_declared_where_targets_are() -> None:
    text = b"""
name: x
targets: {shop: {http: {listen: 127.0.0.1:1, upstream: builtin:echo}}}
steps: [{name: a, duration: 1s, scenario: {latency: 1s}}]
"""
    given_target = parse_target("shp=127.0.0.1:8000=http://localhost:9000")
    loaded = load(text, "f", SCHEMA, targets=[given_target])
    assert loaded.playbooks == ()
    errors = [one.code for one in loaded.diagnostics if one.severity is Severity.ERROR]
    assert errors == ["SQ202"]


def test_groups_narrow_the_targets_of_what_is_in_them() -> None:
    made = playbook("""
name: x
targets:
  a: {http: {listen: 127.0.0.1:1, upstream: builtin:echo}}
  b: {http: {listen: 127.0.0.1:2, upstream: builtin:echo}}
steps:
  - name: group
    targets: b
    steps:
      - {name: in, duration: 1s, scenario: {latency: 1s}}
  - {name: out, duration: 1s, scenario: {latency: 1s}}
""")
    inner = made.body.steps[0].action.steps[0]
    assert (inner.targets, made.body.steps[1].targets) == (("b",), ("a", "b"))


@pytest.mark.parametrize("written", ["7070", "a:b", "127.0.0.1:70700", ":1", "a b:1", "[::1:1", ""])
def test_what_is_no_address(written: str) -> None:
    assert parse_address(written) is None


@pytest.mark.parametrize(
    "written", ["https://a", "http://", "ftp://a", "http://a/b", "http://u@h", "http://h:0", "h:1"]
)
def test_what_cannot_stand_behind_a_target(written: str) -> None:
    with pytest.raises(ValueError, match=r"it |only "):
        parse_upstream(written)


def test_upstreams_have_a_default_port_and_may_be_ipv6() -> None:
    assert str(parse_upstream("http://example")) == "example:80"
    assert str(parse_upstream("http://[::1]:81/")) == "[::1]:81"
    assert parse_upstream("builtin:echo") is None


def test_a_folder_passes_over_files_of_others() -> None:
    loaded = load(b"apiVersion: v1\nkind: Pod\n", "f.yaml", SCHEMA, named=False)
    assert (loaded.claimed, loaded.skipped, loaded.diagnostics) == (False, 1, ())
