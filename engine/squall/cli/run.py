"""``squall run``: one run, here and now, told as it happens."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from squall.cli.report import Report
    from squall.core.playbook.model import Playbook, Target
    from squall.core.playbook.plan import Plan
    from squall.core.run.records import Outcome
    from squall.core.timing import Duration


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
    import asyncio
    import os

    from squall.cli.playbook_file import open_playbook
    from squall.cli.report import JsonReport, LineReport
    from squall.core.diagnostics import Refused
    from squall.core.playbook.compile import compile_plan
    from squall.settings import state_folder

    given = [_target(written) for written in targets]
    playbook = _bounded(open_playbook(file, targets=given, quiet=quiet).playbook, timeout)
    plan = compile_plan(playbook)
    dice = _dice(seed, playbook)
    patience = None if wait is None else _duration(wait, "--wait")
    report: Report
    if as_json:
        report = JsonReport()
    elif plain or quiet or os.environ.get("CI") or not sys.stderr.isatty():
        report = LineReport(plan, quiet=quiet)
    else:
        from squall.cli.live import LiveReport

        report = LiveReport(plan)
    path = Path(record) if record else None
    try:
        outcome = asyncio.run(_run(plan, dice, path, patience, state_folder(state), report))
    except Refused as refusal:
        click.echo(f"{refusal.code} {refusal.message}", err=True)
        click.echo(f"    {refusal.hint}", err=True) if refusal.hint else None
        sys.exit(2)
    report.ended(outcome)
    sys.exit(1 if strict and outcome.run.verdict == "warned" else outcome.exit_code)


async def _run(
    plan: "Plan", seed: int, record: Path | None, wait: "Duration | None", state: Path,
    report: "Report",
) -> "Outcome":  # fmt: skip
    """Start, tell what happens, stop when asked to."""
    import asyncio
    import signal

    from squall import app

    async with app.engine(state) as operations:
        running = await operations.start(plan, seed=seed, record=record, wait=wait)
        asked = 0

        def stop(name: str) -> None:
            nonlocal asked
            asked += 1
            if asked == 1:
                click.echo(f"{name}: undoing everything, then finally; again to skip it", err=True)
                running.stop(name)
            else:
                running.terminate(name)

        loop = asyncio.get_running_loop()
        for number, name in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"),
                             (signal.SIGHUP, "SIGHUP")):  # fmt: skip
            loop.add_signal_handler(number, stop, name)
        report.began(running.run, seed)
        async for update in running.updates():
            report.update(update)
        outcome = await running.outcome()
        if running.recording_problem:
            click.echo(running.recording_problem, err=True)
        return outcome


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
