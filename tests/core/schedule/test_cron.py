"""Cron lines: what fits them, and what is said of those that cannot be read."""

from contextlib import suppress
from datetime import datetime, timedelta

import croniter
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.core.schedule.cron import Malformed, parse

MONDAY = datetime(2026, 6, 1)


def fits(line: str, count: int = 3, since: datetime = MONDAY) -> list[str]:
    calendar, found = parse(line), []
    wall = calendar.first_from(since)
    while wall is not None and len(found) < count:
        found.append(f"{wall:%a %Y-%m-%d %H:%M:%S}")
        wall = calendar.next_after(wall)
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 2 * * 1-5", ["Mon 2026-06-01 02:00:00", "Tue 2026-06-02 02:00:00"]),
        ("*/20 9-10 * * *", ["Mon 2026-06-01 09:00:00", "Mon 2026-06-01 09:20:00"]),
        ("15,45 0 * jul SUN", ["Sun 2026-07-05 00:15:00", "Sun 2026-07-05 00:45:00"]),
        ("0 0 L * *", ["Tue 2026-06-30 00:00:00", "Fri 2026-07-31 00:00:00"]),
        ("0 0 * * L5", ["Fri 2026-06-26 00:00:00", "Fri 2026-07-31 00:00:00"]),
        ("0 0 * * mon#2", ["Mon 2026-06-08 00:00:00", "Mon 2026-07-13 00:00:00"]),
        ("0 0 14W * *", ["Mon 2026-06-15 00:00:00", "Tue 2026-07-14 00:00:00"]),
        ("*/30 0 0 1 1 *", ["Fri 2027-01-01 00:00:00", "Fri 2027-01-01 00:00:30"]),
        ("0 12 ? * 7", ["Sun 2026-06-07 12:00:00", "Sun 2026-06-14 12:00:00"]),
        ("0 0 1 * 1", ["Mon 2026-06-01 00:00:00", "Mon 2026-06-08 00:00:00"]),
        ("0 0 * * fri-mon", ["Mon 2026-06-01 00:00:00", "Fri 2026-06-05 00:00:00"]),
        ("0 0 29 2 *", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00"]),
        ("@daily", ["Mon 2026-06-01 00:00:00", "Tue 2026-06-02 00:00:00"]),
    ],
)
def test_the_whole_grammar_is_understood(line: str, expected: list[str]) -> None:
    assert fits(line, 2) == expected


@pytest.mark.parametrize("line", ["0 0 31 2 *", "0 0 31 4,6,9,11 *", "0 0 30 2 *"])
def test_a_day_that_never_comes_never_fits(line: str) -> None:
    assert fits(line) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("61 * * * *", "'61' cannot stand for the minute"),
        ("* 24 * * *", "'24' cannot stand for the hour"),
        ("* * 0 * *", "'0' cannot stand for the day of the month"),
        ("* * * 13 *", "'13' cannot stand for the month"),
        ("* * * * mo", "'mo' cannot stand for the day of the week"),
        ("60 * * * * *", "'60' cannot stand for the second"),
        ("*/0 * * * *", "'*/0' cannot stand for the minute"),
        ("H * * * *", "'H' cannot stand for the minute"),
        ("R(0-5)/2 * * * *", "'R(0-5)/2' cannot stand for the minute"),
        ("0 0 * * 5L", "'5L' cannot stand for the day of the week"),
        ("5-5 * * * *", "'5-5' is not a range: its ends are equal"),
        ("0 2 * *", "this cron line has 4 fields; it takes 5, or 6"),
        ("0 0 2 * * * 2027", "this cron line has 7 fields; it takes 5, or 6"),
        ("hourly", "this cron line has 1 field; it takes 5, or 6"),
        ("0 0 * * 1,MON#1", "'1,MON#1' mixes days of every week with days of some"),
        ("@reboot", "'@reboot' is not a cron line"),
        ("@every 5m", "'@every 5m' is not a cron line"),
        ("* * * * *\x00", "'*\x00' cannot stand for the day of the week"),
    ],
)
def test_what_cannot_be_read_is_named(line: str, message: str) -> None:
    with pytest.raises(Malformed) as told:
        parse(line)
    assert told.value.message == message
    assert told.value.hint


@given(
    st.text(max_size=40)
    | st.lists(st.text("*/,-?#0123456789LWlwadMONHR ", max_size=6)).map(" ".join)
)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Malformed):
        parse(text).first_from(MONDAY)


def one_or_all(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    several = st.lists(number, min_size=1, max_size=4).map(lambda all_: ",".join(map(str, all_)))
    reach = st.tuples(number, number).filter(lambda two: two[0] < two[1])
    return st.one_of(
        st.just("*"),
        several,
        st.integers(2, high).map(lambda step: f"*/{step}"),
        reach.map(lambda two: f"{two[0]}-{two[1]}"),
    )


DATES = one_or_all(1, 31) | st.sampled_from(["L", "1,L"])
WEEKDAYS = one_or_all(0, 6)
ONE_OF_THEM = st.one_of(
    st.tuples(DATES, WEEKDAYS),
    st.tuples(st.integers(1, 31).map(lambda day: f"{day}W"), st.just("*")),
    st.tuples(st.just("*"), st.sampled_from(["L0", "L5", "2#1", "MON#5", "1#2,3#4"])),
)


@given(
    one_or_all(0, 59), one_or_all(0, 23), one_or_all(1, 12), ONE_OF_THEM,
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_the_walk_agrees_with_croniter(minute, hour, month, days, since) -> None:
    line = f"{minute} {hour} {days[0]} {month} {days[1]}"
    since = since.replace(microsecond=0)
    theirs = croniter.croniter(line, since, ret_type=datetime)
    calendar, wall = parse(line), since
    for _ in range(10):
        found = calendar.next_after(wall)
        try:
            expected = theirs.get_next()
        except croniter.CroniterBadDateError:
            assert found is None
            return
        assert found == expected
        assert found is not None
        wall = found


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))
def test_seconds_stand_first(since) -> None:
    found = parse("*/15 * * * * *").next_after(since)
    assert found is not None
    assert timedelta(0) < found - since.replace(microsecond=0) <= timedelta(seconds=15)
    assert found.second % 15 == 0
