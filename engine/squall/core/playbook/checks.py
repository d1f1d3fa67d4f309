"""Does the playbook make sense as a whole? Targets, names, order; `endings`, `firing` ask when.

Called by `load` with a model that holds stand-ins where errors were found. Each check is a function
that walks the model beside the document's paths and notes what it finds; none stops at the first.
"""

from collections.abc import Iterator, Sequence

from squall.core.diagnostics import nearest
from squall.core.faults.wording import meaningless
from squall.core.playbook.addresses import overlap, reaches
from squall.core.playbook.conditions import check_expressions
from squall.core.playbook.endings import check_endings
from squall.core.playbook.firing import check_firing
from squall.core.playbook.model import Group, Injection, Load, Playbook, Step, Target
from squall.core.playbook.no_effect import check_modifiers
from squall.core.playbook.order import find_cycles
from squall.core.playbook.overlaps import check_overlaps
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.playbook.unused import check_unused
from squall.core.playbook.watching import check_watching

Placed = tuple[Path, Step]


def check_meaning(places: Places, playbook: Playbook) -> None:
    """Note everything that does not make sense."""
    body = "parallel" if playbook.body.parallel else "steps"
    around = tuple(declared.target for declared in places.around.targets.values())
    ours = tuple(target for target in playbook.targets if target not in around)
    check_targets(places, ours, around)
    last = Group(steps=playbook.finally_)
    for start, whole in ((body, playbook.body), ("finally", last)):
        for path, group in _groups((start,), whole):
            _names(places, path, group.steps)
            _order(places, path, group)
            _protocols(places, playbook, path, group.steps)
        check_modifiers(places, _walk((start,), whole))
    _finally(places, last)
    check_endings(places, playbook)
    check_expressions(places, playbook)
    check_firing(places, playbook)
    check_overlaps(places, playbook)
    check_watching(places, playbook)
    check_unused(places, playbook)


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


def check_targets(places: Places, targets: Sequence[Target], around: Sequence[Target] = ()) -> None:
    """Note what listens where another one does, and what would send requests round for ever.

    `around` are those of a project, whose own findings stand there.
    """
    for index, target in enumerate(targets):
        path = ("targets", target.name, target.protocol)
        for other in targets[:index]:
            if overlap(target.listen, other.listen):
                places.note(
                    (*path, "listen"), "SQ207", f"'{other.name}' listens on {other.listen} too",
                    "give each target its own address",
                )  # fmt: skip
    for way in _rounds((*targets, *around)):
        first = next((target for target in way if target in targets), None)
        if first is None:
            continue
        names = [target.name for target in (*way, way[0])]
        message = (
            f"target '{first.name}' forwards to itself: it listens on {first.listen}"
            if len(way) == 1
            else f"requests would go round for ever: {' → '.join(names)}"
        )
        places.note(
            ("targets", first.name, first.protocol, "upstream"), "SQ208", message,
            "name the service that stands behind it",
        )  # fmt: skip


def _rounds(targets: Sequence[Target]) -> Iterator[list[Target]]:
    """Targets that forward to each other in a circle, each circle once."""
    settled: list[Target] = []
    for start in targets:
        way: list[Target] = []
        here: Target | None = start
        while here is not None and here not in way and here not in settled:
            way.append(here)
            upstream = here.upstream
            here = next((to for to in targets if reaches(upstream, to.listen)), None)
        if here in way:
            yield way[way.index(here) :]
        settled.extend(way)


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
    names = {step.name: index for index, step in reversed(list(enumerate(group.steps)))}
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
                hint = (
                    f"did you mean '{close}'?"
                    if close
                    else "siblings: " + ", ".join(reversed(names))
                )
                places.note(
                    (*path, index, "needs"), "SQ205",
                    f"'{step.name}' needs '{need.step}', which is no sibling of it", hint,
                )  # fmt: skip
    for cycle in find_cycles(group.steps) if group.parallel else ():
        at = [(*path, names[name], "needs") for name in cycle]
        lines = [places.document.locate(place, key=True).start.line for place in at]
        way = " → ".join(f"{name} (line {line})" for name, line in zip(cycle, lines, strict=True))
        places.note(
            at[0], "SQ206", f"these steps wait for each other: {way} → {cycle[0]}",
            "remove one of the needs", key=True,
        )  # fmt: skip


def _protocols(places: Places, playbook: Playbook, path: Path, steps: tuple[Step, ...]) -> None:
    """Faults and loads at targets that carry bytes alone."""
    carriers = {target.name for target in playbook.targets if target.protocol == "tcp"}
    for index, step in enumerate(steps):
        for name in sorted(carriers.intersection(step.targets)):
            at, choose = (*path, index), "name other targets under the step's 'targets'"
            if isinstance(step.action, Load):
                message = f"'load' sends requests, and target '{name}' carries bytes alone"
                places.note((*at, "load"), "SQ212", message, choose, key=True)
            elif isinstance(step.action, Injection):
                for scenario in step.action.scenarios:
                    for what in meaningless(scenario):
                        message = f"{what} has no meaning at '{name}', which carries bytes alone"
                        places.note((*at, "scenario"), "SQ212", message, choose, key=True)


def _finally(places: Places, group: Group) -> None:
    for path, step in _walk(("finally",), group):
        key = {Injection: "scenario", Load: "load"}.get(type(step.action))
        if key:
            places.note(
                (*path, key), "SQ209", f"'finally' may not hold '{key}': it runs after the end",
                "move the step up, before 'finally'", key=True,
            )  # fmt: skip
