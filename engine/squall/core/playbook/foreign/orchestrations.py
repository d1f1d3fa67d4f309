"""MockForge's orchestrations, scenarios and schedules as playbooks.

Called by `imports`, one document at a time. Accepts what MockForge reads and what its pages
show: `config` for `chaos_config`, a scenario that is only the name of a predefined one, steps in
the playbook's own words, the ChaosOrchestration resource. Every field without a counterpart is a
finding; the playbooks that come out are plain data, written elsewhere.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from squall.core.diagnostics import Severity, nearest, short
from squall.core.playbook.faults import FAULTS
from squall.core.playbook.foreign.faults import scenarios
from squall.core.playbook.foreign.names import as_name, fit
from squall.core.playbook.foreign.quantities import seconds
from squall.core.playbook.foreign.recognise import Form
from squall.core.playbook.foreign.record import Record
from squall.core.playbook.foreign.schedules import read_schedule
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, Path
from squall.core.timing import HOUR, LONGEST, SECOND, Duration, format_duration, parse_duration

Node = dict[str, Data]

STAND_IN: Final = 60
"""Seconds that a step lasts of which the file does not say how long."""
_LOOPS: Final = 1_000_000
_UNFIT: Final = re.compile(r"[/#\[\]@\x00-\x1f\x7f-\x9f]|^ +")
_EXECUTION: Final = "MockForge has it in its types, and no part that does it"


class Importer:
    """Turns one document into a playbook.

    `catalogue` names the scenarios that come with squall, `names` are the playbooks' so far.
    """

    def __init__(self, places: Places, catalogue: Collection[str], names: set[str]) -> None:
        self.places = places
        self.catalogue = catalogue
        self.playbook_names = names
        self.scenarios: Node = {}

    def playbook(self, form: Form | None, path: Path, data: Mapping[str, Data]) -> Node:
        """The playbook as data; what is to be said of it stands in `places`."""
        read = Record(self.places, path, data, camel=form == "resource")
        match form:
            case "resource":
                made = self._resource(read)
            case "orchestration":
                made = self._orchestration(read)
            case "schedule":
                made = self._schedule(read)
            case "scenario":
                made = self._scenario(read)
            case _:
                return dict(data)
        read.close()
        return made

    # -- whole documents ----------------------------------------------------------------------

    def _orchestration(self, read: Record) -> Node:
        node = self._head(read)
        parallel = read.flag("parallel")
        steps = read.records("steps")
        later = read.records("advanced_steps")
        if later and steps:
            read.leave("advanced_steps", f"the steps beside them are written; {_EXECUTION}")
        node |= self._body(read, steps or later, parallel=parallel, loop=self._loop(read))
        for key in ("conditional_steps", "hooks", "assertions", "variables"):
            read.leave(key, _EXECUTION, _INSTEAD.get(key, ""))
        read.leave("enable_reporting", "every run is reported")
        read.leave("report_path", "'squall runs' shows what happened")
        return node

    def _resource(self, read: Record) -> Node:
        for key in ("apiVersion", "kind"):
            read.raw(key)
        meta = read.inner("metadata")
        name = "" if meta is None else meta.text("name")
        read.leave("status", "it is the state of a run")
        spec = read.inner("spec")
        if spec is None:
            message = "'spec' is missing: there is nothing to do"
            read.note("spec", "SQ505", message, severity=Severity.ERROR)
            return {}
        node = self._head(spec, name)
        if meta is not None:
            for key in ("namespace", "labels", "annotations"):
                meta.leave(key, "a playbook is a file, not a resource of Kubernetes")
        cron = spec.text("schedule")
        if cron:
            node["schedule"] = {"cron": cron, "timezone": "UTC"}
        node |= self._body(spec, spec.records("steps"), parallel=False, loop=None)
        for key in ("variables", "hooks", "assertions"):
            spec.leave(key, "it is for MockForge's operator", _INSTEAD[key])
        spec.leave("target_services", "a target has an address, not a selector",
                   "name the services under 'targets'")  # fmt: skip
        spec.raw("enable_reporting")
        spec.close()
        return node

    def _schedule(self, read: Record) -> Node:
        scenario = read.inner("scenario")
        assert scenario is not None
        node: Node = {"name": self._playbook_name(read, "id", read.text("id"))}
        node |= self._about(scenario)
        node["schedule"] = read_schedule(read)
        node |= self._alone(scenario)
        return node

    def _scenario(self, read: Record) -> Node:
        node = self._head(read)
        read.raw("builtin")
        return node | self._alone(read)

    def _alone(self, read: Record) -> Node:
        """A scenario that is all there is: one step."""
        name = fit(read, "name", read.text("name") or "step 1", set())
        lasting = read.seconds("duration_seconds", 0)
        faults = self._faults(read, read.text("name"))
        step: Node = {"name": name, **self._lasting(read, lasting, faults)}
        for key in ("start_time", "end_time"):
            read.leave(key, "a run starts when it is told to", "give the playbook a 'schedule'")
        read.close()
        return self._timed([step], parallel=False, loop=None) | self._with_scenarios([step])

    def _head(self, read: Record, otherwise: str = "") -> Node:
        name = read.text("name") or otherwise
        return {"name": self._playbook_name(read, "name", name)} | self._about(read)

    @staticmethod
    def _about(read: Record) -> Node:
        description, tags = read.text("description"), read.texts("tags")
        node: Node = {"description": description} if description else {}
        return node | ({"tags": list(tags[:100])} if tags else {})

    def _loop(self, read: Record) -> Node | None:
        looping = read.flag("loop_orchestration")
        times = read.whole("max_iterations", 1, most=_LOOPS)
        if not looping:
            if times not in {0, 1}:
                read.idle("max_iterations", "'loop_orchestration' is off")
            return None
        if times:
            return {"times": times}
        read.note(
            "max_iterations", "SQ504", "0 means until somebody stops it: here 'timeout: 1d' does",
            "say how long it may run",
        )  # fmt: skip
        return {"forever": True}

    def _body(
        self, read: Record, records: list[Record], *, parallel: bool, loop: Node | None
    ) -> Node:
        if not records:
            message = "there are no steps: a playbook needs one"
            read.note("steps", "SQ505", message, severity=Severity.ERROR)
        taken: set[str] = set()
        steps = [self._step(step, index, taken) for index, step in enumerate(records, 1)]
        made: Node = {} if loop is None else {"loop": loop}
        made |= self._timed(steps, parallel=parallel, loop=loop)
        return made | self._with_scenarios(steps, parallel=parallel)

    def _with_scenarios(self, steps: list[Node], *, parallel: bool = False) -> Node:
        made: Node = {"scenarios": self.scenarios} if self.scenarios else {}
        return made | {"parallel" if parallel else "steps": list(steps)}

    @staticmethod
    def _timed(steps: list[Node], *, parallel: bool, loop: Node | None) -> Node:
        """A time-out for what takes longer than the hour a playbook has without one."""
        if loop is not None and "forever" in loop:
            return {"timeout": "1d"}
        takes = [sum(_time(step, key) for key in ("delay", "duration", "wait")) for step in steps]
        once = max(takes, default=0) if parallel else sum(takes)
        times = loop.get("times", 1) if loop is not None else 1
        assert isinstance(times, int)
        total = once * times * 11 // 10 + 60 * SECOND
        if total <= HOUR:
            return {}
        minutes = -(-min(total, LONGEST) // (60 * SECOND))
        return {"timeout": format_duration(min(minutes * 60 * SECOND, LONGEST))}

    # -- steps --------------------------------------------------------------------------------

    def _step(self, read: Record, index: int, taken: set[str]) -> Node:
        node: Node = {"name": fit(read, "name", read.text("name") or f"step {index}", taken)}
        delay = read.seconds("delay_before_seconds", 0)
        if delay:
            node["delay"] = seconds(delay)
        if read.flag("continue_on_failure"):
            node["continue_on_failure"] = True
        scenario = read.raw("scenario")
        if isinstance(scenario, dict) and scenario and scenario.keys() <= {*FAULTS, "match"}:
            node |= self._own_words(read, scenario)
        else:
            node |= self._foreign(read, scenario, str(node["name"]))
        self._advanced(read, node)
        read.close()
        return node

    @staticmethod
    def _own_words(read: Record, scenario: Node) -> Node:
        """A step as MockForge's announcement shows it, in the words of a playbook."""
        node: Node = {}
        for key in ("delay", "duration"):
            value = read.raw(key)
            if isinstance(value, str | int | float):
                node[key] = value
        if read.given("duration_seconds"):
            node["duration"] = seconds(read.seconds("duration_seconds", STAND_IN))
        return node | {"scenario": scenario}

    def _foreign(self, read: Record, scenario: Data, step: str) -> Node:
        lasting = read.seconds("duration_seconds", 0) if read.given("duration_seconds") else None
        if read.given("timeout_seconds"):
            lasting = read.seconds("timeout_seconds", 0)
            message = "'timeout_seconds' takes the place of the duration"
            read.note("timeout_seconds", "SQ504", message, severity=Severity.NOTE)
        parameters = read.raw("parameters")
        if parameters:
            read.leave("parameters", "a scenario that comes with squall has its own numbers",
                       "write the faults under 'scenario'")  # fmt: skip
        if isinstance(scenario, str):
            return self._lasting(read, lasting or 0, self._named(read, "scenario", scenario))
        inner = read.inner("scenario")
        if inner is None:
            read.note("scenario", "SQ501", "there is no scenario in this step: it is a pause")
            return self._lasting(read, lasting or 0, None)
        faults = self._faults(inner, step, inner.text("description"))
        usual = inner.seconds("duration_seconds", 0)
        inner.leave("tags", "a playbook has tags, its scenarios have none")
        for key in ("start_time", "end_time"):
            inner.leave(key, "a step starts when the one before it has ended")
        inner.close()
        return self._lasting(read, usual if lasting is None else lasting, faults)

    def _lasting(self, read: Record, lasting: int, faults: Data) -> Node:
        if faults is None:
            return {"wait": seconds(lasting)}
        if not lasting:
            read.note(
                "duration_seconds", "SQ504",
                f"no duration is said, and a fault ends here: {STAND_IN} s are written",
                "write the duration that is meant",
            )  # fmt: skip
        return {"duration": seconds(lasting or STAND_IN), "scenario": faults}

    def _advanced(self, read: Record, node: Node) -> None:
        retry = read.inner("retry")
        if retry is not None:
            node["retry"] = _retry(retry)
        for key in ("condition", "pre_hooks", "post_hooks", "assertions", "variables"):
            read.leave(key, _EXECUTION, _INSTEAD[key])

    # -- scenarios ----------------------------------------------------------------------------

    def _faults(self, read: Record, step: str, description: str = "") -> Data:
        """What a step's ``scenario`` says for this one; None when it does nothing.

        A scenario with its step's name stands in the step; one with a name or a description of
        its own is declared.
        """
        written = read.text("name")
        config = read.inner("chaos_config" if read.given("chaos_config") else "config")
        if config is None:
            return self._named(read, "name", written)
        parts = scenarios(config)
        inline = written in {"", step} and not description
        if not (parts or inline):
            why = f"a pause has no scenario, '{short(written)}' or other"
            read.note("name", "SQ503", f"'name' is left out: {why}", severity=Severity.NOTE)
        nodes: list[Data] = [
            part.node
            if inline
            else self._declare(read, written + part.suffix, part.node, description)
            for part in parts
        ]
        return nodes[0] if len(nodes) == 1 else nodes or None

    def _declare(self, read: Record, name: str, faults: Node, description: str) -> str:
        """A name under ``scenarios``: the same for the same faults, another for others."""
        node: Node = {"description": description, **faults} if description else faults
        fitting = as_name(name)
        number, free = 1, fitting
        while free in self.scenarios and self.scenarios[free] != node:
            number += 1
            free = f"{fitting[:95]} {number}"
        if free != name:
            read.note("name", "SQ504", f"scenario '{short(name)}' is written as '{free}'",
                      "other faults have its name" if number > 1 else "")  # fmt: skip
        self.scenarios[free] = node
        return free

    def _named(self, read: Record, key: str, name: str) -> Data:
        if name in self.catalogue:
            return name
        close = nearest(name, self.catalogue)
        hint = f"did you mean '{close}'?" if close else "'squall scenarios' lists those there are"
        read.note(key, "SQ501", f"scenario '{short(name)}' says no faults, and none of that name "
                  "comes with squall: it is a pause", hint)  # fmt: skip
        return None

    # -- names --------------------------------------------------------------------------------

    def _playbook_name(self, read: Record, key: str, name: str) -> str:
        return fit(read, key, name or "imported", self.playbook_names)


_INSTEAD: Final = {
    "condition": "write it as 'when'",
    "pre_hooks": "write a step before it",
    "post_hooks": "write a step after it",
    "hooks": "write steps, or 'finally'",
    "assertions": "write them as 'expect'",
    "variables": "write them as 'inputs'",
    "conditional_steps": "write steps with 'when'",
}


def _time(step: Node, key: str) -> Duration:
    written = step.get(key, 0)
    found = parse_duration(written) if isinstance(written, str | int | float) else None
    return found or Duration(0)


def _retry(read: Record) -> Node:
    attempts = read.whole("max_attempts", 1, most=999) + 1
    delay = read.whole("delay_seconds", 1, most=86_400)
    doubling = read.flag("exponential_backoff")
    read.close()
    longest = delay * 2 ** min(attempts, 20) if doubling else delay
    backoff: Node = {"initial": seconds(delay)} | ({} if doubling else {"factor": 1})
    backoff |= {"cap": seconds(longest)} if longest > 60 else {}
    return {"attempts": attempts, "backoff": backoff}
