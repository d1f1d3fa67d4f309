"""Everything in a file of another tool's, as playbooks: what ``squall import`` calls.

What each document is, `recognise` says; MockForge's are read by `orchestrations`. A file in which
anything is something else is refused by the name of what it seems to be.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from squall.core.diagnostics import Diagnostic, Refused, Severity
from squall.core.playbook.foreign.orchestrations import Importer
from squall.core.playbook.foreign.recognise import Seen, recognise
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, Document, Path, Source

Node = dict[str, Data]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Playbooks as data, everything there is to say about what was read, and what it was.

    `verbatim`: the file holds playbooks already, and its own text says more than the data.
    """

    playbooks: tuple[Node, ...]
    diagnostics: tuple[Diagnostic, ...]
    what: tuple[str, ...] = ()
    verbatim: bool = False

    @property
    def failed(self) -> bool:
        """Whether something in it could not be understood."""
        return any(finding.severity is Severity.ERROR for finding in self.diagnostics)


def import_mockforge(source: Source, catalogue: Collection[str]) -> Imported:
    """Playbooks of everything in the file; `catalogue` names the scenarios that come with squall.

    Raises `Refused` for a file in which anything is not MockForge's.
    """
    parts = [part for document in source.documents for part in _parts(document)]
    seen = [recognise(data) for _, _, data in parts]
    _refuse_others(source.file, parts, seen)
    found: list[Diagnostic] = []
    names: set[str] = set()
    playbooks: list[Node] = []
    for (document, path, data), what in zip(parts, seen, strict=True):
        assert isinstance(data, dict)
        places = Places(document, source.file)
        importer = Importer(places, catalogue, names)
        playbooks.append(importer.playbook(what.form, path, data))
        found += places.found
    found.sort(key=lambda finding: (finding.span, finding.code))
    return Imported(
        playbooks=tuple(playbooks),
        diagnostics=tuple(found),
        what=tuple(one.what for one in seen),
        verbatim=all(one.form == "playbook" for one in seen),
    )


def _parts(document: Document) -> Iterator[tuple[Document, Path, Data]]:
    """The document, or each thing it lists where all of them are to be imported."""
    data = document.data
    if isinstance(data, list) and data and all(recognise(item).form for item in data):
        for index, item in enumerate(data):
            yield document, (index,), item
    else:
        yield document, (), data


def _refuse_others(file: str, parts: list[tuple[Document, Path, Data]], seen: list[Seen]) -> None:
    only = "MockForge's orchestrations, scenarios and schedules are imported, and nothing else"
    if not parts:
        raise Refused("SQ430", f"{file} is empty", only)
    others = [
        (document.locate(path).start.line, what.what)
        for (document, path, _), what in zip(parts, seen, strict=True)
        if what.form is None
    ]
    if others and len(parts) == 1:
        raise Refused("SQ430", f"{file} seems to be {others[0][1]}", only)
    if others:
        where = "; ".join(f"on line {line} {what}" for line, what in others[:5])
        message = f"{file} holds {len(parts)} documents, and not all are MockForge's: {where}"
        raise Refused("SQ430", message, only)
