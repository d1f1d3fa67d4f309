"""A playbook as MockForge's orchestration, scenario or schedule.

`export_mockforge` is called by ``squall export``. A playbook of one scenario step named as the
playbook becomes a scenario, one with a schedule a scheduled scenario, any other an orchestration.
What MockForge cannot say is a finding where it stands in the playbook.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from squall.core.diagnostics import Diagnostic, Refused, Severity
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    CircuitBreaker,
    Connections,
    Fault,
    Latency,
    Match,
    PacketLoss,
    RateLimit,
    Scenario,
)  # fmt: skip
from squall.core.playbook.foreign.chaos_config import INJECTED, Config, chaos_config
from squall.core.playbook.foreign.schedules import SAYABLE, schedule_kind
from squall.core.playbook.foreign.unsaid import in_seconds, unsaid
from squall.core.playbook.model import Group, Injection, Load, Playbook, Step, Wait
from squall.core.playbook.places import Places
from squall.core.playbook.source import Document, Path
from squall.core.timing import SECOND, Duration

Form = Literal["orchestration", "scenario", "schedule"]
Node = Mapping[str, Any]

_KNOWN: Final = (
    *INJECTED, Latency, RateLimit, PacketLoss, Bandwidth, Connections, CircuitBreaker, Bulkhead
)  # fmt: skip
_PLAYBOOK: Final = frozenset(
    {"version", "name", "description", "tags", "steps", "parallel", "loop", "scenarios"}
)
_STEP: Final = frozenset(
    {"name", "scenario", "wait", "load", "duration", "delay", "continue_on_failure"}
)
_HARMLESS: Final = {
    "targets": "MockForge's faults stand in its own server",
    "timeout": "nothing bounds an orchestration",
    "seed": "its dice cannot be fixed",
}
_SUFFIXES: Final = ("", "_matched", "_per_endpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The structure as plain data, which one it is, and what of the playbook is not in it."""

    data: dict[str, Any]
    form: Form
    diagnostics: tuple[Diagnostic, ...]


def export_mockforge(playbook: Playbook, document: Document, file: str) -> Exported:
    """The structure that comes nearest; raises `Refused` when no step of it can be said."""
    exporter = _Exporter(playbook, Places(document, file))
    form, data = exporter.structure()
    found = sorted(exporter.places.found, key=lambda finding: (finding.span, finding.code))
    return Exported(data=data, form=form, diagnostics=tuple(found))


