"""From checked data to the model: every shorthand and default spelled out.

Called by `load` once the schema holds, so the shapes are known; what a schema cannot say (a share
above 100 %, an address without a port, two actions in one step) is found here, at its place. What
the whole playbook means together is asked in `checks`, which needs the model.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from squall.core.diagnostics import Severity, nearest
from squall.core.playbook.actions import (
    ACTIONS,
    build_approve,
    build_replay,
    check_duration,
    one_action,
)
from squall.core.playbook.called import Call, Calls, Nobody
from squall.core.playbook.filling import step_of
from squall.core.playbook.model import (
    Action,
    Address,
    Blank,
    Given,
    Group,
    Injection,
    Load,
    Output,
    Playbook,
    SteadyState,
    Step,
    Target,
    Wait,
)
from squall.core.playbook.modifiers import (
    build_loop,
    build_needs,
    build_retry,
    build_tolerance,
)
from squall.core.playbook.places import Places
from squall.core.playbook.probes import PROBES, build_probe
from squall.core.playbook.scenarios import ScenarioBuilder, Shipped
from squall.core.playbook.source import Path
from squall.core.playbook.targets import (
    NAME_ONE,
    build_target,
    in_scope,
    labelled,
    meant_twice,
    used,
)
from squall.core.playbook.timetable import (
    build_approval,
    build_dependencies,
    build_schedules,
    build_suspension,
    build_windows,
    plain_policies,
)
from squall.core.playbook.traffic import build_load
from squall.core.timing import HOUR, LONGEST, Duration

DEFAULT_TARGET: Final = Target(
    name="default", listen=Address(host="127.0.0.1", port=7070), upstream=None
)

Node = Mapping[str, Any]


def build(
    places: Places,
    targets: tuple[Target, ...] = (),
    shipped: Shipped = dict,
    inputs: tuple[Given, ...] = (),
    calls: Calls | None = None,
) -> Playbook:
    """The document as a playbook, with harmless stand-ins for what `places` then has errors on.

    `targets` come from the command line: each replaces the one of its name, and where the
    playbook names none they are all there are. `shipped` gives the scenarios of the catalogue,
    `inputs` are those of the playbook with their values, `calls` knows which playbooks it calls.
    """
    return _Builder(places, shipped, calls).playbook(targets, inputs)


def build_step(places: Places, blank: Blank) -> Step:
    """The one step of a document, whose values have been put in, as part of its playbook."""
    builder = _Builder(places)
    builder.in_scope = blank.scope
    builder.scenarios.named = {scenario.name: scenario for scenario in blank.scenarios}
    document: Any = places.document.data
    return builder.step(("steps", 0), document["steps"][0], blank.scope)


def check_defaults(places: Places, defaults: Node, targets: Mapping[str, Target]) -> None:
    """Note what is wrong with the defaults of a project file, as with a step that says it all."""
    builder = _Builder(places, dict)
    builder.in_scope, builder.targets = tuple(targets), targets
    step = {"duration": "1s", **defaults, "name": "defaults", "scenario": {"latency": "1s"}}
    builder.step(("defaults",), step, builder.in_scope)


class _Builder:
    """Walks one document's data, steps first to last."""

    def __init__(self, places: Places, shipped: Shipped = dict, calls: Calls | None = None) -> None:
        self.places = places
        self.calls = calls or Nobody()
        self.scenarios = ScenarioBuilder(places, shipped)
        self.in_scope: tuple[str, ...] = ()
        self.targets: Mapping[str, Target] = {}

    def playbook(self, given: tuple[Target, ...], inputs: tuple[Given, ...]) -> Playbook:
        node = self.places.document.data
        assert isinstance(node, dict)
        targets = self._targets(node, given)
        self.in_scope = tuple(target.name for target in targets)
        self.targets = {target.name: target for target in targets}
        for name, scenario in self._mapping(node, "scenarios").items():
            self.scenarios.declare(name, scenario)
        body = self._body(node)
        finally_ = self._steps(("finally",), self._list(node, "finally"), self.in_scope)
        finally_ += tuple(self.calls.finally_)
        limits = self.places.around.limits
        return Playbook(
            name=str(node["name"]),
            body=body,
            targets=self._opened(self._needed(targets, given, (*body.steps, *finally_))),
            description=str(node.get("description", "")),
            tags=tuple(str(tag) for tag in self._list(node, "tags")),
            loop=build_loop(self.places, (), node),
            timeout=self._lasting((), node, "timeout", LONGEST)
            or min(HOUR, limits.duration or HOUR),
            finally_=finally_,
            seed=self._seed(node),
            limits=limits,
            inputs=inputs,
            outputs=tuple(
                Output(name=name, expression=expression)
                for name, expression in sorted(self._mapping(node, "outputs").items())
            ),
            abort_if=_several(node.get("abort_if")),
            steady_state=self._steady_state(node),
            schedule=build_schedules(self.places, node),
            windows=(*self.places.around.windows, *build_windows(self.places, node)),
            suspend=build_suspension(self.places, node),
            depends_on=build_dependencies(self.places, node),
            approval=build_approval(self.places, node),
            **plain_policies(node),
        )

    def _steady_state(self, node: Node) -> SteadyState | None:
        written = node.get("steady_state")
        if written is None:
            return None
        at: Path = ("steady_state",)
        usual = SteadyState(checks=())
        return SteadyState(
            checks=self._steps((*at, "checks"), written["checks"], ()),
            every=self._lasting(at, written, "every", usual.every) or usual.every,
            failures=int(written.get("failures", usual.failures)),
            recover_within=self._duration(at, written, "recover_within") or usual.recover_within,
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
        own = {
            name: build_target(self.places, name, t)
            for name, t in self._mapping(node, "targets").items()
        }
        targets = in_scope(self.places, own, self.places.around.targets)
        for target in given:
            if targets and target.name not in targets:
                known = ", ".join(targets)
                message = f"target '{target.name}' is given, which the playbook does not declare"
                self.places.note(("targets",), "SQ202", message, f"targets here: {known}", key=True)
        targets.update({target.name: _speaking(target, targets) for target in given})
        if targets:
            return tuple(targets[name] for name in sorted(targets))
        if self.places.around.has("targets"):
            return (DEFAULT_TARGET,)
        self.places.note(
            ("name",),
            "SQ210",
            "no target is named: faults go to 127.0.0.1:7070, before the built-in echo",
            "name one under 'targets', or run with --target NAME=LISTEN=UPSTREAM",
            key=True,
            severity=Severity.NOTE,
        )
        return (DEFAULT_TARGET,)

    def _needed(
        self, targets: tuple[Target, ...], given: tuple[Target, ...], steps: tuple[Step, ...]
    ) -> tuple[Target, ...]:
        """Without those of the project that the playbook has no use for."""
        around = {name: one.target for name, one in self.places.around.targets.items()}
        if not around:
            return targets
        needed = used(targets, steps, self.places.document.data)
        needed |= {target.name for target in given}
        return tuple(t for t in targets if t.name in needed or around.get(t.name) != t)

    def _opened(self, own: tuple[Target, ...]) -> tuple[Target, ...]:
        """Its own targets and those of what it calls."""
        brought = {target.name: target for target in own}
        for name, target in self.calls.targets.items():
            if brought.setdefault(name, target) != target:
                message = f"{meant_twice(brought[name], target)} in a playbook that is called"
                self.places.note(("targets", name), "SQ225", message, NAME_ONE, key=True)
        return tuple(brought[name] for name in sorted(brought)) if self.calls.targets else own

    # -- steps --------------------------------------------------------------------------------

    def _steps(self, path: Path, nodes: list[Any], scope: tuple[str, ...]) -> tuple[Step, ...]:
        return tuple(self.step((*path, i), node, scope) for i, node in enumerate(nodes))

    def _group(self, path: Path, nodes: list[Any], scope: tuple[str, ...]) -> Group:
        return Group(steps=self._steps(path, nodes, scope), parallel=path[-1] == "parallel")

    def step(self, path: Path, node: Node, scope: tuple[str, ...]) -> Step:
        """One step and all that is inside it; `scope` are the targets around it."""
        targets = self._chosen(path, node, scope)
        call = self._call(path, node, targets) if "playbook" in node else None
        action = self._action(path, node, targets) if call is None else call.group
        loop = build_loop(self.places, path, node)
        return Step(
            name=node["name"],
            action=action,
            targets=targets if isinstance(action, Injection | Load) else (),
            duration=self._lasting(path, node, "duration", Duration(1)),
            delay=self._duration(path, node, "delay") or Duration(0),
            timeout=self._lasting(path, node, "timeout", LONGEST) or (call and call.timeout),
            on_timeout=node.get("on_timeout", "fail"),
            needs=build_needs(node),
            retry=build_retry(self.places, path, node),
            loop=loop or (call and call.loop),
            continue_on_failure=build_tolerance(node),
            expect_traffic=node.get("expect_traffic", False),
            when=node.get("when", ""),
            expect=_several(node.get("expect")),
            abort_if=_several(node.get("abort_if")),
            blank=self._blank(path, node, scope),
        )

    def _call(self, path: Path, node: Node, targets: tuple[str, ...]) -> Call | None:
        scope = tuple(self.targets[name] for name in targets if name in self.targets)
        call = self.calls.call(path, node, scope)
        if call is not None and call.loop is not None and "loop" in node:
            message = "the playbook that is called has a 'loop' of its own"
            self.places.note(
                (*path, "loop"), "SQ110", message, "put the call into a group", key=True
            )
        return call

    def _blank(self, path: Path, node: Node, scope: tuple[str, ...]) -> Blank | None:
        """What has to be filled while the run is on its way, if anything has."""
        late = {
            at: text
            for at, text in self.places.document.late.items()
            if step_of(at) == path
            and at[-2:] != ("loop", "each")
            and "playbook" not in at[len(path) :]
        }
        if not late:
            return None
        own = {key: node[key] for key in node if key not in {"steps", "parallel"}}
        called = self.scenarios.called(node.get("scenario", ()))
        return Blank(text=_unfilled(own, path, late), scope=scope, scenarios=called)

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
        if isinstance(written, dict):
            return self._labelled((*path, "targets"), written, scope)
        names = [written] if isinstance(written, str) else list(written)
        for name in names:
            if name not in scope and not self._is_lost(name):
                self._no_target((*path, "targets"), name, scope)
        return tuple(sorted(set(names)))

    def _labelled(
        self, path: Path, wanted: Mapping[str, str], scope: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The targets around that carry all of these labels."""
        known = [self.targets[name] for name in scope if name in self.targets]
        names = labelled(known, wanted)
        if not names and not self.places.around.unread:
            what = ", ".join(f"{label}: {value}" for label, value in wanted.items())
            carried = sorted({f"{k}: {v}" for target in known for k, v in target.labels})
            hint = f"labels here: {', '.join(carried)}" if carried else "no target here has labels"
            self.places.note(path, "SQ202", f"no target here has {what}", hint, key=True)
        return tuple(sorted(names))

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
            one_action(self.places, path, node, seen)
            return Wait(duration=Duration(1))
        key = seen[0]
        check_duration(self.places, path, node, key)
        match key:
            case "scenario":
                return Injection(scenarios=self.scenarios.chosen((*path, key), node[key]))
            case "load":
                return build_load(self.places, (*path, key), node[key])
            case "http" | "tcp" | "exec":
                return build_probe(self.places, (*path, key), node[key])
            case "replay":
                return build_replay(node[key])
            case "approve":
                return build_approve(self.places, (*path, key), node[key])
            case "playbook":
                return Group(steps=())
            case "wait":
                return Wait(duration=self.places.duration((*path, key), node[key]))
        return self._group((*path, key), node[key], scope)

    def _duration(self, path: Path, node: Node, key: str) -> Duration | None:
        return self.places.duration((*path, key), node[key]) if key in node else None

    def _lasting(self, path: Path, node: Node, key: str, stand_in: Duration) -> Duration | None:
        return self.places.lasting((*path, key), node[key], stand_in) if key in node else None


def _speaking(target: Target, declared: Mapping[str, Target]) -> Target:
    """The built-in echo speaks whatever the target it stands behind was declared to."""
    if target.upstream is not None or target.name not in declared:
        return target
    return msgspec.structs.replace(target, protocol=declared[target.name].protocol)


def _several(written: Any) -> tuple[str, ...]:
    """One expression or several, as several."""
    if written is None:
        return ()
    return (written,) if isinstance(written, str) else tuple(written)


def _unfilled(own: Node, path: Path, late: Mapping[Path, str]) -> str:
    """A step's keys as JSON, with what is still to be filled as it was written."""
    copy = json.loads(json.dumps(own))
    for at, text in late.items():
        here = copy
        with suppress(LookupError, TypeError):  # what does not fit was left out
            for part in at[len(path) : -1]:
                here = here[part]
            here[at[-1]] = text
    return json.dumps(copy)
