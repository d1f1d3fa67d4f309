"""A world for the machine: an edge with a fence, probes, loads and timers, driven by choices.

`World.choices` lists what could happen next; `World.happen` makes one of them happen. Effects are
messages under way: they may arrive late, out of order, or never. What the edge really has on is
`live`, so that it can be held against what the run believes.
"""

from copy import copy
from dataclasses import dataclass, field

from squall.core.faults.effects import (
    Applied,
    Delivery,
    EdgeLost,
    Felt,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
    Revert,
)
from squall.core.faults.kinds import EVERY
from squall.core.playbook.plan import Plan
from squall.core.run.commands import (
    CancelAction,
    CancelTimer,
    Command,
    StartLoad,
    StartProbe,
    StartTimer,
)
from squall.core.run.events import (
    ActionEnded,
    EdgeReported,
    EngineRestarted,
    JournalFailed,
    Measured,
    PauseRequested,
    ResumeRequested,
    RunCreated,
    RunEvent,
    Saw,
    StopRequested,
    TerminateRequested,
    TimerFired,
)
from squall.core.run.machine import advance, initial
from squall.core.run.state import State
from squall.core.timing import SECOND, Duration

CONTROLS: dict[str, type] = {
    "pause": PauseRequested,
    "resume": ResumeRequested,
    "stop": StopRequested,
    "terminate": TerminateRequested,
}
GOOD = Saw(values=(("status", 200), ("latency", 1), ("body", "{}")))
BAD = Saw(values=(("status", 503), ("latency", 1), ("body", "")))
FELT = Felt(requests=10, errors=0, rate=1.0, p99=Duration(SECOND))
PAIN = Felt(requests=10, errors=10, rate=1.0, p99=Duration(5 * SECOND))
TOUCHED = (Delivery(scenario=0, fault=0, kind="errors", asked=EVERY, seen=2, touched=1),)


