"""``squall graph``: the step graph of a playbook, drawn."""

import click

from squall.cli.playbook_file import open_playbook
from squall.core.playbook.model import Playbook

_FORMS = ("text", "mermaid", "dot", "svg", "json")


@click.command()
@click.argument("file", metavar="FILE[#NAME]")
@click.option("--format", "form", type=click.Choice(_FORMS), default="text",
              help="A tree to read, Mermaid, Graphviz, a picture, or data.")  # fmt: skip
@click.option("--json", "as_data", is_flag=True, help="The same as --format json.")
def graph(file: str, form: str, as_data: bool) -> None:  # noqa: FBT001
    """Draw a playbook's step graph: what follows what, and under which outcome.

    Links that only repeat what a longer way says are left out of the drawings; the data has them,
    marked redundant (see schemas/graph.schema.json).

    \b
    Example:
      squall graph playbooks/progressive_chaos.yaml
      squall graph playbooks/progressive_chaos.yaml --format svg > graph.svg
    """
    playbook = open_playbook(file).playbook
    click.echo(_drawn(playbook, "json" if as_data else form), nl=False)


def _drawn(playbook: Playbook, form: str) -> str:
    from squall.core.playbook.drawing import data, dot, mermaid, svg, text
    from squall.core.playbook.graph import step_graph

    graph = step_graph(playbook)
    if form == "json":
        import msgspec

        return msgspec.json.format(msgspec.json.encode(data.draw(graph))).decode() + "\n"
    forms = {"text": text.draw, "mermaid": mermaid.draw, "dot": dot.draw, "svg": svg.draw}
    return forms[form](graph)
