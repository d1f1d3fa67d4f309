"""What a project file says holds for the playbooks around it, the inner file over the outer one."""

from typing import Any

import pytest

from squall.core.diagnostics import Severity
from squall.core.faults.kinds import Errors, Latency
from squall.core.playbook.addresses import parse_target
from squall.core.playbook.load import Loaded, load
from squall.core.playbook.model import Limits, Playbook, Target
from squall.core.playbook.project import NOTHING_AROUND, Project
from squall.core.playbook.project_file import read_project
from squall.core.playbook.snapshot import Snapshot
from squall.core.timing import HOUR, MINUTE, SECOND
from squall.worktree import catalogue_texts, schema_text

SCHEMA = schema_text()
PROJECT_SCHEMA = schema_text("project")
TWO = """
targets:
  api: {http: {listen: 127.0.0.1:9001, upstream: "http://127.0.0.1:8080"}, labels: {tier: edge}}
  db: {tcp: {listen: 127.0.0.1:9002, upstream: 127.0.0.1:5432}, labels: {tier: data}}
"""


def project(text: str, around: Project = NOTHING_AROUND, file: str = "squall.yaml") -> Project:
    return read_project(text.encode(), file, PROJECT_SCHEMA, around)


def checked(text: str, around: Project = NOTHING_AROUND, file: str = "squall.yaml") -> Project:
    made = project(text, around, file)
    assert made.diagnostics == ()
    return made


def loaded(text: str, around: Project, targets: tuple[Target, ...] = ()) -> Loaded:
    return load(
        text.encode(),
        "p.yaml",
        SCHEMA,
        catalogue=catalogue_texts(),
        targets=targets,
        project=around,
    )


def playbook(text: str, around: Project, targets: tuple[Target, ...] = ()) -> Playbook:
    read = loaded(text, around, targets)
    assert [f.message for f in read.diagnostics if f.severity is Severity.ERROR] == []
    return read.playbooks[0].playbook


def steps(*written: str, around: Project) -> Any:
    listed = "\n".join(f"  - {{name: s{n}, {step}}}" for n, step in enumerate(written))
    return playbook(f"name: x\nsteps:\n{listed}\n", around).body.steps


def said(text: str, around: Project) -> list[str]:
    return [f"{f.code} {f.message}" for f in loaded(text, around).findings]


# -- targets --------------------------------------------------------------------------------------


def test_a_step_without_targets_acts_on_those_of_the_project_too() -> None:
    own = "targets: {cache: {tcp: {listen: 127.0.0.1:9003, upstream: 127.0.0.1:6379}}}"
    made = playbook(
        f"name: x\n{own}\nsteps: [{{name: a, duration: 1s, scenario: {{latency: 1s}}}}]\n",
        checked(TWO),
    )
    assert made.body.steps[0].targets == ("api", "cache", "db")
    assert [target.name for target in made.targets] == ["api", "cache", "db"]


def test_of_the_project_only_what_is_used_is_opened() -> None:
    made = playbook(
        "name: x\nsteps: [{name: a, targets: db, duration: 1s, scenario: {latency: 1s}}]\n",
        checked(TWO),
    )
    assert [target.name for target in made.targets] == ["db"]


def test_a_target_that_a_probe_asks_is_used() -> None:
    text = 'name: x\nsteps: [{name: a, http: {get: "http://localhost:9001/"}}]\n'
    made = playbook(text, checked(TWO))
    assert [target.name for target in made.targets] == ["api"]


def test_another_port_that_begins_alike_is_not_the_target() -> None:
    text = 'name: x\nsteps: [{name: a, http: {get: "http://127.0.0.1:9001/"}}]\n'
    around = checked(TWO.replace("127.0.0.1:9001", "127.0.0.1:900"))
    assert playbook(text, around).targets == ()


