"""A run on a virtual clock: what would happen, and when, without doing it.

Drives the same machine as the executor, with an oracle for a world: effects succeed at once, probes
pass, loads last as long as they say. Whatever was assumed is listed; `assumptions` change answers.
Two rehearsals with the same arguments are equal. It returns values; the command line shows them.
"""

import heapq
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from squall.core.faults.effects import Applied, Delivery, Inject, Lifted, Rejected, Revert
from squall.core.faults.kinds import EVERY
from squall.core.playbook.model import Blank, ExecProbe, HttpProbe, Load, Probe, TcpProbe, Wait
from squall.core.playbook.plan import Plan
from squall.core.playbook.talk import STEADY
from squall.core.playbook.wording import describe_blank, describe_load, describe_probe
from squall.core.run import assumptions
from squall.core.run.commands import (
    Announce,
    CancelAction,
    CancelTimer,
    Command,
    StartLoad,
    StartProbe,
    StartTimer,
    Suppose,
)
from squall.core.run.events import (
    ActionEnded,
    EdgeReported,
    RunCreated,
    RunEvent,
    TimerFired,
)
from squall.core.run.facts import RunFact, StepFilled, Verdict
from squall.core.run.machine import advance, initial
from squall.core.run.paths import without_attempt
from squall.core.run.state import State
from squall.core.timing import Duration, format_duration

MAX_EVENTS: Final = 20_000
"""A rehearsal of a loop that turns very often stops here and says so."""

