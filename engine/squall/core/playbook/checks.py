"""Does the playbook make sense as a whole? Names, order, endings.

Called by `load` with a model that was built without errors. Each check is a function that walks the
model beside the document's paths and notes what it finds; none stops at the first.
"""

from collections.abc import Iterator

from squall.core.diagnostics import Severity, nearest
from squall.core.playbook.model import Group, Injection, Load, Loop, Playbook, Step, Wait
from squall.core.playbook.order import find_cycles
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import format_duration

Placed = tuple[Path, Step]


def check_meaning(places: Places, playbook: Playbook) -> None:
    """Note everything that does not make sense."""
    body = "parallel" if playbook.body.parallel else "steps"
    _targets(places, playbook)
    for path, group in _groups((body,), playbook.body):
        _names(places, path, group.steps)
        _order(places, path, group)
        _reachable(places, path, group)
    _names(places, ("finally",), playbook.finally_)
    _finally(places, playbook)
    _endless(places, playbook, body)
    for path, step in _walk((body,), playbook.body):
        _time(places, path, step)


def _groups(path: Path, group: Group) -> Iterator[tuple[Path, Group]]:
    """Every group with the path of its list of steps."""
    yield path, group
    for at, step in _walk(path, group):
        if isinstance(step.action, Group):
            yield (*at, "parallel" if step.action.parallel else "steps"), step.action


def _walk(path: Path, group: Group) -> Iterator[Placed]:
    """Every step below a group with its path."""
    for index, step in enumerate(group.steps):
        at = (*path, index)
        yield at, step
        if isinstance(step.action, Group):
            yield from _walk((*at, "parallel" if step.action.parallel else "steps"), step.action)


def _targets(places: Places, playbook: Playbook) -> None:
    taken: dict[str, str] = {}
    for target in playbook.targets:
        path = ("targets", target.name, "http")
        listen = str(target.listen)
        if target.listen == target.upstream:
            places.note(
                (*path, "upstream"), "SQ208",
                f"target '{target.name}' forwards to itself: it listens on {listen}",
                "name the service that stands behind it",
            )  # fmt: skip
        if target.listen.port and listen in taken:
            places.note(
                (*path, "listen"), "SQ207",
                f"'{taken[listen]}' listens on {listen} too", "give each target its own address",
            )  # fmt: skip
        taken.setdefault(listen, target.name)


def _names(places: Places, path: Path, steps: tuple[Step, ...]) -> None:
    first: dict[str, int] = {}
    for index, step in enumerate(steps):
        if step.name in first:
            line = places.document.locate((*path, first[step.name], "name")).start.line
            places.note(
                (*path, index, "name"), "SQ203",
                f"step '{step.name}' stands twice here; the first is on line {line}",
                "names are unique among siblings",
            )  # fmt: skip
        first.setdefault(step.name, index)


def _order(places: Places, path: Path, group: Group) -> None:
    names = [step.name for step in group.steps]
    for index, step in enumerate(group.steps):
        if step.needs and not group.parallel:
            places.note(
                (*path, index, "needs"), "SQ204",
                "'needs' has a meaning only inside 'parallel'; here steps run in order",
                "remove it, or put the steps under 'parallel'", key=True,
            )  # fmt: skip
            continue
        for need in step.needs:
            if need.step not in names:
                close = nearest(need.step, names)
                hint = f"did you mean '{close}'?" if close else "siblings: " + ", ".join(names)
                places.note(
                    (*path, index, "needs"), "SQ205",
                    f"'{step.name}' needs '{need.step}', which is no sibling of it", hint,
                )  # fmt: skip
    for cycle in find_cycles(group.steps) if group.parallel else ():
        at = [(*path, names.index(name), "needs") for name in cycle]
        lines = [places.document.locate(place, key=True).start.line for place in at]
        way = " → ".join(f"{name} (line {line})" for name, line in zip(cycle, lines, strict=True))
        places.note(
            at[0], "SQ206", f"these steps wait for each other: {way} → {cycle[0]}",
            "remove one of the needs", key=True,
        )  # fmt: skip


def _reachable(places: Places, path: Path, group: Group) -> None:
    if group.parallel:
        return
    for index, step in enumerate(group.steps[:-1]):
        if step.loop is not None and step.loop.times is None and step.timeout is None:
            later = group.steps[index + 1].name
            places.note(
                (*path, index + 1, "name"), "SQ303",
                f"'{later}' is never reached: '{step.name}' before it loops for ever",
                f"give '{step.name}' a timeout with on_timeout: continue",
                severity=Severity.WARNING,
            )  # fmt: skip
            return


def _finally(places: Places, playbook: Playbook) -> None:
    group = Group(steps=playbook.finally_)
    for path, step in _walk(("finally",), group):
        key = {Injection: "scenario", Load: "load"}.get(type(step.action))
        if key:
            places.note(
                (*path, key), "SQ209", f"'finally' may not hold '{key}': it runs after the end",
                "move the step up, before 'finally'", key=True,
            )  # fmt: skip
    for path, inner in _groups(("finally",), group):
        _order(places, path, inner)


def _endless(places: Places, playbook: Playbook, body: str) -> None:
    document = places.document.data
    assert isinstance(document, dict)
    bounded = "timeout" in document
    loops: list[tuple[Path, Loop | None, bool, tuple[Step, ...]]] = [
        ((), playbook.loop, bounded, playbook.body.steps)
    ]
    for path, step in _walk((body,), playbook.body):
        inside = step.action.steps if isinstance(step.action, Group) else (step,)
        loops.append((path, step.loop, bounded or step.timeout is not None, inside))
    for path, loop, ended, inside in loops:
        if loop is None or loop.times is not None:
            continue
        if not ended:
            places.note(
                (*path, "loop"), "SQ301", "this loop has no end of its own",
                "say 'timeout' here or for the whole playbook", key=True,
            )  # fmt: skip
        if not any(_takes_time(step) for step in inside):
            places.note(
                (*path, "loop"), "SQ302", "this loop would turn without taking any time",
                "let its body wait, ask or inject", key=True,
            )  # fmt: skip


def _takes_time(step: Step) -> bool:
    match step.action:
        case Group(steps=steps):
            return step.delay > 0 or any(_takes_time(inner) for inner in steps)
        case Wait(duration=duration):
            return step.delay > 0 or duration > 0
    return True


def _time(places: Places, path: Path, step: Step) -> None:
    lasts = step.action.duration if isinstance(step.action, Wait) else step.duration
    if lasts is None or step.timeout is None or step.loop is not None:
        return
    if step.timeout < lasts and step.on_timeout == "fail":
        places.note(
            (*path, "timeout"), "SQ304",
            f"the timeout of {format_duration(step.timeout)} is shorter than the "
            f"{format_duration(lasts)} it bounds: '{step.name}' always times out",
            "make it longer, or say on_timeout: continue", severity=Severity.WARNING,
        )  # fmt: skip
