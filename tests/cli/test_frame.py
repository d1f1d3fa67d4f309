"""One picture of a run at several sizes: what is on it, what goes first, what never breaks."""

import io
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from cli.pictures import counted, delivery, felt
from squall.cli.frame import MARKS, curve, frame
from squall.cli.view import RunView
from squall.core.faults.effects import Counted
from squall.core.playbook.plan import Plan
from squall.core.run.facts import LeaseLeaked, RunEntered, StepEnded, StepEntered
from squall.core.run.records import Progress, Run
from squall.core.timing import SECOND

Planned = Callable[[str], Plan]
SHOP = """
name: checkout
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
parallel:
  - {name: clients, duration: 60s, load: {requests: 100/s}}
  - name: storm
    steps:
      - {name: calm, wait: 10s}
      - name: hit
        duration: 30s
        scenario: {latency: {normal: {mean: 250ms, stddev: 50ms}}, errors: 30%}
      - {name: look, http: {get: "http://127.0.0.1:7070/health"}}
finally:
  - {name: tidy, http: {get: "http://127.0.0.1:7070/"}}
"""
STARTED = 2 * 3600 * SECOND
RUN = Run(
    id=7, playbook="checkout", digest="", phase="running", started=STARTED, engine="e", seed=1
)


@pytest.fixture
def view(planned: Planned) -> RunView:
    """Twenty seconds into SHOP, in the middle of `hit`."""
    view = RunView(planned(SHOP))
    steps = [
        StepEntered(at=0, path="main", phase="active"),
        StepEntered(at=0, path="main/clients#1", phase="active", until=60 * SECOND),
        StepEntered(at=0, path="main/storm", phase="active"),
        StepEntered(at=0, path="main/storm/calm#1", phase="active", until=10 * SECOND),
        StepEnded(
            at=10 * SECOND, path="main/storm/calm", outcome="succeeded", conclusion="succeeded",
            began=0, attempts=1,
        ),
        StepEntered(at=10 * SECOND, path="main/storm/hit#1", phase="active", until=40 * SECOND),
    ]  # fmt: skip
    view.fold(RunEntered(at=0, phase="running"), 0)
    for fact in steps:
        view.fold(fact, fact.at)
    for second in range(1, 21):
        latest = felt(100, errors=second, p50=10 * second, p99=20 * second)
        view.fold(Progress(path="main/clients#1", felt=latest), second * SECOND)
    faults = (delivery("latency", 100, ms=252), delivery("errors", 29, fault=1))
    view.fold(counted("7:main/storm/hit#1@shop", *faults), 20 * SECOND)
    return view


def drawn(view: RunView, width: int, height: int = 24, **more: object) -> str:
    """The frame as text, without the blanks at line ends."""
    file = io.StringIO()
    Console(file=file, width=width, height=height, legacy_windows=False).print(
        frame(view, RUN, width=width, height=height, **{"keys": True, **more})  # type: ignore[arg-type]
    )
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_at_80_columns_there_is_what_came_of_each_fault(view: RunView) -> None:
    assert (
        drawn(view, 80)
        == """\
checkout · run 7 · shop                                                40 s left
 ◔ clients  100 requests/s                                             40 s left
 ◔ storm    ===========>............                                20 s of 40 s
   ✔ calm   waits                                                           10 s
   ◔ hit    latency normal 250 ms, σ 50 ms             got 252 ms      20 s left
            30 % errors                                got 29 %
   ○ look   GET http://127.0.0.1:7070/health
 ○ tidy     GET http://127.0.0.1:7070/
 clients  100/s    p50 200 ms  p99 400 ms  errors 20 %
 p pause   s stop: undo, then finally   Ctrl-C = s, twice: undo only"""
    )


def test_from_100_columns_on_there_are_curves_what_was_asked_and_the_time(
    view: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        shown = drawn(view, 100)
    time.tzset()
    assert (
        shown
        == """\
checkout · run 7 · shop                                                         02:00:20 · 40 s left
 ◔ clients  100 requests/s                                                                 40 s left
 ◔ storm    ===========>............                                                    20 s of 40 s
   ✔ calm   waits                                                                               10 s
   ◔ hit    latency normal 250 ms, σ 50 ms                   asked 250 ms  got 252 ms      20 s left
            30 % errors                                      asked 30 %    got 29 %
   ○ look   GET http://127.0.0.1:7070/health
 ○ tidy     GET http://127.0.0.1:7070/
 clients  100/s   ██████  p50 200 ms ▆▇▇▇██  p99 400 ms ▆▇▇▇██  errors 20 %   ▆▇▇▇██
 p pause   s stop: undo, then finally   Ctrl-C = s, twice: undo only"""
    )


def test_from_120_columns_on_each_step_has_its_p99(view: RunView) -> None:
    view.fold(Counted(target="shop", felt=felt(p99=391)), 20 * SECOND)
    lines = drawn(view, 120).splitlines()
    assert "p99 400 ms" in lines[1]
    assert "p99 391 ms" in lines[4]
    assert lines[8].count("█") > 12


def test_a_narrow_frame_keeps_signs_names_and_the_time_left(view: RunView) -> None:
    assert (
        drawn(view, 50)
        == """\
checkout · run 7 · shop                  40 s left
 ◔ clients  100 requests/s               40 s left
 ◔ storm    ===========>............  20 s of 40 s
   ✔ calm   waits                             10 s
   ◔ hit    latency normal 250 ms, …     20 s left
            30 % errors
   ○ look   GET http://127.0.0.1:70…
 ○ tidy     GET http://127.0.0.1:70…
 clients  100/s  p99 400 ms  errors 20 %
 p pause   s stop   Ctrl-C = s"""
    )


@pytest.mark.parametrize("width", [20, 30, 40, 59, 60, 79, 80, 99, 100, 119, 120, 200])
@pytest.mark.parametrize("height", [1, 3, 5, 8, 12, 40])
def test_no_line_is_longer_than_the_terminal_nor_are_there_more(
    view: RunView, width: int, height: int
) -> None:
    view.fold(LeaseLeaked(at=0, lease="l", target="shop"), 0)
    lines = drawn(view, width, height).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 5)


