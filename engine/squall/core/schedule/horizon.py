"""The time in which a linter looks at a schedule.

A linter has no clock, and the same file has the same findings every day: what has no beginning of
its own is looked at from 2026 on. Asked by `playbook.firing` and `playbook.across`.
"""

from typing import Final

from squall.core.schedule.model import Cron, Once, Schedule
from squall.core.schedule.triggers import zone_of
from squall.core.schedule.zones import instant_of
from squall.core.timing import DAY, SECOND, Duration, Instant

LOOK_FROM: Final = Instant(1_767_225_600 * SECOND)
"""When 2026 begins, in UTC."""
A_YEAR: Final = Duration(366 * DAY)


def beginning(schedule: Schedule) -> Instant:
    """From when on a schedule is looked at: its start, or the last year before it is over."""
    place = zone_of(schedule.timezone)
    if schedule.start is not None:
        return instant_of(schedule.start, place) or LOOK_FROM
    ends = [schedule.until] if schedule.until is not None else []
    if isinstance(schedule.trigger, Once):
        ends.append(schedule.trigger.at)
    known = [instant_of(end, place) or LOOK_FROM for end in ends]
    return Instant(min([LOOK_FROM, *(one - A_YEAR for one in known)]))


def has_known_times(schedule: Schedule) -> bool:
    """Whether its firings are known before it is adopted."""
    return isinstance(schedule.trigger, Cron | Once) or schedule.start is not None