def test_what_stands_behind_a_used_target_is_used() -> None:
    chain = """
targets:
  front: {http: {listen: 127.0.0.1:9001, upstream: "http://127.0.0.1:9002"}}
  back: {http: {listen: 127.0.0.1:9002, upstream: "builtin:echo"}}
  other: {http: {listen: 127.0.0.1:9003, upstream: "builtin:echo"}}
"""
    text = "name: x\nsteps: [{name: a, targets: front, duration: 1s, load: {requests: 1/s}}]\n"
    made = playbook(text, checked(chain))
    assert [target.name for target in made.targets] == ["back", "front"]


def test_labels_choose_the_targets_that_carry_them_all() -> None:
    [step] = steps(
        "targets: {tier: edge}, duration: 1s, scenario: {latency: 1s}", around=checked(TWO)
    )
    assert step.targets == ("api",)


def test_labels_that_nothing_carries_are_a_finding() -> None:
    text = "name: x\nsteps: [{name: a, targets: {tier: web}, duration: 1s, scenario: {down: true}}]"
    assert said(text, checked(TWO)) == ["SQ202 no target here has tier: web"]


def test_labels_choose_among_those_of_the_group_around() -> None:
    made = steps(
        "targets: [db], steps: [{name: in, targets: {tier: data}, duration: 1s, "
        "scenario: {latency: 1s}}]",
        around=checked(TWO),
    )
    assert made[0].action.steps[0].targets == ("db",)


def test_a_playbooks_own_name_hides_the_projects() -> None:
    own = 'targets: {api: {http: {listen: 127.0.0.1:9009, upstream: "builtin:echo"}}}'
    text = (
        f"name: x\n{own}\nsteps: [{{name: a, targets: api, duration: 1s, load: {{requests: 1/s}}}}]"
    )
    assert [str(t.listen) for t in playbook(text, checked(TWO)).targets] == ["127.0.0.1:9009"]


def test_one_address_declared_twice_and_otherwise_is_a_finding() -> None:
    own = 'targets: {shop: {http: {listen: 127.0.0.1:9001, upstream: "builtin:echo"}}}'
    text = f"name: x\n{own}\nsteps: [{{name: a, wait: 1s}}]"
    assert said(text, checked(TWO)) == [
        "SQ207 'api' listens on 127.0.0.1:9001 too, in squall.yaml:3"
    ]


def test_one_address_declared_twice_and_alike_is_one_target() -> None:
    own = 'targets: {shop: {http: {listen: 127.0.0.1:9001, upstream: "http://127.0.0.1:8080"}}}'
    text = f"name: x\n{own}\nsteps: [{{name: a, duration: 1s, scenario: {{latency: 1s}}}}]"
    assert playbook(text, checked(TWO)).body.steps[0].targets == ("db", "shop")


def test_requests_that_would_go_round_through_the_project_are_a_finding() -> None:
    around = checked(
        'targets: {api: {http: {listen: 127.0.0.1:9001, upstream: "http://127.0.0.1:9005"}}}'
    )
    own = 'targets: {shop: {http: {listen: 127.0.0.1:9005, upstream: "http://127.0.0.1:9001"}}}'
    found = said(f"name: x\n{own}\nsteps: [{{name: a, wait: 1s}}]", around)
    assert found == ["SQ208 requests would go round for ever: shop → api → shop"]


def test_a_target_that_is_given_takes_the_place_of_the_projects() -> None:
    given = (parse_target("api=127.0.0.1:0=http://127.0.0.1:8888"),)
    text = "name: x\nsteps: [{name: a, targets: api, duration: 1s, scenario: {latency: 1s}}]\n"
    assert playbook(text, checked(TWO), given).targets == given


def test_a_given_target_that_nothing_declares_is_a_finding() -> None:
    given = (parse_target("web=127.0.0.1:0=http://127.0.0.1:8888"),)
    read = loaded("name: x\nsteps: [{name: a, wait: 1s}]\n", checked(TWO), given)
    assert [f.code for f in read.diagnostics] == ["SQ202"]
    assert "api, db" in read.diagnostics[0].hint


# -- scenarios ------------------------------------------------------------------------------------


