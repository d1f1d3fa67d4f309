"""What there is to show of a run that goes on: a fold of its updates, with no terminal in sight.

The live view draws it, the plain lines take their signs of life from it. Times are nanoseconds of
run time; `now` is passed in by whoever watches. Steps are known by their plan's path; of a loop the
view shows the iteration it is in.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from squall.core.faults.effects import Counted, Delivery, Felt
from squall.core.playbook.endings import all_rounds
from squall.core.playbook.model import Group, Injection, Load, Outcome, Probe, Wait
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run.facts import (
    LeaseLeaked,
    RunEnded,
    RunEntered,
    RunFact,
    StepEnded,
    StepEntered,
    StepFilled,
)
from squall.core.run.leases import parse_lease
from squall.core.run.paths import names
from squall.core.run.records import Progress
from squall.core.timing import SECOND, Duration

Update = RunFact | Counted | Progress
HISTORY: Final = 12
"""How many seconds the small curves show."""

State = Literal[
    "pending", "delayed", "starting", "active", "undoing", "retrying",
    "succeeded", "failed", "timed_out", "cancelled", "skipped", "omitted",
]  # fmt: skip


@dataclass(slots=True)
class StepView:
    """One step: its state, since when and until when, and what its faults did.

    `going` are the paths of its rounds that go on, several where they are side by side.
    `began`, `until` and `ended` belong to the iteration it is in, `since` to the first one. `since`
    leaves out pauses, as `RunView.elapsed` does.
    """

    plan: PlanStep
    state: State = "pending"
    iteration: int = 0
    attempt: int = 0
    since: int | None = None
    began: int | None = None
    until: int | None = None
    ended: int | None = None
    outcome: Outcome | None = None
    touched_nothing: bool = False
    reason: str = ""
    felt: Felt | None = None
    deliveries: dict[str, tuple[Delivery, ...]] = field(default_factory=dict)
    going: set[str] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Whether nothing can happen to this iteration any more."""
        return self.ended is not None

    @property
    def goes_on(self) -> bool:
        """Whether it has begun and is not over."""
        return self.began is not None and self.ended is None

    @property
    def doubtful(self) -> bool:
        """Whether it is over and counts as well done though it was not: allowed, or no effect."""
        return self.state == "succeeded" and (self.outcome != "succeeded" or self.touched_nothing)

    @property
    def delivered(self) -> tuple[Delivery, ...]:
        """What its faults did, on all targets."""
        return tuple(one for each in self.deliveries.values() for one in each)


@dataclass(slots=True)
class Clients:
    """What one source of figures says: the last second, and a figure a second before it."""

    felt: Felt = field(default_factory=Felt)
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    p50s: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    p99s: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    errors: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    sampled: int | None = None

    def feel(self, felt: Felt, now: int) -> None:
        self.felt = felt
        if self.sampled is None or now - self.sampled >= SECOND:
            self.sampled = now
            self.rates.append(felt.rate)
            self.p50s.append(felt.p50)
            self.p99s.append(felt.p99)
            self.errors.append(felt.error_rate)


