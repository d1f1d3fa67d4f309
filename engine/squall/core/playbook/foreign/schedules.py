"""MockForge's schedules in a playbook's ``schedule``, and back.

Called by `orchestrations` and `mockforge`. Its times are UTC; its Cron is an hour, a minute and a
day of the week, each for every one when left out, but the minute, which is then 0.
"""

import re
from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.foreign.quantities import seconds
from squall.core.playbook.foreign.record import Record
from squall.core.playbook.source import Data
from squall.core.timing import LONGEST, SECOND, parse_duration

Node = dict[str, Data]

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_CRON: Final = re.compile(r"([0-9]+) (\*|[0-9]+) \* \* (\*|[0-6])")
_KINDS: Final = ("Once", "Delayed", "Periodic", "Cron")


def read_schedule(read: Record) -> Node:
    """The ``schedule`` of a ScheduledScenario; its counters are left."""
    inner = read.inner("schedule")
    assert inner is not None
    made = _kind(inner)
    inner.close()
    if not read.flag("enabled", default=True):
        made["enabled"] = False
    why = "how often it has run is kept beside the playbook, not in it"
    for key in ("execution_count", "last_executed", "next_execution"):
        if read.raw(key):
            read.leave(key, why)
    return made


def _kind(read: Record) -> Node:
    kind = read.text("type")
    if kind not in _KINDS:
        message = f"'type' takes {', '.join(_KINDS)}, not '{kind}'"
        read.note("type", "SQ505", message, severity=Severity.ERROR)
        return {"every": "1h"}
    if kind == "Once":
        return _once(read)
    if kind == "Delayed":
        return {"after": seconds(read.seconds("delay_seconds", 0))}
    made = _cron(read) if kind == "Cron" else _periodic(read)
    most = read.whole("max_executions", 0, most=10**9)
    return made | ({"max_executions": most} if most else {})


def _once(read: Record) -> Node:
    at = read.text("at")
    if not _TIME.fullmatch(at):
        message = f"'at' takes a time such as 2026-01-01T00:00:00Z, not '{at}'"
        read.note("at", "SQ505", message, severity=Severity.ERROR)
    return {"once": at}


def _periodic(read: Record) -> Node:
    interval = read.whole("interval_seconds", 3600, least=1, most=LONGEST // SECOND)
    return {"every": seconds(interval)}


def _cron(read: Record) -> Node:
    fields = []
    for key, most, absent in (("minute", 59, "0"), ("hour", 23, "*"), ("day_of_week", 6, "*")):
        value = read.whole(key, 0)
        if value > most:
            message = f"'{key}' takes 0 to {most}, not {value}"
            read.note(key, "SQ505", message, severity=Severity.ERROR)
        fields.append(str(min(value, most)) if read.given(key) else absent)
    minute, hour, day = fields
    return {"cron": f"{minute} {hour} * * {day}", "timezone": "UTC"}


def schedule_kind(node: Node) -> Node | None:
    """MockForge's ``schedule`` for one of a playbook's, as far as it can say when; else None."""
    most = node.get("max_executions", 0)
    if "once" in node:
        at = node["once"]
        return {"type": "Once", "at": at} if _TIME.fullmatch(str(at)) else None
    for key, kind, field in (("after", "Delayed", "delay_seconds"),
                             ("every", "Periodic", "interval_seconds")):  # fmt: skip
        if key in node:
            lasting = parse_duration(node[key])  # type: ignore[arg-type]  # the schema has looked
            if lasting is None or lasting % SECOND:
                return None
            made: Node = {"type": kind, field: lasting // SECOND}
            return made | ({"max_executions": most} if key == "every" else {})
    found = _CRON.fullmatch(str(node.get("cron", "")))
    if found is None or node.get("timezone", "UTC") != "UTC":
        return None
    minute, hour, day = found.groups()
    return {
        "type": "Cron",
        "hour": None if hour == "*" else int(hour),
        "minute": int(minute),
        "day_of_week": None if day == "*" else int(day),
        "max_executions": most,
    }


SAYABLE: Final = frozenset(
    {"once", "after", "every", "cron", "timezone", "max_executions", "enabled"}
)
"""The keys of a schedule that MockForge has a word for."""
