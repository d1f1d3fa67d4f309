"""Schedules, windows and gates from text: what they become, and that they keep their identity."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from squall.core.diagnostics import Severity
from squall.core.playbook.gates import Approval, Dependency, Suspension
from squall.core.playbook.load import load
from squall.core.playbook.model import Playbook, canonical, digest, from_canonical
from squall.core.schedule.model import After, ClockChange, Cron, Every, Once, Schedule, Window
from squall.core.timing import DAY, HOUR, MINUTE, Duration
from squall.worktree import schema_text

SCHEMA = schema_text()
EVERYTHING = Path(__file__).parents[2] / "corpus/good/scheduled.yaml"


def playbook(said: str) -> Playbook:
    text = f"name: x\n{said}\nsteps: [{{name: a, wait: 1s}}]\n"
    loaded = load(text.encode(), "f.yaml", SCHEMA)
    assert [f for f in loaded.diagnostics if f.severity is Severity.ERROR] == []
    return loaded.playbooks[0].playbook


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{every: 6h}", Schedule(trigger=Every(interval=Duration(6 * HOUR)))),
        ("{after: 10m}", Schedule(trigger=After(delay=Duration(10 * MINUTE)))),
        (
            "{once: '2026-12-24T18:00', timezone: Asia/Tokyo}",
            Schedule(trigger=Once(at=datetime(2026, 12, 24, 18)), timezone="Asia/Tokyo"),
        ),
        (
            "{once: '2026-12-24T18:00+01:00'}",
            Schedule(trigger=Once(at=datetime(2026, 12, 24, 17, tzinfo=UTC))),
        ),
        (
            "{cron: 0 4 * * *, timezone: UTC, dst: {gap: shift}, until: 2026-06-01}",
            Schedule(
                trigger=Cron(line="0 4 * * *"),
                dst=ClockChange(gap="shift"),
                until=datetime(2026, 6, 1),
            ),
        ),
    ],
)
def test_a_schedule_is_what_was_written(said: str, expected: Schedule) -> None:
    assert playbook(f"schedule: {said}").schedule == (expected,)


def test_gates_are_what_was_written() -> None:
    gated = playbook(
        "windows: [{deny: 0 18 * * FRI, for: 62h, timezone: Europe/Berlin, reason: weekend}]\n"
        "depends_on: [b, a, {name: c, passed_within: 1h}, b]\n"
        "approval: {by: admin, expires: 24h}\n"
        "suspend: {reason: incident, until: 2026-12-24}"
    )
    assert gated.windows == (
        Window(
            kind="deny", line="0 18 * * FRI", lasts=Duration(62 * HOUR),
            timezone="Europe/Berlin", reason="weekend",
        ),
    )  # fmt: skip
    assert gated.depends_on == (
        Dependency(name="a"), Dependency(name="b"), Dependency(name="c", passed_within=HOUR),
    )  # fmt: skip
    assert gated.approval == Approval(by=("admin",), expires=DAY)
    until = datetime(2026, 12, 24, tzinfo=UTC)
    assert gated.suspend == Suspension(reason="incident", until=until)
    assert playbook("suspend: false").suspend is None
    assert playbook("suspend: true").suspend == Suspension()


def test_everything_there_is_survives_being_stored() -> None:
    loaded = load(EVERYTHING.read_bytes(), "f.yaml", SCHEMA)
    written = loaded.playbooks[0].playbook
    assert from_canonical(canonical(written)) == written
    assert digest(from_canonical(canonical(written))) == digest(written)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("schedule: {every: 60m}", "schedule: [{every: 1h, enabled: true, missed: skip}]"),
        ("schedule: {cron: 0  4 * * *, timezone: UTC}", "schedule: {cron: 0 4 * * *}"),
        ("schedule: {once: '2026-01-01T01:00+01:00'}", "schedule: {once: '2026-01-01T00:00Z'}"),
        ("depends_on: [a, b]", "depends_on: [{name: b}, {name: a}]"),
        ("approval: {by: [b, a]}", "approval: {by: [a, b, a]}"),
        ("on_change: finish", "record: false"),
    ],
)
def test_the_same_meaning_has_the_same_digest(one: str, other: str) -> None:
    assert digest(playbook(one)) == digest(playbook(other))


@pytest.mark.parametrize(
    "said",
    ["schedule: {every: 1h}", "windows: [{allow: '* * * * *', for: 1h}]", "record: true",
     "suspend: true", "on_crash: resume", "renamed_from: y"],
)  # fmt: skip
def test_when_it_runs_is_part_of_what_it_is(said: str) -> None:
    assert digest(playbook(said)) != digest(playbook("record: false"))
