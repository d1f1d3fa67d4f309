"""Says that an edge has no room for more clients: when it begins, and at the end how many it were.

Used by ``squall run``, which shows it each update before the report sees it.
"""

from contextlib import suppress

from squall.cli.report import Report
from squall.cli.view import Update
from squall.core.faults.effects import Counted


class Crowd:
    """How many clients were turned away, by target."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._turned_away: dict[str, int] = {}

    def update(self, update: Update) -> None:
        """Look at it; the first time it is told at once."""
        if not isinstance(update, Counted) or not update.turned_away:
            return
        if update.target not in self._turned_away:
            with suppress(OSError):  # nobody reads it any more
                self._report.tell(
                    f"target {update.target}: clients are being turned away, the edge's limit of "
                    "open files is reached; raise it (ulimit -Hn), or send fewer at a time"
                )
        self._turned_away[update.target] = update.turned_away

    def turned_away(self) -> list[str]:
        """A line for each target that had no room for some."""
        return [
            f"target {target}: at least {count} clients were turned away for want of open files"
            for target, count in self._turned_away.items()
        ]
