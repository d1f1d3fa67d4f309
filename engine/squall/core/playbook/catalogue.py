"""Scenarios that come with squall: plain YAML, read outside and handed in as texts.

A text is a document with `scenarios`, as a playbook has them. They are read when a playbook names
one it does not declare itself, and once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from squall.core.faults.kinds import Scenario
from squall.core.playbook.places import Places
from squall.core.playbook.scenarios import ScenarioBuilder
from squall.core.playbook.source import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One scenario of the catalogue; `lines` is how it is written."""

    scenario: Scenario
    description: str
    lines: str


def shipped(texts: tuple[str, ...]) -> Mapping[str, Scenario]:
    """The scenarios in these texts by name."""
    return {name: entry.scenario for name, entry in entries(texts).items()}


@lru_cache(maxsize=4)
def entries(texts: tuple[str, ...]) -> Mapping[str, Entry]:
    """Every scenario in these texts by its name; raises `ValueError` for a broken text."""
    found: dict[str, Entry] = {}
    for text in texts:
        found |= _entries(text)
    return found


def _entries(text: str) -> Mapping[str, Entry]:
    source = read(text.encode(), "catalogue")
    document = source.documents[0]
    data = document.data
    assert isinstance(data, dict)
    written = data["scenarios"]
    assert isinstance(written, dict)
    places = Places(document, "catalogue")
    builder = ScenarioBuilder(places)
    for name, node in written.items():
        assert isinstance(node, dict)
        builder.declare(name, node)
    if source.diagnostics or places.failed:
        raise ValueError((*source.diagnostics, *places.found)[0].message)
    starts = {
        name: document.locate(("scenarios", name), key=True).start.line - 1 for name in written
    }
    lines = text.splitlines()
    ends = [*sorted(starts.values())[1:], len(lines)]
    return {
        name: Entry(
            scenario=builder.named[name],
            description=str(node.get("description", "")) if isinstance(node, dict) else "",
            lines="\n".join(line[2:] for line in lines[start:end]).rstrip() + "\n",
        )
        for (name, node), start, end in zip(written.items(), starts.values(), ends, strict=True)
    }
