"""From the bytes of a file to its playbooks, with everything there is to say about them.

The one way in: the linter, the graph, a rehearsal and a run all read files through `load`. It runs
every stage, collects the findings of all, and never raises. Which files are worth reading is
decided by the command line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from squall.core.diagnostics import Diagnostic, Position, Refused, Severity, Span, nearest
from squall.core.playbook.build import build
from squall.core.playbook.calling import Around, Callings
from squall.core.playbook.calls import resolve
from squall.core.playbook.catalogue import shipped
from squall.core.playbook.checks import check_meaning
from squall.core.playbook.defaults import with_defaults
from squall.core.playbook.endings import lasts
from squall.core.playbook.files import PROJECT_FILE
from squall.core.playbook.filling import fill, has_templates
from squall.core.playbook.in_clear import check_in_clear
from squall.core.playbook.inputs import declared
from squall.core.playbook.limits import check_limits
from squall.core.playbook.model import Playbook, Target
from squall.core.playbook.neighbours import Named, Neighbour, Stand, Timed
from squall.core.playbook.places import Places
from squall.core.playbook.project import NOTHING_AROUND, Project
from squall.core.playbook.project_file import read_project
from squall.core.playbook.schema import check_shape, fitting
from squall.core.playbook.secrets import check_secrets
from squall.core.playbook.snapshot import Snapshot, is_playbook
from squall.core.playbook.source import Document, Source, read
from squall.core.playbook.suppressions import NONE, Ignores, Suppressed, ignores_in
from squall.core.playbook.timetable import when, written_schedules

MODELINE: Final = "# yaml-language-server:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlaybook:
    """One playbook of a file and the document it was read from."""

    playbook: Playbook
    document: Document
    file: str

    @property
    def neighbour(self) -> Neighbour:
        """What others see of it."""
        playbook, document = self.playbook, self.document
        node = document.data
        assert isinstance(node, dict)
        before = playbook.renamed_from
        return Neighbour(
            file=self.file,
            name=Named(playbook.name, document.locate(("name",))),
            addresses=tuple(target.listen for target in playbook.targets),
            takes=lasts(playbook),
            renamed_from=Named(before, document.locate(("renamed_from",))) if before else None,
            waits_for=tuple(need.name for need in playbook.depends_on),
            depends_on=tuple(_dependencies(document)),
            depends_span=document.locate(("depends_on",), key=True),
            schedules=tuple(
                Timed(schedule, document.locate(when(path, schedule)))
                for (path, _), schedule in zip(
                    written_schedules(node), playbook.schedule, strict=True
                )
                if schedule.enabled
            ),
            stands=tuple(_stands(playbook, document)),
        )


def _stands(playbook: Playbook, document: Document) -> Iterator[Stand]:
    """The targets that the playbook declares itself, at addresses of their own."""
    written = document.data.get("targets") if isinstance(document.data, dict) else None
    own = written if isinstance(written, dict) else {}
    for target in playbook.targets:
        if target.name in own and target.listen.port:
            span = document.locate(("targets", target.name, target.protocol, "listen"))
            yield Stand(target.listen, target.upstream, target.protocol, span)


def _dependencies(document: Document) -> Iterator[Named]:
    written = document.data.get("depends_on") if isinstance(document.data, dict) else None
    for index, one in enumerate(written if isinstance(written, list) else ()):
        name = str(one["name"] if isinstance(one, dict) else one)
        yield Named(name, document.locate(("depends_on", index)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A file: its playbooks that make sense, all findings, and how many documents were passed over.

    `claimed` says whether the file says of itself that it holds playbooks, so that errors in it
    are errors; in a folder, one that does not is somebody else's file, and has a warning at most:
    that it cannot be read. `suppressed` are findings that comments in it, `ignores`, kept back.
    `around` are findings of the project files it is read with; `texts` holds what stands in each
    file, by its name.
    """

    file: str
    text: str
    playbooks: tuple[LoadedPlaybook, ...]
    diagnostics: tuple[Diagnostic, ...]
    skipped: int = 0
    claimed: bool = True
    ignores: Ignores = NONE
    suppressed: tuple[Suppressed, ...] = ()
    around: tuple[Diagnostic, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """All there is to say: of the project files around, then of the file itself."""
        return (*self.around, *self.diagnostics)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """Its playbooks as others see them."""
        return tuple(one.neighbour for one in self.playbooks)

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
    inputs: Mapping[str, Any] | None = None,
    named: bool = True,
    project: Project = NOTHING_AROUND,
    snapshot: Snapshot | None = None,
) -> Loaded:
    """Read, fill, check, build. `named`: the file was asked for, so it must hold a playbook.

    `catalogue` are the texts of the scenarios that come with squall; `inputs` are values given for
    a run, as they would be written in a playbook. `project` is that of the file's folder,
    `snapshot` the playbooks that may be called; without one nobody asks which are.
    """
    if file.rpartition("/")[2] == PROJECT_FILE:
        return _no_playbook(file)
    source = read(data, file)
    ignores = NONE if source.broken else ignores_in(source.text, file)
    found = [*source.diagnostics, *ignores.complaints]
    playbooks: list[LoadedPlaybook] = []
    skipped = 0
    modeline = _modeline(source)
    for document in source.documents:
        if not (named or modeline or is_playbook(document)):
            skipped += 1
            continue
        given = _Given(schema, catalogue, tuple(targets), inputs or {}, ignores, project, snapshot)
        made = _one(document, file, given, found)
        if made is not None:
            playbooks.append(made)
    if named and not source.documents and not source.diagnostics:
        found.append(_nothing(file))
    found = _once(found, source.diagnostics)
    if any(finding.severity is Severity.ERROR for finding in source.diagnostics):
        playbooks.clear()
    claimed = named or claims(source)
    kept, suppressed = ignores.heeded(found if claimed else _doubts(source))
    looked = claimed and not project.failed
    if looked and all(finding.severity is not Severity.ERROR for finding in kept):
        kept += tuple(ignores.idle(file, suppressed))  # with an error, not everything was looked at
    return Loaded(
        file=file,
        text=source.text,
        texts={**project.texts, file: source.text},
        playbooks=tuple(playbooks),
        diagnostics=_sorted(kept),
        around=project.diagnostics if claimed else (),
        skipped=skipped,
        claimed=claimed,
        ignores=ignores,
        suppressed=suppressed,
    )


