"""The step graph as a tree of lines that a person can read aloud.

Steps of a sequence are numbered; those side by side are not, and say what they wait for.
"""

from collections.abc import Iterator

from squall.core.playbook.drawing import labels
from squall.core.playbook.graph import Link, Node, Region, StepGraph
from squall.core.playbook.model import Wait


def draw(graph: StepGraph) -> str:
    """The whole playbook, ending with a newline."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: StepGraph) -> Iterator[str]:
    playbook = graph.playbook
    about = f": {labels.plain(playbook.description)}" if playbook.description else ""
    yield f"{labels.plain(playbook.name)}{about}"
    for target in playbook.targets:
        upstream = target.upstream or "the built-in echo"
        yield f"target {labels.plain(target.name)}: {target.listen} → {upstream}"
    yield ""
    yield _sentence(graph.main, "")
    if graph.main.region is not None:
        yield from _children(graph.main.region, "")
    if graph.finally_ is not None and graph.finally_.region is not None:
        yield ""
        yield "finally: always, when every fault is off"
        yield from _children(graph.finally_.region, "")


def _children(region: Region, margin: str) -> Iterator[str]:
    links = region.reduced()
    for index, node in enumerate(region.nodes):
        last = index == len(region.nodes) - 1
        number = "" if region.parallel else f"{index + 1}. "
        needs = tuple(link for link in links if link.after == index) if region.parallel else ()
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield margin + branch + number + _sentence(node, _needs(needs, region))
        if node.region is not None:
            yield from _children(node.region, margin + below)


def _needs(links: tuple[Link, ...], region: Region) -> str:
    return ", ".join(labels.waits_for(links, region.nodes))


def _sentence(node: Node, needs: str) -> str:
    step = node.step
    what = " + ".join(labels.does(step))
    phrases = [labels.repeats(step), what]
    if not isinstance(step.action, Wait) and labels.lasts(step):
        phrases.append(f"for {labels.lasts(step)}")
    phrases += [needs, *labels.modifiers(node)]
    return f"{labels.plain(step.name)}: " + " · ".join(phrase for phrase in phrases if phrase)
