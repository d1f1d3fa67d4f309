"""Where the rules about what is probably not meant draw their lines: what they say nothing of."""

import pytest

from squall.core.playbook.across import check_across
from squall.core.playbook.load import load
from squall.core.playbook.spellings import Meant, choice_for, meant_by
from squall.worktree import catalogue_texts, schema_text

SHOP = 'targets: {shop: {http: {listen: "127.0.0.1:9001", upstream: "http://127.0.0.1:8080"}}}\n'
TWO = """targets:
  shop: {http: {listen: "127.0.0.1:9001", upstream: "http://127.0.0.1:8080"}}
  cart: {http: {listen: "127.0.0.1:9002", upstream: "http://127.0.0.1:8081"}}
"""


def codes(text: str) -> list[str]:
    loaded = load(f"name: x\n{text}".encode(), "x.yaml", schema_text(), catalogue=catalogue_texts())
    return [finding.code for finding in (*loaded.diagnostics, *check_across([loaded]))]


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        ("duration: 10s, scenario: {latency: 2s}", True),
        ("duration: 10s, scenario: {errors: 10%}", False),
        ("duration: 10s, needs: [slow], scenario: {latency: 2s}", False),
        ("duration: 10s, delay: 30s, scenario: {latency: 2s}", False),
        ("duration: 10s, delay: 29s, scenario: {latency: 2s}", True),
        ("duration: 10s, targets: cart, scenario: {latency: 2s}", False),
        ("duration: 10s, scenario: {latency: 2s, match: {method: POST}}", False),
        ("duration: 10s, scenario: {latency: 2s, match: {method: [GET, POST]}}", True),
        ("duration: 10s, scenario: {latency: 2s, match: {path: /orders}}", True),
        ("duration: 10s, scenario: {latency: {fixed: 2s, direction: response}}", False),
        ("duration: 10s, scenario: [{errors: 1%}, {latency: 2s}]", True),
        ("duration: 10s, when: inputs.deep, scenario: {latency: 2s}", False),
        ("steps: [{name: a, wait: 30s}, {name: b, duration: 1s, scenario: {latency: 2s}}]", False),
        ("steps: [{name: a, wait: 29s}, {name: b, duration: 1s, scenario: {latency: 2s}}]", True),
        (("steps: [{name: a, http: {get: 'http://127.0.0.1:1/'}}, "
         "{name: b, duration: 1s, scenario: {latency: 2s}}]"), False),
        ("parallel: [{name: b, delay: 1s, duration: 1s, scenario: {latency: 2s}}]", True),
    ],
)  # fmt: skip
def test_faults_overlap_only_where_that_is_certain(other: str, *, overlap: bool) -> None:
    first = "targets: shop, duration: 30s, scenario: {latency: 1s, match: {method: GET}}"
    inputs = "inputs: {deep: {type: boolean, default: false}}\n"
    text = f"{TWO}{inputs}parallel:\n- {{name: slow, {first}}}\n- {{name: other, {other}}}\n"
    assert ("SQ305" in codes(text)) is overlap


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scenarios: {slow: {latency: 1s}}\nsteps: [{name: a, wait: 1s}]", True),
        ("scenarios: {slow: {latency: 1s}}\nsteps: [{name: a, duration: 1s, scenario: slow}]",
         False),
        (("inputs: {which: {type: string, default: quick}}\n"
         "scenarios: {slow: {latency: 1s}, quick: {latency: 1ms}}\n"
         "steps: [{name: a, duration: 1s, scenario: '${{ inputs.which }}'}]"), False),
        ("scenarios: {slow: {latency: 1s}}\nsteps: [{name: a, duration: 1s, scenario: slwo}]",
         False),
    ],
)  # fmt: skip
def test_a_scenario_is_unused_only_where_no_step_can_name_it(text: str, *, told: bool) -> None:
    assert ("SQ214" in codes(text)) is told


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("duration: 1s, targets: shop, scenario: {latency: 1s}", True),
        ("duration: 1s, scenario: {latency: 1s}", False),
        ("duration: 1s, targets: shop, load: {requests: 10/s}", True),
        ("wait: 1s", False),
        (("steps: [{name: b, duration: 1s, targets: shop, scenario: {latency: 1s}}, "
         "{name: c, http: {get: 'http://localhost:9002/'}}]"), False),
        (("steps: [{name: b, duration: 1s, targets: shop, scenario: {latency: 1s}}, "
         "{name: c, exec: {run: [./check]}}]"), False),
    ],
)  # fmt: skip
def test_a_target_is_unused_only_where_nothing_can_go_there(step: str, *, told: bool) -> None:
    assert ("SQ215" in codes(f"{TWO}steps: [{{name: a, {step}}}]")) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{SHOP}steps: [{{name: a, duration: 1s, scenario: {{latency: 1s}}}}]", True),
        ("steps: [{name: a, duration: 1s, scenario: {latency: 1s}}]", False),
        (f"{SHOP}steps: [{{name: a, wait: 1s}}]", False),
        ((f"{SHOP}abort_if: measured.error_rate > 0.5\n"
         "steps: [{name: a, duration: 1s, scenario: {latency: 1s}}]"), False),
        ((f"{SHOP}steps: [{{name: a, duration: 1s, scenario: {{latency: 1s}}}}]\n"
         "finally: [{name: up, http: {get: 'http://127.0.0.1:9001/'}}]"), False),
    ],
)  # fmt: skip
def test_no_steady_state_is_told_where_faults_meet_a_service_and_nothing_looks(
    text: str, *, told: bool
) -> None:
    assert ("SQ333" in codes(text)) is told


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ("[{name: a, %s}]", True),
        ("[{name: a, expect_traffic: true, %s}]", False),
        ("[{name: g, parallel: [{name: a, %s}, {name: b, duration: 1s, load: {requests: 9/s}}]}]",
         False),
        ("[{name: a, %s}, {name: b, http: {get: 'http://127.0.0.1:9001/'}}]", False),
        ("[{name: a, %s}, {name: b, exec: {run: [./requests]}}]", False),
    ],
)  # fmt: skip
def test_measured_is_told_where_nothing_may_send_requests(steps: str, *, told: bool) -> None:
    asking = "duration: 1s, scenario: {latency: 1s}, expect: measured.error_rate < 0.5"
    assert ("SQ332" in codes(f"{SHOP}steps: {steps % asking}")) is told