class RunView:
    """Folds updates; read its attributes to draw."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.phase = "pending"
        self.reason = ""
        self.entered = 0
        self.now = 0
        self.leaked: list[str] = []
        roots = [plan.main, *([plan.finally_] if plan.finally_ else [])]
        self.steps = {step.path: StepView(step) for root in roots for step in root.walk()}
        self.loads: dict[str, Clients] = {}
        self.targets: dict[str, Clients] = {}
        self._frozen = 0
        self._paused_at: int | None = None

    @property
    def clients(self) -> dict[str, Clients]:
        """By step while loads run, else by target: what passes through."""
        return self.loads or self.targets

    @property
    def elapsed(self) -> int:
        """Run time without the pauses."""
        held = 0 if self._paused_at is None else self.now - self._paused_at
        return self.now - self._frozen - held

    def held(self, step: StepView) -> bool:
        """Whether a pause keeps this step from going on; traffic and probes do go on."""
        runs_through = isinstance(step.plan.step.action, Load | Probe)
        waits = step.state in {"delayed", "retrying"}
        return self.phase == "paused" and step.goes_on and (waits or not runs_through)

    def fold(self, update: Update, now: int) -> None:
        """Take in one update. Pictures replace one another, facts add up."""
        self.now = max(self.now, now)
        match update:
            case RunEntered():
                self._enter(update)
            case StepEntered():
                self._step_entered(update)
            case StepFilled(path=path, step=filled):
                here = self._find(path)
                if here is not None:
                    here.plan = here.plan.filled(filled)
            case StepEnded():
                self._step_ended(update)
            case LeaseLeaked(target=target):
                self.leaked.append(target)
            case RunEnded():
                self.phase = update.verdict
                self.reason = update.reason
            case Counted(target=target, felt=felt, deliveries=deliveries):
                self.targets.setdefault(target, Clients()).feel(felt, self.now)
                for lease, counts in deliveries:
                    self._count(lease, counts)
            case Progress(path=path, felt=felt):
                step = self._find(path)
                if step is not None and step.goes_on:  # a picture may come after the end
                    self.loads.setdefault(step.plan.path, Clients()).feel(felt, self.now)

    def _enter(self, fact: RunEntered) -> None:
        if fact.phase == "paused":
            self._paused_at = fact.at
        elif self._paused_at is not None:
            self._thaw(fact.at - self._paused_at)
        self.phase = fact.phase
        self.reason = fact.reason
        self.entered = fact.at

    def _thaw(self, paused: int) -> None:
        """What was held ends so much later."""
        for step in self.steps.values():
            if step.until is not None and self.held(step):
                step.until += paused
        self._frozen += paused
        self._paused_at = None

    def _step_entered(self, fact: StepEntered) -> None:
        step = self._find(fact.path)
        if step is None:
            return
        if not step.goes_on:  # a first round, or the next: nothing is known of it yet
            since = fact.at - self._frozen if step.since is None else step.since
            step = self.steps[step.plan.path] = StepView(step.plan, since=since, began=fact.at)
        round_ = _round(fact.path)
        alone = step.going <= {round_}
        if fact.phase != "delayed":  # that is before a round, and no round itself
            step.going.add(round_)
        step.iteration = _number(fact.path, "[", "]")
        step.attempt = _number(fact.path, "#", "")
        step.state = fact.phase
        step.until = fact.until
        if step.plan.children and fact.phase == "active" and alone:
            self._renew(step.plan)

    def _renew(self, group: PlanStep) -> None:
        """A group that begins again: its steps are to come once more."""
        for below in group.walk():
            if below is not group:
                self.steps[below.path] = StepView(below)

    def _step_ended(self, fact: StepEnded) -> None:
        step = self._find(fact.path)
        if step is None:
            return
        step.going.discard(_round(fact.path))
        if fact.deliveries:
            self._replace_counts(step, fact)
        step.felt = fact.felt
        step.reason = fact.reason or step.reason
        if step.going:  # others go on beside it
            return
        step.state = fact.conclusion
        step.outcome = fact.outcome
        step.touched_nothing = fact.touched_nothing
        step.reason = fact.reason
        step.iteration = _number(fact.path, "[", "]")
        step.until = None
        step.ended = fact.at
        step.began = fact.began if step.began is None else step.began
        self.loads.pop(step.plan.path, None)

    @staticmethod
    def _replace_counts(step: StepView, fact: StepEnded) -> None:
        """What is known in the end, in place of what was counted on the way."""
        inside = (f"{fact.path}#", f"{fact.path}@")
        kept = {key: one for key, one in step.deliveries.items() if not key.startswith(inside)}
        step.deliveries = {**kept, fact.path: fact.deliveries}

    def _count(self, lease: str, deliveries: tuple[Delivery, ...]) -> None:
        _, path, target = parse_lease(lease)
        step = self._find(path)
        if step is not None and _round(path) in step.going:  # none after the end
            step.deliveries[f"{path}@{target}"] = deliveries

    def _find(self, path: str) -> StepView | None:
        return self.steps.get("/".join(names(path)))


def _round(path: str) -> str:
    """The round that an attempt belongs to, of its step and of those around."""
    return path.rpartition("#")[0] if "#" in path.rpartition("/")[2] else path


def _number(path: str, opening: str, closing: str) -> int:
    """The iteration or attempt in the last part of a path; 0 when it has none."""
    _, mark, rest = path.rpartition("/")[2].partition(opening)
    return int(rest.partition(closing)[0] if closing else rest) if mark else 0


def expected(step: PlanStep) -> Duration | None:
    """How long a step takes when all goes well; None when only its end will tell.

    A probe counts as nothing, an allowed or needed failure as none.
    """
    once = _once(step)
    loop = step.step.loop
    if loop is not None and once is not None:
        once = None if loop.rounds is None else round(all_rounds(loop, loop.rounds, once))
    return None if once is None else Duration(step.step.delay + once)


def _once(step: PlanStep) -> int | None:
    match step.step.action:
        case Injection() | Load():
            return step.step.duration
        case Wait(duration=duration):
            return duration
        case Group():
            ends: list[int] = []
            for child, edges in zip(step.children, step.edges, strict=True):
                lasts = expected(child)
                if lasts is None or any(edge.index >= len(ends) for edge in edges):
                    return None
                ends.append(lasts + max((ends[edge.index] for edge in edges), default=0))
            return max(ends, default=0)
        case _:
            return 0
