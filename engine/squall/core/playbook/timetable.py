"""Schedules, windows and gates from checked data; every bad line, zone and time at its place.

Called by `build`, a function for each key. What a schedule means on the calendar is asked in
`firing`, which needs the whole playbook.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from squall.core.diagnostics import short
from squall.core.playbook.gates import Approval, Dependency, Suspension
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.schedule.cron import Malformed, parse
from squall.core.schedule.model import (
    After,
    ClockChange,
    Cron,
    Every,
    Once,
    Plain,
    Schedule,
    Trigger,
    Window,
)
from squall.core.schedule.zones import nearest_zone, zone
from squall.core.timing import DAY, LONGEST, MINUTE, YEARS, Duration, parse_time

TRIGGERS: Final = ("cron", "every", "once", "after")
_PLAIN: Final = ("record", "renamed_from", "on_change", "on_delete", "on_suspend", "on_crash")
_HARMLESS: Final = Every(interval=LONGEST)
_ALWAYS: Final = "* * * * *"
_OPEN: Final = Window(kind="allow", line=_ALWAYS, lasts=DAY)

Node = Mapping[str, Any]


def written_schedules(node: Node) -> Iterator[tuple[Path, Node]]:
    """Each schedule as it is written, and its path."""
    written = node.get("schedule", [])
    if isinstance(written, dict):
        yield ("schedule",), written
    else:
        yield from ((("schedule", index), one) for index, one in enumerate(written))


def when(path: Path, schedule: Schedule) -> Path:
    """Where a schedule says when it fires."""
    keys = {Cron: "cron", Every: "every", Once: "once", After: "after"}
    return (*path, keys[type(schedule.trigger)])


def build_schedules(places: Places, node: Node) -> tuple[Schedule, ...]:
    """Every schedule, with a harmless one in place of what cannot be read."""
    return tuple(_schedule(places, path, one) for path, one in written_schedules(node))


def _schedule(places: Places, path: Path, node: Node) -> Schedule:
    before = len(places.found)
    dst = node.get("dst", {})
    schedule = Schedule(
        trigger=_trigger(places, path, node),
        timezone=_zone(places, path, node),
        dst=ClockChange(gap=dst.get("gap", "skip"), fold=dst.get("fold", "once")),
        jitter=_duration(places, path, node, "jitter") or Duration(0),
        start=_time(places, path, node, "start"),
        until=_time(places, path, node, "until"),
        max_executions=int(node["max_executions"]) if "max_executions" in node else None,
        enabled=node.get("enabled", True),
        missed=node.get("missed", "skip"),
        deadline=_lasting(places, path, node, "deadline") or MINUTE,
        concurrency=node.get("concurrency", "skip"),
        on_apply=node.get("on_apply", False),
        inputs=tuple(sorted(_inputs(places, path, node.get("inputs", {})))),
    )
    start, until = schedule.start, schedule.until
    if start is not None and until is not None and _in_utc(until) <= _in_utc(start):
        message = f"'{node['until']}' is not later than 'start', '{node['start']}'"
        hint = "no run starts before 'start', and none from 'until' on"
        places.note((*path, "until"), "SQ106", message, hint)
    return schedule if len(places.found) == before else Schedule(trigger=_HARMLESS)


def _trigger(places: Places, path: Path, node: Node) -> Trigger:
    seen = [key for key in TRIGGERS if key in node]
    if len(seen) != 1:
        keys = " and ".join(f"'{key}'" for key in seen)
        message = (
            f"{keys} stand in one schedule"
            if seen
            else "this schedule does not say when: 'cron', 'every', 'once' or 'after' is missing"
        )
        hint = "write a list of schedules" if seen else "for example every: 6h"
        where = (*path, seen[1]) if seen else path
        places.note(where, "SQ108", message, hint, key=True)
        return _HARMLESS
    key = seen[0]
    match key:
        case "cron":
            line = _line(places, (*path, key), node[key])
            return _HARMLESS if line is None else Cron(line=line)
        case "every":
            return Every(interval=places.lasting((*path, key), node[key], LONGEST))
        case "after":
            return After(delay=places.duration((*path, key), node[key]))
    at = _time(places, path, node, key)
    return _HARMLESS if at is None else Once(at=at)


def build_windows(places: Places, node: Node) -> tuple[Window, ...]:
    """Every window, always open in place of one that cannot be read."""
    written = enumerate(node.get("windows", []))
    return tuple(_window(places, ("windows", index), one) for index, one in written)


def _window(places: Places, path: Path, node: Node) -> Window:
    before = len(places.found)
    seen = [key for key in ("allow", "deny") if key in node]
    if len(seen) != 1:
        message = (
            "'allow' and 'deny' stand in one window" if seen else "'allow' or 'deny' is missing"
        )
        hint = "write two windows" if seen else "for example deny: 0 18 * * FRI"
        places.note((*path, "deny") if seen else path, "SQ108", message, hint, key=True)
    key = seen[0] if seen else ""
    window = Window(
        kind="allow" if key == "allow" else "deny",
        line=(_line(places, (*path, key), node[key]) if key else None) or _ALWAYS,
        lasts=places.lasting((*path, "for"), node["for"], DAY),
        timezone=_zone(places, path, node),
        reason=node.get("reason", ""),
        overrun=node.get("overrun", "cancel"),
    )
    return window if len(places.found) == before else _OPEN


def build_suspension(places: Places, node: Node) -> Suspension | None:
    """Why and how long the playbook is suspended, or None when it is not."""
    written = node.get("suspend", False)
    if isinstance(written, bool):
        return Suspension() if written else None
    until = _time(places, ("suspend",), written, "until")
    if until is not None and until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return Suspension(reason=written.get("reason", ""), until=until)


def build_dependencies(places: Places, node: Node) -> tuple[Dependency, ...]:
    """The playbooks that must have passed, each once."""
    found: dict[str, Dependency] = {}
    for index, written in enumerate(node.get("depends_on", [])):
        path: Path = ("depends_on", index)
        name = written if isinstance(written, str) else written["name"]
        within = None
        if not isinstance(written, str):
            within = _lasting(places, path, written, "passed_within")
        if name == node["name"]:
            message = f"'{name}' depends on itself, and would never run"
            places.note(path, "SQ252", message, "take it out of 'depends_on'")
        found.setdefault(name, Dependency(name=name, passed_within=within))
    return tuple(found[name] for name in sorted(found))


def build_approval(places: Places, node: Node) -> Approval | None:
    """Who must say yes, or None when nobody must."""
    written = node.get("approval")
    if written is None:
        return None
    by = written.get("by", [])
    return Approval(
        by=(by,) if isinstance(by, str) else tuple(sorted(set(by))),
        expires=_lasting(places, ("approval",), written, "expires"),
    )


def plain_policies(node: Node) -> dict[str, Any]:
    """The keys of this kind that are in the model as they are written."""
    return {key: node[key] for key in _PLAIN if key in node}


def _line(places: Places, path: Path, written: str) -> str | None:
    try:
        parse(written)
    except Malformed as wrong:
        places.note(path, "SQ105", wrong.message, wrong.hint)
        return None
    return " ".join(written.split())


def _zone(places: Places, path: Path, node: Node) -> str:
    name: str = node.get("timezone", "UTC")
    if zone(name) is not None:
        return name
    close = nearest_zone(name)
    hint = f"did you mean '{close}'?" if close else "write UTC, or a name as Europe/Berlin"
    message = f"there is no time zone '{short(name)}'"
    places.note((*path, "timezone"), "SQ251", message, hint)
    return "UTC"


def _time(places: Places, path: Path, node: Node, key: str) -> datetime | None:
    if key not in node:
        return None
    time = parse_time(node[key])
    if time is None:
        message = f"there is no time '{short(node[key])}'"
        hint = f"a day of the calendar from {YEARS.start} to {YEARS.stop - 1}, hours up to 23"
        places.note((*path, key), "SQ106", message, hint)
    return time


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _inputs(places: Places, path: Path, written: Node) -> Iterator[tuple[str, Plain]]:
    for name, value in written.items():
        if not isinstance(value, list):
            yield name, value
        elif all(isinstance(one, bool | int | float | str | None) for one in value):
            yield name, tuple(value)
        else:
            message = "a list holds plain values here"
            places.note((*path, "inputs", name), "SQ103", message, "for example [502, 503]")


def _duration(places: Places, path: Path, node: Node, key: str) -> Duration | None:
    return places.duration((*path, key), node[key]) if key in node else None


def _lasting(places: Places, path: Path, node: Node, key: str) -> Duration | None:
    return places.lasting((*path, key), node[key], LONGEST) if key in node else None
