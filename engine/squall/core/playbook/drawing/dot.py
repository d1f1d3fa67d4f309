"""The step graph in Graphviz's language.

Groups are clusters. Graphviz draws edges between nodes only, so each cluster has an unseen entrance
and exit, which also keep its steps between them, and an edge is cut off at the cluster's border
(``lhead``, ``ltail``). A dashed edge goes on although the step before failed; a bold one asks for
an outcome.
"""

from collections.abc import Iterator
from typing import Final

from squall.core.playbook.drawing import labels
from squall.core.playbook.graph import Link, Node, Region, StepGraph

_STYLE: Final = """\
  rankdir=TB; compound=true; nodesep=0.35; ranksep=0.3;
  graph [fontname="Helvetica", fontsize=11, style="rounded", color="#8a929c"];
  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded", color="#5b6570"];
  edge [fontname="Helvetica", fontsize=10, color="#5b6570"];"""
_ASKS: Final = "#23824a"
_COLORS: Final = {
    "scenario": "#c5352b",
    "load": "#2563c9",
    "http": _ASKS,
    "tcp": _ASKS,
    "exec": _ASKS,
    "wait": "#8a929c",
}


def draw(graph: StepGraph) -> str:
    """The whole playbook, ending with a newline."""
    lines = [f"digraph {_quoted(labels.plain(graph.playbook.name))} {{", _STYLE]
    lines += _node(graph.main, "  ")
    if graph.finally_ is not None:
        lines += _node(graph.finally_, "  ")
        ends = _ends(graph.main, graph.finally_)
        lines.append(f'  {ends}, style=dotted, label="always"];')
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node, margin: str) -> Iterator[str]:
    if node.region is None:
        color = _COLORS[labels.kind(node.step)]
        yield f'{margin}{_quoted(node.path)} [label={_label(node)}, color="{color}"];'
        return
    yield f"{margin}subgraph {_cluster(node)} {{"
    yield f"{margin}  label={_label(node)};"
    for child in node.region.nodes:
        yield from _node(child, margin + "  ")
    for link in node.region.reduced():
        yield f"{margin}  {_link(link, node.region)}"
    yield from _unseen(node, node.region, margin + "  ")
    yield f"{margin}}}"


def _unseen(node: Node, region: Region, margin: str) -> Iterator[str]:
    """The entrance and exit of a cluster, and what ties them to its first and last steps."""
    links = region.links()
    waiting, waited_for = {link.after for link in links}, {link.before for link in links}
    for end in (_entrance(node), _exit(node)):
        yield f"{margin}{end} [shape=point, style=invis, width=0];"
    for index, child in enumerate(region.nodes):
        if index not in waiting:
            yield f"{margin}{_entrance(node)} -> {_entrance(child)} [style=invis];"
        if index not in waited_for:
            yield f"{margin}{_exit(child)} -> {_exit(node)} [style=invis];"


def _link(link: Link, region: Region) -> str:
    style = "bold" if link.outcomes else "dashed" if link.tolerated else "solid"
    ends = _ends(region.nodes[link.before], region.nodes[link.after])
    words = f", label={_quoted(labels.condition(link))}" if labels.condition(link) else ""
    return f"{ends}, style={style}{words}];"


def _ends(before: Node, after: Node) -> str:
    cut = f"ltail={_cluster(before)}, " if before.region else ""
    cut += f"lhead={_cluster(after)}, " if after.region else ""
    return f"{_exit(before)} -> {_entrance(after)} [{cut}weight=2"


def _entrance(node: Node) -> str:
    return _quoted(f"{node.path} in" if node.region else node.path)


def _exit(node: Node) -> str:
    return _quoted(f"{node.path} out" if node.region else node.path)


def _cluster(node: Node) -> str:
    return _quoted(f"cluster {node.path}")


def _label(node: Node) -> str:
    step = node.step
    last = [labels.repeats(step), *labels.modifiers(node)]
    if labels.kind(step) != "wait":
        last.insert(1, labels.lasts(step))
    lines = [labels.plain(step.name), *labels.does(step), ", ".join(filter(None, last))]
    return _quoted("\n".join(line for line in lines if line))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    shown = "".join(x if x.isprintable() else "\N{REPLACEMENT CHARACTER}" for x in escaped)
    return f'"{shown}"'
