"""``squall faults``: what is live right now, and who owes its undo."""

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--state", metavar="DIR", help="Where runs are kept (SQUALL_STATE, else .squall).")
def faults(as_json: bool, state: str | None) -> None:  # noqa: FBT001
    """Every fault that may be on right now.

    \b
    Example:
      squall faults
      squall faults --json
    """
    import msgspec

    from squall import app
    from squall.settings import state_folder

    with app.archive(state_folder(state)) as archive:
        live = archive.faults()
    if as_json:
        click.echo(msgspec.json.encode({"faults": live}))
    elif not live:
        click.echo("nothing is being injected", err=True)
    for fault in () if as_json else live:
        kinds = ", ".join(fault.faults)
        click.echo(f"run {fault.run}  {fault.step}  {kinds} on {fault.target}  {fault.state}")
