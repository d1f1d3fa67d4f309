"""A run on a virtual clock whose world answers as a test says."""

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping

from squall.core.faults.effects import Applied, Delivery, Felt, Inject, Lifted, Revert
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.inputs import require_runnable
from squall.core.playbook.load import load
from squall.core.playbook.project import NOTHING_AROUND, Project
from squall.core.playbook.snapshot import Snapshot
from squall.core.run.commands import (
    Announce,
    CancelAction,
    CancelTimer,
    StartLoad,
    StartProbe,
    StartTimer,
)
from squall.core.run.events import (
    ActionEnded,
    EdgeReported,
    Measured,
    RunCreated,
    RunEvent,
    Saw,
    TimerFired,
)
from squall.core.run.facts import SteadyStateSeen, StepEnded
from squall.core.run.machine import advance, initial
from squall.core.run.state import State
from squall.core.timing import MILLISECOND, SECOND
from squall.worktree import schema_text

OK = Saw(values=(("status", 200), ("latency", MILLISECOND), ("body", "")))
QUIET = Felt()
MET = (Delivery(scenario=0, fault=0, kind="Latency", asked=1.0, seen=1, touched=1),)

Answers = Mapping[str, Callable[[int], Saw | None]]


def saw(status: int = 200, body: str = "", latency: int = MILLISECOND) -> Saw:
    return Saw(values=(("status", status), ("latency", latency), ("body", body)))


class Stage:
    """`answers` give, by a step's path without iterations and attempts, what its probe sees.

    Each is called with how often it was asked before; None is no answer at all. A path that is not
    there is answered well. `felt` is what loads and faults measure, `others` are the texts of
    playbooks that may be called.
    """

    def __init__(
        self,
        text: str,
        answers: Answers | None = None,
        *,
        felt: Felt = QUIET,
        project: Project = NOTHING_AROUND,
        others: tuple[str, ...] = (),
        **inputs: object,
    ) -> None:
        files = {f"{number}.yaml": other.encode() for number, other in enumerate(others)}
        loaded = load(
            text.encode(),
            "stage.yaml",
            schema_text(),
            inputs=inputs,
            project=project,
            snapshot=Snapshot(lambda: tuple(files), files.__getitem__),
        )
        assert not loaded.failed, loaded.diagnostics
        self.playbook = loaded.playbooks[0].playbook
        require_runnable(self.playbook)
        self.plan = compile_plan(self.playbook, schema_text())
        self.state = initial(self.plan)
        self.answers = dict(answers or {})
        self.asked: list[str] = []
        self.felt = felt
        self.at = 0
        self.facts: list[object] = []
        self.commands: list[object] = []
        self.deliveries = MET
        self.live: set[str] = set()
        self._order = itertools.count()
        self._due: list[tuple[int, int, RunEvent]] = []
        self._timers: dict[str, int] = {}
        self.later(0, RunCreated(at=0, run="1", seed=1))

    def later(self, at: int, event: RunEvent) -> None:
        heapq.heappush(self._due, (at, next(self._order), event))

    def measure(self, at: int, source: str, felt: Felt) -> None:
        self.later(at, Measured(at=at, source=source, felt=felt))

    def run(self) -> "Stage":
        for _ in self.states():
            pass
        assert self.state.finished
        return self

    def states(self) -> Iterator[State]:
        """The run's state after each event."""
        while self._due and not self.state.finished:
            self.at, _, event = heapq.heappop(self._due)
            if isinstance(event, TimerFired) and self._timers.get(event.timer) != event.at:
                continue
            self.state, commands = advance(self.plan, self.state, event)
            for command in commands:
                self.commands.append(command)
                self._perform(command)
            yield self.state

    def _perform(self, command: object) -> None:
        at = self.at
        match command:
            case StartTimer(timer=timer, due=due):
                self._timers[timer] = due
                self.later(due, TimerFired(at=due, timer=timer))
            case CancelTimer(timer=timer):
                self._timers.pop(timer, None)
            case Inject(lease=lease, seq=seq):
                self.live.add(lease)
                self.later(at, EdgeReported(at=at, report=Applied(lease=lease, seq=seq)))
            case Revert(lease=lease, seq=seq):
                self.live.discard(lease)
                lifted = Lifted(lease=lease, seq=seq, deliveries=self.deliveries, felt=self.felt)
                self.later(at, EdgeReported(at=at, report=lifted))
            case StartProbe(path=path):
                self._answer(path)
            case StartLoad(path=path, duration=duration):
                at += duration
                ended = ActionEnded(at=at, path=path, outcome="succeeded", felt=self.felt)
                self.later(at, ended)
            case CancelAction(path=path):
                self.later(at, ActionEnded(at=at, path=path, outcome="failed", reason="cancelled"))
            case Announce(fact=fact):
                self.facts.append(fact)

    def _answer(self, path: str) -> None:
        plain = "/".join(part.partition("#")[0].partition("[")[0] for part in path.split("/"))
        before = self.asked.count(plain)
        self.asked.append(plain)
        seen = self.answers[plain](before) if plain in self.answers else OK
        after = self.at + MILLISECOND
        if seen is None:
            ended = ActionEnded(at=after, path=path, outcome="failed", reason="no answer")
        else:
            ended = ActionEnded(at=after, path=path, outcome="succeeded", saw=seen)
        self.later(after, ended)

    @property
    def ended(self) -> dict[str, str]:
        """How every step ended, by its path without the root."""
        return {
            fact.path.partition("/")[2]: fact.outcome
            for fact in self.facts
            if isinstance(fact, StepEnded) and "/" in fact.path
        }

    @property
    def steady(self) -> list[SteadyStateSeen]:
        return [fact for fact in self.facts if isinstance(fact, SteadyStateSeen)]

    def probes(self) -> list[object]:
        return [command.probe for command in self.commands if isinstance(command, StartProbe)]

    def scenarios(self) -> list[object]:
        return [command.scenarios for command in self.commands if isinstance(command, Inject)]


def busy(requests: int = 100, errors: int = 0, p99: int = 10 * MILLISECOND) -> Felt:
    return Felt(requests=requests, errors=errors, rate=float(requests), p50=p99 // 2, p95=p99,
                p99=p99, max=SECOND)  # fmt: skip
