"""Schedules and windows as values.

Built by `core.playbook.timetable` from a playbook's text and part of its canonical form. A time
without an offset is what a clock on a wall in `timezone` shows; one with an offset is kept in UTC.
What they mean is computed in `triggers` and `windows`.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from squall.core.timing import MINUTE, Duration

Plain = bool | int | float | str | None | tuple[bool | int | float | str | None, ...]
"""What an input can be set to."""


class _Value(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """As `core.faults.kinds.Value`, which stands beside this room and not below it."""


class Cron(_Value, frozen=True, kw_only=True, tag="cron"):
    """At every time of day and day that fits the line."""

    line: str


class Every(_Value, frozen=True, kw_only=True, tag="every"):
    """At even distances."""

    interval: Duration


class Once(_Value, frozen=True, kw_only=True, tag="once"):
    """At one time."""

    at: datetime


class After(_Value, frozen=True, kw_only=True, tag="after"):
    """Once, so long after the beginning."""

    delay: Duration


Trigger = Cron | Every | Once | After


class ClockChange(_Value, frozen=True, kw_only=True):
    """What becomes of a time of day that does not exist, or comes twice, when clocks are changed.

    `gap`: left out, or shifted to the moment the clock is put forward. `fold`: the first only, or
    both.
    """

    gap: Literal["skip", "shift"] = "skip"
    fold: Literal["once", "both"] = "once"


class Schedule(_Value, frozen=True, kw_only=True):
    """When runs start by themselves.

    `start` is the first moment at which it may fire, `until` the first at which it may not any
    more. `missed` and `deadline` decide about firings that come late, `concurrency` about those
    that meet a run that is not over.
    """

    trigger: Trigger
    timezone: str = "UTC"
    dst: ClockChange = ClockChange()
    jitter: Duration = Duration(0)
    start: datetime | None = None
    until: datetime | None = None
    max_executions: int | None = None
    enabled: bool = True
    missed: Literal["skip", "last", "all"] = "skip"
    deadline: Duration = MINUTE
    concurrency: Literal["skip", "queue", "replace", "allow"] = "skip"
    on_apply: bool = False
    inputs: tuple[tuple[str, Plain], ...] = ()


class Window(_Value, frozen=True, kw_only=True):
    """From each time that fits the cron line on, for `lasts`, runs are allowed or denied."""

    kind: Literal["allow", "deny"]
    line: str
    lasts: Duration
    timezone: str = "UTC"
    reason: str = ""
    overrun: Literal["cancel", "finish"] = "cancel"
