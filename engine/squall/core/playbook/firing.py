"""Do the schedules of a playbook make sense? On which clock they fire, how often, whether ever.

Called by `checks`. A linter has no clock, and the same file has the same findings every day: when
that begins is told by `core.schedule.horizon`. What several playbooks do to each other is
asked in `across`.
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice, pairwise, takewhile
from typing import Any, Final

import msgspec

from squall.core.diagnostics import Severity
from squall.core.playbook.endings import lasts
from squall.core.playbook.model import Playbook
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.playbook.timetable import when, written_schedules
from squall.core.schedule.cron import parse
from squall.core.schedule.horizon import A_YEAR, LOOK_FROM, beginning, has_known_times
from squall.core.schedule.model import Cron, Every, Once, Schedule, Window
from squall.core.schedule.triggers import firings, next_after, zone_of
from squall.core.schedule.windows import allowed_from, is_allowed, next_opening
from squall.core.schedule.zones import Change, changes, instant_of
from squall.core.timing import Duration, Instant, format_duration, format_instant

_END: Final = Instant(LOOK_FROM + A_YEAR)
_CHANGES: Final = 10
"""How many years of clock changes are looked at."""
_SAMPLE: Final = 30
_FOR_EVER: Final = float("inf")
_MOST: Final = 1_500
"""With more firings a year nobody looks whether windows deny all of them."""

Node = Mapping[str, Any]


def check_firing(places: Places, playbook: Playbook) -> None:
    """Note every schedule and window that cannot be meant."""
    document = places.document.data
    assert isinstance(document, dict)
    own = playbook.windows[len(places.around.windows) :]
    opening = check_windows(places, own, playbook.windows)
    for (path, node), schedule in zip(written_schedules(document), playbook.schedule, strict=True):
        if schedule.enabled:
            _schedule(places, path, node, schedule)
            _pace(places, path, node, schedule, playbook)
            if opening:
                _denied(places, path, schedule, playbook.windows)


# -- one schedule ---------------------------------------------------------------------------------


def _schedule(places: Places, path: Path, node: Node, schedule: Schedule) -> None:
    since = beginning(schedule)
    trigger = schedule.trigger
    bare = isinstance(trigger, Once) and trigger.at.tzinfo is None
    hours = isinstance(trigger, Cron) and not parse(trigger.line).every_hour
    if "timezone" not in node and (bare or hours):
        _no_zone(places, (*path, "once" if bare else "cron"))
    if next_after(schedule, Instant(since - 1), since=since) is None:
        _never(places, path, schedule)
    elif isinstance(trigger, Cron):
        _clock_changes(places, path, node, schedule, trigger)


def _no_zone(places: Places, path: Path) -> None:
    places.note(
        path, "SQ354", "these hours are in UTC, as no time zone is named",
        "say which clock is meant, for example timezone: Europe/Berlin, or timezone: UTC",
        severity=Severity.WARNING,
    )  # fmt: skip


def _never(places: Places, path: Path, schedule: Schedule) -> None:
    trigger, since = schedule.trigger, beginning(schedule)
    unbounded = msgspec.structs.replace(schedule, start=None, until=None)
    if next_after(unbounded, Instant(since - 1), since=since) is not None:
        message = "this schedule never fires: its first time is not before its 'until'"
        hint = "put 'until' later"
        if isinstance(trigger, Once):
            message = "this schedule never fires: its time is not between its 'start' and 'until'"
            hint = "leave 'start' and 'until' out"
        places.note(when(path, schedule), "SQ351", message, hint)
    elif isinstance(trigger, Once):
        message = f"this schedule never fires: {_at(trigger.at)} does not exist in "
        _never_exists(places, (*path, "once"), message + schedule.timezone)
    elif isinstance(trigger, Cron):
        where = (*path, "cron")
        if parse(trigger.line).first_from(datetime(2026, 1, 1)) is None:  # noqa: DTZ001 - on a wall
            message = f"this schedule never fires: no day fits '{trigger.line}'"
            places.note(where, "SQ351", message, "choose a day that comes")
        else:
            message = "this schedule never fires: all its times are skipped by the clocks of "
            _never_exists(places, where, message + schedule.timezone)


def _never_exists(places: Places, path: Path, message: str) -> None:
    hint = "choose another hour, or say dst: {gap: shift}"
    places.note(path, "SQ351", message, hint)


def _clock_changes(
    places: Places, path: Path, node: Node, schedule: Schedule, trigger: Cron
) -> None:
    """The first run that a clock change swallows, and the first that it would double."""
    calendar = parse(trigger.line)
    place = zone_of(schedule.timezone)
    until = None if schedule.until is None else instant_of(schedule.until, place)
    settled = set(node.get("dst", {}))
    if calendar.every_hour:
        settled.add("gap")  # the hour before and the hour after meet: no run is missed
    for change in changes(schedule.timezone, beginning(schedule), _CHANGES):
        kind = "gap" if change.after > change.before else "fold"
        fit = calendar.first_from(min(change.before, change.after))
        over = until is not None and change.at >= until
        if kind in settled or over or fit is None or fit >= max(change.before, change.after):
            continue
        settled.add(kind)
        where, day = (*path, "cron"), f"on {fit:%Y-%m-%d} in {schedule.timezone}"
        if kind == "gap":
            places.note(
                where, "SQ352", f"{fit:%H:%M} does not exist {day}: that run is left out",
                "choose another hour, or say dst: {gap: shift}, or {gap: skip} if that is meant",
                severity=Severity.WARNING,
            )  # fmt: skip
        elif calendar.every_hour:
            places.note(
                where, "SQ353", f"{_span(change)} comes twice {day}: no run the second time",
                "say dst: {fold: both}, or {fold: once} if that is meant",
                severity=Severity.WARNING,
            )  # fmt: skip
        else:
            places.note(
                where, "SQ353", f"{fit:%H:%M} comes twice {day}: the run is the first time",
                "say dst: {fold: both} for a run each time", severity=Severity.NOTE,
            )  # fmt: skip


def _pace(places: Places, path: Path, node: Node, schedule: Schedule, playbook: Playbook) -> None:
    """Runs that come closer together than they, their jitter or their deadline last."""
    if not {"jitter", "deadline", "concurrency"}.intersection(node):
        return
    shortest, average = _distances(schedule)
    for key in ("jitter", "deadline"):
        written: Duration = getattr(schedule, key)
        if key in node and written > shortest:
            places.note(
                (*path, key), "SQ356",
                f"{key!r} is {format_duration(written)}, and the next run is due after "
                f"{format_duration(int(shortest))}",
                "make it shorter than the time between two runs", severity=Severity.WARNING,
            )  # fmt: skip
    takes, between = lasts(playbook), shortest
    if schedule.concurrency == "queue":
        between = average
    if schedule.concurrency in {"queue", "allow"} and takes > between:
        then = {
            "queue": "the queue never gets shorter",
            "allow": "runs meet on their targets, and all but one are refused",
        }[schedule.concurrency]
        places.note(
            (*path, "concurrency"), "SQ355",
            f"a run takes {format_duration(takes)} at least, and the next is due after "
            f"{format_duration(int(between))}: {then}",
            "run it less often, or say concurrency: skip", severity=Severity.WARNING,
        )  # fmt: skip


def _distances(schedule: Schedule) -> tuple[float, float]:
    """The shortest and the average time between two firings."""
    if isinstance(schedule.trigger, Every):
        return schedule.trigger.interval, schedule.trigger.interval
    since = beginning(schedule)
    some = list(islice(firings(schedule, Instant(since - 1), since=since), _SAMPLE))
    if len(some) < 2:
        return _FOR_EVER, _FOR_EVER
    shortest = min(later - earlier for earlier, later in pairwise(some))
    return shortest, (some[-1] - some[0]) / (len(some) - 1)


# -- windows --------------------------------------------------------------------------------------


def check_windows(places: Places, own: tuple[Window, ...], windows: tuple[Window, ...]) -> bool:
    """Note windows that never open; says whether any moment is left for runs.

    `own` are those of the document, `windows` all that are asked.
    """
    before = len(places.found)
    document = places.document.data
    assert isinstance(document, dict)
    written: Any = document.get("windows", [])
    for index, (node, window) in enumerate(zip(written, own, strict=True)):
        path = ("windows", index, window.kind)
        if next_opening(window, LOOK_FROM) is None:
            message = f"this window never opens: no day fits '{window.line}'"
            places.note(path, "SQ351", message, "choose a day that comes")
        elif "timezone" not in node and not parse(window.line).every_hour:
            _no_zone(places, path)
    failed = any(finding.code == "SQ351" for finding in places.found[before:])
    if failed or not own or allowed_from(windows, LOOK_FROM, _END):
        return not failed
    places.note(
        ("windows",), "SQ357", "these windows never let a run start: what one allows others deny",
        "deny wins over allow: make a window that denies shorter", key=True,
    )  # fmt: skip
    return False


def _denied(places: Places, path: Path, schedule: Schedule, windows: tuple[Window, ...]) -> None:
    """Whether windows deny whatever a schedule fires within a year."""
    if not windows or not has_known_times(schedule):
        return
    since = beginning(schedule)
    year = takewhile(
        lambda firing: firing < since + A_YEAR,
        firings(schedule, Instant(since - 1), since=since),
    )
    first = None
    for number, firing in enumerate(year, 1):
        if number == _MOST or is_allowed(windows, firing):
            return
        first = first or firing
    if first is not None:
        places.note(
            when(path, schedule), "SQ358",
            f"windows deny every run of this schedule, the first at {format_instant(first)}",
            "change its hours, or the windows", severity=Severity.WARNING,
        )  # fmt: skip


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _span(change: Change) -> str:
    low, high = sorted((change.before, change.after))
    return f"{low:%H:%M} to {high:%H:%M}"
