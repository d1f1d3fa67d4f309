"""When schedules fire: bounds, counts, jitter, and the days on which clocks are changed."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from squall.core.schedule.model import After, ClockChange, Cron, Every, Once, Schedule
from squall.core.schedule.triggers import firings, jittered, next_after
from squall.core.timing import DAY, HOUR, MINUTE, SECOND, Duration, Instant

BERLIN = "Europe/Berlin"


def at(written: str) -> Instant:
    moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
    return Instant(int(moment.timestamp()) * SECOND)


def times(schedule: Schedule, since: str, count: int = 3) -> list[str]:
    start = at(since)
    found = islice(firings(schedule, start, since=start), count)
    return [f"{datetime.fromtimestamp(one / SECOND, UTC):%Y-%m-%d %H:%M}" for one in found]


def cron(line: str, timezone: str = "UTC", **more) -> Schedule:
    return Schedule(trigger=Cron(line=line), timezone=timezone, **more)


def test_cron_follows_the_clock_of_its_zone_over_the_year() -> None:
    nightly = cron("0 3 1 * *", BERLIN)
    assert times(nightly, "2026-02-15") == [
        "2026-03-01 02:00", "2026-04-01 01:00", "2026-05-01 01:00",
    ]  # fmt: skip


def test_a_time_that_does_not_exist_is_left_out() -> None:
    nightly = cron("30 2 * * *", BERLIN)
    assert times(nightly, "2026-03-27T12:00") == [
        "2026-03-28 01:30", "2026-03-30 00:30", "2026-03-31 00:30",
    ]  # fmt: skip


def test_a_time_that_does_not_exist_can_be_shifted_behind_the_gap_and_fires_once() -> None:
    nightly = cron("0,15,30 2,3 * * *", BERLIN, dst=ClockChange(gap="shift"))
    assert times(nightly, "2026-03-29T00:00", 3) == [
        "2026-03-29 01:00", "2026-03-29 01:15", "2026-03-29 01:30",
    ]  # fmt: skip


def test_a_time_that_comes_twice_fires_once() -> None:
    nightly = cron("30 2 * * *", BERLIN)
    assert times(nightly, "2026-10-24T12:00") == [
        "2026-10-25 00:30", "2026-10-26 01:30", "2026-10-27 01:30",
    ]  # fmt: skip


def test_a_time_that_comes_twice_can_fire_each_time() -> None:
    nightly = cron("30 2 * * *", BERLIN, dst=ClockChange(fold="both"))
    assert times(nightly, "2026-10-24T12:00") == [
        "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-26 01:30",
    ]  # fmt: skip


def test_the_31st_of_february_never_fires() -> None:
    assert times(cron("0 0 31 2 *"), "2026-01-01") == []


def test_an_hour_that_is_always_skipped_never_fires() -> None:
    assert times(cron("30 2 * 3 L0", BERLIN), "2026-01-01") == []


def test_every_counts_from_when_it_was_adopted_and_not_from_now() -> None:
    often = Schedule(trigger=Every(interval=Duration(10 * MINUTE)))
    since = at("2026-01-01T00:03")
    assert next_after(often, since, since=since) == at("2026-01-01T00:13")
    assert next_after(often, at("2026-01-01T05:00"), since=since) == at("2026-01-01T05:03")


def test_every_with_a_start_counts_from_there() -> None:
    often = Schedule(trigger=Every(interval=HOUR), start=datetime(2026, 1, 1, 6))
    assert times(often, "2026-01-01T00:00", 2) == ["2026-01-01 06:00", "2026-01-01 07:00"]


def test_after_fires_once() -> None:
    late = Schedule(trigger=After(delay=HOUR))
    assert times(late, "2026-01-01T00:00") == ["2026-01-01 01:00"]


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        (datetime(2026, 7, 1, 12), BERLIN, ["2026-07-01 10:00"]),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), BERLIN, ["2026-07-01 12:00"]),
        (datetime(2026, 3, 29, 2, 30), BERLIN, []),
        (datetime(2026, 10, 25, 2, 30), BERLIN, ["2026-10-25 00:30"]),
    ],
)
def test_once_is_in_the_zone_unless_it_has_an_offset(moment, zone, expected) -> None:
    assert times(Schedule(trigger=Once(at=moment), timezone=zone), "2026-01-01") == expected


def test_once_in_a_gap_can_be_shifted_behind_it() -> None:
    moment = Once(at=datetime(2026, 3, 29, 2, 30))
    shifted = Schedule(trigger=moment, timezone=BERLIN, dst=ClockChange(gap="shift"))
    assert times(shifted, "2026-01-01") == ["2026-03-29 01:00"]


def test_start_may_fire_and_until_may_not() -> None:
    hourly = cron("0 * * * *", start=datetime(2026, 1, 1, 3), until=datetime(2026, 1, 1, 5))
    assert times(hourly, "2026-01-01T00:00") == ["2026-01-01 03:00", "2026-01-01 04:00"]


def test_it_fires_at_most_so_often() -> None:
    hourly = cron("0 * * * *", max_executions=2)
    assert times(hourly, "2026-01-01T00:00") == ["2026-01-01 01:00", "2026-01-01 02:00"]
    now = at("2026-01-01T00:00")
    assert next_after(hourly, now, since=now, executed=2) is None


def test_one_that_is_not_enabled_never_fires() -> None:
    assert times(cron("* * * * *", enabled=False), "2026-01-01") == []


def test_jitter_delays_by_less_than_it_says_and_the_same_for_the_same_seed() -> None:
    hourly = cron("0 * * * *", jitter=Duration(10 * MINUTE))
    firing = at("2026-01-01T01:00")
    delays = [jittered(hourly, firing, seed) - firing for seed in range(200)]
    assert delays == [jittered(hourly, firing, seed) - firing for seed in range(200)]
    assert all(0 <= delay < 10 * MINUTE for delay in delays)
    assert min(delays) < MINUTE
    assert max(delays) > 9 * MINUTE
    assert jittered(cron("0 * * * *"), firing, 7) == firing


def test_a_day_that_a_zone_leaves_out_is_left_out() -> None:
    noon = cron("0 12 * * *", "Pacific/Apia")
    start = at("2011-12-29T12:00")
    found = list(islice(firings(noon, start, since=start), 2))
    assert found[1] - found[0] == DAY
    assert found[0] == at("2011-12-29T22:00")
