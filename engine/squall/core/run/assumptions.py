"""What a rehearsal is told to assume: that a step fails, or what it sees.

Called by `rehearsal`. ``look=failed`` and ``waves[2]/hit=timed_out`` say how a step ends,
``look.status=503`` and ``users.measured.p99=2s`` what a probe or a load sees. Steps are named as in
paths without the root; with an iteration only that one is meant.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from squall.core.diagnostics import nearest, short
from squall.core.playbook.expressions import Failure, Kind
from squall.core.playbook.inputs import EXAMPLES, fitting, read_given
from squall.core.playbook.model import ExecProbe, Group, InputKind, Load, Probe
from squall.core.playbook.names import seen_by
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.playbook.talk import STEADY
from squall.core.run.events import Saw

OUTCOMES: Final = ("failed", "timed_out")
_KINDS: Final[Mapping[Kind, InputKind]] = {
    "int": "integer", "double": "number", "duration": "duration", "string": "string",
}  # fmt: skip


class AssumptionError(ValueError):
    """An assumption names no step that has something to assume, or nothing that it could be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """How steps end, and what they see, by their paths; `words` says that as it was written."""

    outcomes: Mapping[str, str]
    values: Mapping[str, Saw]
    words: Mapping[str, str]

    def outcome(self, path: str) -> str | None:
        """How the step of this attempt ends, most exact first; None: well."""
        meant = _meant(self.outcomes, path)
        return self.outcomes[meant[-1]] if meant else None

    def saw(self, path: str) -> Saw | None:
        """What the step of this attempt sees, as far as it is assumed."""
        known = [self.values[one] for one in _meant(self.values, path)]
        if not known:
            return None
        values = {name: value for saw in known for name, value in saw.values}
        headers = next((saw.headers for saw in reversed(known) if saw.headers), ())
        return Saw(values=tuple(values.items()), headers=headers)

    def in_words(self, path: str) -> str:
        """What it sees, as it was written: ``status 503``."""
        return ", ".join(self.words[one] for one in _meant(self.values, path))


def read(plan: Plan, written: Mapping[str, str]) -> Assumptions:
    """Read what is assumed; raises `AssumptionError` for what fits nothing in the plan."""
    steps = dict(_steps(plan))
    outcomes: dict[str, str] = {}
    values: dict[str, Saw] = {}
    words: dict[str, str] = {}
    for left, right in written.items():
        path, name = _split(left, steps)
        step = steps[_plain(path)]
        if not name:
            outcomes[path] = _outcome(path, step, right)
            continue
        before = values.get(path, Saw())
        seen = _seen(path, step, name, right)
        values[path] = Saw(
            values=before.values + seen.values,
            headers=seen.headers or before.headers,
        )
        said = f"{name} {short(right)}"
        words[path] = f"{words[path]}, {said}" if path in words else said
    return Assumptions(outcomes=outcomes, values=values, words=words)


def _steps(plan: Plan) -> Iterator[tuple[str, PlanStep]]:
    for root in (plan.main, plan.finally_):
        for step in root.walk() if root else ():
            if not isinstance(step.step.action, Group):
                yield step.path.partition("/")[2], step
    for check in plan.steady.children if plan.steady else ():
        yield check.path, check


def _split(left: str, steps: Mapping[str, PlanStep]) -> tuple[str, str]:
    """The step, and what of it is meant if anything; names of steps may have dots themselves."""
    path, name = left, ""
    while _plain(path) not in steps:
        path, dot, last = path.rpartition(".")
        if not dot:
            break
        name = f"{last}.{name}" if name else last
    if _plain(path) in steps:
        return path, name
    close = nearest(_plain(left), steps) or nearest(_plain(left).partition(".")[0], steps)
    hint = f"did you mean '{close}'?" if close else "steps: " + ", ".join(steps)
    raise AssumptionError(f"there is no step '{left}'; {hint}")


def _outcome(path: str, step: PlanStep, outcome: str) -> str:
    if outcome not in OUTCOMES:
        hint = f"; to assume what it sees: {path}.{next(iter(_offered(step)))}=…"
        raise AssumptionError(
            f"'{outcome}' cannot be assumed; choices: {', '.join(OUTCOMES)}"
            + (hint if _offered(step) else "")
        )
    if outcome == "timed_out" and step.step.timeout is None:
        raise AssumptionError(f"'{path}' has no timeout, so it cannot time out")
    return outcome


def _offered(step: PlanStep) -> Mapping[str, Kind]:
    """What can be assumed of a step: what it sees itself."""
    return seen_by(step.step.action) if isinstance(step.step.action, Probe | Load) else {}


def _seen(path: str, step: PlanStep, name: str, written: str) -> Saw:
    offered = _offered(step)
    if not offered:
        raise AssumptionError(f"'{path}' sees nothing; choices: " + ", ".join(
            f"{path}={outcome}" for outcome in OUTCOMES))  # fmt: skip
    if name not in offered:
        close = nearest(name, offered)
        hint = f"did you mean '{close}'?" if close else "it sees: " + ", ".join(offered)
        raise AssumptionError(f"'{path}' sees no '{name}'; {hint}")
    kind = offered[name]
    if kind in {"dyn", "map"}:
        return _document(path, step, name, written)
    wanted = "share" if name == "measured.error_rate" else _KINDS[kind]
    value = fitting(wanted, read_given(written, wanted))
    if isinstance(value, Failure):
        raise AssumptionError(f"{path}.{name}: {value.reason}; for example {EXAMPLES[wanted]}")
    assert isinstance(value, int | float | str)
    return Saw(values=((name, value),))


def _document(path: str, step: PlanStep, name: str, written: str) -> Saw:
    """What is seen as JSON: a whole answer, or its headers."""
    try:
        value = json.loads(written)
    except ValueError:
        value = None
    if name == "json" and value is not None:
        return Saw(
            values=(("stdout" if isinstance(step.step.action, ExecProbe) else "body", written),)
        )
    if name == "headers" and isinstance(value, dict):
        return Saw(headers=tuple((str(key).lower(), str(one)) for key, one in value.items()))
    raise AssumptionError(f"{path}.{name}: '{written}' is no JSON that it could be")


def _meant(wishes: Iterable[str], path: str) -> list[str]:
    """Which of the steps that were named this attempt is a case of, the most exact last."""
    here = path if path.startswith(f"{STEADY}/") else path.partition("/")[2]
    return sorted((wish for wish in wishes if _fits(wish, here)), key=len)


def _fits(wish: str, path: str) -> bool:
    wished, way = wish.split("/"), path.split("/")
    return len(wished) == len(way) and all(map(_is_case, wished, way))


def _is_case(wished: str, part: str) -> bool:
    """``hit[2]#1`` is a case of itself, of ``hit[2]``, of ``hit#1`` and of ``hit``."""
    around, number, attempt = part.partition("#")
    name = around.partition("[")[0]
    return wished in {part, around, f"{name}{number}{attempt}", name}


def _plain(path: str) -> str:
    """A path without iterations and attempts: ``waves[2]/hit#1`` is a case of ``waves/hit``."""
    return "/".join(part.partition("#")[0].partition("[")[0] for part in path.split("/"))
