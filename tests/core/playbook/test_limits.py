"""How far chaos may go: what steps do at once is held against the project's limits."""

import pytest

from squall.core.diagnostics import Refused, Severity
from squall.core.playbook.limits import bounded
from squall.core.playbook.load import load
from squall.core.playbook.project_file import read_project
from squall.core.timing import HOUR, MINUTE, Duration
from squall.worktree import schema_text

SCHEMA = schema_text()
TARGETS = "targets: {" + ", ".join(
    f'{name}: {{http: {{listen: "127.0.0.1:{port}", upstream: "builtin:echo"}}}}'
    for name, port in (("a", 9001), ("b", 9002), ("c", 9003))
) + "}\n"  # fmt: skip


def found(limits: str, steps: str, top: str = "") -> list[str]:
    text = f"{TARGETS}limits: {limits}\n"
    project = read_project(text.encode(), "squall.yaml", schema_text("project"))
    assert project.diagnostics == ()
    loaded = load(f"name: x\n{top}{steps}\n".encode(), "p.yaml", SCHEMA, project=project)
    errors = [f for f in loaded.diagnostics if f.severity is Severity.ERROR]
    return [f"{f.span.start.line} {f.code} {f.message}" for f in errors]


def hit(name: str, faults: str = "latency: 1s", *more: str) -> str:
    rest = "".join(f", {each}" for each in more)
    return f"{{name: {name}, duration: 1s, scenario: {{{faults}}}{rest}}}"


def test_a_step_on_too_many_targets_is_told_which() -> None:
    assert found("{targets: 2}", f"steps: [{hit('all')}]") == [
        "2 SQ320 'all' has faults on 3 targets at once: a, b, c; squall.yaml:2 allows 2"
    ]


def test_steps_one_after_the_other_do_not_add_up() -> None:
    steps = (
        f"steps: [{hit('x', 'latency: 1s', 'targets: a')}, {hit('y', 'down: true', 'targets: b')}]"
    )
    assert found("{targets: 1}", steps) == []


def test_steps_side_by_side_add_up() -> None:
    steps = (
        f"parallel: [{hit('x', 'latency: 1s', 'targets: a')}, "
        f"{{name: g, steps: [{{name: w, wait: 1s}}, {hit('y', 'latency: 1s', 'targets: b')}]}}]"
    )
    [one] = found("{targets: 1}", steps)
    assert one.startswith("2 SQ320 'y' with 'x' beside it has faults on 2 targets at once: a, b;")


def test_steps_that_wait_for_each_other_do_not_meet() -> None:
    steps = (
        f"parallel: [{hit('x', 'latency: 1s', 'targets: a')}, "
        "{name: w, needs: [x], wait: 1s}, "
        f"{hit('y', 'latency: 1s', 'targets: b', 'needs: [w]')}]"
    )
    assert found("{targets: 1}", steps) == []


def test_loads_and_probes_reach_as_far_as_they_like() -> None:
    steps = "steps: [{name: l, duration: 1s, load: {requests: 1/s}}]"
    assert found("{targets: 1}", steps) == []


@pytest.mark.parametrize(
    ("faults", "share"),
    [
        ("errors: 60%", "60%"),
        ("errors: 40%, timeouts: 40%", "64%"),
        ("down: true", "100%"),
        ("errors: {pattern: {sequence: [500, 200, 503]}}", "66.67%"),
        ("resets: 51%", "51%"),
        ("corruption: 30%, partial_responses: 30%", "51%"),
    ],
)
def test_faults_that_make_requests_fail_add_up(faults: str, share: str) -> None:
    [one] = found("{error_share: 50%}", f"steps: [{hit('x', faults, 'targets: a')}]")
    assert f"makes {share} of the requests to 'a' fail; squall.yaml:2 allows 50%" in one


@pytest.mark.parametrize(
    "faults",
    [
        "errors: 50%",
        "errors: 100%, match: {share: 50%}",
        "latency: 10s, packet_loss: 90%, rate_limit: 1/s, connections: 1",
    ],
)
def test_faults_within_the_share_are_allowed(faults: str) -> None:
    assert found("{error_share: 50%}", f"steps: [{hit('x', faults, 'targets: a')}]") == []


def test_errors_side_by_side_add_up_where_they_meet() -> None:
    steps = (
        f"parallel: [{hit('x', 'errors: 40%', 'targets: [a, b]')}, "
        f"{hit('y', 'errors: 40%', 'targets: [b, c]')}, {hit('z', 'latency: 1s')}]"
    )
    [one] = found("{error_share: 50%}", steps)
    assert one.startswith("2 SQ321 'y' with 'x' beside it makes 64% of the requests to 'b' fail;")


def test_rounds_side_by_side_add_up() -> None:
    loop = "loop: {times: 5, max_parallel: 2}"
    [one] = found("{error_share: 50%}", f"steps: [{hit('x', 'errors: 30%', 'targets: a', loop)}]")
    assert "makes 51% of the requests to 'a' fail" in one


def test_no_comment_lifts_a_limit() -> None:
    steps = f"# squall: ignore-file[SQ320] just this once\nsteps: [{hit('all')}]"
    codes = [one.split()[1] for one in found("{targets: 2}", steps)]
    assert "SQ320" in codes


def test_a_timeout_beyond_the_limit_is_an_error() -> None:
    steps = "steps: [{name: w, wait: 1s}]"
    assert found("{duration: 10m}", steps, "timeout: 20m\n") == [
        "2 SQ322 the run may take 20m; squall.yaml:2 allows 10m"
    ]
    assert found("{duration: 10m}", steps, "timeout: 10m\n") == []


def test_steps_that_take_longer_than_the_limit_are_an_error() -> None:
    assert found("{duration: 10m}", "steps: [{name: w, wait: 11m}]") == [
        "1 SQ322 the steps take 11m at least; squall.yaml:2 allows 10m"
    ]


def test_no_run_gets_more_time_than_its_limit_allows() -> None:
    text = b"limits: {duration: 10m}"
    project = read_project(text, "squall.yaml", schema_text("project"))
    loaded = load(b"name: x\nsteps: [{name: w, wait: 1s}]", "p.yaml", SCHEMA, project=project)
    playbook = loaded.playbooks[0].playbook
    assert bounded(playbook, Duration(MINUTE)) == MINUTE
    with pytest.raises(Refused, match="may take 10m at most, not 1h"):
        bounded(playbook, Duration(HOUR))