def test_a_scenario_is_looked_for_in_the_playbook_then_the_project_then_the_catalogue() -> None:
    around = checked("scenarios: {slow: {latency: 2s}, slow_3g: {errors: 1%}}")
    text = """
name: x
scenarios: {slow: {latency: 1s}}
steps: [{name: a, duration: 1s, scenario: [slow, slow_3g, fast_3g]}]
"""
    mine, shared, shipped = playbook(text, around).body.steps[0].action.scenarios
    assert (mine.faults[0].delay.value, shared.faults) == (SECOND, (Errors(rate=0.01),))
    assert isinstance(shipped.faults[0], Latency)


def test_a_misspelt_scenario_is_told_the_projects() -> None:
    around = checked("scenarios: {slow_orders: {latency: 2s}}")
    text = "name: x\nsteps: [{name: a, duration: 1s, scenario: slow_order}]"
    found = loaded(text, around).diagnostics
    assert ("SQ201", "did you mean 'slow_orders'?") in {(f.code, f.hint) for f in found}


def test_a_scenario_of_another_repository_says_that_it_is_not_here() -> None:
    around = checked('scenarios: {friday: {from: "https://git.example/chaos.git#v1"}}')
    text = "name: x\nsteps: [{name: a, duration: 1s, scenario: friday}]"
    assert said(text, around)[-1] == (
        "SQ201 scenario 'friday' stands in https://git.example/chaos.git#v1, "
        "and has not been fetched"
    )


# -- defaults -------------------------------------------------------------------------------------


def test_defaults_hold_for_steps_that_do_not_say_themselves() -> None:
    around = checked(f"{TWO}defaults: {{timeout: 5m, expect_traffic: true, duration: 10s}}")
    fault, quick, probe, wait = steps(
        "targets: api, scenario: {latency: 1s}",
        "targets: api, timeout: 20s, duration: 2s, load: {requests: 1/s}",
        'http: {get: "http://127.0.0.1:8080/"}',
        "wait: 1s",
        around=around,
    )
    assert (fault.timeout, fault.duration, fault.expect_traffic) == (5 * MINUTE, 10 * SECOND, True)
    assert (quick.timeout, quick.duration, quick.expect_traffic) == (20 * SECOND, 2 * SECOND, False)
    assert (probe.timeout, probe.duration, probe.expect_traffic) == (5 * MINUTE, None, False)
    assert (wait.timeout, wait.duration) == (None, None)


def test_defaults_reach_into_groups_and_do_not_count_twice() -> None:
    around = checked("defaults: {retry: {attempts: 3}, delay: 1s}")
    [group] = steps('parallel: [{name: in, http: {get: "http://127.0.0.1:1/"}}]', around=around)
    assert (group.retry, group.delay) == (None, 0)
    assert group.action.steps[0].retry.attempts == 3


def test_default_targets_give_way_to_those_of_a_group() -> None:
    around = checked(f"{TWO}defaults: {{targets: api}}")
    group, alone = steps(
        "targets: db, steps: [{name: in, duration: 1s, scenario: {latency: 1s}}]",
        "duration: 1s, scenario: {latency: 1s}",
        around=around,
    )
    assert group.action.steps[0].targets == ("db",)
    assert alone.targets == ("api",)


def test_wrong_defaults_are_told_once_in_the_project_file() -> None:
    made = project(f"{TWO}defaults: {{timeout: 200000d, targets: apo}}")
    assert [(f.code, f.file, f.span.start.line) for f in made.diagnostics] == [
        ("SQ106", "squall.yaml", 5),
        ("SQ202", "squall.yaml", 5),
    ]


def test_what_a_default_does_to_a_step_says_where_it_comes_from() -> None:
    around = checked("# for all\ndefaults: {timeout: 5s}", file="in/squall.yaml")
    step = "{name: %s, duration: 10s, scenario: {latency: 1s}}"
    text = f"name: x\nsteps: [&a {step % 'a'}, {step % 'b'}]"
    hints = [f.hint for f in loaded(text, around).diagnostics if f.code == "SQ304"]
    assert len(hints) == 2
    for hint in hints:
        assert hint.endswith("continue; 'timeout' is a default of in/squall.yaml:2")
    own = "{name: a, timeout: 1s, duration: 10s, scenario: {latency: 1s}}"
    groups = f"{{name: g, steps: [&a {own}]}}, {{name: h, steps: [*a]}}"
    text = f"name: x\nparallel: [{groups}]"
    hints = [f.hint for f in loaded(text, around).diagnostics if f.code == "SQ304"]
    assert hints
    assert all(hint.endswith("continue") for hint in hints)


