"""Faults of one kind that steps side by side put on one target at once.

Called by `checks` with the model beside the document's paths. Faults compose, so nothing is wrong
with that; but two latencies add up, and whoever writes the second often does not think of the
first. It is said only where it is certain: what comes before both steps takes a known time, and no
request that one means is kept from the other.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from squall.core.diagnostics import Severity
from squall.core.faults.kinds import EVERY, Fault, Match, Scenario
from squall.core.playbook.model import Group, Injection, Load, Playbook, Step, Wait
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path


class _On(NamedTuple):
    """A step whose faults are on from `since` to `till` after its parallel group began."""

    path: Path
    step: Step
    since: int
    till: int


def check_overlaps(places: Places, playbook: Playbook) -> None:
    """Note each step whose faults are on together with those of a kind from another step."""
    key = "parallel" if playbook.body.parallel else "steps"
    for path, group in _side_by_side((key,), playbook.body):
        told: set[Path] = set()
        seen: list[_On] = []
        for index, step in enumerate(group.steps):
            ours = [] if step.needs else list(_on((*path, index), step, 0))
            for on in ours:
                if on.path not in told:
                    told.update(_tell(places, on, seen))
            seen += ours


def _side_by_side(path: Path, group: Group) -> Iterator[tuple[Path, Group]]:
    """Every parallel group with the path of its list of steps."""
    if group.parallel:
        yield path, group
    for index, step in enumerate(group.steps):
        if isinstance(step.action, Group) and step.action.called is None:
            key = "parallel" if step.action.parallel else "steps"
            yield from _side_by_side((*path, index, key), step.action)


def _on(path: Path, step: Step, start: int) -> Iterator[_On]:
    """The faults at or below a step that are on at a known time after `start`."""
    loop = step.loop
    if step.when or step.blank is not None or (loop and (loop.while_ or loop.each_of)):
        return
    start += step.delay
    if isinstance(step.action, Injection):
        till = start + (step.duration or 0)
        yield _On(path, step, start, till)
    elif isinstance(step.action, Group) and step.action.called is None:
        key = "parallel" if step.action.parallel else "steps"
        for index, child in enumerate(step.action.steps):
            if child.needs:
                continue
            yield from _on((*path, key, index), child, start)
            takes = _takes(child)
            if step.action.parallel:
                continue
            if takes is None:
                return
            start += takes


def _takes(step: Step) -> int | None:
    """How long a step takes when nothing goes wrong; None where that is not known."""
    if step.when or step.loop or step.blank is not None:
        return None
    match step.action:
        case Wait(duration=duration):
            return step.delay + duration
        case Injection() | Load():
            return step.delay + (step.duration or 0)
        case Group(called=None):
            takes = [_takes(child) for child in step.action.steps]
            known = [one for one in takes if one is not None]
            if len(known) < len(takes) or any(child.needs for child in step.action.steps):
                return None
            return step.delay + (max(known) if step.action.parallel else sum(known))
    return None


def _tell(places: Places, on: _On, others: Sequence[_On]) -> Iterator[Path]:
    for other in others:
        if on.since >= other.till or other.since >= on.till:
            continue
        for target in sorted(set(on.step.targets) & set(other.step.targets)):
            kind = _common(on.step, other.step)
            if kind is None:
                break
            line = places.document.locate((*other.path, "name")).start.line
            places.note(
                (*on.path, "scenario"), "SQ305",
                f"'{on.step.name}' and '{other.step.name}' (line {line}) put '{kind}' on "
                f"'{target}' at the same time, and both act",
                "if one is meant, let it need the other, or 'match' other requests",
                key=True, severity=Severity.NOTE,
            )  # fmt: skip
            yield on.path
            return


def _common(one: Step, other: Step) -> str | None:
    """A kind of fault that both put on, for requests that both mean."""
    for mine in _scenarios(one):
        for its in _scenarios(other):
            if _meet(mine.match, its.match):
                for fault in mine.faults:
                    if any(_alike(fault, each) for each in its.faults):
                        return str(fault.__struct_config__.tag)
    return None


def _scenarios(step: Step) -> tuple[Scenario, ...]:
    return step.action.scenarios if isinstance(step.action, Injection) else ()


def _alike(one: Fault, other: Fault) -> bool:
    """Whether two faults are of a kind, and act on the same way."""
    ways = {getattr(each, "direction", "both") for each in (one, other)}
    return type(one) is type(other) and ways != {"request", "response"}


def _meet(one: Match, other: Match) -> bool:
    """Whether both certainly mean some request: each condition is the same, or one has it not."""
    if one.share < EVERY and other.share < EVERY:
        return False
    if one.method and other.method and not set(one.method) & set(other.method):
        return False
    pairs = (
        (one.path, other.path), (one.host, other.host), (one.headers, other.headers),
        (one.client, other.client),
        ((one.min_body, one.max_body), (other.min_body, other.max_body)),
    )  # fmt: skip
    return all(mine == its or not _asks(mine) or not _asks(its) for mine, its in pairs)


def _asks(condition: object) -> bool:
    """Whether a condition asks for anything."""
    return bool(condition) and condition != (None, None)
