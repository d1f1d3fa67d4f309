"""What becomes of MockForge's fields, and what is said of those without a counterpart."""

import os
from pathlib import Path
from typing import Any

import pytest

from squall.core.diagnostics import Refused
from squall.core.playbook.catalogue import entries
from squall.core.playbook.foreign.imports import Imported, import_mockforge
from squall.core.playbook.load import load
from squall.core.playbook.rewrite import formatted
from squall.core.playbook.source import read
from squall.core.playbook.writing import to_yaml
from squall.worktree import catalogue_texts, schema_text

FOREIGN = os.environ.get("SQUALL_FOREIGN_FILES", "")
"""A folder of other tools' own files, one folder a tool; they are not part of the project."""


def imported(text: str) -> Imported:
    source = read(text.encode(), "m.yaml")
    assert source.diagnostics == ()
    return import_mockforge(source, entries(catalogue_texts()))


def said(of: Imported) -> list[str]:
    return [f"{one.span.start.line}: {one.code} {one.message}" for one in of.diagnostics]


def step(config: str, *, more: str = "", scenario: str = "") -> Imported:
    return imported(
        f"name: o\nparallel: false\nsteps:\n- name: s\n  duration_seconds: 60\n{more}"
        f"  scenario:\n    name: s\n{scenario}    chaos_config: {{enabled: true, {config}}}\n"
    )


def faults(config: str) -> Any:
    found = step(config)
    assert [one for one in found.diagnostics if one.severity == "warning"] == []
    [only] = found.playbooks[0]["steps"]
    return only["scenario"]


