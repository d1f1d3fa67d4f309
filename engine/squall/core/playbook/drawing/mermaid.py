"""The step graph as a Mermaid flowchart, which code hosts draw inside Markdown.

Groups are subgraphs; identifiers are numbered, because step names may hold anything. A dotted arrow
goes on although the step before failed; a thick one asks for an outcome.
"""

import re
from collections.abc import Iterator
from typing import Final

from squall.core.playbook.drawing import labels
from squall.core.playbook.graph import Link, Node, Region, StepGraph

_SPECIAL: Final = re.compile(r"[^\w .,:/+%×→±()-]")
_ASKS: Final = ("{{", "}}")
_SHAPES: Final = {
    "wait": ("([", "])"),
    "http": _ASKS,
    "tcp": _ASKS,
    "exec": _ASKS,
    "load": ("[/", "/]"),
}


def draw(graph: StepGraph) -> str:
    """The whole playbook, ending with a newline."""
    roots = [graph.main] if graph.finally_ is None else [graph.main, graph.finally_]
    ids = {
        node.path: f"s{number}"
        for number, node in enumerate(node for root in roots for node in root.walk())
    }
    lines = ["flowchart TD"]
    for root in roots:
        lines += _node(root, ids, "  ")
    if graph.finally_ is not None:
        lines.append(f'  {ids[graph.main.path]} -. "always" .-> {ids[graph.finally_.path]}')
    lines.append("  classDef scenario fill:#fdecea,stroke:#c5352b,color:#3b0f0b")
    faulty = [ids[n.path] for r in roots for n in r.walk() if labels.kind(n.step) == "scenario"]
    if faulty:
        lines.append(f"  class {','.join(faulty)} scenario")
    return "\n".join(lines) + "\n"


def _node(node: Node, ids: dict[str, str], margin: str) -> Iterator[str]:
    if node.region is None:
        start, end = _SHAPES.get(labels.kind(node.step), ("[", "]"))
        yield f'{margin}{ids[node.path]}{start}"{_label(node, "<br/>")}"{end}'
        return
    yield f'{margin}subgraph {ids[node.path]}["{_label(node, " · ")}"]'
    yield f"{margin}  direction TB"
    for child in node.region.nodes:
        yield from _node(child, ids, margin + "  ")
    for link in node.region.reduced():
        yield margin + "  " + _link(link, node.region, ids)
    yield f"{margin}end"


def _link(link: Link, region: Region, ids: dict[str, str]) -> str:
    before, after = ids[region.nodes[link.before].path], ids[region.nodes[link.after].path]
    words = _escape(labels.condition(link))
    if link.outcomes:
        return f'{before} == "{words}" ==> {after}'
    return f'{before} -. "{words}" .-> {after}' if words else f"{before} --> {after}"


def _label(node: Node, between: str) -> str:
    step = node.step
    words = [f"<b>{_escape(labels.plain(step.name))}</b>"]
    words += [_escape(phrase) for phrase in labels.does(step)]
    last = [labels.repeats(step), labels.lasts(step), *labels.modifiers(node)]
    if labels.kind(step) == "wait":
        last.remove(labels.lasts(step))
    words.append(_escape(", ".join(phrase for phrase in last if phrase)))
    return between.join(word for word in words if word)


def _escape(text: str) -> str:
    """Mermaid's own entities, for everything that might mean something to it or to HTML."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