_WELL: Final = {HttpProbe: "answers well", TcpProbe: "answers well", ExecProbe: "ends well"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What would happen. `complete` is false when it was cut off at `MAX_EVENTS`."""

    facts: tuple[RunFact, ...]
    assumed: tuple[tuple[str, str], ...]
    verdict: Verdict | None
    reason: str
    lasts: int
    complete: bool
    events: tuple[RunEvent, ...]


def rehearse(plan: Plan, *, seed: int = 0, assume: Mapping[str, str] | None = None) -> Rehearsal:
    """Rehearse a plan; raises `assumptions.AssumptionError` for one that fits nothing."""
    return _World(plan, assumptions.read(plan, assume or {})).run(seed)


class _World:
    """The virtual clock and what the run believes of the world."""

    def __init__(self, plan: Plan, told: assumptions.Assumptions) -> None:
        self.plan = plan
        self.told = told
        self.at = 0
        self.order = 0
        self.due: list[tuple[int, int, RunEvent]] = []
        self.timers: dict[str, int] = {}
        self.facts: list[RunFact] = []
        self.assumed: set[tuple[str, str]] = set()
        self.blanks: dict[str, Blank] = {}
        self.events: list[RunEvent] = []
        self.shapes: dict[str, Inject] = {}

    def run(self, seed: int) -> Rehearsal:
        state = initial(self.plan)
        self._later(0, RunCreated(at=0, run="rehearsal", seed=seed, rehearsal=True))
        while self.due and not state.finished and len(self.events) < MAX_EVENTS:
            self.at, _, event = heapq.heappop(self.due)
            if isinstance(event, TimerFired) and self.timers.get(event.timer) != event.at:
                continue
            self.events.append(event)
            state, commands = advance(self.plan, state, event)
            for command in commands:
                self._perform(command)
        return self._report(state)

    def _report(self, state: State) -> Rehearsal:
        return Rehearsal(
            facts=tuple(self.facts),
            assumed=tuple(sorted(self.assumed)),
            verdict=state.verdict,
            reason=state.reason,
            lasts=state.at,
            complete=state.finished,
            events=tuple(self.events),
        )

    def _later(self, at: int, event: RunEvent) -> None:
        self.order += 1
        heapq.heappush(self.due, (at, self.order, event))

    def _perform(self, command: Command) -> None:
        at = self.at
        match command:
            case StartTimer(timer=timer, due=due):
                self.timers[timer] = due
                self._later(due, TimerFired(at=due, timer=timer))
            case CancelTimer(timer=timer):
                self.timers.pop(timer, None)
            case Inject():
                self.shapes[command.lease] = command
                self._inject(command)
            case Revert(lease=lease, seq=seq):
                lifted = Lifted(lease=lease, seq=seq, deliveries=self._deliveries(lease))
                self._later(at, EdgeReported(at=at, report=lifted))
            case StartProbe(path=path, probe=probe):
                self._probe(path, probe)
            case StartLoad(path=path, load=load, duration=duration):
                self._load(path, load, duration)
            case CancelAction(path=path):
                self._later(at, ActionEnded(at=at, path=path, outcome="failed", reason="cancelled"))
            case Announce(fact=fact):
                self.facts.append(fact)
                if isinstance(fact, StepFilled):
                    self._filled(fact)
            case Suppose(path=path, what=what):
                self._note(path, what)

    def _note(self, path: str, what: str) -> None:
        name = path.partition("#")[0] if path.startswith(f"{STEADY}/") else path.partition("/")[2]
        self.assumed.add((name, what))

    def _filled(self, fact: StepFilled) -> None:
        """Where a value is not known an example stands for it, and that is no fact."""
        step = fact.step
        if step.blank is None:
            self.blanks.pop(fact.path, None)
            return
        self.blanks[fact.path] = step.blank
        written = json.loads(step.blank.text).get("duration")
        if isinstance(step.action, Wait):
            self._guess(fact.path, describe_blank(step.blank), step.action.duration)
        if step.duration is not None and "${{" in str(written):
            self._guess(fact.path, f"duration {written}", step.duration)

    def _guess(self, path: str, what: str, lasts: Duration) -> None:
        self._note(path, f"{what} is not known, {format_duration(lasts)} is assumed")

    def _said(self, path: str, known: str) -> str:
        """What a step does: as it is written, where its values are not known."""
        blank = self.blanks.get(without_attempt(path))
        return describe_blank(blank) if blank is not None else known

    def _inject(self, inject: Inject) -> None:
        wish = self.told.outcome(inject.path)
        if wish == "timed_out":
            self._note(inject.path, "times out")
            return
        # The edge would apply it; a failure is one of the step, noticed at its end.
        applied = Applied(lease=inject.lease, seq=inject.seq)
        if wish == "failed":
            self._note(inject.path, "fails")
            self._reject(inject)
            return
        self._note(inject.path, "faults go on and off at once, and requests meet them")
        self._later(self.at, EdgeReported(at=self.at, report=applied))

    def _reject(self, inject: Inject) -> None:
        rejected = Rejected(lease=inject.lease, seq=inject.seq, reason="assumed to fail")
        self._later(self.at, EdgeReported(at=self.at, report=rejected))

    def _deliveries(self, lease: str) -> tuple[Delivery, ...]:
        """Every fault was met: a rehearsal assumes traffic."""
        inject = self.shapes[lease]
        return tuple(
            Delivery(scenario=s, fault=f, kind=type(fault).__name__, asked=EVERY, seen=1, touched=1)
            for s, scenario in enumerate(inject.scenarios)
            for f, fault in enumerate(scenario.faults)
        )

    def _probe(self, path: str, probe: Probe) -> None:
        wish = self.told.outcome(path)
        if wish == "timed_out":
            self._note(path, "times out")
            return
        does = self._said(path, describe_probe(probe))
        if wish == "failed":
            self._note(path, f"{does} fails")
            ended = ActionEnded(at=self.at, path=path, outcome="failed", reason="assumed to fail")
        else:
            saw = self.told.saw(path)
            words = _WELL[type(probe)] if saw is None else f"sees {self.told.in_words(path)}"
            self._note(path, f"{does} {words}")
            ended = ActionEnded(at=self.at, path=path, outcome="succeeded", saw=saw)
        self._later(self.at, ended)

    def _load(self, path: str, load: Load, duration: int) -> None:
        wish = self.told.outcome(path)
        if wish == "timed_out":
            self._note(path, "times out")
            return
        failed = wish == "failed"
        saw = self.told.saw(path)
        words = (
            ", and fail" if failed else "" if saw is None else f", with {self.told.in_words(path)}"
        )
        self._note(path, f"{self._said(path, describe_load(load))} are sent{words}")
        outcome: Literal["failed", "succeeded"] = "failed" if failed else "succeeded"
        at = self.at + duration
        self._later(at, ActionEnded(at=at, path=path, outcome=outcome, saw=saw))