@pytest.mark.parametrize(
    ("config", "meant"),
    [
        ("latency: {enabled: true, fixed_delay_ms: 500}", {"latency": "500ms"}),
        (
            (
                "latency: {enabled: true, fixed_delay_ms: 1000, random_delay_range_ms: [1, 2],"
                " jitter_percent: 12.5, probability: 0.8}"
            ),
            {"latency": {"fixed": "1s", "jitter": "12.5%", "rate": "80%"}},
        ),
        (
            "latency: {enabled: true, random_delay_range_ms: [100, 2000]}",
            {"latency": {"uniform": {"min": "100ms", "max": "2s"}}},
        ),
        (
            "fault_injection: {enabled: true, http_errors: [500], http_error_probability: 0.015}",
            {"errors": {"rate": "1.5%", "codes": [500]}},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [], timeout_errors: true,"
                " timeout_ms: 700, timeout_probability: 1.0}"
            ),
            {"timeouts": {"rate": "100%", "after": "700ms"}},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [], connection_errors: true,"
                " connection_error_kind: tcp_close}"
            ),
            {"resets": {"rate": "5%", "kind": "close", "at": "connect"}},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [], partial_responses: true,"
                " payload_corruption: true, corruption_type: bit_flip}"
            ),
            {"partial_responses": "5%", "corruption": {"rate": "5%", "kind": "bit_flip"}},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [503],"
                " error_pattern: {type: burst, count: 2, interval_ms: 1000}}"
            ),
            {"errors": {"pattern": {"burst": {"count": 2, "interval": "1s"}}, "codes": [503]}},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [500, 502, 503, 504],"
                " error_pattern: {type: random, probability: 0.3}}"
            ),
            {"errors": "30%"},
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [500, 502, 503, 504],"
                " error_pattern: {type: sequential, sequence: [200, 500]}}"
            ),
            {"errors": {"pattern": {"sequence": [200, 500]}}},
        ),
        ("rate_limit: {enabled: true}", {"rate_limit": "100/s"}),
        (
            "rate_limit: {enabled: true, requests_per_second: 50, burst_size: 0, per_ip: true}",
            {"rate_limit": {"limit": "50/s", "by": "client"}},
        ),
        (
            "rate_limit: {enabled: true, per_ip: true, per_endpoint: true}",
            [
                {"rate_limit": {"limit": "100/s", "by": "client"}},
                {"rate_limit": {"limit": "100/s", "by": "endpoint"}},
            ],
        ),
        (
            (
                "traffic_shaping: {enabled: true, bandwidth_limit_bps: 100000,"
                " packet_loss_percent: 0.5, max_connections: 3}"
            ),
            {
                "bandwidth": "100KB/s",
                "packet_loss": "0.5%",
                "connections": {"max": 3, "timeout": "30s"},
            },
        ),
        (
            "circuit_breaker: {enabled: true, failure_threshold: 3, failure_rate_threshold: 30.0}",
            {"circuit_breaker": {"failures": 3, "failure_rate": "30%"}},
        ),
        (
            "bulkhead: {enabled: true, max_concurrent_requests: 20, max_queue_size: 0}",
            {"bulkhead": {"max": 20, "queue": 0}},
        ),
        (
            (
                "latency: {enabled: true, fixed_delay_ms: 1}, fault_injection: {enabled: true,"
                " http_error_probability: 0.5, request_matcher: {source_ips: [10.0.0.0/8],"
                " headers: [{name: X-A, value: b}], min_body_size_bytes: 5}}"
            ),
            [
                {"latency": "1ms"},
                {
                    "errors": "50%",
                    "match": {
                        "client": ["10.0.0.0/8"],
                        "headers": {"x-a": "b"},
                        "body_size": {"min": 5},
                    },
                },
            ],
        ),
    ],
)
def test_faults_keep_their_numbers(config: str, meant: Any) -> None:
    assert faults(config) == meant


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("latency: {fixed_delay_ms: 1}", "has no 'enabled', and without it MockForge has it off"),
        ("latency: {enabled: false, fixed_delay_ms: 1}", "'latency' is switched off, with all"),
        ("latencies: {}", "'latencies' is no key of MockForge's here"),
        ("fault_injection: {enabled: true}", "MockForge's defaults hold: 10 % errors are written"),
        (
            "fault_injection: {enabled: true, http_errors: [200, 500]}",
            "status 200 has no counterpart",
        ),
        (
            "fault_injection: {enabled: true, http_errors: [500], mockai_enabled: true}",
            "'mockai_enabled' has no counterpart",
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [500], request_matcher:"
                " {headers: [{name: a}], chunked_only: true}}"
            ),
            "header 'a' without a value is left out",
        ),
        (
            (
                "fault_injection: {enabled: true, http_errors: [], connection_errors: true,"
                " connection_error_kind: tcp_reset,"
                " request_matcher: {headers: [{name: a, value: b}]}}"
            ),
            "'headers' has no counterpart beside it: a connection error strikes before",
        ),
        (
            "bulkhead: {enabled: true, max_concurrent_requests: 0}",
            "'max_concurrent_requests' 0 is less than a playbook takes: 1 is written instead",
        ),
    ],
)
def test_what_gets_lost_or_changed_is_said(config: str, message: str) -> None:
    assert any(message in line for line in said(step(config)))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("latency: {enabled: true, fixed_delay_ms: -1}", "'fixed_delay_ms' takes a whole number"),
        ("latency: {enabled: true, probability: 1.5}", "'probability' takes a number from 0 to 1"),
        ("latency: [1]", "'latency' takes a mapping"),
        ("latency: {enabled: 'yes'}", "'enabled' takes true or false"),
        (
            "fault_injection: {enabled: true, corruption_type: odd}",
            "'corruption_type' takes none, random_bytes, truncate, bit_flip, not 'odd'",
        ),
    ],
)
def test_what_mockforge_could_not_read_either_is_an_error(config: str, message: str) -> None:
    found = step(config)
    assert found.failed
    assert any(line.startswith("8: SQ505") and message in line for line in said(found))


@pytest.mark.parametrize(
    ("more", "scenario", "message"),
    [
        ("", "    tags: [a]\n", "'tags' has no counterpart"),
        ("", "    end_time: 2026-01-01T00:00:00Z\n", "'end_time' has no counterpart"),
        ("  condition: {type: previous_step_succeeded}\n", "", "'condition' has no counterpart"),
        ("  pre_hooks: [{name: a}]\n", "", "'pre_hooks' has no counterpart"),
        ("  duration_secs: 5\n", "", "'duration_secs' is no key of MockForge's here"),
    ],
)
def test_fields_of_steps_without_a_counterpart_are_said(
    more: str, scenario: str, message: str
) -> None:
    found = step("latency: {enabled: true, fixed_delay_ms: 1}", more=more, scenario=scenario)
    assert [line for line in said(found) if message in line]


