"""Targets as a file declares them, which of them a playbook has in scope, and which steps choose.

Called by `build` for playbooks and by `project_file` for what several playbooks share. A target is
the address it listens on; its name is scoped to the file that declares it, so a playbook's own name
hides that of a project file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from squall.core.faults.kinds import Protocol
from squall.core.playbook.addresses import (
    is_named,
    overlap,
    parse_address,
    parse_upstream,
    reaches,
)
from squall.core.playbook.model import BUILTIN_ECHO, Address, Group, Step, Target
from squall.core.playbook.places import Places
from squall.core.playbook.project import Declared
from squall.core.playbook.source import Data

PROTOCOLS: Final[tuple[Protocol, ...]] = ("http", "tcp")
NOWHERE: Final = Address(host="127.0.0.1", port=0)
_UPSTREAMS: Final = {
    "http": "write http://127.0.0.1:8080 or builtin:echo",
    "tcp": "write 127.0.0.1:5432 or builtin:echo",
}

Node = Mapping[str, Any]


def build_target(places: Places, name: str, node: Node) -> Target:
    """One entry of ``targets``, with an address nobody has where the written one is none."""
    seen = [key for key in PROTOCOLS if key in node]
    if len(seen) != 1:
        what = " and ".join(f"'{key}'" for key in seen) if seen else "neither"
        message = f"a target speaks 'http' or 'tcp'; '{name}' has {what}"
        places.note(("targets", name), "SQ108", message, "leave one of them", key=True)
    if not seen:
        return Target(name=name, listen=NOWHERE, upstream=None)
    protocol = seen[0]
    path = ("targets", name, protocol)
    listen, upstream = node[protocol]["listen"], node[protocol]["upstream"]
    address = parse_address(listen)
    if address is None:
        message = f"'{listen}' is not an address"
        places.note((*path, "listen"), "SQ105", message, "write 127.0.0.1:7070")
    behind = None
    try:
        behind = parse_upstream(upstream, protocol)
    except ValueError as error:
        message = f"'{upstream}' cannot stand behind a target: {error}"
        places.note((*path, "upstream"), "SQ105", message, _UPSTREAMS[protocol])
    return Target(
        name=name,
        listen=address or NOWHERE,
        upstream=behind,
        protocol=protocol,
        labels=tuple(sorted(node.get("labels", {}).items())),
        shared=node.get("shared", False),
    )


def in_scope(
    places: Places, own: Mapping[str, Target], around: Mapping[str, Declared]
) -> dict[str, Target]:
    """A file's own targets and those around it, by name.

    One that the file declares again is left out in favour of the file's; where the two differ it
    is a finding.
    """
    found = dict(own)
    for name, shared in around.items():
        listen = shared.target.listen
        clashing = [target for target in own.values() if overlap(target.listen, listen)]
        for target in clashing:
            if not _same(target, shared.target):
                places.note(
                    ("targets", target.name, target.protocol, "listen"), "SQ207",
                    f"'{name}' listens on {listen} too, in {shared.where}",
                    "a target is its address: declare it once, or give each its own",
                )  # fmt: skip
        if not clashing and name not in own:
            found[name] = shared.target
    return found


def _same(one: Target, other: Target) -> bool:
    """Whether two declarations say the same of one address, under whatever name."""
    return one == replace(other, name=one.name, labels=one.labels)


NAME_ONE: Final = "name one of them differently, or declare it once, in squall.yaml"


def shown_upstream(target: Target) -> str:
    """What stands behind a target, as people write it."""
    return str(target.upstream or BUILTIN_ECHO)


def meant_twice(one: Target, other: Target) -> str:
    """The beginning of a sentence: what the two of a name are, where they differ."""
    if one.listen != other.listen:
        return f"target '{one.name}' listens on {one.listen} here, and on {other.listen}"
    if one.upstream != other.upstream:
        here, there = shown_upstream(one), shown_upstream(other)
        return f"target '{one.name}' stands before {here} here, and before {there}"
    return f"target '{one.name}' is not declared as"


def labelled(targets: Iterable[Target], wanted: Mapping[str, str]) -> list[str]:
    """The names of those that carry all of these labels."""
    return [target.name for target in targets if wanted.items() <= dict(target.labels).items()]


def used(targets: Iterable[Target], steps: Iterable[Step], data: Data) -> frozenset[str]:
    """The names of those that steps act on, or that are reached some other way.

    A step may ask at a target's address, or name it to a program; so whoever is mentioned in the
    text is used, and whoever stands behind one that is.
    """
    known = tuple(targets)
    text = "\n".join(_texts(data))
    names = set(_acted_on(steps))
    names.update(target.name for target in known if is_named(target.listen, text))
    waiting = [target for target in known if target.name in names]
    while waiting:
        upstream = waiting.pop().upstream
        for target in known:
            if target.name not in names and reaches(upstream, target.listen):
                names.add(target.name)
                waiting.append(target)
    return frozenset(names)


def _texts(data: Data) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list | dict):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _texts(value)


def _acted_on(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        yield from step.targets
        if isinstance(step.action, Group):
            yield from _acted_on(step.action.steps)
