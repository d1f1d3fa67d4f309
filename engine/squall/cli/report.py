"""How a run is told: a line per fact for people and logs, or JSON for programs, and its summary."""

from typing import Protocol

import click
import msgspec

from squall.cli.timeline import Wording, clock, took
from squall.core.faults.effects import Counted, Delivery, Felt
from squall.core.faults.kinds import Share
from squall.core.faults.wording import describe, share
from squall.core.playbook.model import Injection
from squall.core.playbook.plan import Plan
from squall.core.run.facts import RunEnded, RunFact, StepEnded
from squall.core.run.paths import names, shown
from squall.core.run.records import Outcome, Progress, Run
from squall.core.timing import MILLISECOND, SECOND

Update = RunFact | Counted | Progress
SIGN_OF_LIFE = 30 * SECOND


class Report(Protocol):
    """Whoever tells of a run."""

    def began(self, run: Run, seed: int) -> None:
        """The run exists."""
        ...

    def update(self, update: Update) -> None:
        """Something happened, or looks different now."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The run is over."""
        ...


class JsonReport:
    """One object per line, ending with ``run_finished``."""

    def began(self, run: Run, seed: int) -> None:
        """The run's own line."""
        self._line({"type": "run_started", "run": run.id, "playbook": run.playbook, "seed": seed})

    def update(self, update: Update) -> None:
        """Facts, and what clients feel."""
        click.echo(msgspec.json.encode(update))

    def ended(self, outcome: Outcome) -> None:
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


class LineReport:
    """A line per fact while it runs, on stderr; a table at the end, on stdout."""

    def __init__(self, plan: Plan, *, quiet: bool) -> None:
        self._wording = Wording(plan)
        self._plan = plan
        self._quiet = quiet
        self._felt: Felt | None = None
        self._told = 0

    def began(self, run: Run, seed: int) -> None:
        """Say which run, where and with which dice."""
        where = ", ".join(f"{t.name} at {t.listen}" for t in self._plan.playbook.targets)
        self._say(0, f"run {run.id} started: {run.playbook} on {where}, seed {seed}")

    def update(self, update: Update) -> None:
        """A line for a fact; pictures are kept for the sign of life."""
        if isinstance(update, Counted | Progress):
            self._felt = update.felt
            return
        line = self._wording.line(update)
        if line is None or isinstance(update, RunEnded):
            return
        if isinstance(update, StepEnded) and update.felt is not None:
            line = f"{line}; {felt_words(update.felt)}" if update.felt.requests else line
        self._say(update.at, line)

    def _say(self, at: int, line: str) -> None:
        if not self._quiet:
            click.echo(f"{clock(at)}  {line}", err=True)

    def ended(self, outcome: Outcome) -> None:
        """The summary."""
        run = outcome.run
        verdict = f"{run.verdict}: {run.reason}" if run.reason else str(run.verdict)
        if not self._quiet:
            rows = [_HEAD, *self._rows(outcome)]
            widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
            click.echo()
            for row in rows:
                cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
                click.echo("  ".join(cells).rstrip())
        click.echo(f"\nrun {run.id} {verdict} (exit {outcome.exit_code})")

    def _rows(self, outcome: Outcome) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for step in outcome.steps:
            plan = self._wording.steps.get("/".join(names(step.path)))
            if plan is None or plan.children:
                continue
            felt = step.felt
            first = (shown(step.path), step.conclusion, took(step))
            clients = felt_words(felt) if felt is not None and felt.requests else ""
            if not step.deliveries:
                rows.append((*first, "", "", "", clients))
            for index, delivery in enumerate(step.deliveries):
                asked = _asked(plan.step.action, delivery)
                lead = first if index == 0 else ("", "", "")
                touched = f"{delivery.touched:,} of {delivery.seen:,}"
                end = clients if index == 0 else ""
                rows.append((*lead, asked, _delivered(delivery), touched, end))
        return rows


_HEAD = ("step", "ended", "took", "asked", "delivered", "touched", "clients felt")


def _asked(action: object, delivery: Delivery) -> str:
    assert isinstance(action, Injection)
    return describe(action.scenarios[delivery.scenario].faults[delivery.fault])


def _delivered(delivery: Delivery) -> str:
    part = share(Share(delivery.touched / delivery.seen)) if delivery.seen else "none"
    if not delivery.delay:
        return part
    return f"{part}, p50 {delivery.delay_p50 / MILLISECOND:.1f} ms"


def felt_words(felt: Felt) -> str:
    """What clients felt, in a few words."""
    return (
        f"{felt.rate:.0f}/s, p50 {felt.p50 / MILLISECOND:.1f} ms, "
        f"p99 {felt.p99 / MILLISECOND:.1f} ms, {100 * felt.error_rate:.1f} % errors"
    )
