"""When does a schedule fire next?

Pure and without memory: what a schedule did so far is handed in. Wall times become moments here:
one that does not exist is left out unless the schedule says ``gap: shift``, one that comes twice
counts once unless it says ``fold: both``. Whether a run then starts is decided by who asks.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Final, assert_never

from squall.core.schedule.cron import Calendar, parse
from squall.core.schedule.model import After, ClockChange, Cron, Every, Once, Schedule
from squall.core.schedule.zones import change_at, instant_of, instants, wall, zone
from squall.core.timing import Instant

_GAPS: Final = 50
"""After so many fits in a row at times that do not exist, none ever will."""


def next_after(
    schedule: Schedule, instant: Instant, *, since: Instant, executed: int = 0
) -> Instant | None:
    """The first firing later than `instant`, or None if it never fires again.

    `since`: when the schedule was first adopted, from which `every` and `after` count unless it
    has a `start`. `executed`: how many runs it has started so far.
    """
    most = schedule.max_executions
    if not schedule.enabled or (most is not None and executed >= most):
        return None
    place = zone_of(schedule.timezone)
    start, until = _moment(schedule.start, place), _moment(schedule.until, place)
    later = instant if start is None else Instant(max(instant, start - 1))
    found = _fires(schedule, later, since, place, start)
    return None if found is None or (until is not None and found >= until) else found


def firings(
    schedule: Schedule, instant: Instant, *, since: Instant, executed: int = 0
) -> Iterator[Instant]:
    """Every firing later than `instant`, in order, as if each started a run."""
    following = next_after(schedule, instant, since=since, executed=executed)
    while following is not None:
        yield following
        executed += 1
        following = next_after(schedule, following, since=since, executed=executed)


def jittered(schedule: Schedule, firing: Instant, seed: int) -> Instant:
    """When the run of a firing starts: up to `jitter` later, the same for the same seed."""
    drawn = hashlib.blake2b(f"{seed} {firing}".encode(), digest_size=8).digest()
    return Instant(firing + (int.from_bytes(drawn) * schedule.jitter >> 64))


def zone_of(name: str) -> tzinfo:
    """The zone of a schedule or window that was built, whose name is known."""
    place = zone(name)
    assert place is not None
    return place


def cron_after(
    calendar: Calendar, instant: Instant, place: tzinfo, dst: ClockChange
) -> Instant | None:
    """The first moment later than `instant` at which a clock there fits the calendar."""
    shown = wall(instant, place)
    twice = instants(shown, place)
    again = None
    if len(twice) == 2:
        # Clocks are put back around this moment: what they show comes, or came, a second time.
        change = change_at(shown, place)
        if dst.fold == "both":
            begin = shown if shown.fold else change.after - timedelta(seconds=1)
            again = _second(calendar, begin, place)
        if shown.fold:
            shown = change.before - timedelta(seconds=1)
    first = _first(calendar, shown, place, dst)
    return min((one for one in (first, again) if one is not None), default=None)


def _first(calendar: Calendar, shown: datetime, place: tzinfo, dst: ClockChange) -> Instant | None:
    """The next fit counted once; one in a gap is left out or comes when the gap is over."""
    for _ in range(_GAPS):
        fit = calendar.next_after(shown)
        if fit is None:
            return None
        found = instants(fit, place)
        if found:
            return found[0]
        change = change_at(fit, place)
        if dst.gap == "shift":
            return change.at
        shown = change.after - timedelta(seconds=1)
    return None


def _second(calendar: Calendar, shown: datetime, place: tzinfo) -> Instant | None:
    """The next fit, if it comes twice, when it comes again."""
    fit = calendar.next_after(shown)
    found = () if fit is None else instants(fit, place)
    return found[1] if len(found) == 2 else None


def _fires(
    schedule: Schedule, later: Instant, since: Instant, place: tzinfo, start: Instant | None
) -> Instant | None:
    match schedule.trigger:
        case Cron(line=line):
            return cron_after(parse(line), later, place, schedule.dst)
        case Every(interval=interval):
            origin = since if start is None else start
            turns = (later - origin) // interval + 1
            return Instant(origin + max(turns, int(start is None)) * interval)
        case After(delay=delay):
            at = Instant((since if start is None else start) + delay)
        case Once(at=written):
            found = instant_of(written, place)
            if found is None:
                if schedule.dst.gap == "skip":
                    return None
                found = change_at(written.replace(microsecond=0), place).at
            at = found
        case _:
            assert_never(schedule.trigger)
    return at if at > later else None


def _moment(written: datetime | None, place: tzinfo) -> Instant | None:
    """A bound of a schedule; one that does not exist is when the clock is put forward."""
    if written is None:
        return None
    found = instant_of(written, place)
    return change_at(written.replace(microsecond=0), place).at if found is None else found
