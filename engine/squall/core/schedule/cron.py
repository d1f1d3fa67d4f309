"""Cron lines: which days and times of day fit them.

The only door to croniter, whose grammar this is: names, ranges, steps, lists, L, W, # and, in a
sixth field before the others, seconds. Finding the next fit is our own walk over the calendar,
because croniter takes ten times as long and has its own mind about clock changes; here wall times
are numbers, and `triggers` decides what they mean in a zone. What croniter understands and a
schedule must not (dice, years, ranges that silently mean everything) is refused.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

_YEARS: Final = 50
_ALIASES: Final = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_FIELDS: Final = (
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last, 15W for the weekday nearest to the 15th"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7 or SUN to SAT, L5 for the last Friday, MON#2 for the 2nd Monday"),
)
_MARKS: Final = re.compile(r"[0-9A-Za-z*?,/#-]+")
_DICE: Final = re.compile(r"[hr](?:\(|/|$)", re.IGNORECASE)
_SAME: Final = re.compile(r"(?:^|,)(\w+)-\1(?:/|,|$)", re.IGNORECASE)


Allowed = frozenset[int] | None
"""What a field lets through; None: anything."""


class Malformed(ValueError):  # noqa: N818 - it says what the line is
    """A cron line that cannot be read: what is wrong with it, and what would be right."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Calendar:
    """The days and times of day that fit one cron line.

    When both the day of the month and that of the week are narrowed, either is enough.
    """

    def __init__(
        self,
        *,
        seconds: Allowed,
        minutes: Allowed,
        hours: Allowed,
        days: Allowed,
        months: Allowed,
        weekdays: Allowed,
        last_day: bool,
        nearest: Iterable[int],
        nth: Mapping[int, frozenset[int]],
    ) -> None:
        """Weekdays count from Sunday; `nth` has which of a month's are meant, 0 for the last."""
        self._seconds = sorted(range(60) if seconds is None else seconds)
        self._minutes = sorted(range(60) if minutes is None else minutes)
        self._hours = sorted(range(24) if hours is None else hours)
        self._days = days
        self._months = months
        self._weekdays = weekdays
        self._last_day = last_day
        self._nearest = tuple(nearest)
        self._nth = nth
        self._known: dict[tuple[int, int], list[int]] = {}

    @property
    def every_hour(self) -> bool:
        """Whether no hour of the day is left out."""
        return len(self._hours) == 24

    @property
    def longest_wait(self) -> int | None:
        """The most seconds between two fits when every day is alike, None when it is not."""
        narrowed = (self._months, self._days, self._weekdays)
        if any(narrow is not None for narrow in narrowed) or self._nth:
            return None
        times = [(hour * 60 + minute) * 60 for hour in self._hours for minute in self._minutes]
        return max(later - earlier for earlier, later in pairwise([*times, times[0] + 86_400]))

    def next_after(self, wall: datetime) -> datetime | None:
        """The first wall time later than this one that fits; None if none does in 50 years."""
        return self.first_from(wall + timedelta(seconds=1))

    def first_from(self, wall: datetime) -> datetime | None:
        """The first wall time at or after this one that fits, as `next_after`."""
        wall = wall.replace(microsecond=0, fold=0)
        year, month, day = wall.year, wall.month, wall.day
        time = self._time_from(wall.hour, wall.minute, wall.second)
        if time is None:
            time, day = self._first_time(), day + 1
        for _ in range(_YEARS * 12):
            days = self._days_of(year, month)
            index = bisect_left(days, day)
            if index < len(days):
                if (year, month, days[index]) != (wall.year, wall.month, wall.day):
                    time = self._first_time()
                return datetime(year, month, days[index], *time)  # noqa: DTZ001 - a wall time
            year, month, day = (year + 1, 1, 1) if month == 12 else (year, month + 1, 1)
        return None

    def _first_time(self) -> tuple[int, int, int]:
        return self._hours[0], self._minutes[0], self._seconds[0]

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        """The first time of day at or after this one."""
        hours, minutes, seconds = self._hours, self._minutes, self._seconds
        at = bisect_left(hours, hour)
        if at == len(hours) or hours[at] != hour:
            return (hours[at], minutes[0], seconds[0]) if at < len(hours) else None
        within = bisect_left(minutes, minute)
        if within < len(minutes) and minutes[within] == minute:
            last = bisect_left(seconds, second)
            if last < len(seconds):
                return hour, minute, seconds[last]
            within += 1
        if within < len(minutes):
            return hour, minutes[within], seconds[0]
        return (hours[at + 1], minutes[0], seconds[0]) if at + 1 < len(hours) else None

    def _days_of(self, year: int, month: int) -> list[int]:
        """The days of a month that fit, in order."""
        if self._months is not None and month not in self._months:
            return []
        if (year, month) not in self._known:
            self._known[year, month] = sorted(self._fitting(year, month))
        return self._known[year, month]

    def _fitting(self, year: int, month: int) -> Iterable[int]:
        first, length = monthrange(year, month)
        days = range(1, length + 1)
        by_date = self._by_date(first, length)
        by_week = self._by_week(first, length)
        if by_date is None:
            return days if by_week is None else by_week
        return by_date if by_week is None else by_date | by_week

    def _by_date(self, first: int, length: int) -> set[int] | None:
        if self._nearest:
            return {_nearest_weekday(min(day, length), first, length) for day in self._nearest}
        if self._days is None:
            return None
        last = {length} if self._last_day else set()
        return {day for day in self._days if day <= length} | last

    def _by_week(self, first: int, length: int) -> AbstractSet[int] | None:
        # Python counts weekdays from Monday, cron from Sunday.
        found: set[int] = set()
        for weekday, which in self._nth.items():
            days = range((weekday - 1 - first) % 7 + 1, length + 1, 7)
            found.update(days[one - 1] for one in which if one <= len(days))
        if self._nth:
            return found
        if self._weekdays is None:
            return None
        return _on(self._weekdays, first, length)