# -- limits, and files over files -----------------------------------------------------------------


def test_a_run_is_bounded_by_the_limit_where_the_playbook_does_not_say() -> None:
    around = checked("limits: {duration: 10m, concurrent_runs: 2}")
    made = playbook("name: x\nsteps: [{name: a, wait: 1s}]", around)
    assert made.timeout == 10 * MINUTE
    assert made.limits == Limits(duration=10 * MINUTE, concurrent_runs=2)
    assert playbook("name: x\nsteps: [{name: a, wait: 1s}]", NOTHING_AROUND).timeout == HOUR


def test_the_inner_file_wins_entry_by_entry() -> None:
    outer = checked(
        f"{TWO}scenarios: {{a: {{latency: 1s}}, b: {{latency: 1s}}}}\ndefaults: "
        "{timeout: 1m, delay: 1s}\nplaybooks: [x.yaml]"
    )
    inner = checked(
        'targets: {api: {http: {listen: 127.0.0.1:9009, upstream: "builtin:echo"}}}\n'
        "scenarios: {b: {errors: 1%}}\ndefaults: {timeout: 2m}",
        outer,
        "deep/squall.yaml",
    )  # fmt: skip
    assert {name: one.where for name, one in inner.targets.items()} == {
        "api": "deep/squall.yaml:1",
        "db": "squall.yaml:4",
    }
    assert isinstance(inner.scenarios["a"].faults[0], Latency)
    assert isinstance(inner.scenarios["b"].faults[0], Errors)
    assert inner.defaults == {"timeout": "2m", "delay": "1s"}
    assert (inner.playbooks, inner.narrowed_by) == (("x.yaml",), "squall.yaml")


def test_of_limits_the_stricter_holds_whichever_file_says_it() -> None:
    outer = checked("limits: {targets: 2, duration: 1h}")
    inner = checked("limits: {targets: 5, duration: 1m, error_share: 10%}", outer, "in/squall.yaml")
    assert inner.limits == Limits(targets=2, duration=MINUTE, error_share=0.1)
    assert inner.limited_by == {
        "targets": "squall.yaml:1",
        "duration": "in/squall.yaml:1",
        "error_share": "in/squall.yaml:1",
    }


def test_windows_are_all_asked() -> None:
    outer = checked('windows: [{deny: "0 18 * * FRI", for: 62h, timezone: UTC}]')
    inner = checked('windows: [{allow: "0 9 * * 1-5", for: 8h, timezone: UTC}]', outer)
    assert [window.kind for window in inner.windows] == ["deny", "allow"]
    own = "windows: [{deny: '0 0 1 1 *', for: 1d, timezone: UTC}]"
    text = f"name: x\n{own}\nsteps: [{{name: a, wait: 1s}}]"
    assert [window.line for window in playbook(text, inner).windows] == [
        "0 18 * * FRI",
        "0 9 * * 1-5",
        "0 0 1 1 *",
    ]


def test_windows_are_checked_where_they_stand_and_together() -> None:
    outer = checked('windows: [{deny: "0 0 * * *", for: 12h, timezone: UTC}]')
    text = 'windows: [{deny: "0 12 * * *", for: 12h, timezone: UTC}]'
    assert [f.code for f in project(text, outer).diagnostics] == ["SQ357"]
    found = said(f"name: x\n{text}\nsteps: [{{name: a, wait: 1s}}]", outer)
    assert [one.split()[0] for one in found] == ["SQ210", "SQ357"]
    never = project('windows: [{allow: "0 0 30 2 *", for: 1h, timezone: UTC}]')
    assert [f.code for f in never.diagnostics] == ["SQ351"]


