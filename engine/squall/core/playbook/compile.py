"""From the step graph to the plan: the last question about order answered before a run begins.

Called once per run by whoever drives the machine. Two playbooks that mean the same give the same
plan, in whatever order their keys and `needs` were written. It decides nothing that the graph does
not say, and expects a playbook without findings.
"""

from dataclasses import replace

from squall.core.playbook.graph import Link, Node, Region, step_graph
from squall.core.playbook.model import Group, Outcome, Playbook, Step, digest
from squall.core.playbook.plan import Edge, Plan, PlanStep
from squall.core.playbook.talk import STEADY, Talk


def compile_plan(playbook: Playbook, schema: str = "") -> Plan:
    """The plan of a checked playbook; raises what `step_graph` raises for an unchecked one.

    `schema` is needed by playbooks with steps that are filled while they run.
    """
    graph = step_graph(playbook)
    talk = Talk(playbook)
    return Plan(
        playbook=playbook,
        digest=digest(playbook),
        main=_plan_step(graph.main, talk),
        finally_=None if graph.finally_ is None else _plan_step(graph.finally_, talk),
        steady=_steady(playbook, talk),
        schema=schema,
    )


def _steady(playbook: Playbook, talk: Talk) -> PlanStep | None:
    if playbook.steady_state is None:
        return None
    checks = playbook.steady_state.checks
    return PlanStep(
        path=STEADY,
        step=Step(name=STEADY, action=Group(steps=checks, parallel=True)),
        children=tuple(
            PlanStep(
                path=f"{STEADY}/{check.name}",
                step=check,
                speaks=talk.speaks.get(f"{STEADY}/{check.name}", {}),
            )
            for check in checks
        ),
        parallel=True,
        wanted=talk.wanted(STEADY),
    )


def _plan_step(node: Node, talk: Talk) -> PlanStep:
    if node.region is not None:
        planned = _plan_group(node, node.region, talk)
    else:
        planned = PlanStep(path=node.path, step=node.step)
    speaks, wanted = talk.speaks.get(node.path), talk.wanted(node.path)
    return replace(planned, speaks=speaks or {}, wanted=wanted) if speaks or wanted else planned


def _plan_group(node: Node, region: Region, talk: Talk) -> PlanStep:
    incoming: list[list[Link]] = [[] for _ in region.nodes]
    outgoing: list[list[Link]] = [[] for _ in region.nodes]
    for link in region.links():
        incoming[link.after].append(link)
        outgoing[link.before].append(link)
    return PlanStep(
        path=node.path,
        step=node.step,
        children=tuple(_plan_step(child, talk) for child in region.nodes),
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
