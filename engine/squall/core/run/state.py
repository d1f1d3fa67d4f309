"""What a run is at one moment: frozen, compared by content, equal to the fold of its journal.

A step's state holds the state of the steps below it, so a transition copies the steps on the way to
where it happened and nothing else. A finished iteration's subtree is dropped; only counts stay.
"""

from typing import Final, Literal

from squall.core.faults.effects import Delivery, Felt
from squall.core.faults.kinds import Value
from squall.core.playbook.model import Outcome, Step
from squall.core.run.events import Saw
from squall.core.run.facts import Phase, Verdict, WatchStage

LeasePhase = Literal["asked", "live", "reverting", "gone", "leaked"]
StepStage = Literal[
    "pending", "delayed", "starting", "active", "held", "undoing", "retrying", "resting",
    "abreast", "ended",
]  # fmt: skip
"""`held`: paused with its faults lifted; `resting`: between two rounds; `abreast`: a loop whose
rounds go on side by side. The others are told."""

SETTLED: Final = frozenset({"pending", "delayed", "retrying", "resting", "abreast", "ended"})
"""Stages in which the step itself does nothing."""


class Lease(Value, frozen=True, kw_only=True):
    """One target's share of a step attempt. `asked` is the number of its newest inject."""

    target: str
    phase: LeasePhase
    seq: int
    asked: int
    tries: int = 0
    reason: str = ""
    deliveries: tuple[Delivery, ...] = ()
    felt: Felt | None = None

    @property
    def owed(self) -> bool:
        """Whether its faults may be on: asked for is already owed."""
        return self.phase in {"asked", "live", "reverting"}


class StepState(Value, frozen=True, kw_only=True):
    """One step. `iteration` and `attempt` count from 1 once it has begun.

    `forced` is the end that was decided while something still has to be undone or awaited. `left`
    is what remains of a duration that was interrupted by a pause. `tolerated` counts failures that
    were allowed, over all iterations. `answer` is how a leaf's work ended, or why a group fails;
    `cursor` counts the children of a sequence that are over. `filled` is the step with the values
    of this round put in; `more` says that a round that is over is followed by another. `rounds` are
    those of a loop that go on side by side, each a step of its own; `iteration` is the newest.
    """

    stage: StepStage = "pending"
    iteration: int = 0
    attempt: int = 0
    began: int | None = None
    activated: int | None = None
    left: int | None = None
    forced: tuple[Outcome, str] | None = None
    tolerated: int = 0
    outcome: Outcome | None = None
    conclusion: Outcome | None = None
    reason: str = ""
    answer: tuple[Outcome, str] | None = None
    felt: Felt | None = None
    saw: Saw | None = None
    filled: Step | None = None
    more: bool = False
    leases: tuple[Lease, ...] = ()
    children: "tuple[StepState, ...]" = ()
    rounds: "tuple[StepState, ...]" = ()
    cursor: int = 0

    @property
    def ended(self) -> bool:
        """Whether it is over, however it ended."""
        return self.stage == "ended"

    @property
    def passed(self) -> bool:
        """Whether what comes after it may start."""
        return self.conclusion in {"succeeded", "skipped"}


PENDING = StepState()


Ending = tuple[Verdict, str]
"""A verdict and the sentence that goes with it."""


class Watch(Value, frozen=True, kw_only=True):
    """How the steady state is looked at. `look` counts over the run.

    `since` is when this stage began, `began` when this look did; `waiting` are the checks that have
    not answered, `failed` says what those said that did not pass, `strikes` counts looks in a row
    at which something failed.
    """

    stage: WatchStage
    since: int
    look: int = 0
    began: int = 0
    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    strikes: int = 0


class State(Value, frozen=True, kw_only=True):
    """A whole run.

    `ending` is the verdict that was decided before the steps were over, with its reason. `timers`
    holds what is due when; `frozen` what was left of the steps' timers when the run was paused.
    `loads` says per target how many loads are sending to it and when the last one stopped. `values`
    are what expressions may ask for: whose, its name, and the value as JSON. `pictures` are what
    clients of each target, or of each load, felt last, and when, where a guard asks for it.
    `unwell` is what it means that the steady state did not return.
    """

    at: int = 0
    run: str = ""
    seed: int = 0
    rehearsal: bool = False
    seq: int = 0
    phase: Phase = "pending"
    main: StepState = PENDING
    finally_: StepState = PENDING
    ending: Ending | None = None
    skip_finally: bool = False
    edge_lost: str = ""
    warning: str = ""
    leaked: str = ""
    verdict: Verdict | None = None
    reason: str = ""
    timers: tuple[tuple[str, int], ...] = ()
    frozen: tuple[tuple[str, int], ...] = ()
    loads: tuple[tuple[str, int, int], ...] = ()
    values: tuple[tuple[str, str, str], ...] = ()
    watch: Watch | None = None
    unwell: Ending | None = None
    looks: int = 0
    pictures: tuple[tuple[str, int, Felt], ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing can happen to the run any more."""
        return self.phase == "finished"

    def key(self) -> "State":
        """A canonical, hashable form: two runs with equal keys behave alike from here on."""
        return self
