"""A project file as a value: what playbooks share that stand beside it and below it.

Read by `project_file`, found by `worktree`, handed to `load`. A folder's project is that of the
folder around it with its own file laid over it: the inner file wins entry by entry, limits take the
stricter, windows are all asked. It resolves nothing itself; `build` and its neighbours do.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msgspec.structs import replace

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.faults.kinds import Scenario
from squall.core.playbook.addresses import overlap
from squall.core.playbook.model import NO_LIMITS, Limits, Target
from squall.core.playbook.source import Data
from squall.core.playbook.suppressions import NONE, Ignores, Suppressed
from squall.core.schedule.model import Window

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A target and where it is declared, as ``squall.yaml:4``."""

    target: Target
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What holds for the playbooks of a folder.

    `limited_by` and `defaulted_by` say which line of which file set a limit or a default. `known`
    are the tables' entries that stand in the text, also those that are wrong: nobody complains that
    they are missing. `unread`: a file around could not be read, so anything may be declared there.
    `elsewhere` are scenarios that a git repository holds, by name. `playbooks` are the globs of the
    innermost file that has some, `narrowed_by`, seen from its folder. `ignores` and `suppressed`
    are those of the innermost file.
    """

    targets: Mapping[str, Declared] = field(default_factory=dict)
    scenarios: Mapping[str, Scenario] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Data] = field(default_factory=dict)
    defaulted_by: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    limited_by: Mapping[str, str] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    playbooks: tuple[str, ...] = ()
    narrowed_by: str = ""
    known: frozenset[tuple[str, str]] = frozenset()
    unread: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    ignores: Ignores = NONE
    suppressed: tuple[Suppressed, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.diagnostics)

    def declares(self, table: str, name: str) -> bool:
        """Whether this name may be declared there, although it is left out for what is wrong."""
        return self.unread or (table, name) in self.known

    def has(self, table: str) -> bool:
        """Whether something may be declared there under this key."""
        return self.unread or any(known == table for known, _ in self.known)


NOTHING_AROUND: Final = Project()


def laid_over(outer: Project, inner: Project) -> Project:
    """What holds where both do."""
    strict, limited_by = _stricter(outer, inner)
    again = [declared.target.listen for declared in inner.targets.values()]
    kept = {
        name: declared
        for name, declared in outer.targets.items()
        if not any(overlap(declared.target.listen, listen) for listen in again)
    }
    named = inner.scenarios.keys() | inner.elsewhere.keys()
    return Project(
        targets={**kept, **inner.targets},
        scenarios={**_without(outer.scenarios, named), **inner.scenarios},
        elsewhere={**_without(outer.elsewhere, named), **inner.elsewhere},
        defaults={**outer.defaults, **inner.defaults},
        defaulted_by={**outer.defaulted_by, **inner.defaulted_by},
        limits=strict,
        limited_by=limited_by,
        windows=(*outer.windows, *inner.windows),
        playbooks=inner.playbooks or outer.playbooks,
        narrowed_by=inner.narrowed_by or outer.narrowed_by,
        known=outer.known | inner.known,
        unread=outer.unread or inner.unread,
        diagnostics=(*outer.diagnostics, *inner.diagnostics),
        ignores=inner.ignores,
        suppressed=inner.suppressed,
        texts={**outer.texts, **inner.texts},
    )


def _without(entries: Mapping[str, T], names: Collection[str]) -> dict[str, T]:
    return {name: entry for name, entry in entries.items() if name not in names}


def _stricter(outer: Project, inner: Project) -> tuple[Limits, dict[str, str]]:
    limits = outer.limits
    limited_by = dict(outer.limited_by)
    for name, where in inner.limited_by.items():
        least, most = getattr(inner.limits, name), getattr(limits, name)
        if most is None or least < most:
            limits = replace(limits, **{name: least})
            limited_by[name] = where
    return limits, limited_by
