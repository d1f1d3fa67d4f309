"""SQ25x and SQ35x: when playbooks run by themselves, which wait for which, when they may."""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

_TIMED: Final = """name: example
%s
steps:
  - {name: slow, duration: 10m, scenario: {latency: 1s}}
"""
_SCHEDULE: Final = _TIMED % "schedule: {%s}"
_WINDOWS: Final = _TIMED % "windows: [%s]"

TIMES: Final = {
    "SQ251": Code(
        "unknown time zone",
        "Zones have the names of the IANA data base; abbreviations mean different zones to "
        "different people.",
        advice="Write the name of a zone, as Europe/Berlin, or UTC.",
        bad=_SCHEDULE % "cron: 0 2 * * *, timezone: Munich",
        good=_SCHEDULE % "cron: 0 4 * * *, timezone: Europe/Berlin",
    ),
    "SQ252": Code(
        "playbooks wait for each other",
        "Each would wait for the others to pass first, and none of them would ever run.",
        advice="Remove one of the dependencies.",
        across_files=True,
    ),
    "SQ253": Code(
        "no such playbook to wait for",
        "A playbook that waits for one that does not exist never runs.",
        severity=Severity.WARNING,
        advice="Write the name as the other playbook has it.",
        across_files=True,
    ),
    "SQ254": Code(
        "old name still there",
        "A history cannot go on under the new name while the old one makes it longer.",
        severity=Severity.WARNING,
        advice="Remove the old playbook, or leave 'renamed_from' out.",
        across_files=True,
    ),
    "SQ351": Code(
        "never fires",
        "A schedule that no day fits looks like one that works.",
        advice="Choose a day that comes, within 'start' and 'until'.",
        bad=_SCHEDULE % "cron: 0 4 30 2 *, timezone: UTC",
        good=_SCHEDULE % "cron: 0 4 28 2 *, timezone: UTC",
    ),
    "SQ352": Code(
        "time that does not exist",
        "When clocks are put forward an hour is missing; a run planned in it is left out.",
        severity=Severity.WARNING,
        advice="Choose another hour, or say what is meant: 'dst: {gap: shift}' or '{gap: skip}'.",
        bad=_SCHEDULE % "cron: 30 2 * * *, timezone: Europe/Berlin",
        good=_SCHEDULE % "cron: 30 4 * * *, timezone: Europe/Berlin",
    ),
    "SQ353": Code(
        "time that comes twice",
        "When clocks are put back an hour comes twice; schedules count it once.",
        severity=Severity.WARNING,
        advice="Say what is meant: 'dst: {fold: both}' or '{fold: once}'.",
        bad=_SCHEDULE % "cron: 30 * * * *, timezone: Europe/Berlin",
        good=_SCHEDULE % "cron: 30 * * * *, timezone: Europe/Berlin, dst: {fold: both}",
    ),
    "SQ354": Code(
        "time zone missing",
        "Two o'clock at night is noon somewhere else. Without a zone hours are in UTC, all summer.",
        severity=Severity.WARNING,
        advice="Say which clock is meant, for example 'timezone: Europe/Berlin'.",
        bad=_SCHEDULE % "cron: 0 4 * * *",
        good=_SCHEDULE % "cron: 0 4 * * *, timezone: UTC",
    ),
    "SQ355": Code(
        "runs that catch up",
        "When the next run is due before the last is over, they pile up.",
        severity=Severity.WARNING,
        advice="Run it less often, or say 'concurrency: skip'.",
        bad=_SCHEDULE % "every: 5m, concurrency: queue",
        good=_SCHEDULE % "every: 15m, concurrency: queue",
    ),
    "SQ356": Code(
        "longer than the time between runs",
        "A run that may start so late could start after the one that follows it.",
        severity=Severity.WARNING,
        advice="Make it shorter than the time between two runs.",
        bad=_SCHEDULE % "every: 15m, jitter: 20m",
        good=_SCHEDULE % "every: 15m, jitter: 2m",
    ),
    "SQ357": Code(
        "windows never open",
        "No run could ever start.",
        advice="Deny wins over allow: make a window that denies shorter.",
        bad=_WINDOWS % '{deny: "0 0 * * *", for: 24h, timezone: UTC}',
        good=_WINDOWS % '{deny: "0 0 * * *", for: 12h, timezone: UTC}',
    ),
    "SQ358": Code(
        "every run denied",
        "The schedule fires only while a window forbids it.",
        severity=Severity.WARNING,
        advice="Change its hours, or the windows.",
        bad=_TIMED % "schedule: {cron: 0 4 * * *, timezone: UTC}\n"
        'windows: [{deny: "0 3 * * *", for: 2h, timezone: UTC}]',
        good=_TIMED % "schedule: {cron: 0 6 * * *, timezone: UTC}\n"
        'windows: [{deny: "0 3 * * *", for: 2h, timezone: UTC}]',
    ),
    "SQ359": Code(
        "runs that meet",
        "Two runs never fault one target at once: the second waits, or is refused.",
        severity=Severity.WARNING,
        advice="Move one of them.",
        across_files=True,
    ),
}
