"""From checked data to the model: every shorthand and default spelled out.

Called by `load` once the schema holds, so the shapes are known; what a schema cannot say (a share
above 100 %, an address without a port, two actions in one step) is found here, at its place. What
the whole playbook means together is asked in `checks`, which needs the model.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from squall.core.diagnostics import Severity, nearest
from squall.core.faults.kinds import Protocol
from squall.core.playbook.addresses import parse_address, parse_upstream
from squall.core.playbook.model import (
    Action,
    Address,
    Backoff,
    Group,
    Injection,
    Load,
    Loop,
    Need,
    Playbook,
    Retry,
    Step,
    Target,
    Tolerance,
    Wait,
)
from squall.core.playbook.places import Places
from squall.core.playbook.probes import PROBES, build_probe
from squall.core.playbook.scenarios import ScenarioBuilder, Shipped
from squall.core.playbook.source import Path
from squall.core.playbook.traffic import build_load
from squall.core.timing import HOUR, LONGEST, Duration

ACTIONS: Final = ("scenario", "load", *PROBES, "wait", "steps", "parallel")
DEFAULT_TARGET: Final = Target(
    name="default", listen=Address(host="127.0.0.1", port=7070), upstream=None
)
PROTOCOLS: Final[tuple[Protocol, ...]] = ("http", "tcp")
_UPSTREAMS: Final = {
    "http": "write http://127.0.0.1:8080 or builtin:echo",
    "tcp": "write 127.0.0.1:5432 or builtin:echo",
}
NOWHERE: Final = Address(host="127.0.0.1", port=0)

Node = Mapping[str, Any]


def build(places: Places, targets: tuple[Target, ...] = (), shipped: Shipped = dict) -> Playbook:
    """The document as a playbook, with harmless stand-ins for what `places` then has errors on.

    `targets` come from the command line: each replaces the one of its name, and where the
    playbook names none they are all there are. `shipped` gives the scenarios of the catalogue.
    """
    return _Builder(places, shipped).playbook(targets)


class _Builder:
    """Walks one document's data, steps first to last."""

    def __init__(self, places: Places, shipped: Shipped) -> None:
        self.places = places
        self.scenarios = ScenarioBuilder(places, shipped)
        self.in_scope: tuple[str, ...] = ()

    def playbook(self, given: tuple[Target, ...]) -> Playbook:
        node = self.places.document.data
        assert isinstance(node, dict)
        targets = self._targets(node, given)
        self.in_scope = tuple(target.name for target in targets)
        for name, scenario in self._mapping(node, "scenarios").items():
            self.scenarios.declare(name, scenario)
        return Playbook(
            name=str(node["name"]),
            body=self._body(node),
            targets=targets,
            description=str(node.get("description", "")),
            tags=tuple(str(tag) for tag in self._list(node, "tags")),
            loop=self._loop(node),
            timeout=self._lasting((), node, "timeout", LONGEST) or HOUR,
            finally_=self._steps(("finally",), self._list(node, "finally"), self.in_scope),
            seed=self._seed(node),
        )

    @staticmethod
    def _mapping(node: Node, key: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = node.get(key, {})
        return value

    @staticmethod
    def _list(node: Node, key: str) -> list[Any]:
        value: list[Any] = node.get(key, [])
        return value

    @staticmethod
    def _seed(node: Node) -> int | None:
        return int(node["seed"]) if "seed" in node else None

    def _body(self, node: Node) -> Group:
        seen = [key for key in ("steps", "parallel") if key in node]
        if not seen:
            self.places.note((), "SQ102", "'steps' is missing", "write steps: or parallel:")
            return Group(steps=())
        if len(seen) == 2:
            self.places.note(
                ("parallel",),
                "SQ108",
                "a playbook has 'steps' or 'parallel', not both",
                "put one inside a step of the other",
                key=True,
            )
        return self._group((seen[0],), self._list(node, seen[0]), self.in_scope)

    # -- targets ------------------------------------------------------------------------------

    def _targets(self, node: Node, given: tuple[Target, ...]) -> tuple[Target, ...]:
        targets = {
            name: self._target(name, t) for name, t in self._mapping(node, "targets").items()
        }
        for target in given:
            if targets and target.name not in targets:
                known = ", ".join(targets)
                message = f"target '{target.name}' is given, which the playbook does not declare"
                self.places.note(("targets",), "SQ202", message, f"targets here: {known}", key=True)
        targets.update({target.name: _speaking(target, targets) for target in given})
        if targets:
            return tuple(targets[name] for name in sorted(targets))
        self.places.note(
            ("name",),
            "SQ210",
            "no target is named: faults go to 127.0.0.1:7070, before the built-in echo",
            "name one under 'targets', or run with --target NAME=LISTEN=UPSTREAM",
            key=True,
            severity=Severity.NOTE,
        )
        return (DEFAULT_TARGET,)

    def _target(self, name: str, node: Node) -> Target:
        seen: list[Protocol] = [key for key in PROTOCOLS if key in node]
        protocol = seen[0]
        path = ("targets", name, protocol)
        listen, upstream = node[protocol]["listen"], node[protocol]["upstream"]
        address = parse_address(listen)
        if address is None:
            self.places.note(
                (*path, "listen"), "SQ105", f"'{listen}' is not an address", "write 127.0.0.1:7070"
            )
        behind = None
        try:
            behind = parse_upstream(upstream, protocol)
        except ValueError as error:
            self.places.note(
                (*path, "upstream"),
                "SQ105",
                f"'{upstream}' cannot stand behind a target: {error}",
                _UPSTREAMS[protocol],
            )
        return Target(name=name, listen=address or NOWHERE, upstream=behind, protocol=protocol)

    # -- steps --------------------------------------------------------------------------------

    def _steps(self, path: Path, nodes: list[Any], scope: tuple[str, ...]) -> tuple[Step, ...]:
        return tuple(self._step((*path, i), node, scope) for i, node in enumerate(nodes))

    def _group(self, path: Path, nodes: list[Any], scope: tuple[str, ...]) -> Group:
        return Group(steps=self._steps(path, nodes, scope), parallel=path[-1] == "parallel")

    def _step(self, path: Path, node: Node, scope: tuple[str, ...]) -> Step:
        targets = self._chosen(path, node, scope)
        action = self._action(path, node, targets)
        return Step(
            name=node["name"],
            action=action,
            targets=targets if isinstance(action, Injection | Load) else (),
            duration=self._lasting(path, node, "duration", Duration(1)),
            delay=self._duration(path, node, "delay") or Duration(0),
            timeout=self._lasting(path, node, "timeout", LONGEST),
            on_timeout=node.get("on_timeout", "fail"),
            needs=self._needs(node),
            retry=self._retry(path, node),
            loop=self._loop(node),
            continue_on_failure=self._tolerance(node),
            expect_traffic=node.get("expect_traffic", False),
        )

    def _chosen(self, path: Path, node: Node, scope: tuple[str, ...]) -> tuple[str, ...]:
        """The targets a step names, or those around it."""
        written = node.get("targets")
        if written is None:
            return scope
        for action in (*PROBES, "wait"):
            if action in node:
                message = f"'targets' has no meaning beside '{action}'"
                hint = "only faults, loads and groups act on targets"
                self.places.note((*path, "targets"), "SQ110", message, hint, key=True)
        names = [written] if isinstance(written, str) else list(written)
        for name in names:
            if name not in scope and not self._is_lost(name):
                self._no_target((*path, "targets"), name, scope)
        return tuple(sorted(set(names)))

    def _is_lost(self, name: str) -> bool:
        """Whether a target is declared in the text and was left out for what is wrong with it."""
        return name not in self.in_scope and self.places.declares("targets", name)

    def _no_target(self, path: Path, name: str, scope: tuple[str, ...]) -> None:
        if name in self.in_scope:
            message = f"target '{name}' is not among those of the group around"
        else:
            message = f"there is no target '{name}'"
        close = nearest(name, scope)
        hint = f"did you mean '{close}'?" if close else f"targets here: {', '.join(scope)}"
        self.places.note(path, "SQ202", message, hint)

    def _action(self, path: Path, node: Node, scope: tuple[str, ...]) -> Action:
        seen = [key for key in ACTIONS if key in node]
        if len(seen) != 1:
            self._one_action(path, node, seen)
            return Wait(duration=Duration(1))
        key = seen[0]
        self._check_duration(path, node, key)
        match key:
            case "scenario":
                return Injection(scenarios=self.scenarios.chosen((*path, key), node[key]))
            case "load":
                return build_load(self.places, (*path, key), node[key])
            case "http" | "tcp" | "exec":
                return build_probe(self.places, (*path, key), node[key])
            case "wait":
                return Wait(duration=self.places.duration((*path, key), node[key]))
        return self._group((*path, key), node[key], scope)

    def _one_action(self, path: Path, node: Node, seen: list[str]) -> None:
        if seen:
            keys = " and ".join(f"'{key}'" for key in seen)
            message = f"a step does one thing; '{node['name']}' has {keys}"
            hint = "make two steps of it, side by side under 'parallel'"
            self.places.note((*path, seen[1]), "SQ108", message, hint, key=True)
        else:
            message = f"step '{node['name']}' does nothing"
            hint = "give it one of " + ", ".join(ACTIONS)
            self.places.note((*path, "name"), "SQ108", message, hint, key=True)

    def _check_duration(self, path: Path, node: Node, key: str) -> None:
        timed = key in {"scenario", "load"}
        if timed and "duration" not in node:
            hint = "say how long, for example duration: 60s"
            self.places.note((*path, key), "SQ109", f"'{key}' needs a 'duration'", hint, key=True)
        elif not timed and "duration" in node:
            hint = {
                "wait": "say how long in 'wait' itself",
                **dict.fromkeys(PROBES, "bound it with 'timeout'"),
            }.get(key, "a group takes as long as its steps; bound it with 'timeout'")
            message = f"'duration' has no meaning beside '{key}'"
            self.places.note((*path, "duration"), "SQ110", message, hint, key=True)

    # -- modifiers ----------------------------------------------------------------------------

    @staticmethod
    def _needs(node: Node) -> tuple[Need, ...]:
        written = node.get("needs", ())
        if isinstance(written, dict):
            needs = [Need(step=name, outcomes=tuple(sorted(o))) for name, o in written.items()]
        else:
            needs = [Need(step=name) for name in dict.fromkeys(written)]
        return tuple(sorted(needs, key=lambda need: need.step))

    def _retry(self, path: Path, node: Node) -> Retry | None:
        written = node.get("retry")
        if written is None:
            return None
        backoff = written.get("backoff", {})
        at = (*path, "retry", "backoff")
        default = Backoff()
        initial = self._duration(at, backoff, "initial")
        cap = self._duration(at, backoff, "cap")
        if cap is not None and cap < (default.initial if initial is None else initial):
            message = "'cap' is shorter than the first wait"
            self.places.note((*at, "cap"), "SQ106", message, "make it longer, or 'initial' shorter")
        return Retry(
            attempts=int(written["attempts"]),
            outcomes=tuple(sorted(written.get("outcomes", ("failed", "timed_out")))),
            backoff=Backoff(
                initial=default.initial if initial is None else initial,
                factor=float(backoff.get("factor", default.factor)),
                cap=default.cap if cap is None else cap,
                jitter=self.places.share((*at, "jitter"), backoff.get("jitter", 0)),
            ),
        )

    @staticmethod
    def _loop(node: Node) -> Loop | None:
        written = node.get("loop")
        if written is None:
            return None
        return Loop(times=int(written["times"]) if "times" in written else None)

    @staticmethod
    def _tolerance(node: Node) -> Tolerance | None:
        written = node.get("continue_on_failure", False)
        if isinstance(written, bool):
            return Tolerance() if written else None
        outcomes = tuple(sorted(written.get("outcomes", ("failed", "timed_out"))))
        most = int(written["max"]) if "max" in written else None
        return Tolerance(outcomes=outcomes, max=most)

    def _duration(self, path: Path, node: Node, key: str) -> Duration | None:
        return self.places.duration((*path, key), node[key]) if key in node else None

    def _lasting(self, path: Path, node: Node, key: str, stand_in: Duration) -> Duration | None:
        return self.places.lasting((*path, key), node[key], stand_in) if key in node else None


def _speaking(target: Target, declared: Mapping[str, Target]) -> Target:
    """The built-in echo speaks whatever the target it stands behind was declared to."""
    if target.upstream is not None or target.name not in declared:
        return target
    return msgspec.structs.replace(target, protocol=declared[target.name].protocol)
