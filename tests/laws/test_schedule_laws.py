"""Schedules: what holds for any line in any zone, also in the weeks in which clocks are changed.

The oracle looks at every minute of some weeks and asks whether the clock on the wall fits; it knows
nothing of gaps and folds but what the clock shows.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from squall.core.schedule.model import ClockChange, Cron, Every, Schedule
from squall.core.schedule.triggers import firings, next_after
from squall.core.timing import DAY, MINUTE, SECOND, Duration, Instant

WEEKS = {
    "Europe/Berlin": ("2026-03-26", "2026-10-22"),
    "America/New_York": ("2026-03-05", "2026-10-29"),
    "Australia/Lord_Howe": ("2026-04-02", "2026-10-01"),
    "America/Santiago": ("2026-04-02", "2026-09-03"),
    "Africa/Casablanca": ("2026-02-12", "2026-03-19"),
    "Pacific/Apia": ("2011-12-27", "2012-03-29"),
    "UTC": ("2026-03-26", "2026-02-26"),
}
PLACES = [(zone, week) for zone, weeks in WEEKS.items() for week in weeks]
SPAN = timedelta(days=4)


@st.composite
def lines(draw) -> dict[str, set[int]]:
    """Cron fields as sets of what they let through."""

    def some(low: int, high: int, most: int) -> set[int]:
        chosen = st.sets(st.integers(low, high), min_size=1, max_size=most)
        return draw(st.just(set(range(low, high + 1))) | chosen)

    return {"minute": some(0, 59, 4), "hour": some(0, 23, 8), "weekday": some(0, 6, 6)}


def written(fields: dict[str, set[int]]) -> str:
    def field(name: str, size: int) -> str:
        return "*" if len(fields[name]) == size else ",".join(map(str, sorted(fields[name])))

    return f"{field('minute', 60)} {field('hour', 24)} * * {field('weekday', 7)}"


def fitting(fields: dict[str, set[int]], shown: datetime) -> bool:
    return (
        shown.minute in fields["minute"]
        and shown.hour in fields["hour"]
        and shown.isoweekday() % 7 in fields["weekday"]
    )


@cache
def minutes(zone: str, day: str) -> list[tuple[Instant, datetime, list[datetime]]]:
    """Every minute of some days: what the clock shows, and what it has just left out."""
    place, found = ZoneInfo(zone), []
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    end, before = moment + SPAN, None
    while moment < end:
        wall = moment.astimezone(place).replace(tzinfo=None)
        missing = 0 if before is None else (wall - before) // timedelta(minutes=1) - 1
        skipped = [wall - timedelta(minutes=back) for back in range(1, missing + 1)]
        found.append((Instant(int(moment.timestamp()) * SECOND), wall, skipped))
        moment, before = moment + timedelta(minutes=1), wall
    return found


def looked_at(fields: dict[str, set[int]], zone: str, day: str, dst: ClockChange) -> list[Instant]:
    """The oracle."""
    return [
        instant
        for instant, wall, skipped in minutes(zone, day)
        if (fitting(fields, wall) and (not wall.fold or dst.fold == "both"))
        or (dst.gap == "shift" and any(fitting(fields, one) for one in skipped))
    ]


def span(day: str) -> tuple[Instant, Instant]:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return (
        Instant(int(start.timestamp()) * SECOND - 1),
        Instant(int((start + SPAN).timestamp()) * SECOND),
    )


CHANGES = st.builds(
    ClockChange, gap=st.sampled_from(["skip", "shift"]), fold=st.sampled_from(["once", "both"])
)


@given(lines(), st.sampled_from(PLACES), CHANGES)
def test_no_time_is_left_out_and_none_is_added(fields, place, dst) -> None:
    zone, day = place
    schedule = Schedule(trigger=Cron(line=written(fields)), timezone=zone, dst=dst)
    start, end = span(day)
    found = list(takewhile(lambda one: one < end, firings(schedule, start, since=start)))
    assert found == looked_at(fields, zone, day, dst)


@given(lines(), st.sampled_from(PLACES), CHANGES, st.integers(0, int(SPAN.total_seconds())))
def test_from_any_moment_the_next_firing_is_the_first_of_those_behind_it(
    fields, place, dst, offset
) -> None:
    zone, day = place
    schedule = Schedule(trigger=Cron(line=written(fields)), timezone=zone, dst=dst)
    start, end = span(day)
    moment = Instant(start + offset * SECOND + 1)
    expected = [one for one in looked_at(fields, zone, day, dst) if one > moment]
    found = next_after(schedule, moment, since=start)
    assert found == expected[0] if expected else found is None or found >= end


SOME = lines().filter(lambda fields: len(fields["minute"]) < 60)
TRIGGERS = st.builds(Cron, line=SOME.map(written)) | st.builds(
    Every, interval=st.integers(20 * MINUTE, 3 * DAY).map(Duration)
)
SCHEDULES = st.builds(
    Schedule,
    trigger=TRIGGERS,
    timezone=st.sampled_from(sorted(WEEKS)),
    dst=CHANGES,
    max_executions=st.none() | st.integers(1, 50),
    start=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    until=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(
    lambda moment: Instant(int(moment.replace(tzinfo=UTC).timestamp()) * SECOND)
)


@given(SCHEDULES, MOMENTS)
def test_firings_are_later_and_later(schedule, since) -> None:
    found = [one for one, _ in zip(firings(schedule, since, since=since), range(60), strict=False)]
    assert all(earlier < later for earlier, later in pairwise([since, *found]))


@given(SCHEDULES, MOMENTS, st.integers(0, 30 * DAY))
def test_thirty_days_are_the_same_in_one_piece_and_in_two(schedule, since, first) -> None:
    end = since + 30 * DAY

    def within(start: int, until: int, executed: int) -> list[Instant]:
        found = firings(schedule, Instant(start), since=since, executed=executed)
        return list(takewhile(lambda one: one <= until, found))

    whole = within(since, end, 0)
    one = within(since, since + first, 0)
    assert one + within(since + first, end, len(one)) == whole