def test_an_address_of_the_outer_file_declared_otherwise_within_is_a_finding() -> None:
    made = project(
        'targets: {web: {http: {listen: 127.0.0.1:9001, upstream: "builtin:echo"}}}',
        checked(TWO),
        "in/squall.yaml",
    )
    assert [(f.code, f.file) for f in made.diagnostics] == [("SQ207", "in/squall.yaml")]
    assert sorted(made.targets) == ["db", "web"]


# -- what is wrong in it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("targts: {}", ["SQ101 unknown key 'targts'"]),
        ("playbooks: [../x.yaml]", ["SQ105 '../x.yaml' leads out of this folder"]),
        ("playbooks: [a/**.yaml]", [
            "SQ105 '**' stands for whole folders, and not inside a name as in 'a/**.yaml'"
        ]),
        ("limits: {error_share: 200%}", ["SQ106 '200%' is out of range: at most 100%"]),
        ("limits: {duration: 0}", ["SQ106 '0' is out of range: more than 0"]),
        ("{}\n---\n{}", ["SQ107 a project file is one document, and here begins another"]),
        ("targets: [", ["SQ001 a value or a closing bracket is missing before this"]),
        ('scenarios: {a: {from: "x#1", latency: 1s}}', [
            "SQ108 'a' comes from elsewhere, and has 'latency' here"
        ]),
        ("# nothing yet\n", []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(text: str, found: list[str]) -> None:
    assert [f"{f.code} {f.message}" for f in project(text).diagnostics] == found


def test_what_is_broken_in_the_project_is_not_held_against_a_playbook() -> None:
    text = "name: x\nsteps: [{name: a, targets: api, duration: 1s, scenario: slow}]"
    for broken in (
        "targets: {api: {http: {listen: nowhere, upstrm: x}}}\nscenarios: {slow: {latncy: 1s}}",
        "targets: {api: [",
    ):
        around = project(broken)
        read = loaded(text, around)
        assert around.diagnostics
        assert {f.file for f in read.findings if f.severity is Severity.ERROR} == {"squall.yaml"}
        assert (read.failed, read.playbooks) == (True, ())
        assert sorted(read.texts) == ["p.yaml", "squall.yaml"]


def test_a_project_file_is_no_playbook() -> None:
    read = load(TWO.encode(), "chaos/squall.yaml", SCHEMA)
    assert [f.code for f in read.diagnostics] == ["SQ006"]
    assert "project file" in read.diagnostics[0].message


# -- playbooks that are called --------------------------------------------------------------------

CALLED = "name: inner\nsteps: [{name: hit, targets: api, duration: 1s, scenario: {errors: 40%}}]\n"


def calling(around: Project, inner: Project, targets: tuple[Target, ...] = ()) -> Loaded:
    snapshot = Snapshot(
        lambda: ("in/inner.yaml",), lambda _: CALLED.encode(), project_of=lambda _: inner
    )
    text = b"name: outer\nsteps: [{name: go, playbook: inner}]\n"
    return load(text, "o.yaml", SCHEMA, project=around, snapshot=snapshot, targets=targets)


def test_a_given_target_takes_the_projects_place_in_what_is_called_too() -> None:
    given = (parse_target("api=127.0.0.1:0=http://127.0.0.1:8888"),)
    read = calling(checked(TWO), checked(TWO), given)
    assert not read.failed
    assert read.playbooks[0].playbook.targets == given


def test_what_is_called_keeps_to_the_limits_of_its_own_folder() -> None:
    outer = checked(TWO)
    assert not calling(outer, checked("limits: {error_share: 50%}", outer, "in/squall.yaml")).failed
    read = calling(outer, checked("limits: {error_share: 30%}", outer, "in/squall.yaml"))
    assert [f.code for f in read.diagnostics] == ["SQ224"]


def test_what_is_called_counts_against_the_limits_of_who_calls() -> None:
    outer = checked(f"{TWO}limits: {{error_share: 30%}}")
    assert calling(outer, checked(TWO)).failed
