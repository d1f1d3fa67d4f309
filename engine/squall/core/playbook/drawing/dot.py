"""The step graph in Graphviz's language.

Groups are clusters. Graphviz draws edges between nodes only, so an edge of a group starts or ends
at one of its leaves and is cut off at the cluster's border (``lhead``, ``ltail``). A dashed edge
goes on although the step before failed; a bold one asks for an outcome.
"""

from collections.abc import Iterator
from typing import Final

from squall.core.playbook.drawing import labels
from squall.core.playbook.graph import Link, Node, Region, StepGraph

_STYLE: Final = """\
  rankdir=TB; compound=true; newrank=true;
  graph [fontname="Helvetica", fontsize=11, style="rounded", color="#8a929c", nodesep=0.35];
  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded", color="#5b6570"];
  edge [fontname="Helvetica", fontsize=10, color="#5b6570"];"""
_COLORS: Final = {"scenario": "#c5352b", "load": "#2563c9", "http": "#23824a", "wait": "#8a929c"}


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
    yield f"{margin}}}"


def _link(link: Link, region: Region) -> str:
    style = "bold" if link.outcomes else "dashed" if link.tolerated else "solid"
    ends = _ends(region.nodes[link.before], region.nodes[link.after])
    words = f", label={_quoted(labels.condition(link))}" if labels.condition(link) else ""
    return f"{ends}, style={style}{words}];"


def _ends(before: Node, after: Node) -> str:
    tail, head = list(before.walk())[-1], next(_leaves(after))
    cut = f"ltail={_cluster(before)}, " if before.region else ""
    cut += f"lhead={_cluster(after)}, " if after.region else ""
    return f"{_quoted(tail.path)} -> {_quoted(head.path)} [{cut}weight=2"


def _leaves(node: Node) -> Iterator[Node]:
    return (each for each in node.walk() if each.region is None)


def _cluster(node: Node) -> str:
    return _quoted(f"cluster {node.path}")


def _label(node: Node) -> str:
    step = node.step
    last = [labels.repeats(step), *labels.modifiers(step)]
    if labels.kind(step) != "wait":
        last.insert(1, labels.lasts(step))
    lines = [labels.plain(step.name), *labels.does(step), ", ".join(filter(None, last))]
    return _quoted("\n".join(line for line in lines if line))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
