"""How far a playbook may go, by the limits of its project: how many targets, how many errors.

Called by `load` with the model beside the document's paths. What counts is what steps may do at
once: all that no order keeps apart, so what is allowed here cannot go further when it runs. How
long a run takes is bounded by its time-out, and how many there are by `admission`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from squall.core.diagnostics import Refused
from squall.core.faults.kinds import (
    Corruption,
    Down,
    Errors,
    Fault,
    PartialResponses,
    Resets,
    Scenario,
    Timeouts,
)
from squall.core.playbook.endings import least
from squall.core.playbook.model import NO_LIMITS, Group, Injection, Limits, Loop, Playbook, Step
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration, format_duration

_ROUNDING: Final = 1e-9

Line = tuple[tuple[Group, int], ...]
"""The way to a step: each group and which of its steps leads on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A step that puts faults on, where it is written and how it is reached.

    `spares` is the share of requests that it lets live, 1 where only a run can tell.
    """

    path: Path
    step: Step
    spares: float
    line: Line


def check_limits(places: Places, playbook: Playbook, limited_by: Mapping[str, str]) -> None:
    """Note every step that goes beyond the limits the playbook carries."""
    limits = playbook.limits
    if limits == NO_LIMITS:
        return
    hits = _all_hits(playbook)
    for index, hit in enumerate(hits):
        others = _meeting(hit, hits[:index])
        _targets(places, limits, limited_by, hit, others)
        _errors(places, limits, limited_by, hit, others)
    _length(places, playbook, limited_by)


def beyond(playbook: Playbook, step: Step, now: Step, on: Mapping[str, float]) -> str:
    """How a step, whose values have just been put in, goes beyond the limits; empty if it does not.

    `now` is the step as it is to run, `on` says of each filled step that goes on what it spares.
    Those beside it that are still to be filled are not counted.
    """
    hits = _all_hits(playbook)
    hit = next((one for one in hits if one.step is step), None)
    if hit is None or not isinstance(now.action, Injection):
        return ""
    filled = replace(hit, spares=spares(now))
    others = _meeting(hit, hits)
    others += [replace(one, spares=on[at]) for one in hits if (at := _named(one.line)) in on]
    for target, share, there in _failing(filled, others, playbook.limits):
        return (
            f"it{_beside(there)} would make {_percent(share)} of the requests to '{target}' fail;"
            f" the project allows {_percent(_most(playbook.limits))}"
        )
    return ""


def spares(step: Step) -> float:
    """The share of requests that the faults of a step let live."""
    if not isinstance(step.action, Injection):
        return 1.0
    return prod(1 - error_share(scenario) for scenario in step.action.scenarios)


def bounded(playbook: Playbook, timeout: Duration) -> Duration:
    """A time-out for one run of it; raises `Refused` for one beyond the limit."""
    longest = playbook.limits.duration
    if longest is not None and timeout > longest:
        raise Refused(
            "SQ403",
            f"a run of '{playbook.name}' may take {format_duration(longest)} at most,"
            f" not {format_duration(timeout)}",
            "the limit stands under 'limits' in squall.yaml",
        )
    return timeout


def error_share(scenario: Scenario) -> float:
    """The share of requests a scenario makes fail, if its match means all of its clients' requests.

    Faults that turn away what goes beyond a measure of traffic are not among them.
    """
    return scenario.match.share * (1 - prod(1 - _share(fault) for fault in scenario.faults))


def _all_hits(playbook: Playbook) -> list[_Hit]:
    body = "parallel" if playbook.body.parallel else "steps"
    times = _side_by_side(playbook.loop)
    return list(_hits((body,), playbook.body, (), times))


def _share(fault: Fault) -> float:
    match fault:
        case Errors() | Timeouts() | Resets() | PartialResponses() | Corruption():
            return fault.rate
        case Down():
            return 1.0
        case _:
            return 0.0


def _hits(path: Path, group: Group, line: Line, times: int = 1) -> Iterator[_Hit]:
    for index, step in enumerate(group.steps):
        at, way = (*path, index), (*line, (group, index))
        here = times * _side_by_side(step.loop)
        if isinstance(step.action, Group):
            key = "parallel" if step.action.parallel else "steps"
            yield from _hits((*at, key), step.action, way, here)
        elif isinstance(step.action, Injection):
            each = 1.0 if step.blank else spares(step)
            yield _Hit(path=at, step=step, spares=each**here, line=way)


def _named(line: Line) -> str:
    """The names on the way to a step."""
    return "/".join(group.steps[index].name for group, index in line)


def _side_by_side(loop: Loop | None) -> int:
    """How many rounds of a step are on at once."""
    if loop is None:
        return 1
    return loop.max_parallel if loop.rounds is None else min(loop.max_parallel, loop.rounds)


def _meeting(hit: _Hit, others: Sequence[_Hit]) -> list[_Hit]:
    """Those that may be on while this one is."""
    if not any(group.parallel for group, _ in hit.line):
        return []
    return [one for one in others if one is not hit and _may_meet(hit.line, one.line)]


def _may_meet(one: Line, other: Line) -> bool:
    """Whether two steps may be on at once: their ways part side by side, and neither waits."""
    for (group, here), (_, there) in zip(one, other, strict=False):
        if here != there:
            return group.parallel and not (
                _waits(group.steps, here, there) or _waits(group.steps, there, here)
            )
    return False


def _waits(steps: Sequence[Step], later: int, earlier: int) -> bool:
    """Whether a step starts only when a sibling is over, by way of others perhaps."""
    places = {step.name: index for index, step in enumerate(steps)}
    seen, ahead = set(), [later]
    while ahead:
        for need in steps[ahead.pop()].needs:
            index = places.get(need.step)
            if index == earlier:
                return True
            if index is not None and index not in seen:
                seen.add(index)
                ahead.append(index)
    return False


def _targets(
    places: Places, limits: Limits, limited_by: Mapping[str, str], hit: _Hit, others: list[_Hit]
) -> None:
    reached = set(hit.step.targets).union(*(other.step.targets for other in others))
    most = limits.targets
    if most is None or len(reached) <= most or not hit.step.targets:
        return
    said = (*hit.path, "targets") in places.document.keys
    key = "targets" if said else "scenario"
    places.note(
        (*hit.path, key), "SQ320",
        f"'{hit.step.name}'{_beside(others)} has faults on {len(reached)} targets at once:"
        f" {', '.join(sorted(reached))}; {limited_by['targets']} allows {most}",
        "name fewer under 'targets', or let one step need the other", key=True,
    )  # fmt: skip


def _errors(
    places: Places, limits: Limits, limited_by: Mapping[str, str], hit: _Hit, others: list[_Hit]
) -> None:
    for target, share, there in _failing(hit, others, limits):
        places.note(
            (*hit.path, "scenario"), "SQ321",
            f"'{hit.step.name}'{_beside(there)} makes {_percent(share)} of the requests to"
            f" '{target}' fail; {limited_by['error_share']} allows {_percent(_most(limits))}",
            "lower the rates, or let one step need the other", key=True,
        )  # fmt: skip
        return


def _failing(
    hit: _Hit, others: list[_Hit], limits: Limits
) -> Iterator[tuple[str, float, list[_Hit]]]:
    """Each target at which a step goes beyond the limit, how far, and together with whom."""
    if hit.spares == 1:
        return
    for target in hit.step.targets:
        there = [other for other in others if other.spares < 1 and target in other.step.targets]
        share = 1 - hit.spares * prod(other.spares for other in there)
        if share > _most(limits) + _ROUNDING:
            yield target, share, there


def _most(limits: Limits) -> float:
    return 1.0 if limits.error_share is None else limits.error_share


def _percent(share: float) -> str:
    return f"{share * 100:.4g}%"


def _beside(others: list[_Hit]) -> str:
    names = [f"'{other.step.name}'" for other in others]
    return f" with {', '.join(names)} beside it" if names else ""


def _length(places: Places, playbook: Playbook, limited_by: Mapping[str, str]) -> None:
    longest = playbook.limits.duration
    if longest is None:
        return
    where = f"{limited_by['duration']} allows {format_duration(longest)}"
    takes = least(playbook)
    if playbook.timeout > longest:
        places.note(
            ("timeout",), "SQ322",
            f"the run may take {format_duration(playbook.timeout)}; {where}", "make it shorter",
        )  # fmt: skip
    elif longest < takes < float("inf"):
        places.note(
            ("name",), "SQ322",
            f"the steps take {format_duration(int(takes))} at least; {where}",
            "make the steps shorter, or fewer", key=True,
        )  # fmt: skip
