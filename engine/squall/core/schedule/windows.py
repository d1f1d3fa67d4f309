"""May a run start now? Windows that allow, windows that deny; deny wins.

Without a window that allows, everything is allowed. A window opens at each time that fits its cron
line, also at one that clocks skip: then as soon as they are put forward. Asked by the linter, and
by whoever starts runs.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from squall.core.schedule.cron import parse
from squall.core.schedule.model import ClockChange, Window
from squall.core.schedule.triggers import cron_after, zone_of
from squall.core.timing import SECOND, Instant

_NEVER_SKIPPED: Final = ClockChange(gap="shift")
_STEPS: Final = 2_000


def holding(windows: Iterable[Window], instant: Instant) -> Window | None:
    """The first of these windows that is open."""
    return next((window for window in windows if _opened(window, instant) is not None), None)


def is_allowed(windows: Sequence[Window], instant: Instant) -> bool:
    """Whether a run may start at this moment."""
    allowing = [window for window in windows if window.kind == "allow"]
    if holding((window for window in windows if window.kind == "deny"), instant):
        return False
    return not allowing or holding(allowing, instant) is not None


def allowed_from(windows: Sequence[Window], instant: Instant, until: Instant) -> Instant | None:
    """The first moment from `instant` on at which a run may start; None if none is before `until`.

    Where windows open and close too often to look at all of them it gives up and says `until`.
    """
    denying = [window for window in windows if window.kind == "deny"]
    allowing = [window for window in windows if window.kind == "allow"]
    if any(_always(window) for window in denying):
        return None
    for _ in range(_STEPS):
        if instant >= until:
            return None
        denied = holding(denying, instant)
        if denied is not None:
            opened = _opened(denied, instant)
            assert opened is not None
            instant = Instant(opened + denied.lasts)
        elif not allowing or holding(allowing, instant) is not None:
            return instant
        else:
            following = [next_opening(window, instant) for window in allowing]
            instant = min((one for one in following if one is not None), default=until)
    return until


def next_opening(window: Window, instant: Instant) -> Instant | None:
    """When the window opens next, later than `instant`; None if it never does."""
    return cron_after(parse(window.line), instant, zone_of(window.timezone), _NEVER_SKIPPED)


def _opened(window: Window, instant: Instant) -> Instant | None:
    """When the window that is open now was opened; None when it is closed."""
    opened = next_opening(window, Instant(instant - window.lasts))
    return opened if opened is not None and opened <= instant else None


def _always(window: Window) -> bool:
    wait = parse(window.line).longest_wait
    return wait is not None and window.lasts >= wait * SECOND
