"""How far a playbook may go, by the limits of its project: how many targets, how many errors.

Called by `load` with the model beside the document's paths. What counts is what steps may do at
once: all that no order keeps apart, so what is allowed here cannot go further when it runs. How
long a run takes is bounded by its time-out, and how many there are by `admission`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from squall.core.playbook.model import NO_LIMITS, Group, Injection, Limits, Playbook, Step
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration, format_duration

_ROUNDING: Final = 1e-9

Line = tuple[tuple[Group, int], ...]
"""The way to a step: each group and which of its steps leads on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hit:
    """A step that puts faults on, where it is written and how it is reached."""

    path: Path
    step: Step
    action: Injection
    line: Line


def check_limits(places: Places, playbook: Playbook, limited_by: Mapping[str, str]) -> None:
    """Note every step that goes beyond the limits the playbook carries."""
    limits = playbook.limits
    if limits == NO_LIMITS:
        return
    body = "parallel" if playbook.body.parallel else "steps"
    hits = list(_hits((body,), playbook.body, ()))
    for index, hit in enumerate(hits):
        others = [other for other in hits[:index] if _may_meet(hit.line, other.line)]
        _targets(places, limits, limited_by, hit, others)
        _errors(places, limits, limited_by, hit, others)
    _length(places, playbook, limited_by)


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
    return scenario.match.share * _together(map(_share, scenario.faults))


def _share(fault: Fault) -> float:
    match fault:
        case Errors() | Timeouts() | Resets() | PartialResponses() | Corruption():
            return fault.rate
        case Down():
            return 1.0
        case _:
            return 0.0


def _together(shares: Iterator[float]) -> float:
    """What independent shares come to."""
    spared = 1.0
    for share in shares:
        spared *= 1 - share
    return 1 - spared


def _hits(path: Path, group: Group, line: Line) -> Iterator[_Hit]:
    for index, step in enumerate(group.steps):
        at, way = (*path, index), (*line, (group, index))
        if isinstance(step.action, Group):
            key = "parallel" if step.action.parallel else "steps"
            yield from _hits((*at, key), step.action, way)
        elif isinstance(step.action, Injection):
            yield _Hit(path=at, step=step, action=step.action, line=way)


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
    most = limits.error_share
    if most is None or not any(map(error_share, hit.action.scenarios)):
        return
    failing = [other for other in others if any(map(error_share, other.action.scenarios))]
    for target in hit.step.targets:
        there = [other for other in failing if target in other.step.targets]
        scenarios = (scenario for one in (hit, *there) for scenario in one.action.scenarios)
        share = _together(map(error_share, scenarios))
        if share > most + _ROUNDING:
            places.note(
                (*hit.path, "scenario"), "SQ321",
                f"'{hit.step.name}'{_beside(there)} makes {_percent(share)} of the requests to"
                f" '{target}' fail; {limited_by['error_share']} allows {_percent(most)}",
                "lower the rates, or let one step need the other", key=True,
            )  # fmt: skip
            return


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
