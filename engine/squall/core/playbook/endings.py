"""When do steps end? Loops without end or time, time-outs that are too short, steps never reached.

Called by `checks` with the model beside the document's paths. Times are lower bounds: what a step
takes if nothing goes wrong and everything it asks answers at once.
"""

from collections.abc import Iterator
from typing import Final, Literal

from squall.core.diagnostics import Severity
from squall.core.playbook.model import Group, Loop, Playbook, Probe, Step, Wait
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration, format_duration

Ending = Literal["ends", "fails", "never"]

_NEVER: Final = float("inf")


def check_endings(places: Places, playbook: Playbook) -> None:
    """Note every loop, time-out and step whose end makes no sense."""
    document = places.document.data
    assert isinstance(document, dict)
    bounded = "timeout" in document
    body = "parallel" if playbook.body.parallel else "steps"
    _loop(places, (), playbook.loop, playbook.body, bounded=bounded)
    _group(places, (body,), playbook.body, bounded=bounded)
    _group(places, ("finally",), Group(steps=playbook.finally_), bounded=False)
    takes = least(playbook)
    longest = playbook.limits.duration
    if playbook.timeout < takes < _NEVER and (longest is None or takes <= longest):
        places.note(
            ("timeout",) if bounded else ("name",), "SQ304",
            f"the run ends after {format_duration(playbook.timeout)}, and its steps take "
            f"{format_duration(int(takes))} at least",
            "give the playbook a longer 'timeout'",
            severity=Severity.WARNING,
        )  # fmt: skip


def least(playbook: Playbook) -> float:
    """The least a run of it takes, in nanoseconds; infinity for a loop without end."""
    return _repeated(playbook.loop, _together(playbook.body))


def lasts(playbook: Playbook) -> Duration:
    """The least a run takes when nothing goes wrong; one without end takes its time-out."""
    return Duration(int(min(least(playbook), playbook.timeout)))


def _group(places: Places, path: Path, group: Group, *, bounded: bool) -> None:
    if not group.parallel:
        _reachable(places, path, group)
    for index, step in enumerate(group.steps):
        at = (*path, index)
        inside = bounded or step.timeout is not None
        _loop(places, at, step.loop, step, bounded=inside)
        _timeout(places, at, step)
        if isinstance(step.action, Group):
            key = "parallel" if step.action.parallel else "steps"
            _group(places, (*at, key), step.action, bounded=inside)


def _loop(
    places: Places, path: Path, loop: Loop | None, body: Step | Group, *, bounded: bool
) -> None:
    if loop is None or not loop.endless:
        return
    if not bounded and loop.rounds is None:
        places.note(
            (*path, "loop"), "SQ301", "this loop has no end of its own",
            "say 'timeout' here" + ("" if path[:1] == ("finally",) else " or around it"), key=True,
        )  # fmt: skip
    inner = body if isinstance(body, Group) else body.action
    if not (_asks(inner) or (_together(inner) if isinstance(inner, Group) else _once(body))):
        places.note(
            (*path, "loop"), "SQ302", "this loop would turn without taking any time",
            "let its body wait, ask or inject", key=True,
        )  # fmt: skip


def _asks(action: object) -> bool:
    """Whether a question is asked somewhere in it, whose answer takes its time."""
    if isinstance(action, Group):
        return any(_asks(step.action) for step in action.steps)
    return isinstance(action, Probe)


def _timeout(places: Places, path: Path, step: Step) -> None:
    takes = _repeated(step.loop, _once(step))
    if step.timeout is None or step.on_timeout == "continue":
        return
    if step.timeout < takes < _NEVER:
        places.note(
            (*path, "timeout"), "SQ304",
            f"the timeout of {format_duration(step.timeout)} is shorter than the "
            f"{format_duration(int(takes))} it bounds: '{step.name}' always times out",
            "make it longer, or say on_timeout: continue", severity=Severity.WARNING,
        )  # fmt: skip


def _once(body: Step | Group) -> float:
    """The least one iteration of a step takes, its own delay and bound left out."""
    action = body if isinstance(body, Group) else body.action
    match action:
        case Group():
            return _together(action)
        case Wait(duration=duration):
            return duration
    assert isinstance(body, Step)
    return body.duration or Duration(0)


def _repeated(loop: Loop | None, once: float) -> float:
    if loop is None:
        return once
    if loop.until or loop.while_ or loop.each_of:
        return loop.fewest * once
    return _NEVER if loop.rounds is None else all_rounds(loop, loop.rounds, once)


def all_rounds(loop: Loop, rounds: int, once: float) -> float:
    """How long so many rounds of a loop take, if each of them takes `once`."""
    if not rounds:
        return 0
    # The last one waits for those in its place before it, and starts after those beside it.
    before, beside = divmod(rounds - 1, loop.max_parallel)
    return before * max(once, loop.max_parallel * loop.every) + beside * loop.every + once


def _together(group: Group) -> float:
    """The least the steps of a group take; those that may be passed over take nothing."""
    takes = [
        min(step.delay + _repeated(step.loop, _once(step)), step.delay + (step.timeout or _NEVER))
        for step in group.steps
        if not any(need.outcomes for need in step.needs)
    ]
    return max(takes, default=0) if group.parallel else sum(takes)


def _reachable(places: Places, path: Path, group: Group) -> None:
    for index, step in enumerate(group.steps[:-1]):
        ending = _ending(step)
        if ending != "ends":
            later = group.steps[index + 1].name
            why = "never ends" if ending == "never" else "always times out"
            places.note(
                (*path, index + 1, "name"), "SQ303",
                f"'{later}' is never reached: '{step.name}' before it {why}",
                f"give '{step.name}' a timeout with on_timeout: continue",
                severity=Severity.WARNING,
            )  # fmt: skip
            return


def _ending(step: Step) -> Ending:
    """How a step that loops for ever, or holds one that does, comes to its end."""
    ending: Ending = "ends"
    if isinstance(step.action, Group):
        endings = list(_endings(step.action))
        ending = next((one for one in endings if one != "ends"), "ends")
        if step.action.parallel and "fails" in endings:
            ending = "fails"
    if ending == "ends" and step.loop is not None and step.loop.forever:
        ending = "never"
    if ending == "never" and step.timeout is not None:
        ending = "ends" if step.on_timeout == "continue" else "fails"
    tolerated = step.continue_on_failure
    if ending == "fails" and tolerated is not None and "timed_out" in tolerated.outcomes:
        ending = "ends"
    return ending


def _endings(group: Group) -> Iterator[Ending]:
    return (_ending(step) for step in group.steps)
