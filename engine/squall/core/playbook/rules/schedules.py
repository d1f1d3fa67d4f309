"""SQ35x: when playbooks run, and when they may. Part of what is about safety.

A linter has no clock: what has no beginning of its own is looked at from 2026 on, a year of firings
and ten years of clock changes, so that the same file has the same findings every day.
"""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_WHEN: Final = """name: example
%s
targets:
  shop: {http: {listen: "127.0.0.1:7070", upstream: "http://127.0.0.1:8080"}}
steps:
  - {name: slow, duration: 5m, scenario: {latency: 1s}}
"""
_CRON: Final = _WHEN % "schedule: {cron: %s}"
_EVERY: Final = _WHEN % "schedule: {every: 10m, %s}"
_OFFICE: Final = (
    _WHEN
    % """schedule: {cron: 0 %d * * MON-FRI, timezone: Europe/Berlin}
windows:
  - {allow: 0 9 * * MON-FRI, for: 8h, timezone: Europe/Berlin}
  - {deny: 0 %d * * *, for: %s, timezone: Europe/Berlin, reason: customers}"""
)
_TWO: Final = f"{_WHEN % 'schedule: {cron: 0 2 * * *, timezone: UTC}'}---\n" + (
    _WHEN % "schedule: {cron: %s 2 * * *, timezone: UTC}"
).replace("example", "another")

SCHEDULES: Final = {
    "SQ351": Code(
        "never fires",
        "A schedule or window whose time never comes looks like one that works.",
        advice="Choose a day and an hour that come, between 'start' and 'until'.",
        bad=_CRON % "0 4 31 2 *, timezone: UTC",
        good=_CRON % "0 4 28 2 *, timezone: UTC",
    ),
    "SQ352": Code(
        "time that does not exist",
        "When clocks are put forward an hour is missing; a run planned in it is left out.",
        severity=Severity.WARNING,
        advice="Choose another hour, or say with 'dst' what should happen: gap: shift, or skip.",
        bad=_CRON % "30 2 * 3 *, timezone: Europe/Berlin",
        good=_CRON % "30 2 * 3 *, timezone: Europe/Berlin, dst: {gap: shift}",
    ),
    "SQ353": Code(
        "time that comes twice",
        "When clocks are put back an hour comes twice, and schedules count it once: one that fires "
        "all day long pauses for that hour.",
        severity=Severity.WARNING,
        advice="Say with 'dst' what should happen: fold: both, or once.",
        bad=_CRON % "0 * * * *, timezone: Europe/Berlin",
        good=_CRON % "0 * * * *, timezone: Europe/Berlin, dst: {fold: both}",
    ),
    "SQ354": Code(
        "time zone missing",
        "Two at night is noon somewhere else. Without a zone hours are in UTC, summer and winter.",
        severity=Severity.WARNING,
        advice="Say which clock is meant: timezone: Europe/Berlin, or timezone: UTC.",
        bad=_CRON % "0 4 * * *",
        good=_CRON % "0 4 * * *, timezone: Europe/Berlin",
    ),
    "SQ355": Code(
        "runs that catch up",
        "When the next run is due before the last is over, they pile up in the queue or meet.",
        severity=Severity.WARNING,
        advice="Run it less often, or say concurrency: skip.",
        bad=(_EVERY % "concurrency: queue").replace("5m", "15m"),
        good=_EVERY % "concurrency: queue",
    ),
    "SQ356": Code(
        "longer than the time between runs",
        "A run that may start so late could start after the one that follows it.",
        severity=Severity.WARNING,
        advice="Make 'jitter' and 'deadline' shorter than the time between two runs.",
        bad=_EVERY % "jitter: 15m",
        good=_EVERY % "jitter: 1m",
    ),
    "SQ357": Code(
        "windows never open",
        "Deny wins over allow: when every allowed hour is denied too, no run can ever start.",
        advice="Make a window that denies shorter, or one that allows longer.",
        bad=_OFFICE % (10, 8, "10h"),
        good=_OFFICE % (10, 12, "1h"),
    ),
    "SQ358": Code(
        "every run denied",
        "The schedule fires only while a window forbids it, so it starts nothing.",
        severity=Severity.WARNING,
        advice="Change the hours of the schedule, or the windows.",
        bad=_OFFICE % (12, 12, "1h"),
        good=_OFFICE % (13, 12, "1h"),
    ),
    "SQ359": Code(
        "runs that meet",
        "Two runs never fault one target at once: the second waits, or is refused.",
        severity=Severity.WARNING,
        advice="Move one of the schedules.",
        bad=_TWO % 0,
        good=_TWO % 30,
        across_files=True,
    ),
}
