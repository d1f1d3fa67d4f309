"""Whether the expressions of a playbook can mean anything: names, kinds, what is always so.

Called by `checks` with the model. What an expression may speak of is known to `names`, how it is
written to `expressions`; here both meet, and every mistake gets its column.
"""

from collections.abc import Iterator

from squall.core.diagnostics import Severity, nearest
from squall.core.playbook.expressions import (
    Always,
    Mistake,
    always_in,
    mistakes_in,
    names_in,
    templates_in,
    unguarded,
)
from squall.core.playbook.filling import every_text, is_bare
from squall.core.playbook.model import Group, Playbook, Step
from squall.core.playbook.names import MEASURED, Read, identifier, ranges
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, Path
from squall.core.playbook.spellings import choice_for
from squall.core.playbook.talk import Said, expressions


def check_expressions(places: Places, playbook: Playbook) -> None:
    """Note every expression that cannot be worked out, or need not be."""
    for said in expressions(playbook):
        if said.at is not None:
            _check(places, said.at, said)
    _unused(places, playbook)
    _same_names(places, playbook)


def _check(places: Places, at: Path, said: Said) -> None:
    scope = {}
    for chain, _ in names_in(said.text):
        found = said.find(chain)
        if found is None:
            scope = said.in_reach()
            break
        scope[found.name] = found.kind
    mistakes = mistakes_in(said.text, scope, said.wanted)
    for mistake in mistakes:
        _note(places, at, said, _unmeasured(said, mistake), "SQ232")
    if mistakes:
        return
    for name, column in unguarded(said.text):
        _check_produced(places, at, said, name, column)
    for always in always_in(said.text, scope, ranges) if said.wanted == "bool" else ():
        message = f"this is always {str(always.so).lower()}"
        mistake = Mistake(always.column, always.length, message, _about(always))
        _note(places, at, said, mistake, "SQ331", Severity.WARNING, _meant(said.text, always))


def _meant(text: str, always: Always) -> str | None:
    """The part as it is certainly meant: with an outcome in place of another tool's word for it."""
    if not isinstance(always.against, str):
        return None
    meant = choice_for(always.against, ranges(always.name).choices)
    start = always.column - 1
    part = text[start : start + always.length]
    return (
        part.replace(always.against, meant) if meant and part.count(always.against) == 1 else None
    )


def _unmeasured(said: Said, mistake: Mistake) -> Mistake:
    """A guard of a step that has no clients can never say anything."""
    name = said.text[mistake.column - 1 :][: mistake.length]
    if not said.guard or name not in MEASURED:
        return mistake
    return mistake._replace(
        message=f"'{name}' is never known while '{said.place.step.name}' goes on",
        hint="ask in a step with a scenario or a load, in a group around one,"
        " or at the top of the playbook",
    )


def _about(always: Always) -> str:
    """What could be meant by a condition that nothing can change."""
    within = ranges(always.name)
    if within.choices and isinstance(always.against, str):
        close = choice_for(always.against, within.choices)
        close = close or nearest(always.against, within.choices)
        return f"did you mean '{close}'?" if close else f"outcomes: {', '.join(within.choices)}"
    ends = [f"{end:g}" for end in within[:2] if end is not None]
    if len(ends) == 2:
        return f"'{always.name}' is from {ends[0]} to {ends[1]}"
    if ends:
        return f"'{always.name}' is never less than {ends[0]}"
    return "ask about something that can change"


def _check_produced(places: Places, at: Path, said: Said, chain: str, column: int) -> None:
    """A step that may not have run has nothing to tell."""
    found = said.find(chain)
    if found is None or not found.read.child or found.read.what == "ran":
        return
    why = may_not_have_run(said, found.read)
    if why is None:
        return
    step = chain.split(".")[1]
    hint = f"ask first: steps.{step}.ran && ..."
    if not said.key:  # a value and no condition: it has to be something either way
        hint = f"say what it is then: steps.{step}.ran ? {chain} : OTHER"
    message = f"'{found.read.child}' may not have run: {why}"
    _note(places, at, said, Mistake(column, len(chain), message, hint), "SQ235")


