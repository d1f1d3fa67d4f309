"""What a document seems to be, from the keys it has.

Called by the import, which takes MockForge's and says of anything else what it was handed. Guesses
from what each format always has, never from names of files.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

from squall.core.diagnostics import short
from squall.core.playbook.source import Data

Form = Literal["orchestration", "resource", "schedule", "scenario", "playbook"]
"""What is imported: MockForge's structures, and what is written in squall's own keys already."""


class Seen(NamedTuple):
    """What a document seems to be, in words; `form` where it is something to import."""

    what: str
    form: Form | None = None


_GROUPS: Final = {
    "chaos-mesh.org": "a Chaos Mesh {}",
    "litmuschaos.io": "a Litmus {}",
    "argoproj.io": "an Argo {}, in which Litmus keeps its experiments",
    "chaos.datadoghq.com": "a Datadog {}",
    "chaostoolkit.org": "a Chaos Toolkit {}",
    "mockforge.io": "a MockForge {}",
}
_SECTIONS: Final = frozenset(
    {"latency", "fault_injection", "rate_limit", "traffic_shaping", "circuit_breaker", "bulkhead"}
)
_ORCHESTRATION: Final = frozenset({"loop_orchestration", "max_iterations", "advanced_steps"})
_STEP: Final = frozenset({"duration_seconds", "delay_before_seconds"})
_CONFIG: Final = frozenset({"chaos_config", "config"})


def recognise(data: Data) -> Seen:
    """What it seems to be."""
    if isinstance(data, list):
        return _list(data)
    if not isinstance(data, dict):
        return Seen("a single value")
    for guess in (_kubernetes, _mockforge, _others):
        seen = guess(data)
        if seen is not None:
            return seen
    keys = ", ".join(short(key, 20) for key in list(data)[:5])
    return Seen(f"nothing squall knows, with the keys {keys}" if keys else "an empty mapping")


def _list(data: list[Data]) -> Seen:
    items = [item for item in data if isinstance(item, dict)]
    if items and len(items) == len(data):
        first = items[0]
        if {"id", "config"} <= first.keys() or {"id", "image"} <= first.keys():
            return Seen("a krkn scenario")
        if {"expr", "severity"} <= first.keys():
            return Seen("a krkn alert profile")
        if {"listen", "upstream"} <= first.keys():
            return Seen("a Toxiproxy configuration")
    return Seen("a list")


def _kubernetes(data: Mapping[str, Any]) -> Seen | None:
    version, kind = data.get("apiVersion"), data.get("kind")
    if not (isinstance(version, str) and isinstance(kind, str)):
        return None
    group = version.partition("/")[0]
    if group == "mockforge.io" and kind == "ChaosOrchestration":
        return Seen("a MockForge ChaosOrchestration", "resource")
    shown = short(kind)
    if group in _GROUPS:
        return Seen(_GROUPS[group].format(shown))
    return Seen(f"a Kubernetes {shown}")


def _mockforge(data: Mapping[str, Any]) -> Seen | None:
    if "recording_started" in data:
        return Seen("a recording")
    if isinstance(data.get("schedule"), dict) and isinstance(data.get("scenario"), dict):
        return Seen("a MockForge schedule", "schedule")
    if any(isinstance(data.get(key), list) for key in ("steps", "parallel", "advanced_steps")):
        return _steps(data)
    if _CONFIG & data.keys() and "name" in data:
        return Seen("a MockForge scenario", "scenario")
    if "enabled" in data and _SECTIONS & data.keys():
        return Seen("a MockForge chaos configuration without a name")
    if {"circuit_breaker", "bulkhead"} <= data.keys():
        return Seen("a MockForge resilience configuration")
    return None


def _steps(data: Mapping[str, Any]) -> Seen | None:
    steps = list(_mappings(data, "steps", "parallel", "advanced_steps"))
    if any("method" in step and "path" in step for step in steps):
        return Seen("a MockForge blueprint: requests of a client, without faults")
    foreign = bool(_ORCHESTRATION & data.keys()) or isinstance(data.get("parallel"), bool)
    for step in steps:
        scenario = step.get("scenario")
        inner = isinstance(scenario, dict) and bool((_CONFIG | {"name"}) & scenario.keys())
        foreign |= inner or bool(_STEP & step.keys())
    if foreign:
        return Seen("a MockForge orchestration", "orchestration")
    return Seen("a squall playbook", "playbook") if "name" in data else None


def _mappings(data: Mapping[str, Any], *keys: str) -> Iterator[Mapping[str, Any]]:
    for key in keys:
        steps = data.get(key)
        yield from (
            (step for step in steps if isinstance(step, dict)) if isinstance(steps, list) else ()
        )


def _others(data: Mapping[str, Any]) -> Seen | None:
    if isinstance(data.get("method"), list) or "steady-state-hypothesis" in data:
        return Seen("a Chaos Toolkit experiment")
    actions = data.get("actions")
    if isinstance(actions, dict) and ("stopConditions" in data or "roleArn" in data):
        return Seen("an AWS FIS experiment template")
    if "lanes" in data or "templateTitle" in data:
        return Seen("a Steadybit experiment")
    if {"kraken", "node_scenarios", "hog-type", "hog_type", "packet-size"} & data.keys():
        return Seen("a krkn scenario")
    if any(isinstance(node, dict) and "depends_on" in node for node in data.values()):
        return Seen("a krknctl plan")
    if "controls" in data and "method" not in data:
        return Seen("a Chaos Toolkit settings file")
    return None
