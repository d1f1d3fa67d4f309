"""From the step graph to the plan: the last question about order answered before a run begins.

Called once per run by whoever drives the machine. Two playbooks that mean the same give the same
plan, in whatever order their keys and `needs` were written. It decides nothing that the graph does
not say, and expects a playbook without findings.
"""

from squall.core.playbook.graph import Link, Node, Region, step_graph
from squall.core.playbook.model import Outcome, Playbook, digest
from squall.core.playbook.plan import Edge, Plan, PlanStep


def compile_plan(playbook: Playbook) -> Plan:
    """The plan of a checked playbook; raises what `step_graph` raises for an unchecked one."""
    graph = step_graph(playbook)
    return Plan(
        playbook=playbook,
        digest=digest(playbook),
        main=_plan_step(graph.main),
        finally_=None if graph.finally_ is None else _plan_step(graph.finally_),
    )


def _plan_step(node: Node) -> PlanStep:
    if node.region is None:
        return PlanStep(path=node.path, step=node.step)
    return _plan_group(node, node.region)


def _plan_group(node: Node, region: Region) -> PlanStep:
    incoming: list[list[Link]] = [[] for _ in region.nodes]
    outgoing: list[list[Link]] = [[] for _ in region.nodes]
    for link in region.links():
        incoming[link.after].append(link)
        outgoing[link.before].append(link)
    return PlanStep(
        path=node.path,
        step=node.step,
        children=tuple(_plan_step(child) for child in region.nodes),
        parallel=region.parallel,
        edges=tuple(
            tuple(Edge(index=link.before, outcomes=link.outcomes) for link in links)
            for links in incoming
        ),
        dependents=tuple(tuple(link.after for link in links) for links in outgoing),
        handled=tuple(_handled(links) for links in outgoing),
    )


def _handled(links: list[Link]) -> frozenset[Outcome]:
    return frozenset(outcome for link in links for outcome in link.outcomes)