def load_project(data: bytes, file: str, schema: str, around: Project = NOTHING_AROUND) -> Loaded:
    """A project file with its own findings; `around` is the project of the folder above.

    `schema` is that of project files.
    """
    project = read_project(data, file, schema, around)
    return Loaded(
        file=file,
        text=project.texts[file],
        texts=project.texts,
        playbooks=(),
        diagnostics=tuple(one for one in project.diagnostics if one.file == file),
        around=around.diagnostics,
        ignores=project.ignores,
        suppressed=project.suppressed,
    )


def _no_playbook(file: str) -> Loaded:
    finding = replace(
        _nothing(file),
        message="this is a project file: what the playbooks around it share",
        hint="name one of them",
    )
    return Loaded(file=file, text="", playbooks=(), diagnostics=(finding,))


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


@dataclass(frozen=True, slots=True)
class _Given:
    """What comes from outside of a file."""

    schema: str
    catalogue: tuple[str, ...]
    targets: tuple[Target, ...]
    inputs: Mapping[str, Any]
    ignores: Ignores
    project: Project
    snapshot: Snapshot | None


def _one(
    document: Document, file: str, given: _Given, found: list[Diagnostic]
) -> LoadedPlaybook | None:
    templates = has_templates(document.data)
    secrets = check_secrets(document, file) if templates else ()
    written = Places(document, file)
    inputs = declared(written, given.inputs)
    if templates:
        document = fill(written, inputs, given.schema)
    shape = check_shape(document, file, given.schema)
    said = [*secrets, *written.found, *shape]
    rest = fitting(document, given.schema) if shape else document
    if rest is None:
        found.extend(_once(said, secrets))
        return None
    project = given.project
    places = Places(with_defaults(rest, project.defaults), file, project)
    calls = _callings(places, given)
    playbook = build(places, given.targets, lambda: shipped(given.catalogue), inputs, calls)
    check_meaning(places, playbook)
    check_limits(places, playbook, project.limited_by)
    check_in_clear(places)
    found.extend(_once([*said, *places.found], secrets))
    left, _ = given.ignores.heeded(places.found)
    wrong = any(one.severity is Severity.ERROR for one in left)
    if secrets or shape or written.failed or project.failed or wrong:
        return None
    return LoadedPlaybook(playbook=playbook, document=document, file=file)


def _callings(places: Places, given: _Given) -> Callings | None:
    """What the playbook calls; None where nobody knows what stands around it."""
    if given.snapshot is None:
        return None
    around = Around(given.schema, given.catalogue, given.snapshot, given.targets)
    return Callings(places, resolve(places, given.snapshot), around)


def claims(source: Source) -> bool:
    """Whether a file says of itself that it holds playbooks."""
    return _modeline(source) or any(map(is_playbook, source.documents)) or _claims(source)


def _modeline(source: Source) -> bool:
    return source.text.lstrip().startswith(MODELINE) and "playbook" in source.text[:300]


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
