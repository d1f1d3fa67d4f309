"""``squall rehearse``: the run on a virtual clock, as a timeline."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from squall.core.playbook.plan import Plan
    from squall.core.run.rehearsal import Rehearsal


@click.command()
@click.argument("file", metavar="FILE[#NAME]")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Fixes the dice (default 0).")
@click.option("--set", "inputs", multiple=True, metavar="NAME=VALUE", help="Give an input.")
@click.option("--assume", "assumptions", multiple=True, metavar="PATH[.NAME]=VALUE",
              help="What becomes of a step: waves[2]/hit=failed, look.status=503.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def rehearse(
    file: str,
    seed: int,
    inputs: tuple[str, ...],
    assumptions: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """What a run would do, and when, without doing it.

    Faults go on and off at once, probes pass and requests come, unless --assume says otherwise. The
    exit code is the one a run with these answers would have.

    \b
    Example:
      squall rehearse playbooks/retry_storm.yaml
      squall rehearse playbooks/retry_storm.yaml --assume look=failed
      squall rehearse playbooks/retry_storm.yaml --assume look.status=503
    """
    from squall.cli.playbook_file import open_playbook
    from squall.core.playbook.compile import compile_plan
    from squall.core.run.assumptions import AssumptionError
    from squall.core.run.rehearsal import rehearse
    from squall.core.run.verdict import exit_code
    from squall.worktree import schema_text

    plan = compile_plan(open_playbook(file, inputs=inputs).playbook, schema_text())
    try:
        rehearsal = rehearse(plan, seed=seed, assume=_pairs(assumptions))
    except AssumptionError as error:
        raise click.UsageError(str(error)) from None
    (_as_json if as_json else _as_text)(plan, rehearsal)
    if not rehearsal.complete:
        click.echo(
            f"stopped here, after {len(rehearsal.events):,} events: the run would go on", err=True
        )
    sys.exit(exit_code(rehearsal.verdict) if rehearsal.verdict else 0)


def _pairs(assumptions: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for written in assumptions:
        path, equals, value = written.partition("=")
        if not equals:
            raise click.UsageError(f"'{written}' is not PATH=VALUE; try {written}=failed")
        pairs[path] = value
    return pairs


def _as_text(plan: "Plan", rehearsal: "Rehearsal") -> None:
    from squall.cli.timeline import Wording, clock
    from squall.core.timing import format_duration

    wording = Wording(plan)
    for fact in rehearsal.facts:
        line = wording.line(fact)
        if line is not None:
            click.echo(f"{clock(fact.at)}  {line}")
    click.echo(f"\nwould take {format_duration(rehearsal.lasts)}; assumed:")
    for path, what in rehearsal.assumed:
        click.echo(f"  {path}: {what}")


def _as_json(_: "Plan", rehearsal: "Rehearsal") -> None:
    import msgspec

    for fact in rehearsal.facts:
        click.echo(msgspec.json.encode(fact))
    summary = {
        "type": "rehearsal_finished",
        "verdict": rehearsal.verdict,
        "reason": rehearsal.reason,
        "lasts": rehearsal.lasts,
        "complete": rehearsal.complete,
        "assumed": [{"step": step, "what": what} for step, what in rehearsal.assumed],
    }
    click.echo(msgspec.json.encode(summary))