@pytest.mark.parametrize(
    "step",
    [
        "duration: 1s, scenario: {latency: {fixed: 0ms, jitter: 10ms}}",
        "duration: 1s, scenario: {errors: {pattern: {burst: {count: 1, per: 2}}}}",
        "duration: 1s, scenario: {errors: '${{ inputs.rate }}'}",
        "duration: 1s, scenario: {latency: {uniform: {min: 0s, max: 1ms}}}",
    ],
)
def test_a_fault_does_nothing_only_where_no_value_could_make_it(step: str) -> None:
    inputs = "inputs: {rate: {type: share, default: 0%}}\n"
    assert "SQ306" not in codes(f"{inputs}steps: [{{name: a, {step}}}]")


def test_defaults_that_change_nothing_for_one_step_are_not_told() -> None:
    from squall.core.playbook.project_file import read_project

    defaults = b"defaults: {on_timeout: continue, retry: {attempts: 1}, expect_traffic: true}\n"
    schema = schema_text("project")
    project = read_project(defaults, "squall.yaml", schema)
    text = b"name: x\nsteps: [{name: a, http: {get: 'http://127.0.0.1:1/'}}]\n"
    loaded = load(text, "x.yaml", schema_text(), project=project)
    assert "SQ307" not in [finding.code for finding in loaded.findings]


def test_one_address_may_stand_before_one_service_in_many_playbooks() -> None:
    steps = "steps: [{name: a, duration: 1s, scenario: {latency: 1s}}]\n"
    same = f"{SHOP}{steps}---\nname: y\n{SHOP.replace('shop', 'store')}{steps}"
    assert "SQ213" not in codes(same)
    assert "SQ213" in codes(same.replace("8080", "8081", 1))


@pytest.mark.parametrize(
    ("key", "value", "known", "meant"),
    [
        ("timeout_ms", 500, ["timeout"], Meant("timeout", "500ms", certain=True)),
        ("timeoutMs", 500, ["timeout"], Meant("timeout", "500ms", certain=True)),
        ("delay_ms", 5, ["latency", "errors"], Meant("latency", "5ms")),
        ("probability", 0.1, ["rate"], Meant("rate", certain=True)),
        ("probability", 0.1, ["latency"], None),
        ("steady-state", {}, ["steady_state"], Meant("steady_state", certain=True)),
        ("method", [], ["steps", "name"], Meant("steps")),
        ("tolerance", 200, ["expect"], Meant("expect")),
        ("rollbacks", [], ["finally"], Meant("finally")),
        ("latencey", "1s", ["latency"], None),
    ],
)
def test_words_of_others_are_known(
    key: str, value: object, known: list[str], meant: Meant | None
) -> None:
    assert meant_by(key, value, known, [key]) == meant
    assert meant_by(key, value, known, [key, *known]) is None


def test_choices_of_others_are_known() -> None:
    assert choice_for("upstream", ["request", "response"]) == "request"
    assert choice_for("Success", ["succeeded", "failed"]) == "succeeded"
    assert choice_for("contnue", ["continue"]) is None
