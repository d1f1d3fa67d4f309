"""``squall runs``: the runs of the state folder, without an engine."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from squall.core.run.records import Run


@click.group()
def runs() -> None:
    """The runs that are kept in the state folder.

    \b
    Example:
      squall runs list
      squall runs show 1
    """


@runs.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--state", metavar="DIR", help="Where runs are kept (SQUALL_STATE, else .squall).")
def list_runs(as_json: bool, state: str | None) -> None:  # noqa: FBT001
    """All runs, oldest first.

    \b
    Example:
      squall runs list --json
    """
    import msgspec

    from squall import app
    from squall.settings import state_folder

    with app.archive(state_folder(state)) as archive:
        known = archive.runs()
    if as_json:
        click.echo(msgspec.json.encode({"runs": known}))
    elif not known:
        click.echo("no run yet; start one with: squall run FILE", err=True)
    for run in () if as_json else known:
        click.echo(_line(run))


@runs.command("show")
@click.argument("run", type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--state", metavar="DIR", help="Where runs are kept (SQUALL_STATE, else .squall).")
def show_run(run: int, as_json: bool, state: str | None) -> None:  # noqa: FBT001
    """One run with its steps.

    \b
    Example:
      squall runs show 1
    """
    import msgspec

    from squall import app
    from squall.cli.report import finished
    from squall.cli.timeline import clock, steady_words
    from squall.core.run.paths import shown
    from squall.settings import state_folder

    with app.archive(state_folder(state)) as archive:
        outcome = archive.outcome(run)
    if as_json:
        click.echo(msgspec.json.encode(finished(outcome)))
        return
    click.echo(_line(outcome.run))
    lines = [(seen.at, steady_words(seen)) for seen in outcome.steady]
    for step in outcome.steps:
        reason = f": {step.reason}" if step.reason else ""
        lines.append((step.at, f"{shown(step.path)} {step.conclusion}{reason}"))
    for at, line in sorted(lines, key=lambda known: known[0]):
        click.echo(f"  {clock(at)}  {line}")


def _line(run: "Run") -> str:
    from datetime import UTC, datetime

    from squall.core.timing import SECOND

    started = datetime.fromtimestamp(run.started / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    reason = f": {run.reason}" if run.reason else ""
    return f"{run.id:>4}  {started}  {run.playbook}  {run.verdict or run.phase}{reason}"
