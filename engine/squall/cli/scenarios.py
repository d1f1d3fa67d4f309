"""``squall scenarios``: the scenarios that come with squall."""

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def scenarios(name: str | None, as_json: bool) -> None:  # noqa: FBT001
    """List the scenarios that come with squall, or show how one is written.

    A playbook uses one by its name, under a step's `scenario`.

    \b
    Example:
      squall scenarios
      squall scenarios slow_3g
    """
    import msgspec

    from squall.core.diagnostics import nearest
    from squall.core.faults.wording import describe_scenario
    from squall.core.playbook.catalogue import entries
    from squall.worktree import catalogue_texts

    known = entries(catalogue_texts())
    if name is not None and name not in known:
        close = nearest(name, known)
        hint = f"did you mean '{close}'?" if close else "'squall scenarios' lists them"
        raise click.UsageError(f"there is no scenario '{name}'; {hint}")
    chosen = known if name is None else {name: known[name]}
    if as_json:
        rows = [
            {"name": key, "description": entry.description, "faults": entry.scenario.faults}
            for key, entry in chosen.items()
        ]
        click.echo(msgspec.json.encode({"scenarios": rows}))
        return
    if name is not None:
        click.echo(known[name].lines, nl=False)
        return
    width = max(map(len, known))
    for key, entry in known.items():
        click.echo(f"{key:<{width}}  {entry.description}")
        click.echo(f"{'':<{width}}  {describe_scenario(entry.scenario)}")
