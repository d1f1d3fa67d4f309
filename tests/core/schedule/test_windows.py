"""When runs may start."""

from datetime import UTC, datetime

from squall.core.schedule.model import Window
from squall.core.schedule.windows import allowed_from, holding, is_allowed
from squall.core.timing import DAY, HOUR, MINUTE, SECOND, Duration, Instant

OFFICE = Window(kind="allow", line="0 9 * * MON-FRI", lasts=Duration(8 * HOUR))
LUNCH = Window(kind="deny", line="0 12 * * *", lasts=HOUR, reason="lunch")
YEAR = Duration(366 * DAY)


def at(written: str) -> Instant:
    moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
    return Instant(int(moment.timestamp()) * SECOND)


def free(windows, since: str) -> Instant | None:
    return allowed_from(windows, at(since), Instant(at(since) + YEAR))


def test_without_windows_everything_is_allowed() -> None:
    assert is_allowed((), at("2026-06-01T03:00"))


def test_a_window_is_open_from_its_time_on_and_closed_at_its_end() -> None:
    assert not is_allowed([OFFICE], Instant(at("2026-06-01T09:00") - 1))
    assert is_allowed([OFFICE], at("2026-06-01T09:00"))
    assert is_allowed([OFFICE], Instant(at("2026-06-01T17:00") - 1))
    assert not is_allowed([OFFICE], at("2026-06-01T17:00"))


def test_deny_wins() -> None:
    assert not is_allowed([OFFICE, LUNCH], at("2026-06-01T12:30"))
    assert is_allowed([LUNCH], at("2026-06-01T03:00"))
    assert holding([OFFICE, LUNCH], at("2026-06-01T12:30")) is OFFICE
    assert holding([LUNCH], at("2026-06-01T03:00")) is None


def test_the_next_moment_that_is_allowed_is_found() -> None:
    assert free([OFFICE, LUNCH], "2026-06-05T18:00") == at("2026-06-08T09:00")
    assert free([OFFICE, LUNCH], "2026-06-05T12:10") == at("2026-06-05T13:00")
    assert free([OFFICE, LUNCH], "2026-06-05T14:10") == at("2026-06-05T14:10")


def test_windows_that_leave_nothing_are_seen_through() -> None:
    always = Window(kind="deny", line="* * * * *", lasts=MINUTE)
    mornings = Window(kind="deny", line="0 8 * * *", lasts=Duration(10 * HOUR))
    hours = Window(kind="deny", line="*/30 * * * *", lasts=Duration(30 * MINUTE))
    assert free([always], "2026-01-01") is None
    assert free([hours], "2026-01-01") is None
    assert free([OFFICE, mornings], "2026-01-01") is None


def test_a_freeze_over_a_clock_change_begins_although_its_hour_is_missing() -> None:
    night = Window(kind="deny", line="30 2 * * *", lasts=HOUR, timezone="Europe/Berlin")
    assert not is_allowed([night], at("2026-03-29T01:00"))
    assert is_allowed([night], at("2026-03-29T02:00"))