def test_a_low_frame_leaves_out_what_is_over_then_what_is_to_come(view: RunView) -> None:
    assert "calm" in drawn(view, 80, 11)
    shown = drawn(view, 80, 10)
    assert " … and 1 to come, 1 over" in shown.splitlines()
    shown = drawn(view, 80, 9)
    assert "look" not in shown
    assert " … and 2 to come, 1 over" in shown.splitlines()
    assert "   ◔ hit" in shown
    assert drawn(view, 80, 5).splitlines()[1] == " … and 3 going on, 2 to come, 1 over"


def test_a_step_that_went_wrong_says_why_under_it(view: RunView) -> None:
    view.fold(
        StepEnded(
            at=21 * SECOND, path="main/storm/look", outcome="failed", conclusion="failed",
            reason="it answered 503", began=20 * SECOND, attempts=1,
        ),
        21 * SECOND,
    )  # fmt: skip
    lines = drawn(view, 80).splitlines()
    assert lines[6].startswith("   ✘ look   GET http")
    assert lines[6].endswith(" failed")
    assert lines[7] == "            it answered 503"


def test_a_pause_is_on_the_steps_it_holds_on_the_head_and_on_the_keys(view: RunView) -> None:
    view.fold(RunEntered(at=20 * SECOND, phase="paused", reason="by keyboard"), 20 * SECOND)
    lines = drawn(view, 80).splitlines()
    assert lines[0].endswith("paused by keyboard · 40 s left")
    assert lines[1].startswith(" ◔ clients")
    assert lines[4].startswith("   ‖ hit")
    assert lines[4].endswith(" paused")
    assert lines[-1].startswith(" p resume")


def test_why_a_pause_was_refused_stands_for_a_while_where_the_keys_are(view: RunView) -> None:
    reason = "not paused: a step is settling; ask again in a moment"
    view.fold(RunEntered(at=20 * SECOND, phase="running", reason=reason), 20 * SECOND)
    assert drawn(view, 80).splitlines()[-1] == f" {reason}"
    view.now = 26 * SECOND
    assert drawn(view, 80).splitlines()[-1].startswith(" p pause")


def test_a_notice_takes_the_place_of_the_keys(view: RunView) -> None:
    assert drawn(view, 80, notice="undoing").splitlines()[-1] == " undoing"
    assert drawn(view, 80, keys=False).splitlines()[-1].startswith(" Ctrl-C stop: undo")


def test_a_leak_is_told_until_the_end(view: RunView) -> None:
    view.fold(LeaseLeaked(at=0, lease="l", target="shop"), 0)
    assert " LEAKED: the faults on shop could not be taken off yet" in drawn(view, 80)


def test_no_requests_are_no_figures(view: RunView) -> None:
    view.fold(Progress(path="main/clients#1", felt=felt(0)), 21 * SECOND)
    assert " clients  0/s      no requests" in drawn(view, 80).splitlines()


def test_a_curve_fills_its_line_with_the_highest_value() -> None:
    assert curve([0, 50, 100]) == "▁▅█"
    assert curve([0.0, 0.01], top=0.1) == "▁▂"
    assert curve([0, 0]) == "▁▁"
    assert curve([]) == ""


def test_states_are_told_apart_without_colour() -> None:
    signs = {state: sign for state, (sign, _) in MARKS.items()}
    for state, others in {
        "pending": ["active", "succeeded", "failed"],
        "active": ["undoing", "retrying", "succeeded", "failed", "cancelled"],
        "succeeded": ["failed", "cancelled", "omitted"],
    }.items():
        assert signs[state] not in {signs[other] for other in others}


def test_colours_are_the_terminals_own_and_neither_black_nor_white() -> None:
    styles = {style for _, style in MARKS.values()}
    assert styles <= {"", "dim", "magenta", "cyan", "yellow", "green", "red"}
