"""Scenarios and their faults, from checked data to the model.

Called by `build`. Every shorthand becomes its full form and every default is spelled out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from squall.core.diagnostics import nearest
from squall.core.faults.kinds import Down, Fault, Match, Resets, Scenario
from squall.core.faults.matching import network, problem_with
from squall.core.playbook.faults import FAULTS, build_fault
from squall.core.playbook.no_effect import check_fault
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path

Node = Mapping[str, Any]
Shipped = Callable[[], Mapping[str, Scenario]]


class ScenarioBuilder:
    """Builds the scenarios of one document; `named` are those declared under ``scenarios``.

    A name that is not among them is looked for in the project, and then among those that come
    with squall, for which `shipped` is asked.
    """

    def __init__(self, places: Places, shipped: Shipped = dict) -> None:
        self.places = places
        self.named: dict[str, Scenario] = {}
        self._shipped = shipped

    def declare(self, name: str, node: Node) -> None:
        """Read one entry of ``scenarios``."""
        self.named[name] = self._scenario(("scenarios", name), node, name)

    def chosen(self, path: Path, written: Any) -> tuple[Scenario, ...]:
        """What a step's ``scenario`` says: names, faults, or a list of both."""
        parts = enumerate(written) if isinstance(written, list) else [(None, written)]
        made = []
        for index, part in parts:
            at = path if index is None else (*path, index)
            if isinstance(part, dict):
                made.append(self._scenario(at, part, ""))
            elif part in self.named:
                made.append(self.named[part])
            elif part in self.places.around.scenarios:
                made.append(self.places.around.scenarios[part])
            elif part in self.places.around.elsewhere:
                self._not_here(at, part)
            elif not self.places.declares("scenarios", part):
                made += self._from_catalogue(at, part)
        return tuple(made)

    def called(self, written: Any) -> tuple[Scenario, ...]:
        """Those that a step's ``scenario`` names, wherever they stand."""
        parts = written if isinstance(written, list) else [written]
        known = (self._known(part) for part in parts if isinstance(part, str))
        return tuple(scenario for scenario in known if scenario is not None)

    def _known(self, name: str) -> Scenario | None:
        tables = (self.named, self.places.around.scenarios)
        table = next((table for table in tables if name in table), None)
        return self._shipped().get(name) if table is None else table[name]

    def _not_here(self, path: Path, name: str) -> None:
        source = self.places.around.elsewhere[name]
        message = f"scenario '{name}' stands in {source}, and has not been fetched"
        self.places.note(path, "SQ201", message, "write its faults under 'scenarios'")

    def _from_catalogue(self, path: Path, name: str) -> list[Scenario]:
        shipped = self._shipped()
        if name in shipped:
            return [shipped[name]]
        around = self.places.around.scenarios
        close = nearest(name, (*self.named, *around, *shipped))
        known = (
            ", ".join((*self.named, *around)) or "none; write the faults, or see 'squall scenarios'"
        )
        hint = f"did you mean '{close}'?" if close else f"scenarios here: {known}"
        self.places.note(path, "SQ201", f"there is no scenario '{name}'", hint)
        return []

    def _scenario(self, path: Path, node: Node, name: str) -> Scenario:
        faults = tuple(self._fault((*path, key), key, node[key]) for key in FAULTS if key in node)
        if not faults:
            self.places.note(
                path, "SQ107", "there is no fault in it", "one of " + ", ".join(FAULTS)
            )
        self._before_requests(path, node, faults)
        return Scenario(faults=faults, match=self._match(path, node.get("match", {})), name=name)

    def _fault(self, path: Path, key: str, written: Any) -> Fault:
        before = len(self.places.found)
        fault = build_fault(self.places, path, key, written)
        if len(self.places.found) == before:  # what stands in for a mistake may do nothing
            check_fault(self.places, path, fault)
        return fault

    def _before_requests(self, path: Path, node: Node, faults: tuple[Fault, ...]) -> None:
        """What strikes before a request has come cannot ask what is in it."""
        asked = set(node.get("match", {}))
        for fault in faults:
            if isinstance(fault, Down):
                key, wrong, hint = "down", asked, "it holds for everybody: remove 'match'"
            elif isinstance(fault, Resets) and fault.at == "connect":
                key, wrong = "resets", asked - {"client", "share"}
                hint = "a connection is known by 'client' and 'share' alone"
            else:
                continue
            if wrong:
                message = f"'{key}' strikes before there is a request to match"
                self.places.note((*path, "match"), "SQ110", message, hint, key=True)

    def _match(self, path: Path, node: Node) -> Match:
        at = (*path, "match")
        pattern = node.get("path", "")
        problem = problem_with(pattern) if pattern else None
        if problem is not None:
            self.places.note((*at, "path"), "SQ105", problem)
        method = node.get("method", ())
        methods = [method] if isinstance(method, str) else method
        body = node.get("body_size", {})
        sizes = {
            key: self.places.size((*at, "body_size", key), body[key]) if key in body else None
            for key in ("min", "max")
        }
        if sizes["min"] and sizes["max"] is not None and sizes["min"] > sizes["max"]:
            message = "'min' is more than 'max'"
            self.places.note((*at, "body_size", "min"), "SQ106", message, "swap them")
        return Match(
            method=tuple(sorted({name.upper() for name in methods})),
            path=pattern,
            host=node.get("host", "").lower(),
            headers=tuple(sorted((k.lower(), v) for k, v in node.get("headers", {}).items())),
            client=self._networks((*at, "client"), node.get("client", ())),
            min_body=sizes["min"],
            max_body=sizes["max"],
            share=self.places.share((*at, "share"), node.get("share", 1)),
        )

    def _networks(self, path: Path, written: str | list[str]) -> tuple[str, ...]:
        found = []
        for one in [written] if isinstance(written, str) else written:
            try:
                found.append(str(network(one.strip())))
            except ValueError as wrong:
                self.places.note(path, "SQ105", str(wrong), "write 10.0.0.0/8 or 127.0.0.1")
        return tuple(sorted(set(found)))
