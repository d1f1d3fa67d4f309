"""``squall schema``: the JSON Schemas of what squall reads and prints."""

import json

import click


@click.command()
@click.argument("name", required=False)
@click.option("--draft-07", "for_editors", is_flag=True,
              help="The build for editors, in which ${{ }} may stand for a value.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
              help="The list as one JSON document; a schema is one anyway.")  # fmt: skip
def schema(name: str | None, for_editors: bool, as_json: bool) -> None:  # noqa: FBT001
    """List the schemas of what squall reads and prints, or print one, whole by itself.

    \b
    Example:
      squall schema
      squall schema playbook
      squall schema playbook --draft-07 > playbook.schema.json
    """
    from squall.core.diagnostics import nearest
    from squall.worktree import SCHEMAS, schema_names, schema_text

    known = schema_names()
    if name is None:
        if for_editors:
            raise click.UsageError("--draft-07 of which? For example: squall schema playbook")
        _list(known, as_json=as_json)
        return
    if name not in known:
        close = nearest(name, known)
        hint = f"did you mean '{close}'?" if close else f"there are: {', '.join(known)}"
        raise click.UsageError(f"there is no schema '{name}'; {hint}")
    wanted = f"{name}.draft-07" if for_editors else name
    if not (SCHEMAS / f"{wanted}.schema.json").exists():
        raise click.UsageError(f"'{name}' is nothing one writes in an editor: leave out --draft-07")
    click.echo(schema_text(wanted), nl=False)


def _list(names: tuple[str, ...], *, as_json: bool) -> None:
    from squall.worktree import schema_text

    schemas = {name: json.loads(schema_text(name)) for name in names}
    if as_json:
        rows = [
            {"name": name, "title": one["title"], "description": one["description"]}
            for name, one in schemas.items()
        ]
        click.echo(json.dumps({"schemas": rows}))
        return
    width = max(map(len, names))
    for name, one in schemas.items():
        click.echo(f"{name:<{width}}  {one['description']}")