def test_a_step_lasts_as_long_as_its_scenario_and_says_when_that_is_nothing() -> None:
    config = "{name: x, duration_seconds: %d, config: {enabled: true, rate_limit: {enabled: true}}}"
    steps = "".join(f"- {{name: s{n}, scenario: {config % n}}}\n" for n in (5, 0))
    found = imported(f"name: o\nmax_iterations: 1\nsteps:\n{steps}")
    assert [one["duration"] for one in found.playbooks[0]["steps"]] == ["5s", "1m"]
    assert said(found) == [
        "5: SQ504 no duration is said, and a fault ends here: 60 s are written",
    ]


def test_a_scenario_may_be_only_the_name_of_a_predefined_one_or_nothing() -> None:
    found = imported(
        "name: o\nloop_orchestration: true\nmax_iterations: 0\nsteps:\n"
        "- {name: a, duration_seconds: 5, scenario: {name: slow_3g}}\n"
        "- {name: b, duration_seconds: 5, scenario: {name: slow_4g}}\n"
        "- {name: c, duration_seconds: 5}\n"
    )
    assert found.playbooks[0]["steps"] == [
        {"name": "a", "duration": "5s", "scenario": "slow_3g"},
        {"name": "b", "wait": "5s"},
        {"name": "c", "wait": "5s"},
    ]
    assert found.playbooks[0]["loop"] == {"forever": True}
    assert found.playbooks[0]["timeout"] == "1d"
    assert found.diagnostics[1].hint == "did you mean 'slow_3g'?"
    assert [one.code for one in found.diagnostics] == ["SQ504", "SQ501", "SQ501"]


def test_the_resource_of_kubernetes() -> None:
    found = imported(
        "apiVersion: mockforge.io/v1\nkind: ChaosOrchestration\nmetadata: {name: x, namespace: n}\n"
        "spec:\n  name: API test\n  schedule: 0 2 * * *\n  targetServices: [{name: a}]\n"
        "  steps:\n  - {name: a, scenario: slow_backend, durationSeconds: 60,"
        " delayBeforeSeconds: 5, continueOnFailure: true, parameters: {a: 1}}\n"
    )
    assert found.playbooks[0] == {
        "name": "API test",
        "schedule": {"cron": "0 2 * * *", "timezone": "UTC"},
        "steps": [
            {
                "name": "a",
                "delay": "5s",
                "continue_on_failure": True,
                "duration": "1m",
                "scenario": "slow_backend",
            }
        ],
    }
    assert [line.split("'")[1] for line in said(found)] == [
        "namespace", "targetServices", "parameters"
    ]  # fmt: skip


def test_a_list_of_scenarios_is_as_many_playbooks_and_names_are_made_to_fit() -> None:
    config = "chaos_config: {enabled: true, bulkhead: {enabled: true}}, duration_seconds: 9"
    found = imported(f"- {{name: a/b, {config}}}\n- {{name: a/b, {config}, builtin: true}}\n")
    assert [one["name"] for one in found.playbooks] == ["a_b", "a_b 2"]


def test_a_bad_time_of_a_schedule_is_an_error() -> None:
    scenario = "{name: a, chaos_config: {enabled: true, bulkhead: {enabled: true}}}"
    for schedule in ("{type: Cron, hour: 24}", "{type: Once, at: noon}", "{type: Never}"):
        found = imported(f"{{id: a, scenario: {scenario}, schedule: {schedule}}}")
        assert found.failed


@pytest.mark.skipif(not FOREIGN, reason="SQUALL_FOREIGN_FILES names no folder of foreign files")
def test_real_files_are_imported_or_refused_by_their_name() -> None:
    tools = {
        "aws-fis": "AWS FIS", "chaos-mesh": "Chaos Mesh", "krkn": "krkn", "litmus": "Litmus",
        "steadybit": "Steadybit", "datadog-chaos-controller": "Datadog",
    }  # fmt: skip
    count = 0
    for path in sorted(Path(FOREIGN).rglob("*")):
        if path.suffix not in {".yaml", ".yml", ".json"}:
            continue
        count += 1
        try:
            found = import_mockforge(read(path.read_bytes(), path.name), entries(catalogue_texts()))
        except Refused as refusal:
            refused = refusal.message
        else:
            refused = ""
        if refused:
            assert tools.get(path.parent.name, "") in refused
            continue
        assert path.parent.name == "mockforge"
        assert not found.failed
        text = formatted(to_yaml(found.playbooks[0]))
        loaded = load(text.encode(), "p.yaml", schema_text(), catalogue=catalogue_texts())
        assert not loaded.failed
    assert count
