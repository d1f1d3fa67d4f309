"""Whoever tells of a run while it goes on, and the one that tells programs: JSON, line by line.

For people there are `live` and `plain`. `finished` is also what ``squall runs show --json`` prints.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import click
import msgspec

from squall.cli.view import Update
from squall.core.run.paths import shown
from squall.core.run.records import Outcome, Run


class Report(Protocol):
    """Whoever tells of a run."""

    def began(self, run: Run, seed: int) -> None:
        """The run exists."""
        ...

    def update(self, update: Update) -> None:
        """Something happened, or looks different now."""
        ...

    def tell(self, notice: str) -> None:
        """Something a person should know now that is no fact of the run."""
        ...

    def watched(self, pressed: Callable[[str], None]) -> AbstractContextManager[None]:
        """What holds while updates come; `pressed` is called with keys where there are any."""
        ...

    def ended(self, outcome: Outcome, closing: str) -> None:
        """The run is over; `closing` is a line that says where to read on."""
        ...


class JsonReport:
    """One object per line, ending with ``run_finished``."""

    def began(self, run: Run, seed: int) -> None:
        """The run's own line."""
        self._line({"type": "run_started", "run": run.id, "playbook": run.playbook, "seed": seed})

    def update(self, update: Update) -> None:
        """Facts, and what clients feel."""
        click.echo(msgspec.json.encode(update))

    def tell(self, notice: str) -> None:
        """People read stderr."""
        click.echo(notice, err=True)

    def watched(self, pressed: Callable[[str], None]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Programs press no keys."""
        return nullcontext()

    def ended(self, outcome: Outcome, closing: str) -> None:  # noqa: ARG002 - for people
        """Verdict, steps and faults."""
        self._line(finished(outcome))

    @staticmethod
    def _line(value: object) -> None:
        click.echo(msgspec.json.encode(value))


def finished(outcome: Outcome) -> dict[str, object]:
    """The summary of a run as data."""
    run = outcome.run
    return {
        "type": "run_finished",
        "run": run.id,
        "verdict": run.verdict,
        "reason": run.reason,
        "exit_code": outcome.exit_code,
        "steady_state": _steady_state(outcome),
        "steps": [
            {
                "path": shown(step.path),
                "outcome": step.outcome,
                "conclusion": step.conclusion,
                "started": step.began,
                "ended": step.at,
                "attempts": step.attempts,
                "reason": step.reason,
            }
            for step in outcome.steps
        ],
        "faults": [
            {
                "step": shown(step.path),
                "fault": delivery.kind,
                "asked": delivery.asked,
                "delivered": delivery.touched / delivery.seen if delivery.seen else 0.0,
                "touched": delivery.touched,
            }
            for step in outcome.steps
            for delivery in step.deliveries
        ],
    }


def _steady_state(outcome: Outcome) -> dict[str, object] | None:
    """Whether it held at each stage that came; `recovery` is how long its return took."""
    if not outcome.steady:
        return None
    held = {seen.stage: seen.holds for seen in outcome.steady}
    last = outcome.steady[-1]
    return {
        "before": held["before"],
        "during": held.get("during", True) if held["before"] else None,
        "after": held.get("after"),
        "recovery": last.took if last.holds else None,
        "reason": last.reason,
    }
