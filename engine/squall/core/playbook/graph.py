"""The step graph: which steps wait for which, and under what outcome.

Every group is a directed graph of its children, held inside the group's node; a loop is a node
like any other, so every graph is free of cycles however long the run goes round. `compile` makes
the plan from it, the drawings show it. This is the only module that knows networkx, which is
imported when the first graph is built: linting a file never pays for it. Checking that a playbook
has no circle of `needs` happens before, in `order`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from squall.core.playbook.model import Group, Outcome, Playbook, Step
from squall.core.timing import MINUTE

if TYPE_CHECKING:
    from networkx import DiGraph

MAIN: Final = "main"
FINALLY: Final = "finally"
FINALLY_TIMEOUT: Final = MINUTE
"""What bounds `finally`, so that a hanging clean-up cannot keep a run from ending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Child `after` starts when child `before` is over; both are indices among their siblings.

    Without `outcomes` the earlier one must have concluded well, and `tolerated` are the outcomes
    that count as well although they are none (its ``continue_on_failure``). With `outcomes` its
    raw outcome must be one of them.
    """

    before: int
    after: int
    outcomes: frozenset[Outcome] = frozenset()
    tolerated: frozenset[Outcome] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step; a group carries the graph of its children in `region`.

    `targets` are the step's where it does not act on all that are in scope.
    """

    path: str
    step: Step
    targets: tuple[str, ...] = ()
    region: "Region | None" = None

    def walk(self) -> "Iterator[Node]":
        """This node and all below it, in the order they are written."""
        yield self
        if self.region is not None:
            for child in self.region.nodes:
                yield from child.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The children of a group, and the graph between them.

    The graph's nodes are indices into `nodes`, the order in which they are written; each of its
    edges carries its `Link` as ``link``.
    """

    nodes: tuple[Node, ...]
    parallel: bool
    graph: "DiGraph[int]"

    def links(self) -> tuple[Link, ...]:
        """Every edge, in the order of what waits and then of what is waited for."""
        found: list[Link] = [self.graph.edges[edge]["link"] for edge in self.graph.edges]
        return tuple(sorted(found, key=lambda link: (link.after, link.before)))

    def reduced(self) -> tuple[Link, ...]:
        """The edges worth drawing: without those that say only what a longer way says already.

        An edge under an outcome of its own is never left out, and does not make another one
        superfluous: it says something else than "after".
        """
        links = self.links()
        if not self.parallel:
            return links
        import networkx as nx  # noqa: PLC0415 - slow to import

        plain: DiGraph[int] = nx.DiGraph()
        plain.add_nodes_from(self.graph.nodes)
        plain.add_edges_from((link.before, link.after) for link in links if not link.outcomes)
        kept = set(nx.transitive_reduction(plain).edges)
        return tuple(x for x in links if x.outcomes or (x.before, x.after) in kept)

    def layers(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The children row by row, each below everything it waits for; one entry per component.

        Components are the parts that have nothing to do with one another, in written order.
        """
        import networkx as nx  # noqa: PLC0415 - slow to import

        parts = sorted(nx.weakly_connected_components(self.graph), key=min)
        return tuple(
            tuple(
                tuple(sorted(row)) for row in nx.topological_generations(self.graph.subgraph(part))
            )
            for part in parts
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGraph:
    """A playbook's two graphs: its own steps, and what always runs afterwards."""

    playbook: Playbook
    main: Node
    finally_: Node | None = None


def step_graph(playbook: Playbook) -> StepGraph:
    """The graph of a checked playbook.

    Raises ValueError when a step needs one that is not its sibling, or when `needs` go round in a
    circle: both are findings of `lint`, and no playbook with findings gets here.
    """
    main = Step(name=MAIN, action=playbook.body, loop=playbook.loop)
    scope = frozenset(target.name for target in playbook.targets)
    last = None
    if playbook.finally_:
        group = Group(steps=playbook.finally_)
        last = _node(Step(name=FINALLY, action=group, timeout=FINALLY_TIMEOUT), FINALLY, scope)
    return StepGraph(playbook=playbook, main=_node(main, MAIN, scope), finally_=last)


def _node(step: Step, path: str, scope: frozenset[str]) -> Node:
    region = _region(step.action, path, scope) if isinstance(step.action, Group) else None
    targets = () if frozenset(step.targets) == scope else step.targets
    return Node(path=path, step=step, targets=targets, region=region)


def _region(group: Group, path: str, scope: frozenset[str]) -> Region:
    import networkx as nx  # noqa: PLC0415 - slow to import

    graph: DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(group.steps)))
    for link in _needs(group, path) if group.parallel else _sequence(group):
        graph.add_edge(link.before, link.after, link=link)
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError(f"the needs in {path} go round in a circle")
    nodes = tuple(_node(step, f"{path}/{step.name}", scope) for step in group.steps)
    return Region(nodes=nodes, parallel=group.parallel, graph=graph)


def _sequence(group: Group) -> Iterator[Link]:
    for index, step in enumerate(group.steps[:-1]):
        yield Link(before=index, after=index + 1, tolerated=_tolerated(step))


def _needs(group: Group, path: str) -> Iterator[Link]:
    places = {step.name: index for index, step in enumerate(group.steps)}
    for index, step in enumerate(group.steps):
        for need in step.needs:
            before = places.get(need.step)
            if before is None:
                raise ValueError(f"{path}/{step.name} needs {need.step!r}, which is not beside it")
            outcomes = frozenset(need.outcomes)
            tolerated = frozenset() if outcomes else _tolerated(group.steps[before])
            yield Link(before=before, after=index, outcomes=outcomes, tolerated=tolerated)


def _tolerated(step: Step) -> frozenset[Outcome]:
    tolerance = step.continue_on_failure
    return frozenset(tolerance.outcomes) if tolerance is not None else frozenset()