def may_not_have_run(said: Said, read: Read) -> str | None:
    """Why a step may not be over when another asks for what it saw; None when it must be."""
    group = said.place
    asker = said.place
    for _ in range(read.up):
        assert group.above is not None
        asker, group = group, group.above
    step = group.child(identifier(read.child))
    assert step is not None
    if step.when:
        return "it has a 'when'"
    if step.loop is not None and (step.loop.while_ or step.loop.each_of or step.loop.rounds == 0):
        return "its loop may have no round"
    assert isinstance(group.step.action, Group)
    if read.up == 0:
        return None if not group.step.action.parallel else _conditional(step)
    steps = group.step.action.steps
    if not group.step.action.parallel:
        first = steps.index(step) < steps.index(asker.step)
        return None if first else "it comes later"
    if asker.step.name == step.name:
        return None
    return _conditional(step) or (
        None if _waits(asker.step, step.name, steps) else "nothing waits for it: add 'needs'"
    )


def _conditional(step: Step) -> str | None:
    """Why a step of a parallel group may be passed over."""
    return "what it needs may not come" if step.needs else None


def _waits(step: Step, name: str, steps: tuple[Step, ...]) -> bool:
    """Whether a step starts only after the one called `name`."""
    by_name = {one.name: one for one in steps}
    seen: set[str] = set()
    waiting = [step.name]
    while waiting:
        here = waiting.pop()
        for need in by_name[here].needs if here in by_name else ():
            if need.step == name:
                return True
            if need.step not in seen:
                seen.add(need.step)
                waiting.append(need.step)
    return False


def _note(
    places: Places, at: Path, said: Said, mistake: Mistake, code: str,
    severity: Severity = Severity.ERROR, instead: str | None = None,
) -> None:  # fmt: skip
    """Note a mistake at its column, wherever the expression is written."""
    path = (*at, *said.key)
    start = mistake.column - 1
    if not said.key:
        path, start = _template(places, at, said.text, start)
    elif places.document.text_at(path) is None:
        path = path[:-1] if isinstance(path[-1], int) else path
    places.note_within(
        path,
        start,
        mistake.length,
        code,
        mistake.message,
        mistake.hint,
        severity=severity,
        instead=instead,
    )


def _template(places: Places, at: Path, text: str, start: int) -> tuple[Path, int]:
    """Where a value that is filled later is written."""
    for path, written in places.document.late.items():
        if path[: len(at)] == at:
            for template in templates_in(written):
                if template.expression == text:
                    return path, template.column - 1 + start
    return at, start


def _unused(places: Places, playbook: Playbook) -> None:
    """Inputs nobody speaks of."""
    document = places.document
    if not playbook.inputs or document.holes:
        return
    used = {
        chain.split(".")[1]
        for text in _all_expressions(document.as_written)
        for chain, _ in names_in(text)
        if chain.startswith("inputs.")
    }
    for given in playbook.inputs:
        if given.name not in used:
            places.note(
                ("inputs", given.name), "SQ236", f"input '{given.name}' is never used",
                "use it as ${{ inputs." + given.name + " }}, or remove it",
                key=True, severity=Severity.WARNING,
            )  # fmt: skip


def _all_expressions(data: Data) -> Iterator[str]:
    """Every text that is, or holds, an expression."""
    for path, text in every_text(data):
        if is_bare(path):
            yield text
        elif "${{" in text:
            yield from (template.expression for template in templates_in(text))


def _same_names(places: Places, playbook: Playbook) -> None:
    """Siblings whose names are the same in an expression."""
    body = "parallel" if playbook.body.parallel else "steps"
    for start, group in ((body, playbook.body), ("finally", Group(steps=playbook.finally_))):
        _meet(places, (start,), group)


def _meet(places: Places, path: Path, group: Group) -> None:
    first: dict[str, str] = {}
    for index, step in enumerate(group.steps):
        name = identifier(step.name)
        if name in first and first[name] != step.name:
            message = f"'{step.name}' and '{first[name]}' are both 'steps.{name}' in an expression"
            places.note((*path, index, "name"), "SQ237", message, "name one of them differently")
        first.setdefault(name, step.name)
        if isinstance(step.action, Group) and step.action.called is None:
            _meet(
                places, (*path, index, "parallel" if step.action.parallel else "steps"), step.action
            )
