"""Playbooks for programs: read from a file, or written in Python; one value either way.

What is written in Python becomes YAML and is read like any file: it means what that file would
mean, has the same digest, and the same checks look at it; their findings point into
`Playbook.to_yaml`. Doing what a playbook says is the business of `running`.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias, TypedDict, Unpack

import msgspec

from squall.core.diagnostics import Diagnostic
from squall.core.playbook import model
from squall.core.playbook.findings import as_text
from squall.core.playbook.load import LoadedPlaybook
from squall.core.playbook.load import load as load_bytes
from squall.core.playbook.writing import to_yaml
from squall.worktree import Projects, catalogue_texts, read, schema_text

LARGEST_SEED: Final = 2**63 - 1

Written: TypeAlias = "str | int | float | Sequence[Written] | Mapping[str, Written]"
"""Whatever can be written in a playbook."""

Mapped: TypeAlias = Mapping[str, Written]
Duration: TypeAlias = str | float
"""As in a playbook: ``"100ms"``, ``"1h30m"``, or a number of seconds."""

Step: TypeAlias = Mapping[str, Written]
"""What `step` makes."""


class StepKeys(TypedDict, total=False):
    """The keys of a step in the playbook language, exactly one action among them.

    Actions: `scenario`, `replay`, `load`, `http`, `tcp`, `exec`, `approve`, `wait`, `playbook`,
    `steps`, `parallel`. ``loop=3`` is short for ``loop={"times": 3}``; everything else is written
    as it is in YAML.
    """

    scenario: str | Mapped | Sequence[str | Mapped]
    replay: Mapped
    load: Mapped
    http: Mapped
    tcp: Mapped
    exec: Mapped
    approve: Mapped
    wait: Duration
    playbook: str | Mapped
    steps: Sequence[Step]
    parallel: Sequence[Step]
    targets: str | Sequence[str] | Mapping[str, str]
    duration: Duration
    delay: Duration
    timeout: Duration
    on_timeout: Literal["fail", "continue"]
    needs: Sequence[str] | Mapping[str, Sequence[str]]
    when: str
    retry: Mapped
    loop: int | Mapped
    continue_on_failure: bool | Mapped
    expect: str | Sequence[str]
    abort_if: str | Sequence[str]
    expect_traffic: bool


class PlaybookKeys(TypedDict, total=False):
    """The keys of a playbook beside its name; ``finally_`` is YAML's ``finally``."""

    description: str
    tags: Sequence[str]
    inputs: Mapping[str, Mapped]
    outputs: Mapping[str, str]
    targets: Mapping[str, Mapped]
    scenarios: Mapping[str, Mapped]
    steady_state: Mapped
    abort_if: str | Sequence[str]
    steps: Sequence[Step]
    parallel: Sequence[Step]
    loop: int | Mapped
    timeout: Duration
    finally_: Sequence[Step]
    seed: int
    record: bool
    schedule: Mapped | Sequence[Mapped]
    on_change: Literal["finish", "restart", "cancel", "patch"]
    on_delete: Literal["cancel", "finish"]
    on_suspend: Literal["finish", "pause", "cancel"]
    on_crash: Literal["rollback", "resume", "fail"]
    suspend: bool | Mapped
    depends_on: Sequence[str | Mapped]
    approval: Mapped
    windows: Sequence[Mapped]
    renamed_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to say about a playbook: where, which rule, what is wrong, what would be right.

    Lines and columns count from 1. `severity` is ``error``, ``warning`` or ``note``.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    severity: str
    message: str
    hint: str


