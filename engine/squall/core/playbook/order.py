"""Who waits for whom, steps by `needs` and playbooks by `depends_on`, and where that is a circle.

Plain dictionaries, so that linting a file never pays for a graph library; `graph` draws and
compiles what is known here to have an order.
"""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from squall.core.playbook.model import Step

Waits = Mapping[str, Sequence[str]]


def find_cycles(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    """Steps that wait for each other, each circle once, from its first step the shortest way round.

    >>> # a needs b, b needs a  →  [("a", "b")]
    """
    names = {step.name for step in steps}
    return find_circles(
        {step.name: [need.step for need in step.needs if need.step in names] for step in steps}
    )


def find_circles(waits: Waits) -> list[tuple[str, ...]]:
    """The circles in who waits for whom; every name that is waited for is a key."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError:
        return list(_circles(waits))
    return []


def _circles(waits: Waits) -> Iterator[tuple[str, ...]]:
    for knot in _knots(waits):
        start = next(name for name in waits if name in knot)
        yield _way_round(start, knot, waits)


def _knots(waits: Waits) -> Iterator[set[str]]:
    """Sets of steps each of which waits for every other (Kosaraju's algorithm, without recursion).

    Walking against the arrows from the steps that finish last meets one knot at a time.
    """
    awaited: dict[str, list[str]] = {name: [] for name in waits}
    for name, needed in waits.items():
        for need in needed:
            awaited[need].append(name)
    seen: set[str] = set()
    finished = [step for name in waits for step in _walk(name, waits, seen)]
    seen = set()
    for name in reversed(finished):
        knot = set(_walk(name, awaited, seen))
        if len(knot) > 1 or (knot and name in waits[name]):
            yield knot


def _walk(start: str, arrows: Waits, seen: set[str]) -> Iterator[str]:
    """Depth first from `start` over what was not seen, each name when all behind it is done."""
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(arrows[start]))]
    while stack:
        name, ahead = stack[-1]
        following = next((step for step in ahead if step not in seen), None)
        if following is None:
            stack.pop()
            yield name
        else:
            seen.add(following)
            stack.append((following, iter(arrows[following])))


def _way_round(start: str, knot: set[str], waits: Waits) -> tuple[str, ...]:
    """The shortest way from a step of a knot back to itself, breadth first."""
    came_from: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for need in waits[name]:
            if need == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if need in knot and need not in came_from:
                came_from[need] = name
                queue.append(need)
    raise AssertionError("every step of a knot lies on a way round")