class _Exporter:
    """Walks the model beside the document it was built from."""

    def __init__(self, playbook: Playbook, places: Places) -> None:
        self.playbook = playbook
        self.places = places
        assert isinstance(places.document.data, dict)
        self.node: Node = places.document.data

    def structure(self) -> tuple[Form, dict[str, Any]]:
        schedule = self._schedule()
        alone = self._alone()
        self._lost((), self.node, _PLAYBOOK | {"schedule"})
        if alone is not None and (schedule is not None or alone.name == self.playbook.name):
            scenario = self._scenario_of(alone)
            return ("scenario", scenario) if schedule is None else (
                "schedule", {"id": self.playbook.name, "scenario": scenario, **schedule}
            )  # fmt: skip
        if "schedule" in self.node:
            self._say(("schedule",), "only a scenario can be scheduled, not an orchestration")
        return "orchestration", self._orchestration()

    # -- the whole ----------------------------------------------------------------------------

    def _orchestration(self) -> dict[str, Any]:
        body, loop = self.playbook.body, self.playbook.loop
        for key in self.node.get("loop", {}).keys() - {"times", "forever"}:
            self._say(("loop", key), "loops are counted, or have no end")
        key = "parallel" if body.parallel else "steps"
        steps = list(self._steps((key,), body, self.node[key]))
        if not steps:
            message = f"nothing in '{self.playbook.name}' can be said in MockForge's words"
            raise Refused(
                "SQ431", message, "it knows steps that inject or wait, one after the other"
            )
        return {
            "name": self.playbook.name,
            "description": self.playbook.description or None,
            "steps": steps,
            "parallel": body.parallel,
            "loop_orchestration": loop is not None,
            "max_iterations": 1 if loop is None else loop.times or 0,
            "tags": list(self.playbook.tags),
        }

    def _alone(self) -> Step | None:
        """The only step, if it is all that a scenario can be."""
        body = self.playbook.body
        if len(body.steps) != 1 or body.parallel or self.playbook.loop is not None:
            return None
        step = body.steps[0]
        node = self.node["steps"][0]
        if not isinstance(step.action, Injection) or node.keys() - {"name", "duration", "scenario"}:
            return None
        return step if self._name(step) == step.name else None

    def _scenario_of(self, step: Step) -> dict[str, Any]:
        path = ("steps", 0)
        scenario = self._scenario(path, step, self.node["steps"][0])
        return scenario | {
            "description": self.playbook.description or None,
            "duration_seconds": self._seconds((*path, "duration"), step.duration),
            "tags": list(self.playbook.tags),
        }

    def _schedule(self) -> dict[str, Any] | None:
        written = self.node.get("schedule")
        if not isinstance(written, dict) or self._alone() is None:
            return None
        kind = schedule_kind(written)
        if kind is None:
            why = "it is none of once, a delay, whole seconds, and an hour, minute, weekday in UTC"
            self._say(("schedule",), why)
            return None
        for key in written.keys() - SAYABLE:
            self._say(("schedule", key), f"its schedules have no '{key}'")
        return {
            "schedule": kind,
            "enabled": written.get("enabled", True),
            "execution_count": 0,
            "last_executed": None,
            "next_execution": None,
        }

    # -- steps --------------------------------------------------------------------------------

    def _steps(self, path: Path, group: Group, nodes: list[Node]) -> Iterator[dict[str, Any]]:
        for index, (step, node) in enumerate(zip(group.steps, nodes, strict=True)):
            at = (*path, index)
            if isinstance(step.action, Group):
                yield from self._inner_group(at, step.action, node, parallel=group.parallel)
                continue
            if not isinstance(step.action, Injection | Wait | Load):
                self._say((*at, "name"), f"'{step.name}' neither injects nor waits: it is left out")
                continue
            self._lost(at, node, _STEP)
            yield self._step(at, step, node)

    def _inner_group(
        self, path: Path, group: Group, node: Node, *, parallel: bool
    ) -> Iterator[dict[str, Any]]:
        key = "parallel" if group.parallel else "steps"
        if group.parallel != parallel or node.keys() - {"name", key}:
            self._say((*path, key), f"'{node['name']}' is a group in a group: it is left out")
            return
        self._say((*path, key), f"'{node['name']}' is a group in a group: its steps take its place")
        yield from self._steps((*path, key), group, node[key])

    def _step(self, path: Path, step: Step, node: Node) -> dict[str, Any]:
        duration = step.duration
        if isinstance(step.action, Injection):
            scenario = self._scenario(path, step, node)
        else:
            scenario = _bare(step.name, chaos_config(()))
        if isinstance(step.action, Wait):
            duration = step.action.duration
        if isinstance(step.action, Load):
            self._say((*path, "load"), "MockForge sends no traffic: a pause takes its place")
        tolerance = node.get("continue_on_failure", False)
        if not isinstance(tolerance, bool):
            self._say((*path, "continue_on_failure"), "a failure is tolerated or not, all alike")
        return {
            "name": step.name,
            "scenario": scenario,
            "duration_seconds": self._seconds((*path, "duration"), duration),
            "delay_before_seconds": self._seconds((*path, "delay"), step.delay),
            "continue_on_failure": bool(tolerance),
        }

    def _seconds(self, path: Path, duration: Duration | None) -> int:
        lasting = duration or Duration(0)
        for why in in_seconds(lasting):
            self._say(path, why)
        return -(-lasting // SECOND)

    # -- scenarios ----------------------------------------------------------------------------

    def _name(self, step: Step) -> str:
        assert isinstance(step.action, Injection)
        return step.action.scenarios[0].name or step.name

    def _scenario(self, path: Path, step: Step, node: Node) -> dict[str, Any]:
        assert isinstance(step.action, Injection)
        name = self._name(step)
        placed = list(self._placed(path, step.action.scenarios, node["scenario"]))
        for at, scenario in placed:
            if scenario.name and scenario.name not in {name + suffix for suffix in _SUFFIXES}:
                self._say(at, f"a step has one scenario: '{scenario.name}' is part of '{name}'")
        matcher = self._matcher(placed)
        faults = list(self._faults(placed, matcher))
        about = self.node.get("scenarios", {}).get(name, {}).get("description")
        return _bare(name, chaos_config(faults, _matcher(matcher))) | {"description": about}

    def _placed(
        self, path: Path, scenarios: tuple[Scenario, ...], written: Any
    ) -> Iterator[tuple[Path, Scenario]]:
        """Each scenario of a step, with the path where its faults stand."""
        parts = written if isinstance(written, list) else [written]
        for index, (scenario, part) in enumerate(zip(scenarios, parts, strict=True)):
            at = (*path, "scenario", index) if isinstance(written, list) else (*path, "scenario")
            declared = isinstance(part, str) and part in self.node.get("scenarios", {})
            yield ("scenarios", part) if declared else at, scenario

    def _matcher(self, placed: list[tuple[Path, Scenario]]) -> Match:
        """What narrows the injected faults, which MockForge narrows all alike."""
        injecting = [
            (at, scenario.match)
            for at, scenario in placed
            if any(isinstance(fault, INJECTED) for fault in scenario.faults)
        ]
        match = injecting[0][1] if injecting else Match()
        for at, scenario in placed:
            if scenario.match == Match():
                continue
            others = [f for f in scenario.faults if not isinstance(f, INJECTED)]
            if others:
                self._say((*at, "match"), f"it narrows '{_key(others[0])}', which MockForge cannot")
        unsayable = [key for key, value in (("method", match.method), ("path", match.path),
                     ("host", match.host)) if value]  # fmt: skip
        unsayable += ["share"] if match.share != EVERY else []
        for key in unsayable:
            at = (*injecting[0][0], "match", key)
            self._say(at, f"a request_matcher has no '{key}': more requests are met")
        return match

    def _faults(self, placed: list[tuple[Path, Scenario]], match: Match) -> Iterator[Fault]:
        """The faults that can be said; a finding for each that cannot, or only nearly."""
        seen: Counter[str] = Counter()
        limits: list[RateLimit] = []
        for at, scenario in placed:
            for fault in scenario.faults:
                key = _key(fault)
                if not isinstance(fault, _KNOWN):
                    self._say((*at, key), f"MockForge has no '{key}'")
                    continue
                if isinstance(fault, INJECTED) and scenario.match != match:
                    self._say((*at, key), "MockForge narrows all injected faults alike: left out")
                    continue
                for why in unsaid(fault):
                    self._say((*at, key), why)
                seen[key] += 1
                limits += [fault] if isinstance(fault, RateLimit) else []
                if seen[key] > 1 and not _one_limit(limits, key):
                    self._say((*at, key), f"a step has one '{key}': the strongest is written")
                yield fault

    # -- findings -----------------------------------------------------------------------------

    def _lost(self, path: Path, node: Node, known: frozenset[str]) -> None:
        for key in node:
            if key in known:
                continue
            why = _HARMLESS.get(key) if not path else None
            severity = Severity.NOTE if why else Severity.WARNING
            self._say((*path, key), why or f"MockForge has nothing like '{key}'", severity)

    def _say(self, path: Path, why: str, severity: Severity = Severity.WARNING) -> None:
        message = f"not exported as it stands: {why}"
        self.places.note(path, "SQ506", message, key=True, severity=severity)


def _key(fault: Fault) -> str:
    return str(fault.__struct_config__.tag)


def _one_limit(limits: list[RateLimit], key: str) -> bool:
    """Whether these are one limit, kept for each client and each endpoint."""
    if key != "rate_limit" or len(limits) != 2:
        return False
    first, second = limits
    same = (first.limit, first.burst) == (second.limit, second.burst)
    return same and {first.by, second.by} == {"client", "endpoint"}


def _bare(name: str, config: Config) -> dict[str, Any]:
    return {
        "name": name,
        "description": None,
        "chaos_config": config,
        "duration_seconds": 0,
        "start_time": None,
        "end_time": None,
        "tags": [],
    }


def _matcher(match: Match) -> Config | None:
    if not (match.client or match.headers or match.min_body or match.max_body is not None):
        return None
    return {
        "source_ips": list(match.client),
        "headers": [{"name": name, "value": value} for name, value in match.headers],
        "min_body_size_bytes": match.min_body,
        "max_body_size_bytes": match.max_body,
        "chunked_only": None,
    }
