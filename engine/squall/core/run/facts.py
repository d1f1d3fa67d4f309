"""What a run tells the world about itself: the machine's announcements.

Facts are made for people and programs that watch: the live view, ``run --json``, the summary, a
rehearsal's timeline, a recording's scenario transitions. They change nothing and are not
journalled; folding the journal makes them again.
"""

from typing import Literal

from squall.core.faults.effects import Delivery, Felt
from squall.core.faults.kinds import Value
from squall.core.playbook.model import Outcome, Step
from squall.core.timing import Duration

Phase = Literal[
    "pending", "checking", "running", "paused", "stopping", "recovering", "finalizing", "finished"
]
"""`checking` and `recovering`: whether the steady state holds before and after the faults."""

WatchStage = Literal["before", "during", "after"]

Verdict = Literal[
    "passed", "warned", "failed", "aborted", "cancelled", "interrupted", "inconclusive"
]

StepPhase = Literal["delayed", "starting", "active", "undoing", "retrying"]


class Fact(Value, frozen=True, kw_only=True):
    """Something that became true `at` this many nanoseconds of run time."""

    at: int


class RunEntered(Fact, frozen=True, kw_only=True, tag="run_entered"):
    """The run is in another phase now."""

    phase: Phase
    reason: str = ""


class StepEntered(Fact, frozen=True, kw_only=True, tag="step_entered"):
    """A step attempt is in another phase; `until` is when that phase ends by itself, if it does."""

    path: str
    phase: StepPhase
    until: int | None = None


class StepFilled(Fact, frozen=True, kw_only=True, tag="step_filled"):
    """A step has the values it waited for: this is what it does in this iteration."""

    path: str
    step: Step


class StepEnded(Fact, frozen=True, kw_only=True, tag="step_ended"):
    """A step is over. `path` has its iterations, not its attempts: ``main/waves[2]/hit``.

    `conclusion` is the outcome after `continue_on_failure`. `touched_nothing` says that a step
    injected faults and no request met one. `filled` is what the step was in this iteration, where
    that depended on others.
    """

    path: str
    outcome: Outcome
    conclusion: Outcome
    reason: str = ""
    began: int | None = None
    attempts: int = 0
    touched_nothing: bool = False
    deliveries: tuple[Delivery, ...] = ()
    felt: Felt | None = None
    filled: Step | None = None


class SteadyStateSeen(Fact, frozen=True, kw_only=True, tag="steady_state_seen"):
    """Whether the steady state holds; `took` is how long it took to return after the faults."""

    stage: WatchStage
    holds: bool
    reason: str = ""
    took: Duration | None = None


class LeaseLeaked(Fact, frozen=True, kw_only=True, tag="lease_leaked"):
    """A lease could not be undone in time and is handed to the custodian."""

    lease: str
    target: str


class RunEnded(Fact, frozen=True, kw_only=True, tag="run_ended"):
    """The run is over."""

    verdict: Verdict
    reason: str = ""


RunFact = (
    RunEntered | StepEntered | StepFilled | StepEnded | SteadyStateSeen | LeaseLeaked | RunEnded
)
