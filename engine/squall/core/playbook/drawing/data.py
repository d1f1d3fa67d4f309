"""The step graph as plain data, for programs: what ``squall graph --format json`` prints.

The shape is described in ``schemas/graph.schema.json``. Durations are written as in the language.
"""

from typing import TypedDict

from squall.core.playbook.drawing import labels
from squall.core.playbook.graph import Link, Node, Region, StepGraph
from squall.core.playbook.model import Loop, Outcome, Step
from squall.core.timing import format_duration

Data = dict[str, object]


class LinkData(TypedDict):
    """A link between two siblings, named by their paths."""

    before: str
    after: str
    outcomes: list[Outcome]
    tolerated: list[Outcome]
    redundant: bool


def draw(graph: StepGraph) -> Data:
    """The whole playbook; every key is always there."""
    return {
        "playbook": graph.playbook.name,
        "description": graph.playbook.description,
        "targets": [target.name for target in graph.playbook.targets],
        "main": _node(graph.main),
        "finally": None if graph.finally_ is None else _node(graph.finally_),
    }


def _node(node: Node) -> Data:
    step, region = node.step, node.region
    return {
        "path": node.path,
        "name": step.name,
        "action": labels.kind(step),
        "does": list(labels.does(step)),
        "targets": list(step.targets),
        "duration": _written(step.duration),
        "delay": _written(step.delay),
        "timeout": _written(step.timeout),
        "on_timeout": step.on_timeout,
        **_repeated(step),
        "children": [] if region is None else [_node(child) for child in region.nodes],
        "edges": [] if region is None else _links(region),
    }


def _repeated(step: Step) -> Data:
    retry, tolerance = step.retry, step.continue_on_failure
    return {
        "loop": None if step.loop is None else _looped(step.loop),
        "retry": None
        if retry is None
        else {"attempts": retry.attempts, "outcomes": sorted(retry.outcomes)},
        "continue_on_failure": None
        if tolerance is None
        else {"outcomes": sorted(tolerance.outcomes), "max": tolerance.max},
        "expect_traffic": step.expect_traffic,
    }


def _looped(loop: Loop) -> Data:
    """How often at most, and what it asks, if it asks."""
    asked = {"each": loop.each_of, "until": loop.until, "while": loop.while_}
    return {"times": loop.rounds, **{key: text for key, text in asked.items() if text}}


def _links(region: Region) -> list[LinkData]:
    drawn = set(region.reduced())
    return [_link(link, region, redundant=link not in drawn) for link in region.links()]


def _link(link: Link, region: Region, *, redundant: bool) -> LinkData:
    return {
        "before": region.nodes[link.before].path,
        "after": region.nodes[link.after].path,
        "outcomes": sorted(link.outcomes),
        "tolerated": sorted(link.tolerated),
        "redundant": redundant,
    }


def _written(duration: int | None) -> str | None:
    return None if duration is None else format_duration(duration)
