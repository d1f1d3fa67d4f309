"""From the bytes of a file to its playbooks, with everything there is to say about them.

The one way in: the linter, the graph, a rehearsal and a run all read files through `load`. It runs
every stage, collects the findings of all, and never raises. Which files are worth reading is
decided by the command line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from squall.core.diagnostics import Diagnostic, Position, Refused, Severity, Span, nearest
from squall.core.playbook.build import build
from squall.core.playbook.catalogue import shipped
from squall.core.playbook.checks import check_meaning
from squall.core.playbook.model import Playbook, Target
from squall.core.playbook.places import Places
from squall.core.playbook.schema import check_shape, fitting
from squall.core.playbook.source import Document, Source, read
from squall.core.playbook.suppressions import NONE, Ignores, Suppressed, ignores_in

MODELINE: Final = "# yaml-language-server:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlaybook:
    """One playbook of a file and the document it was read from."""

    playbook: Playbook
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A file: its playbooks that make sense, all findings, and how many documents were passed over.

    `claimed` says whether the file says of itself that it holds playbooks, so that errors in it
    are errors; in a folder, one that does not is somebody else's file, and has a warning at most:
    that it cannot be read. `suppressed` are findings that comments in it, `ignores`, kept back.
    """

    file: str
    text: str
    playbooks: tuple[LoadedPlaybook, ...]
    diagnostics: tuple[Diagnostic, ...]
    skipped: int = 0
    claimed: bool = True
    ignores: Ignores = NONE
    suppressed: tuple[Suppressed, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.diagnostics)

    def pick(self, name: str = "") -> LoadedPlaybook:
        """The playbook of that name, or the only one; raises `Refused` when it is not certain."""
        names = [one.playbook.name for one in self.playbooks]
        if not name and len(names) == 1:
            return self.playbooks[0]
        if not name:
            ways = ", ".join(f"{self.file}#{each}" for each in names)
            message = f"{self.file} holds {len(names)} playbooks"
            raise Refused("SQ426", message, f"pick one: {ways}")
        for one in self.playbooks:
            if one.playbook.name == name:
                return one
        close = nearest(name, names)
        hint = f"did you mean '{close}'?" if close else f"it holds: {', '.join(names)}"
        raise Refused("SQ427", f"{self.file} has no playbook '{name}'", hint)


def load(
    data: bytes,
    file: str,
    schema: str,
    *,
    catalogue: tuple[str, ...] = (),
    targets: Sequence[Target] = (),
    named: bool = True,
) -> Loaded:
    """Read, check, build. `named`: the file was asked for by name, so it must hold a playbook.

    `catalogue` are the texts of the scenarios that come with squall.
    """
    source = read(data, file)
    ignores = NONE if source.broken else ignores_in(source.text, file)
    found = [*source.diagnostics, *ignores.complaints]
    playbooks: list[LoadedPlaybook] = []
    skipped = 0
    modeline = _modeline(source)
    for document in source.documents:
        if not (named or modeline or _is_playbook(document)):
            skipped += 1
            continue
        playbook = _one(document, file, schema, (tuple(targets), catalogue), found, ignores)
        if playbook is not None:
            playbooks.append(LoadedPlaybook(playbook=playbook, document=document))
    if named and not source.documents and not source.diagnostics:
        found.append(_nothing(file))
    found = _once(found, source.diagnostics)
    if any(finding.severity is Severity.ERROR for finding in source.diagnostics):
        playbooks.clear()
    claimed = named or claims(source)
    kept, suppressed = ignores.heeded(found if claimed else _doubts(source))
    if claimed and all(finding.severity is not Severity.ERROR for finding in kept):
        kept += tuple(ignores.idle(file, suppressed))  # with an error, not everything was looked at
    return Loaded(
        file=file,
        text=source.text,
        playbooks=tuple(playbooks),
        diagnostics=_sorted(kept),
        skipped=skipped,
        claimed=claimed,
        ignores=ignores,
        suppressed=suppressed,
    )


def _sorted(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda finding: (finding.span, finding.code)))


def _doubts(source: Source) -> list[Diagnostic]:
    """What there is to say about a file of a folder that is probably somebody else's."""
    return [
        replace(finding, severity=Severity.WARNING, hint="left out, as no playbook shows in it")
        for finding in (source.diagnostics[-1:] if source.broken else ())
    ]


def _once(found: list[Diagnostic], first: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    """A place the reader complained about is not complained about by what comes after it."""
    taken = {finding.span.start for finding in first}
    rest = [finding for finding in found[len(first) :] if finding.span.start not in taken]
    return [*first, *rest]


def _one(
    document: Document,
    file: str,
    schema: str,
    given: tuple[tuple[Target, ...], tuple[str, ...]],
    found: list[Diagnostic],
    ignores: Ignores,
) -> Playbook | None:
    shape = check_shape(document, file, schema)
    found.extend(shape)
    rest = fitting(document, schema) if shape else document
    if rest is None:
        return None
    places = Places(rest, file)
    targets, catalogue = given
    playbook = build(places, targets, lambda: shipped(catalogue))
    check_meaning(places, playbook)
    found.extend(places.found)
    left, _ = ignores.heeded(places.found)
    failed = any(finding.severity is Severity.ERROR for finding in left)
    return None if shape or failed else playbook


def claims(source: Source) -> bool:
    """Whether a file says of itself that it holds playbooks."""
    return _modeline(source) or any(map(_is_playbook, source.documents)) or _claims(source)


def _modeline(source: Source) -> bool:
    return source.text.lstrip().startswith(MODELINE) and "playbook" in source.text[:300]


def _is_playbook(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and "name" in data and bool({"steps", "parallel"} & data.keys())


def _claims(source: Source) -> bool:
    """Whether an unreadable file looks like a playbook all the same."""
    lines = source.text.splitlines()
    return any(line.startswith("name:") for line in lines) and any(
        line.startswith(("steps:", "parallel:")) for line in lines
    )


def _nothing(file: str) -> Diagnostic:
    top = Position(1, 1)
    return Diagnostic(
        file=file,
        span=Span(top, top),
        code="SQ006",
        message="there is no playbook in this file",
        hint="a playbook has a name and steps",
    )
