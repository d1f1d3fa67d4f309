"""What is known of a run and of a live fault from outside: the rows people and programs read.

Named as in the command line's JSON: ``{"runs": [...]}``, ``{"faults": [...]}``. Times are wall
time in nanoseconds since the epoch.
"""

from typing import Literal

from squall.core.faults.effects import Felt
from squall.core.faults.kinds import Value
from squall.core.run.facts import Phase, SteadyStateSeen, StepEnded, Verdict


class Run(Value, frozen=True, kw_only=True):
    """One run. `id` is a number counted by the state folder."""

    id: int
    playbook: str
    digest: str
    phase: Phase
    started: int
    engine: str
    verdict: Verdict | None = None
    reason: str = ""
    ended: int | None = None
    seed: int = 0


class LiveFault(Value, frozen=True, kw_only=True):
    """A lease that is owed an undo. `state` is ``asked``, ``live``, ``undoing`` or ``leaked``."""

    lease: str
    run: int
    step: str
    target: str
    faults: tuple[str, ...]
    since: int
    expires: int
    state: Literal["asked", "live", "undoing", "leaked"]


class Progress(Value, frozen=True, kw_only=True, tag="progress"):
    """What the clients of a load that is still running felt over the last second."""

    path: str
    felt: Felt


class Outcome(Value, frozen=True, kw_only=True):
    """A finished run with all its steps, in the order they ended.

    `steady` is what was seen of its steady state: before, if it broke, and after the faults.
    """

    run: Run
    steps: tuple[StepEnded, ...]
    exit_code: int
    steady: tuple[SteadyStateSeen, ...] = ()
