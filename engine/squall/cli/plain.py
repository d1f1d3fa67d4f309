"""A run as lines: one per fact, for logs and pipes, without colour.

On stderr; the summary at the end goes to stdout. While nothing happens there is a sign of life
every 30 seconds, so that nobody takes a long step for a hang.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import click

from squall.cli.asked import compare, is_of_all, short
from squall.cli.summary import headline, print_summary
from squall.cli.timeline import Wording, clock, countdown
from squall.cli.view import RunView, StepView, Update
from squall.core.faults.effects import Counted, Felt
from squall.core.faults.kinds import Share
from squall.core.faults.wording import share
from squall.core.playbook.model import Injection
from squall.core.playbook.plan import Plan
from squall.core.run.facts import RunEnded, StepEnded
from squall.core.run.paths import names, shown
from squall.core.run.records import Outcome, Progress, Run
from squall.core.timing import SECOND
from squall.service.clock import SystemClock

SIGN_OF_LIFE: Final = 30 * SECOND


class LineReport:
    """A line per fact while it runs; `quiet`: the verdict and its reason, at the end."""

    def __init__(self, plan: Plan, *, quiet: bool, colour: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._colour = colour
        self._lines = Lines(plan)
        self._clock = SystemClock()
        self._zero = 0

    def began(self, run: Run, seed: int) -> None:
        """Say which run, where and with which dice."""
        self._zero = self._clock.monotonic()
        where = ", ".join(f"{t.name} at {t.listen}" for t in self._plan.playbook.targets)
        self._say(f"{clock(0)}  run {run.id} started: {run.playbook} on {where}, seed {seed}")

    def update(self, update: Update) -> None:
        """A line for a fact, and now and then one for the pictures."""
        line = self._lines.update(update, self._clock.monotonic() - self._zero)
        if line:
            self._say(line)

    def tell(self, notice: str) -> None:
        """Something about the run that is no fact of it."""
        self._say(f"{clock(self._clock.monotonic() - self._zero)}  {notice}")

    def watched(self, pressed: Callable[[str], None]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Logs have no keys."""
        return nullcontext()

    def ended(self, outcome: Outcome, closing: str) -> None:
        """The summary, or of it the verdict."""
        if self._quiet:
            reason = f": {outcome.run.reason}" if outcome.run.reason else ""
            click.echo(f"{headline(outcome.run).plain} · exit {outcome.exit_code}{reason}")
        else:
            print_summary(self._plan, outcome, closing, colour=self._colour)

    def _say(self, line: str) -> None:
        if not self._quiet:
            click.echo(line, err=True)


class Lines:
    """Which line an update makes, if any; knows no clock and no terminal."""

    def __init__(self, plan: Plan) -> None:
        self._view = RunView(plan)
        self._wording = Wording(plan)
        self._last = 0

    def update(self, update: Update, now: int) -> str | None:
        """The line with its time, or None when there is nothing to say yet."""
        was_paused = self._view.phase == "paused"
        self._view.fold(update, now)
        if isinstance(update, Counted | Progress):
            at, line = now, self._sign_of_life(now)
        else:
            at, line = update.at, self._wording.line(update)
            if isinstance(update, StepEnded) and line is not None:
                line += self._figures(update)
            elif isinstance(update, RunEnded):
                line = f"run {line}"
            elif was_paused and self._view.phase == "running":
                line = "goes on"
        if line is None:
            return None
        self._last = now
        return f"{clock(at)}  {line}"

    def _figures(self, ended: StepEnded) -> str:
        step = self._view.steps["/".join(names(ended.path))].plan.filled(ended.filled)
        parts = []
        if isinstance(step.step.action, Injection) and ended.deliveries:
            parts = [
                f"{row.fault}: delivered {row.delivered or 'nothing'}, touched {row.touched:,}"
                for row in compare(step.step.action.scenarios, ended.deliveries)
            ]
        if ended.felt is not None and ended.felt.requests and is_of_all(step.step.action):
            parts.append(felt_words(ended.felt))
        return f"; {'; '.join(parts)}" if parts else ""

    def _sign_of_life(self, now: int) -> str | None:
        if now - self._last < SIGN_OF_LIFE:
            return None
        steps = self._view.steps.values()
        doing = [self._left(step, now) for step in steps if step.goes_on and not step.plan.children]
        felt = next((each.felt for each in self._view.clients.values()), None)
        words = f": {felt_words(felt)}" if felt is not None and felt.requests else ""
        return (", ".join(doing) or self._view.phase) + words

    def _left(self, step: StepView, now: int) -> str:
        name = shown(step.plan.path)
        if self._view.held(step):
            return f"{name} paused"
        return name if step.until is None else f"{name} {countdown(max(0, step.until - now))} left"


def felt_words(felt: Felt) -> str:
    """What clients felt, in a few words."""
    errors = share(Share(round(felt.error_rate, 3)))
    return f"{felt.rate:.0f}/s, p50 {short(felt.p50)}, p99 {short(felt.p99)}, errors {errors}"
