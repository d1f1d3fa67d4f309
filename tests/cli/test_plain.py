"""A run as lines: a fact a line, figures where a step ends, a sign of life in between."""

from collections.abc import Callable

import pytest

from cli.pictures import counted, delivery, felt
from squall.cli.plain import Lines
from squall.core.playbook.plan import Plan
from squall.core.run.facts import LeaseLeaked, RunEnded, RunEntered, StepEnded, StepEntered
from squall.core.run.records import Progress
from squall.core.timing import SECOND

SHOP = """
name: checkout
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
steps:
  - name: hit
    duration: 90s
    scenario: {latency: 100ms, errors: 30%}
  - {name: clients, duration: 60s, load: {requests: 10/s}}
"""
HIT = StepEntered(at=SECOND, path="main/hit#1", phase="active", until=91 * SECOND)


@pytest.fixture
def lines(planned: Callable[[str], Plan]) -> Lines:
    lines = Lines(planned(SHOP))
    assert lines.update(RunEntered(at=0, phase="running"), 0) is None
    return lines


def test_a_fault_is_told_when_it_is_on_and_for_how_long(lines: Lines) -> None:
    starting = StepEntered(at=0, path="main/hit#1", phase="starting")
    assert lines.update(starting, 0) is None
    assert lines.update(HIT, SECOND) == "00:01.000  hit: latency 100 ms + 30 % errors on for 1m30s"


def test_the_end_of_a_step_has_what_was_delivered_and_what_clients_felt(lines: Lines) -> None:
    lines.update(HIT, SECOND)
    ended = StepEnded(
        at=91 * SECOND, path="main/hit", outcome="succeeded", conclusion="succeeded", began=SECOND,
        attempts=1, felt=felt(2000, errors=582, p50=101, p99=166),
        deliveries=(
            delivery("latency", 2000, seen=2000, ms=102),
            delivery("errors", 582, seen=2000, fault=1),
        ),
    )  # fmt: skip
    assert lines.update(ended, 91 * SECOND) == (
        "01:31.000  hit passed; latency 100 ms: delivered 102 ms, touched 2,000; "
        "30 % errors: delivered 29.1 %, touched 582; 2000/s, p50 101 ms, p99 166 ms, errors 29.1 %"
    )


def test_a_step_that_failed_says_why_and_whether_that_was_allowed(lines: Lines) -> None:
    ended = StepEnded(
        at=SECOND, path="main/hit", outcome="timed_out", conclusion="succeeded", reason="too slow"
    )
    assert lines.update(ended, SECOND) == "00:01.000  hit timed out, allowed: too slow"


def test_after_30_quiet_seconds_there_is_a_sign_of_life(lines: Lines) -> None:
    lines.update(HIT, SECOND)
    picture = counted("7:main/hit#1@shop", seen=felt(100, errors=30, p50=101, p99=296))
    told = [lines.update(picture, second * SECOND) for second in range(2, 70)]
    assert [line for line in told if line] == [
        "00:31.000  hit 1:00 left: 100/s, p50 101 ms, p99 296 ms, errors 30 %",
        "01:01.000  hit 30 s left: 100/s, p50 101 ms, p99 296 ms, errors 30 %",
    ]


def test_a_fact_is_a_sign_of_life_too(lines: Lines) -> None:
    lines.update(HIT, SECOND)
    lines.update(StepEnded(at=20 * SECOND, path="main/hit", outcome="succeeded",
                           conclusion="succeeded"), 20 * SECOND)  # fmt: skip
    lines.update(StepEntered(at=20 * SECOND, path="main/clients#1", phase="active"), 20 * SECOND)
    picture = Progress(path="main/clients#1", felt=felt(10))
    assert lines.update(picture, 49 * SECOND) is None
    assert lines.update(picture, 50 * SECOND) == (
        "00:50.000  clients: 10/s, p50 20 ms, p99 40 ms, errors 0 %"
    )


def test_while_it_is_paused_the_sign_of_life_says_so(lines: Lines) -> None:
    lines.update(HIT, SECOND)
    paused = RunEntered(at=2 * SECOND, phase="paused", reason="by keyboard")
    assert lines.update(paused, 2 * SECOND) == "00:02.000  paused: by keyboard"
    picture = counted("7:main/hit#1@shop", seen=felt(0))
    assert lines.update(picture, 40 * SECOND) == "00:40.000  hit paused"
    assert lines.update(RunEntered(at=50 * SECOND, phase="running"), 50 * SECOND) == (
        "00:50.000  goes on"
    )


def test_a_leak_and_the_verdict_are_lines(lines: Lines) -> None:
    leaked = LeaseLeaked(at=SECOND, lease="l", target="shop")
    assert lines.update(leaked, SECOND) == (
        "00:01.000  LEAKED: the faults on shop could not be taken off yet"
    )
    ended = RunEnded(at=61 * SECOND, verdict="failed", reason="hit: could not be undone")
    assert lines.update(ended, 61 * SECOND) == ("01:01.000  run failed: hit: could not be undone")
