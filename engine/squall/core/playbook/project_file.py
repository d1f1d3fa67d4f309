"""From the text of a ``squall.yaml`` to what holds for the playbooks around it.

Called by `worktree` for each folder, the outermost first. All findings stand at their places in the
project file, so that no playbook has to repeat them; what is wrong is left out of the project.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from squall.core.diagnostics import Diagnostic, Severity, short
from squall.core.playbook.build import check_defaults
from squall.core.playbook.checks import check_targets
from squall.core.playbook.firing import check_windows
from squall.core.playbook.model import Limits
from squall.core.playbook.places import Places
from squall.core.playbook.project import NOTHING_AROUND, Declared, Project, laid_over
from squall.core.playbook.scenarios import ScenarioBuilder
from squall.core.playbook.schema import check_shape, fitting
from squall.core.playbook.source import Source, read
from squall.core.playbook.suppressions import NONE, ignores_in
from squall.core.playbook.targets import build_target, in_scope
from squall.core.playbook.timetable import build_windows
from squall.core.schedule.model import Window
from squall.core.timing import LONGEST

_DEEPEST: Final = 64
_WHOLE_FOLDERS: Final = 4
"""How many parts a glob may have, and how many that stand for whole folders: each costs a walk."""

Node = Mapping[str, Any]


def read_project(data: bytes, file: str, schema: str, around: Project = NOTHING_AROUND) -> Project:
    """The project of the file's folder; `around` is that of the folder above."""
    source = read(data, file)
    found = list(source.diagnostics)
    if any(finding.severity is Severity.ERROR for finding in found):
        return laid_over(around, _unread(source, found))
    if len(source.documents) > 1:
        found.append(_one_too_many(source))
    if not source.documents:
        return laid_over(around, _told(Project(), source, found))
    document = source.documents[0]
    found += check_shape(document, file, schema)
    rest = fitting(document, schema)
    if rest is None:
        return laid_over(around, _unread(source, found))
    places = Places(rest, file, around)
    inner = _Reader(places, around).project()
    return laid_over(around, _told(inner, source, [*found, *places.found]))


def _unread(source: Source, found: list[Diagnostic]) -> Project:
    return _told(Project(unread=True), source, found)


def _told(project: Project, source: Source, found: list[Diagnostic]) -> Project:
    ignores = NONE if source.broken else ignores_in(source.text, source.file)
    kept, suppressed = ignores.heeded([*found, *ignores.complaints])
    if all(finding.severity is not Severity.ERROR for finding in kept):
        kept += tuple(ignores.idle(source.file, suppressed))
    return replace(
        project,
        diagnostics=tuple(sorted(kept, key=lambda finding: (finding.span, finding.code))),
        ignores=ignores,
        suppressed=suppressed,
        texts={source.file: source.text},
    )


def _one_too_many(source: Source) -> Diagnostic:
    return Diagnostic(
        file=source.file,
        span=source.documents[1].locate(()),
        code="SQ107",
        message="a project file is one document, and here begins another",
        hint="put all of it into the first",
    )


class _Reader:
    """Reads the tables of one project file."""

    def __init__(self, places: Places, around: Project) -> None:
        self.places = places
        self.around = around
        data = places.document.data
        self.node: Node = data if isinstance(data, dict) else {}

    def project(self) -> Project:
        scenarios = ScenarioBuilder(self.places)
        for name, node in self._table("scenarios").items():
            self._scenario(scenarios, name, node)
        limits = self._limits()
        globs = self._globs()
        return Project(
            targets=self._targets(),
            scenarios=scenarios.named,
            elsewhere={
                name: node["from"]
                for name, node in self._table("scenarios").items()
                if "from" in node
            },
            defaults=self._table("defaults"),
            defaulted_by={name: self._where("defaults", name) for name in self._table("defaults")},
            limits=limits,
            limited_by={name: self._where("limits", name) for name in self._table("limits")},
            windows=self._windows(),
            playbooks=globs,
            narrowed_by=self.places.file if globs else "",
            known=frozenset(
                (str(path[0]), str(path[1])) for path in self.places.document.keys if len(path) == 2
            ),
        )

    def _table(self, key: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self.node.get(key, {})
        return table

    def _where(self, *path: str) -> str:
        line = self.places.document.locate(path, key=True).start.line
        return f"{self.places.file}:{line}"

    def _targets(self) -> dict[str, Declared]:
        own = {
            name: build_target(self.places, name, node)
            for name, node in self._table("targets").items()
        }
        in_scope(self.places, own, self.around.targets)
        check_targets(self.places, tuple(own.values()))
        scope = {name: declared.target for name, declared in self.around.targets.items()} | own
        check_defaults(self.places, self._table("defaults"), scope)
        return {
            name: Declared(target=target, where=self._where("targets", name))
            for name, target in own.items()
        }

    def _windows(self) -> tuple[Window, ...]:
        own = build_windows(self.places, self.node)
        check_windows(self.places, own, (*self.around.windows, *own))
        return own

    def _scenario(self, scenarios: ScenarioBuilder, name: str, node: Node) -> None:
        faults = [key for key in node if key not in {"from", "description"}]
        if "from" not in node:
            scenarios.declare(name, node)
        elif faults:
            message = f"'{name}' comes from elsewhere, and has '{faults[0]}' here"
            at = ("scenarios", name, faults[0])
            self.places.note(at, "SQ108", message, "leave one of them out", key=True)

    def _limits(self) -> Limits:
        written, at = self._table("limits"), "limits"
        share, longest = written.get("error_share"), written.get("duration")
        return Limits(
            targets=_whole(written.get("targets")),
            error_share=None if share is None else self.places.share((at, "error_share"), share),
            duration=None
            if longest is None
            else self.places.lasting((at, "duration"), longest, LONGEST),
            concurrent_runs=_whole(written.get("concurrent_runs")),
        )

    def _globs(self) -> tuple[str, ...]:
        for index, glob in enumerate(written := self.node.get("playbooks", ())):
            parts = glob.split("/")
            if not parts[0] or ".." in parts:
                message = f"'{glob}' leads out of this folder"
                hint = "globs are seen from here: playbooks/**/*.yaml"
            elif any("**" in part and part != "**" for part in parts):
                message = f"'**' stands for whole folders, and not inside a name as in '{glob}'"
                hint = "write playbooks/**/*.yaml"
            elif len(parts) > _DEEPEST or parts.count("**") > _WHOLE_FOLDERS:
                message = f"'{short(glob)}' leads through more folders than anybody has"
                hint = "write playbooks/**/*.yaml"
            else:
                continue
            self.places.note(("playbooks", index), "SQ105", message, hint)
            return ()
        return tuple(written)


def _whole(written: Any) -> int | None:
    return None if written is None else int(written)
