"""Updates of a run fold into what there is to show of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.pictures import counted, delivery, felt
from squall.cli.view import RunView, expected
from squall.core.playbook.plan import Plan
from squall.core.run.facts import LeaseLeaked, RunEnded, RunEntered, StepEnded, StepEntered
from squall.core.run.records import Progress
from squall.core.run.rehearsal import rehearse
from squall.core.timing import SECOND

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
Planned = Callable[[str], Plan]
WAVES = """
name: waves
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
parallel:
  - {name: clients, duration: 60s, load: {requests: 10/s}}
  - name: storm
    loop: {times: 3}
    steps:
      - {name: hit, duration: 10s, scenario: {errors: 50%}}
      - {name: rest, wait: 5s}
  - {name: look, http: {get: "http://127.0.0.1:1/"}, retry: {attempts: 3}}
"""


@pytest.fixture
def view(planned: Planned) -> RunView:
    view = RunView(planned(WAVES))
    view.fold(RunEntered(at=0, phase="running"), 0)
    enter(view, 0, "main")
    return view


def enter(
    view: RunView, second: int, path: str, phase: str = "active", until: int | None = None
) -> None:
    at = second * SECOND
    due = None if until is None else until * SECOND
    view.fold(StepEntered(at=at, path=path, phase=phase, until=due), at)  # type: ignore[arg-type]


def end(view: RunView, second: int, path: str, outcome: str = "succeeded", **more: object) -> None:
    at = second * SECOND
    members = {"outcome": outcome, "conclusion": outcome, "attempts": 1, **more}
    view.fold(StepEnded(at=at, path=path, **members), at)  # type: ignore[arg-type]


def test_a_step_goes_through_its_phases(view: RunView) -> None:
    hit = view.steps["main/storm/hit"]
    assert (hit.state, hit.began, hit.over) == ("pending", None, False)
    enter(view, 1, "main/storm[1]")
    enter(view, 1, "main/storm[1]/hit#1", "starting")
    enter(view, 2, "main/storm[1]/hit#1", "active", until=12)
    hit = view.steps["main/storm/hit"]
    assert (hit.state, hit.began, hit.until) == ("active", SECOND, 12 * SECOND)
    assert hit.goes_on
    enter(view, 12, "main/storm[1]/hit#1", "undoing")
    assert hit.until is None
    end(view, 13, "main/storm[1]/hit", felt=felt(p99=70))
    assert (hit.state, hit.ended, hit.over) == ("succeeded", 13 * SECOND, True)
    assert hit.felt == felt(p99=70)


def test_of_a_loop_the_iteration_it_is_in_is_shown(view: RunView) -> None:
    enter(view, 1, "main/storm[1]")
    enter(view, 1, "main/storm[1]/hit#1")
    end(view, 11, "main/storm[1]/hit")
    end(view, 16, "main/storm[1]")
    enter(view, 16, "main/storm[2]")
    storm, hit = view.steps["main/storm"], view.steps["main/storm/hit"]
    assert (storm.iteration, storm.began, storm.since) == (2, 16 * SECOND, SECOND)
    assert (hit.state, hit.ended) == ("pending", None)


def test_an_attempt_keeps_its_step_going(view: RunView) -> None:
    enter(view, 1, "main/look#1")
    enter(view, 2, "main/look#1", "retrying", until=3)
    enter(view, 3, "main/look#2")
    look = view.steps["main/look"]
    assert (look.attempt, look.began, look.state) == (2, SECOND, "active")


def test_deliveries_replace_one_another_and_the_end_has_the_last_word(view: RunView) -> None:
    enter(view, 1, "main/storm[1]")
    enter(view, 1, "main/storm[1]/hit#1")
    lease = "7:main/storm[1]/hit#1@shop"
    view.fold(counted(lease, delivery("errors", 3)), SECOND)
    view.fold(counted(lease, delivery("errors", 8)), SECOND)
    hit = view.steps["main/storm/hit"]
    assert [one.touched for one in hit.delivered] == [8]
    end(view, 11, "main/storm[1]/hit", deliveries=(delivery("errors", 50),))
    view.fold(counted(lease, delivery("errors", 8)), SECOND)  # a late picture
    assert [one.touched for one in hit.delivered] == [50]
    end(view, 11, "main/storm[1]")
    enter(view, 16, "main/storm[2]")
    assert view.steps["main/storm/hit"].delivered == ()


def test_a_pause_holds_the_steps_and_moves_their_ends(view: RunView) -> None:
    enter(view, 0, "main/clients#1", until=60)
    enter(view, 0, "main/storm[1]")
    enter(view, 0, "main/storm[1]/rest#1", until=5)
    view.fold(RunEntered(at=2 * SECOND, phase="paused", reason="by keyboard"), 2 * SECOND)
    clients, rest = view.steps["main/clients"], view.steps["main/storm/rest"]
    assert view.held(rest)
    assert not view.held(clients)  # traffic goes on
    view.now = 9 * SECOND
    assert view.elapsed == 2 * SECOND
    view.fold(RunEntered(at=10 * SECOND, phase="running"), 10 * SECOND)
    assert not view.held(rest)
    assert (rest.until, clients.until) == (13 * SECOND, 60 * SECOND)
    view.now = 11 * SECOND
    assert view.elapsed == 3 * SECOND


def test_a_pause_that_is_refused_says_why_and_holds_nothing(view: RunView) -> None:
    enter(view, 0, "main/storm[1]/rest#1", until=5)
    view.fold(RunEntered(at=SECOND, phase="running", reason="not paused: a step is"), SECOND)
    assert (view.phase, view.reason) == ("running", "not paused: a step is")
    assert view.steps["main/storm/rest"].until == 5 * SECOND


def test_clients_are_those_of_a_load_while_one_runs_else_what_passes_a_target(
    view: RunView,
) -> None:
    view.fold(counted("7:main/storm[1]/hit#1@shop", seen=felt(5)), 0)
    assert list(view.clients) == ["shop"]
    enter(view, 0, "main/clients#1", until=60)
    view.fold(Progress(path="main/clients#1", felt=felt(10)), SECOND)
    assert list(view.clients) == ["main/clients"]
    assert view.clients["main/clients"].felt.requests == 10
    end(view, 60, "main/clients")
    view.fold(Progress(path="main/clients#1", felt=felt(10)), 60 * SECOND)  # a late picture
    assert list(view.clients) == ["shop"]


def test_curves_have_a_figure_a_second(view: RunView) -> None:
    for quarter in range(9):
        picture = counted("7:main/storm[1]/hit#1@shop", seen=felt(quarter))
        view.fold(picture, quarter * SECOND // 4)
    assert list(view.targets["shop"].rates) == [0, 4, 8]


def test_what_was_allowed_or_touched_nothing_is_doubtful(view: RunView) -> None:
    end(view, 1, "main/look", "failed", conclusion="succeeded", reason="refused")
    end(view, 1, "main/storm[1]/hit", touched_nothing=True)
    end(view, 1, "main/storm[1]/rest")
    assert view.steps["main/look"].doubtful
    assert view.steps["main/storm/hit"].doubtful
    assert not view.steps["main/storm/rest"].doubtful


def test_leaks_and_the_verdict_are_kept(view: RunView) -> None:
    view.fold(LeaseLeaked(at=SECOND, lease="l", target="shop"), SECOND)
    view.fold(RunEnded(at=SECOND, verdict="failed", reason="leaked"), SECOND)
    assert (view.leaked, view.phase, view.reason) == (["shop"], "failed", "leaked")


def test_a_step_nobody_knows_changes_nothing(view: RunView) -> None:
    before = dict(view.steps)
    enter(view, 1, "main/elsewhere#1")
    end(view, 1, "main/elsewhere")
    assert view.steps == before


@pytest.mark.parametrize("file", sorted(PLAYBOOKS.glob("*.yaml")), ids=lambda p: p.stem)
def test_after_a_rehearsal_every_step_is_over(planned: Planned, file) -> None:
    plan = planned(file.read_text())
    view = RunView(plan)
    for fact in rehearse(plan).facts:
        view.fold(fact, fact.at)
    assert {step.state for step in view.steps.values()} == {"succeeded"}
    assert view.phase == "passed"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("steps: [{name: a, wait: 2s}, {name: b, wait: 3s, delay: 1s}]", 6),
        ("parallel: [{name: a, wait: 2s}, {name: b, wait: 3s}]", 3),
        ("parallel: [{name: a, wait: 2s}, {name: b, wait: 3s, needs: [a]}]", 5),
        ("steps: [{name: a, wait: 2s, loop: {times: 4}}]", 8),
        ("steps: [{name: a, wait: 2s, loop: {forever: true}, timeout: 9s}]", None),
    ],
)
def test_how_long_a_run_takes_is_known_where_it_is(planned: Planned, text: str, seconds) -> None:
    main = planned(f"name: x\n{text}\n").main
    assert expected(main) == (None if seconds is None else seconds * SECOND)


def test_rounds_side_by_side_are_one_step_that_goes_on_until_the_last_is_over(
    view: RunView,
) -> None:
    for number in (1, 2):
        enter(view, number, f"main/storm[{number}]")
        enter(view, number, f"main/storm[{number}]/hit#1")
    hit, storm = view.steps["main/storm/hit"], view.steps["main/storm"]
    assert (len(storm.going), storm.iteration) == (2, 2)
    for number in (1, 2):
        lease = f"7:main/storm[{number}]/hit#1@shop"
        view.fold(counted(lease, delivery("errors", number)), 3 * SECOND)
    end(view, 4, "main/storm[1]/hit", deliveries=(delivery("errors", 10),))
    end(view, 4, "main/storm[1]")
    assert storm.goes_on
    assert hit.goes_on
    assert sorted(one.touched for one in hit.delivered) == [2, 10]
    end(view, 5, "main/storm[2]/hit", deliveries=(delivery("errors", 20),))
    end(view, 5, "main/storm[2]")
    assert storm.over
    assert sorted(one.touched for one in hit.delivered) == [10, 20]


def test_when_a_run_is_over_all_its_steps_are(planned: Planned) -> None:
    plan = planned("""
name: loops
steps:
  - {name: late, delay: 1s, loop: {times: 2, every: 3s}, wait: 1s}
  - name: waves
    delay: 1s
    loop: {times: 5, max_parallel: 2, every: 2s}
    steps: [{name: hit, delay: 1s, duration: 1s, scenario: {latency: 1s}}, {name: rest, wait: 2s}]
""")
    view = RunView(plan)
    for fact in rehearse(plan).facts:
        view.fold(fact, fact.at)
    assert view.now == expected(plan.main)
    assert [path for path, step in view.steps.items() if not step.over] == []
