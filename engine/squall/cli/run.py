"""``squall run``: one run, here and now, told as it happens."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from squall.cli.report import Report
    from squall.cli.view import Update
    from squall.core.playbook.model import Playbook, Target
    from squall.core.playbook.plan import Plan
    from squall.core.run.records import Outcome
    from squall.core.timing import Duration
    from squall.service.operations import Running


@click.command()
@click.argument("file", metavar="FILE[#NAME]")
@click.option("--target", "targets", multiple=True, metavar="NAME=LISTEN=UPSTREAM",
              help="Add a target, or replace the one of its name.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Fixes the dice; else drawn.")
@click.option("--record", type=click.Path(dir_okay=False), metavar="FILE",
              help="Stream every fault into a recording.")  # fmt: skip
@click.option("--timeout", metavar="D", help="Bounds the run, instead of the playbook's own.")
@click.option("--wait", metavar="D", help="Wait so long for a target that another run holds.")
@click.option("--strict", is_flag=True, help="A run with warnings exits with 1.")
@click.option("--quiet", is_flag=True, help="The verdict only.")
@click.option("--plain", is_flag=True, help="A line per fact instead of the live view.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
              help="Whether to colour; NO_COLOR is heeded.")  # fmt: skip
@click.option("--state", metavar="DIR", help="Where runs are kept (SQUALL_STATE, else .squall).")
def run(
    file: str,
    targets: tuple[str, ...],
    seed: int | None,
    record: str | None,
    timeout: str | None,
    wait: str | None,
    strict: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
    plain: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    color: str,
    state: str | None,
) -> None:
    r"""Run a playbook: put its faults on, watch, take them off.

    Ctrl-C stops the run: everything is undone, then its `finally` runs. A second Ctrl-C undoes and
    skips `finally`. Exits with 0 passed, 1 failed, 2 nothing was touched, 3 aborted, 130 cancelled.

    \b
    Example:
      squall run playbooks/progressive_chaos.yaml
      squall run playbooks/three_phases.yaml --target api=127.0.0.1:7070=http://127.0.0.1:8080
    """
    from squall import app
    from squall.cli.playbook_file import open_playbook
    from squall.core.diagnostics import Refused
    from squall.core.playbook.compile import compile_plan
    from squall.settings import state_folder

    given = [_target(written) for written in targets]
    playbook = _bounded(open_playbook(file, targets=given, quiet=quiet).playbook, timeout)
    plan = compile_plan(playbook)
    dice = _dice(seed, playbook)
    patience = None if wait is None else _duration(wait, "--wait")
    colour = {"always": True, "never": False}.get(color)
    keys = not (plain or quiet or as_json) and _watched()
    report = _report(plan, as_json=as_json, plain=plain, quiet=quiet, colour=colour)
    path = Path(record) if record else None
    try:
        outcome = app.run(_run(plan, dice, path, patience, state_folder(state), report, keys=keys))
    except Refused as refusal:
        click.echo(f"{refusal.code} {refusal.message}", err=True)
        click.echo(f"    {refusal.hint}", err=True) if refusal.hint else None
        sys.exit(2)
    code = 1 if strict and outcome.run.verdict == "warned" else outcome.exit_code
    report.ended(_coded(outcome, code), record or "")
    sys.exit(code)


def _watched() -> bool:
    """Whether somebody looks at a terminal, and not a log of a build."""
    import os

    return sys.stderr.isatty() and not os.environ.get("CI")


def _report(
    plan: "Plan", *, as_json: bool, plain: bool, quiet: bool, colour: bool | None
) -> "Report":
    """Who tells of the run."""
    if as_json:
        from squall.cli.report import JsonReport

        return JsonReport()
    if plain or quiet or not _watched():
        from squall.cli.plain import LineReport

        return LineReport(plan, quiet=quiet, colour=colour)
    from squall.cli.keys import readable
    from squall.cli.live import LiveReport

    return LiveReport(plan, colour=colour, keys=readable())


async def _run(
    plan: "Plan", seed: int, record: Path | None, wait: "Duration | None", state: Path,
    report: "Report", *, keys: bool,
) -> "Outcome":  # fmt: skip
    """Start, tell what happens, stop when asked to."""
    from contextlib import ExitStack

    from squall import app
    from squall.cli.keys import listening, readable

    async with app.engine(state) as operations:
        running = await operations.start(plan, seed=seed, record=record, wait=wait)
        wishes = Wishes(running, report)
        crowd = Crowd(report)
        wishes.hear_signals()
        with ExitStack() as ending:
            report.began(running.run, seed)
            ending.callback(report.close)
            if keys and readable():
                ending.enter_context(listening(wishes.key))
            async for update in running.updates():
                wishes.update(update)
                crowd.update(update)
                report.update(update)
            outcome = await running.outcome()
        for line in crowd.turned_away():
            click.echo(line, err=True)
        if running.recording_problem:
            click.echo(running.recording_problem, err=True)
        return outcome


class Wishes:
    """What the person at the terminal wants of the run: keys and signals."""

    def __init__(self, running: "Running", report: "Report") -> None:
        self._running = running
        self._report = report
        self._asked = 0
        self._paused = False

    def hear_signals(self) -> None:
        """SIGTERM and a closed terminal are as good as Ctrl-C."""
        import asyncio
        import signal

        loop = asyncio.get_running_loop()
        for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"),
                             (signal.SIGHUP, "SIGHUP")):  # fmt: skip
            loop.add_signal_handler(number, self.stop, name)

    def update(self, update: "Update") -> None:
        """Keep up with whether the run is paused."""
        from squall.core.run.facts import RunEntered

        if isinstance(update, RunEntered):
            self._paused = update.phase == "paused"

    def key(self, letter: str) -> None:
        """One was pressed."""
        if letter == "p":
            self._running.resume("keyboard") if self._paused else self._running.pause("keyboard")
        elif letter == "s":
            self.stop("keyboard")

    def stop(self, by: str) -> None:
        """Once: undo, then finally. Twice: undo only."""
        self._asked += 1
        if self._asked == 1:
            self._report.tell(f"{by}: undoing everything, then finally; again to skip it")
            self._running.stop(by)
        else:
            self._report.tell(f"{by}: undoing everything, without finally")
            self._running.terminate(by)


class Crowd:
    """Tells that an edge has no room for more clients: when it begins, and at the end how many."""

    def __init__(self, report: "Report") -> None:
        self._report = report
        self._turned_away: dict[str, int] = {}

    def update(self, update: "Update") -> None:
        """Look at how many were turned away."""
        from squall.core.faults.effects import Counted

        if isinstance(update, Counted) and update.turned_away:
            if update.target not in self._turned_away:
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


def _coded(outcome: "Outcome", code: int) -> "Outcome":
    import msgspec

    return msgspec.structs.replace(outcome, exit_code=code)


def _dice(seed: int | None, playbook: "Playbook") -> int:
    import secrets

    if seed is not None:
        return seed
    return secrets.randbits(32) if playbook.seed is None else playbook.seed


def _target(written: str) -> "Target":
    from squall.core.playbook.addresses import parse_target

    try:
        return parse_target(written)
    except ValueError as error:
        raise click.UsageError(f"--target: {error}") from None


def _bounded(playbook: "Playbook", timeout: str | None) -> "Playbook":
    import msgspec

    if timeout is None:
        return playbook
    return msgspec.structs.replace(playbook, timeout=_duration(timeout, "--timeout"))


def _duration(written: str, option: str) -> "Duration":
    from squall.core.timing import parse_duration

    duration = parse_duration(float(written) if written.isdigit() else written)
    if duration is None:
        raise click.UsageError(f"{option}: '{written}' is not a duration; for example 30s")
    return duration