@lru_cache(maxsize=1024)
def _on(weekdays: frozenset[int], first: int, length: int) -> frozenset[int]:
    """The days of a month that are one of those of the week."""
    return frozenset(day for day in range(1, length + 1) if (first + day) % 7 in weekdays)


def _nearest_weekday(day: int, first: int, length: int) -> int:
    """The weekday nearest to a day, within its month."""
    weekday = (first + day - 1) % 7
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day


@lru_cache(maxsize=1024)
def parse(line: str) -> Calendar:
    """Read a cron line; raises `Malformed` with the field that cannot be read."""
    written = line.strip().casefold()
    fields = [] if written in _ALIASES else _fields(line)
    import croniter  # noqa: PLC0415 - slow, only for schedules

    try:
        read = croniter.croniter(written, 0.0, second_at_beginning=True)
    except ValueError:
        raise _misread(fields) from None
    expanded: list[list[Any]] = read.expanded
    minutes, hours, days, months, weekdays, *seconds = map(_allowed, expanded)
    return Calendar(
        seconds=seconds[0] if seconds else frozenset({0}),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=weekdays,
        last_day="l" in expanded[2],
        nearest=read.nearest_weekday,
        nth={
            weekday: frozenset(0 if one == "l" else int(one) for one in which)
            for weekday, which in read.nth_weekday_of_month.items()
        },
    )


def _allowed(values: list[Any]) -> Allowed:
    return None if "*" in values else frozenset(one for one in values if one != "l")


def _fields(line: str) -> list[str]:
    """The fields of a line; refuses what croniter would read and nobody means."""
    fields = line.split()
    if line.lstrip().startswith("@"):
        every = line.strip().casefold().startswith("@every")
        hint = "write every: 5m" if every else ", ".join(sorted(_ALIASES))
        raise Malformed(f"'{line}' is not a cron line", hint)
    if len(fields) not in {5, 6}:
        counted = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        hint = "minute, hour, day of the month, month, day of the week; a second may stand first"
        raise Malformed(f"this cron line has {counted}; it takes 5, or 6", hint)
    for (name, choices), field in zip(_names(fields), fields, strict=True):
        same = _SAME.search(field)
        if same:
            message = f"'{field}' is not a range: its ends are equal"
            raise Malformed(message, f"write {same[1]}, or * for every {name}")
        if not _MARKS.fullmatch(field) or _DICE.match(field):
            raise Malformed(f"'{field}' cannot stand for the {name}", f"{name}: {choices}")
    days = fields[-1].split(",")
    if 0 < sum("#" in day or day[0] in "lL" for day in days if day) < len(days):
        message = f"'{fields[-1]}' mixes days of every week with days of some"
        raise Malformed(message, "write a schedule for each of them")
    return fields


def _names(fields: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return _FIELDS[-len(fields) :]


def _misread(fields: list[str]) -> Malformed:
    """What to say of a line that croniter does not read: the field at which it stops."""
    for index, ((name, choices), field) in enumerate(zip(_names(fields), fields, strict=True)):
        alone = ["*"] * len(fields)
        alone[index] = field
        if not _is_read(" ".join(alone)):
            return Malformed(f"'{field}' cannot stand for the {name}", f"{name}: {choices}")
    return Malformed("these fields do not go together", "write a schedule for each of them")


def _is_read(line: str) -> bool:
    import croniter  # noqa: PLC0415 - slow, only for schedules

    try:
        croniter.croniter.expand(line, second_at_beginning=True)
    except ValueError:
        return False
    return True