@dataclass
class World:
    """See above. `timeless`: time stands still; `prompt`: no deadline passes before an answer.

    `looks`: so often the steady state is looked at before and while there are faults.
    """

    plan: Plan
    fenced: bool = True
    timeless: bool = False
    prompt: bool = False
    looks: int | None = None
    state: State = field(init=False)
    at: int = 0
    journal: list[RunEvent] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    under_way: list[Inject | Revert] = field(default_factory=list)
    answers: list[Applied | Rejected | Lifted] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    loads: set[str] = field(default_factory=set)
    live: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    dead: bool = False

    def __post_init__(self) -> None:
        self.state = initial(self.plan)
        self.feed(RunCreated(at=0, run="1", seed=7))

    def feed(self, event: RunEvent) -> tuple[Command, ...]:
        self.journal.append(event)
        self.state, commands = advance(self.plan, self.state, event)
        self.commands += commands
        for command in commands:
            self._perform(command)
        return commands

    def _perform(self, command: Command) -> None:
        match command:
            case StartTimer(timer=timer, due=due):
                self.timers[timer] = due
            case CancelTimer(timer=timer):
                self.timers.pop(timer, None)
            case Inject() | Revert():
                self.under_way.append(command)
            case StartProbe(path=path):
                self.actions.append(path)
            case StartLoad(path=path):
                self.actions.append(path)
                self.loads.add(path)
            case CancelAction(path=path):
                assert path in self.actions

    # -- what could happen ------------------------------------------------------------------

    def choices(self) -> list[tuple[str, object]]:
        """Everything that could happen next, answers before timers."""
        found: list[tuple[str, object]] = []
        found += [("arrive", index) for index in range(len(self.under_way))]
        found += [("answer", index) for index in range(len(self.answers))]
        found += [("succeed", path) for path in self.actions]
        late = self.prompt and bool(self.under_way or self.answers)
        found += [
            ("timer", timer)
            for timer in sorted(self.timers)
            if not (late and timer.startswith(("inject|", "revert|")))
            and not (timer.startswith("watch|") and self._looked_enough())
        ]
        return found

    def _looked_enough(self) -> bool:
        watch = self.state.watch
        during = watch is not None and watch.stage != "after"
        return during and self.looks is not None and self.state.looks >= self.looks

    def happen(self, what: str, which: object) -> None:
        match what:
            case "arrive":
                self._arrive(self.under_way.pop(int(str(which))))
            case "lose":
                self.under_way.pop(int(str(which)))
            case "answer":
                report = self.answers.pop(int(str(which)))
                self.feed(EdgeReported(at=self.at, report=report))
            case "succeed" | "fail" | "answer badly":
                self._end_action(str(which), what)
            case "timer":
                due = self.timers.pop(str(which))
                self.at = 0 if self.timeless else max(self.at, due)
                self.feed(TimerFired(at=self.at, timer=str(which)))
            case "feel well" | "feel pain":
                felt = FELT if what == "feel well" else PAIN
                self.feed(Measured(at=self.at, source=str(which), felt=felt))
            case "lapse":
                self.live.pop(str(which), None)
                self.feed(EdgeReported(at=self.at, report=Lapsed(lease=str(which))))
            case "edge dies":
                self._edge_dies()
            case "engine dies":
                self._engine_dies()
            case "journal fails":
                self.feed(JournalFailed(at=self.at, reason="disk full"))
            case _:
                self.feed(CONTROLS[what](at=self.at, by="a test"))

    def _end_action(self, path: str, how: str) -> None:
        self.actions.remove(path)
        if path in self.loads and how != "fail":
            felt = FELT if how == "succeed" else PAIN
            self.feed(ActionEnded(at=self.at, path=path, outcome="succeeded", felt=felt))
        elif how != "fail":
            saw = GOOD if how == "succeed" else BAD
            self.feed(ActionEnded(at=self.at, path=path, outcome="succeeded", saw=saw))
        else:
            self.feed(ActionEnded(at=self.at, path=path, outcome="failed", reason="no answer"))

    def _arrive(self, effect: Inject | Revert) -> None:
        """The edge, with its fence: nothing older than what it has seen changes anything."""
        if self.dead:
            return
        if self.fenced and effect.seq < self.highest.get(effect.lease, 0):
            if isinstance(effect, Inject):
                reason = "older than what was seen"
                self.answers.append(Rejected(lease=effect.lease, seq=effect.seq, reason=reason))
            return
        self.highest[effect.lease] = effect.seq
        if isinstance(effect, Inject):
            self.live[effect.lease] = effect.seq
            self.answers.append(Applied(lease=effect.lease, seq=effect.seq))
        else:
            self.live.pop(effect.lease, None)
            lifted = Lifted(lease=effect.lease, seq=effect.seq, deliveries=TOUCHED, felt=FELT)
            self.answers.append(lifted)

    def _edge_dies(self) -> None:
        self.dead = True
        self.live.clear()
        self.under_way.clear()
        self.answers.clear()
        self.feed(EdgeReported(at=self.at, report=EdgeLost(reason="the edge was killed")))

    def _engine_dies(self) -> None:
        """Its channel closes, so the edge lifts everything; what it was doing is gone."""
        self.live.clear()
        self.under_way.clear()
        self.answers.clear()
        self.actions.clear()
        self.timers.clear()
        self.dead = True
        self.feed(EngineRestarted(at=self.at))
        # A successor starts nothing but `finally`: what was told to the dead is dropped.
        self.under_way.clear()

    def twin(self) -> "World":
        """A copy that goes its own way."""
        other = copy(self)
        for name in ("journal", "commands", "under_way", "answers", "actions"):
            setattr(other, name, list(getattr(self, name)))
        other.loads = set(self.loads)
        for name in ("timers", "live", "highest"):
            setattr(other, name, dict(getattr(self, name)))
        return other

    def key(self) -> tuple[object, ...]:
        """Worlds with equal keys have equal futures."""
        return (
            self.state.key(),
            tuple(self.under_way),
            tuple(self.answers),
            tuple(self.actions),
            tuple(sorted(self.timers)),
            tuple(sorted(self.live.items())),
            tuple(sorted(self.highest.items())),
            self.dead,
        )

    def finish(self, limit: int = 5_000) -> None:
        """Let everything happen in the order it is listed until nothing can."""
        for _ in range(limit):
            choices = self.choices()
            if not choices:
                return
            self.happen(*choices[0])
        raise AssertionError(f"still going after {limit} events: {self.state}")
