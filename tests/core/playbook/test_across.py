"""What several files do to each other."""

import time

import pytest

from squall.core.diagnostics import Diagnostic
from squall.core.playbook.across import check_across
from squall.core.playbook.load import Loaded, load
from squall.worktree import schema_text

SCHEMA = schema_text()


def file(
    name: str, schedule: str, *, port: int = 9001, lasts: str = "30m", more: str = ""
) -> Loaded:
    text = f"""
name: {name}
schedule: {schedule}
targets: {{api: {{http: {{listen: "127.0.0.1:{port}", upstream: builtin:echo}}}}}}
steps: [{{name: slow, duration: {lasts}, scenario: {{latency: 100ms}}}}]
{more}
"""
    loaded = load(text.encode(), f"{name}.yaml", SCHEMA)
    assert not loaded.failed, loaded.diagnostics
    return loaded


def across(*files: Loaded) -> list[Diagnostic]:
    return check_across(files)


NIGHTLY = "{cron: 0 2 * * *, timezone: UTC}"


def test_runs_that_meet_are_told_with_the_first_time_they_do() -> None:
    [finding] = across(
        file("nightly", NIGHTLY), file("soak", "{cron: 15 2 * * WED, timezone: UTC}")
    )
    assert finding.file == "soak.yaml"
    assert finding.code == "SQ359"
    assert finding.message == (
        "the run at 2026-01-07 02:15:00 UTC meets that of 'nightly' (nightly.yaml:2) on "
        "127.0.0.1:9001, which begins at 2026-01-07 02:00:00 UTC and takes 30m at least"
    )


def test_each_is_told_once_however_often_they_meet() -> None:
    often = "{cron: '*/10 * * * *', timezone: UTC, concurrency: replace}"
    found = across(*(file(name, often) for name in ("a", "b", "c", "d")))
    assert [finding.file for finding in found] == ["b.yaml", "c.yaml", "d.yaml"]


def test_runs_that_share_no_address_or_no_time_do_not_meet() -> None:
    later = "{cron: 30 2 * * *, timezone: UTC}"
    assert across(file("a", NIGHTLY), file("b", NIGHTLY, port=9002)) == []
    assert across(file("a", NIGHTLY), file("b", later)) == []
    assert across(file("a", NIGHTLY), file("b", "{every: 24h}")) == []
    assert across(file("a", NIGHTLY), file("b", NIGHTLY.replace("}", ", enabled: false}"))) == []


def test_a_free_port_is_nobody_elses() -> None:
    assert across(file("a", NIGHTLY, port=0), file("b", NIGHTLY, port=0)) == []


def test_jitter_makes_a_run_end_later() -> None:
    later = "{cron: 30 2 * * *, timezone: UTC}"
    late = NIGHTLY.replace("}", ", jitter: 5m}")
    assert [one.file for one in across(file("a", late), file("b", later))] == ["b.yaml"]


def test_the_zones_of_both_count() -> None:
    berlin = "{cron: 0 3 * * *, timezone: Europe/Berlin}"
    [finding] = across(file("a", NIGHTLY), file("b", berlin))
    assert "2026-01-01 02:00:00 UTC" in finding.message


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("{every: 60m}", "{every: 90m}", True),
        ("{every: 61m}", "{every: 122m}", False),
        ("{every: 59m}", NIGHTLY, True),
        ("{every: 61m}", NIGHTLY, False),
        ("{every: 59m}", "{after: 1h}", False),
    ],
)
def test_runs_at_even_distances_meet_when_no_beginning_keeps_them_apart(one, other, meet) -> None:
    assert bool(across(file("a", one), file("b", other))) is meet


@pytest.mark.parametrize(
    "schedule",
    [
        "{{cron: {minute} {hour} * * *, timezone: UTC}}",
        "{{cron: '*/5 * * * *', timezone: Europe/Berlin, dst: {{fold: once}}}}",
        "{{every: 3h}}",
        "{{cron: '* * * * * *', timezone: UTC}}",
    ],
)
@pytest.mark.parametrize("ports", [1, 200])
def test_ten_thousand_schedules_cost_seconds(schedule: str, ports: int) -> None:
    files = [
        file(
            f"p{number}",
            schedule.format(minute=number % 60, hour=number // 60 % 24),
            port=9001 + number % ports,
            lasts="1s",
        )
        for number in range(200)
    ]
    many = [files[number % 200] for number in range(10_000)]
    began = time.process_time()
    across(*many)
    assert time.process_time() - began < 20
