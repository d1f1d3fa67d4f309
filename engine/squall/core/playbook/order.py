"""The order `needs` ask for: who waits for whom, and where that goes in circles.

Plain dictionaries, so that linting a file never pays for a graph library; `graph` draws and
compiles what is known here to have an order.
"""

from collections.abc import Mapping, Sequence

from squall.core.playbook.model import Step


def find_cycles(steps: Sequence[Step]) -> list[tuple[str, ...]]:
    """Every group of steps that wait for each other, as the shortest way round, first named first.

    >>> # a needs b, b needs a  →  [("a", "b")]
    """
    names = [step.name for step in steps]
    waits = {step.name: [need.step for need in step.needs if need.step in names] for step in steps}
    found: list[tuple[str, ...]] = []
    settled: set[str] = set()
    for name in names:
        if name not in settled:
            way = _way_back(name, waits)
            if way:
                found.append(way)
                settled.update(way)
    return found


def _way_back(start: str, waits: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The shortest path from a step back to itself; empty when there is none."""
    seen = {start}
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:
        for name in waits[way[-1]]:
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