class Invalid(Exception):  # noqa: N818 - it names what the playbook is
    """A playbook that cannot be run; `findings` are all there are, and its text shows them."""

    def __init__(self, text: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(text, findings)
        self.findings = findings

    def __str__(self) -> str:
        """What ``squall lint`` would print."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a playbook is written: the text, what the text is called, which of several it is."""

    file: str
    data: bytes
    name: str = ""


class Playbook:
    """A playbook, as a value: `step` makes a new one and changes nothing.

    Written in Python it may be wrong: then whatever looks into it raises `Invalid`.
    """

    __slots__ = ("_data", "_source")

    def __init__(self, name: str, /, **keys: Unpack[PlaybookKeys]) -> None:
        """Begin one with its name; `keys` as in the playbook language."""
        self._write({"name": name, **_plain(keys)})

    def _write(self, data: dict[str, Any]) -> None:
        self._data = data
        self._source = Source(file=f"<{data['name']}>", data=to_yaml(data).encode())

    @classmethod
    def _of(cls, source: Source) -> Self:
        playbook = cls.__new__(cls)
        playbook._source = source
        playbook._data = dict(look_into(source).data)
        return playbook

    @property
    def name(self) -> str:
        """Its identity."""
        return str(self._data["name"])

    @property
    def digest(self) -> str:
        """``sha256:…``: the same for every playbook that means the same, however written."""
        return model.digest(look_into(self._source).playbook)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings and notes: what may be meant and may be a mistake."""
        return look_into(self._source).findings

    def step(self, name: str, /, **keys: Unpack[StepKeys]) -> "Playbook":
        """The same playbook with one more step at the end; `keys` as in the playbook language."""
        group = "parallel" if "parallel" in self._data else "steps"
        longer = self.__class__.__new__(self.__class__)
        longer._write({**self._data, group: [*self._data.get(group, ()), step(name, **keys)]})
        return longer

    def to_yaml(self) -> str:
        """The playbook as a file that `load` reads; comments are not kept."""
        return to_yaml(self._data)

    def __repr__(self) -> str:
        """Its name; whether it is valid is not looked at."""
        return f"squall.Playbook({self.name!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A playbook that was looked into and found valid."""

    playbook: model.Playbook
    data: Mapping[str, Any]
    findings: tuple[Finding, ...]


def load(path: str | os.PathLike[str]) -> Playbook:
    """Read a playbook from ``FILE``, or from ``FILE#NAME`` if the file holds several.

    Raises `Invalid` with every finding, `Refused` when it is not certain which playbook is meant,
    and `OSError` when the file cannot be read.
    """
    return Playbook._of(_on_disk(path))


def loads(text: str) -> Playbook:
    """Read a playbook from a text; raises `Invalid` with every finding."""
    return Playbook._of(Source(file="<text>", data=text.encode()))


def step(name: str, /, **keys: Unpack[StepKeys]) -> Step:
    """A step for `steps`, `parallel` or `finally_`; `keys` as in the playbook language."""
    return {"name": name, **_plain(keys)}


def source_of(playbook: "Playbook | str | os.PathLike[str]") -> Source:
    """Where it is written; raises `OSError` for a file that cannot be read."""
    return playbook._source if isinstance(playbook, Playbook) else _on_disk(playbook)


def folder_of(playbook: "Playbook | str | os.PathLike[str]") -> Path:
    """Where the programs of its probes are run: beside its file, else in the current folder."""
    file = playbook._source.file if isinstance(playbook, Playbook) else os.fspath(playbook)
    return Path() if file.startswith("<") else Path(file).parent


def look_into(
    source: Source,
    targets: Iterable[model.Target] = (),
    inputs: Mapping[str, object] | None = None,
) -> Seen:
    """The playbook written there, with `targets` in place of its own of the same names.

    `inputs` are values of its inputs, as a playbook would write them. What is not read from a file
    stands in the current folder. Raises `Invalid`, `OSError` for a project file that cannot be read
    and, when it is not certain which playbook is meant, `Refused`.
    """
    projects, file = Projects(), Path(source.file)
    loaded = load_bytes(
        source.data,
        source.file,
        schema_text(),
        catalogue=catalogue_texts(),
        targets=tuple(targets),
        inputs=inputs,
        project=projects.around(file),
        snapshot=projects.snapshot(file),
    )
    findings = tuple(map(_finding, loaded.findings))
    if loaded.failed:
        raise Invalid(as_text(loaded.findings, loaded.texts, context=True), findings)
    picked: LoadedPlaybook = loaded.pick(source.name)
    data = picked.document.as_written
    assert isinstance(data, dict)
    return Seen(playbook=picked.playbook, data=data, findings=findings)


def checked_seed(seed: int | None) -> int | None:
    """A seed as a playbook may have it; raises `ValueError` for any other."""
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"seed: {seed} is out of range: 0 to {LARGEST_SEED}")
    return seed


def _on_disk(path: str | os.PathLike[str]) -> Source:
    file, data, name = read(os.fspath(path))
    return Source(file=file, data=data, name=name)


_SPELT: Final = {"finally_": "finally"}


def _plain(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys as YAML spells them, with a copy of their values; raises `TypeError` for objects."""
    plain = {_SPELT.get(key, key): value for key, value in keys.items()}
    if isinstance(plain.get("loop"), int):
        plain["loop"] = {"times": plain["loop"]}
    copied: dict[str, Any] = msgspec.to_builtins(plain, str_keys=True)
    return copied


def _finding(diagnostic: Diagnostic) -> Finding:
    start, end = diagnostic.span.start, diagnostic.span.end
    return Finding(
        file=diagnostic.file,
        line=start.line,
        column=start.column,
        end_line=end.line,
        end_column=end.column,
        code=diagnostic.code,
        severity=str(diagnostic.severity),
        message=diagnostic.message,
        hint=diagnostic.hint,
    )
