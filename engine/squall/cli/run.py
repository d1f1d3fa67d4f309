"""``squall run``: one run, here and now, told as it happens."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import asyncio
    from signal import Signals

    from squall.cli.report import Report
    from squall.cli.view import Update
    from squall.core.diagnostics import Refused
    from squall.core.playbook.load import LoadedPlaybook
    from squall.core.playbook.model import Playbook, Target
    from squall.core.playbook.plan import Plan
    from squall.core.run.records import Outcome
    from squall.core.timing import Duration
    from squall.service.operations import Running


@click.command()
@click.argument("file", metavar="FILE[#NAME]")
@click.option("--target", "targets", multiple=True, metavar="NAME=LISTEN=UPSTREAM",
              help="Add a target, or replace the one of its name.")  # fmt: skip
@click.option("--set", "inputs", multiple=True, metavar="NAME=VALUE", help="Give an input.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Fixes the dice; else drawn.")
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
    inputs: tuple[str, ...],
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
    """Run a playbook: put its faults on, watch, take them off.

    Ctrl-C stops the run: everything is undone, then its `finally` runs. A second Ctrl-C undoes and
    skips `finally`. Exits with 0 passed or warned, 1 failed, 2 nothing was touched, 3 aborted, 4
    inconclusive, 130 cancelled.

    \b
    Example:
      squall run playbooks/progressive_chaos.yaml
      squall run playbooks/three_phases.yaml --target api=127.0.0.1:7070=http://127.0.0.1:8080
    """
    import asyncio

    _end_at_once()
    from squall import app
    from squall.cli.playbook_file import open_playbook
    from squall.core.diagnostics import Refused
    from squall.core.playbook.compile import compile_plan
    from squall.settings import state_folder
    from squall.worktree import schema_text

    given = [_target(written) for written in targets]
    opened = open_playbook(file, targets=given, inputs=inputs, quiet=quiet)
    plan = compile_plan(_bounded(opened.playbook, timeout), schema_text())
    patience = None if wait is None else _duration(wait, "--wait")
    report = _report(plan, as_json=as_json, plain=plain, quiet=quiet, color=color)
    path = Path(record) if record else None
    try:
        folder = Path(opened.file).parent
        outcome = app.run(_run(plan, seed, path, patience, state_folder(state), folder, report))
    except Refused as refusal:
        click.echo(f"{_place(opened, refusal)}{refusal.code} {refusal.message}", err=True)
        click.echo(f"    {refusal.hint}", err=True) if refusal.hint else None
        sys.exit(2)
    except (KeyboardInterrupt, asyncio.CancelledError):  # before it had begun
        sys.exit(130)
    code = 1 if strict and outcome.run.verdict == "warned" else outcome.exit_code
    try:
        report.ended(_coded(outcome, code), _closing(outcome, record, state, code))
        sys.stdout.flush()
    except OSError:
        _let_go_of_output()
    sys.exit(code)


def _end_at_once() -> None:
    """Let a signal end the command while it starts: nothing is on yet.

    An exception will not do: raised while a dataclass is being made, it ends Python as killed by
    SIGINT, whoever catches it.
    """
    import os
    import signal

    for number in _enders():
        signal.signal(number, lambda *_: os._exit(130))


def _enders() -> "dict[Signals, str]":
    """The signals that are as good as Ctrl-C; not a hangup that nohup has us ignore."""
    import signal

    known = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        del known[signal.SIGHUP]
    return known


def _watched() -> bool:
    """Whether somebody looks at a terminal that can be drawn on, and not a log of a build."""
    import os

    from squall.cli.terminal import in_background

    if not sys.stderr.isatty() or os.environ.get("CI") or in_background(sys.stderr):
        return False
    has_signs = "utf" in sys.stderr.encoding.lower()
    return has_signs and os.environ.get("TERM") not in {"dumb", "unknown"}


def _report(plan: "Plan", *, as_json: bool, plain: bool, quiet: bool, color: str) -> "Report":
    """Who tells of the run."""
    if as_json:
        from squall.cli.report import JsonReport

        return JsonReport()
    if plain or quiet or not _watched():
        from squall.cli.plain import LineReport

        return LineReport(plan, quiet=quiet, colour=color == "always")
    from squall.cli.live import LiveReport

    return LiveReport(plan, colour={"always": True, "never": False}.get(color))


async def _run(
    plan: "Plan", seed: int | None, record: Path | None, wait: "Duration | None", state: Path,
    folder: Path, report: "Report",
) -> "Outcome":  # fmt: skip
    """Start, tell what happens, stop when asked to."""
    from squall import app
    from squall.cli.crowd import Crowd

    wishes = Wishes(report)
    wishes.hear_signals()
    async with app.engine(state) as operations:
        running = await operations.start(plan, seed=seed, record=record, wait=wait, folder=folder)
        crowd = Crowd(report)
        wishes.begin(running)
        try:
            report.began(running.run, running.run.seed)
        except OSError:  # nobody reads it
            wishes.stop("output closed")
        with report.watched(wishes.key):
            async for update in running.updates():
                crowd.update(update)
                wishes.update(update)
            outcome = await running.outcome()
        for line in crowd.turned_away():
            click.echo(line, err=True)
        if running.recording_problem:
            click.echo(running.recording_problem, err=True)
        return outcome


def _place(opened: "LoadedPlaybook", refusal: "Refused") -> str:
    """Where in the playbook a missing secret is asked for: ``file:line:col: ``; else nothing."""
    from squall.core.playbook.secrets import place_of
    from squall.service.secrets import NoSecret

    if not isinstance(refusal, NoSecret):
        return ""
    start = opened.document.locate(place_of(opened.document, refusal.name)).start
    return f"{opened.file}:{start.line}:{start.column}: "


def _let_go_of_output() -> None:
    """Nobody reads it: what is still to be written must not change the exit code."""
    import os

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _closing(outcome: "Outcome", record: str | None, state: str | None, code: int) -> str:
    """The last line of the summary: how to do it again, where to read more."""
    run = outcome.run
    parts = [f"seed {run.seed}"]
    parts += [f"recording {record}"] if record else []
    parts += [f"squall runs show {run.id}{f' --state {state}' if state else ''}", f"exit {code}"]
    return " · ".join(parts)


class Wishes:
    """What the person at the terminal wants of the run: keys and signals."""

    def __init__(self, report: "Report") -> None:
        self._running: Running | None = None
        self._report = report
        self._starting: asyncio.Task[Any] | None = None
        self._asked = 0
        self._paused = False

    def hear_signals(self) -> None:
        """From now on; what the running task does is called off until there is a run."""
        import asyncio

        self._starting = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number, name in _enders().items():
            loop.add_signal_handler(number, self.stop, name)

    def begin(self, running: "Running") -> None:
        """There is a run now."""
        self._running = running

    def update(self, update: "Update") -> None:
        """Pass it on. When nobody can read it any more, nobody watches: the run is stopped."""
        from squall.core.run.facts import RunEntered

        if isinstance(update, RunEntered):
            self._paused = update.phase == "paused"
        try:
            self._report.update(update)
        except OSError:
            if not self._asked:
                self.stop("output closed")

    def key(self, letter: str) -> None:
        """One was pressed."""
        running = self._running
        if letter == "p" and running is not None:
            running.resume("keyboard") if self._paused else running.pause("keyboard")
        elif letter == "s":
            self.stop("keyboard")

    def stop(self, by: str) -> None:
        """Once: undo, then finally. Twice: undo only."""
        if self._running is None:
            if self._starting is not None:
                self._starting.cancel()
            return
        self._asked += 1
        if self._asked == 1:
            self._running.stop(by)
            self._tell(f"{by}: undoing everything, then finally; again to skip it")
        else:
            self._running.terminate(by)
            self._tell(f"{by}: undoing everything, without finally")

    def _tell(self, notice: str) -> None:
        from contextlib import suppress

        with suppress(OSError):  # nobody reads it any more
            self._report.tell(notice)


def _coded(outcome: "Outcome", code: int) -> "Outcome":
    import msgspec

    return msgspec.structs.replace(outcome, exit_code=code)


def _target(written: str) -> "Target":
    from squall.core.playbook.addresses import parse_target

    try:
        return parse_target(written)
    except ValueError as error:
        raise click.UsageError(f"--target: {error}") from None


def _bounded(playbook: "Playbook", timeout: str | None) -> "Playbook":
    import msgspec

    from squall.core.playbook.limits import bounded

    if timeout is None:
        return playbook
    duration = _duration(timeout, "--timeout")
    if not duration:
        raise click.UsageError("--timeout: a run takes some time; for example 30s")
    return msgspec.structs.replace(playbook, timeout=bounded(playbook, duration))


def _duration(written: str, option: str) -> "Duration":
    from squall.core.timing import parse_duration

    duration = parse_duration(float(written) if written.isdigit() else written)
    if duration is None:
        raise click.UsageError(f"{option}: '{written}' is not a duration; for example 30s")
    return duration
