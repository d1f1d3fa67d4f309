"""What a run says of itself, while it goes on and when it is over, for programs.

Named as ``squall run --json`` names it, with every time in seconds and every share from 0 to 1.
Made by `running` and `proxy` from what the services say; nothing here asks or can be changed.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from msgspec.structs import asdict

from squall.core.diagnostics import nearest
from squall.core.faults import effects
from squall.core.faults.effects import Counted, Felt
from squall.core.playbook.model import Outcome as StepResult
from squall.core.run import facts, records
from squall.core.run.facts import Phase, StepPhase, Verdict
from squall.core.run.leases import parse_lease
from squall.core.timing import SECOND

EventType = Literal[
    "run_entered",
    "steady_state_seen",
    "step_entered",
    "step_filled",
    "step_ended",
    "lease_leaked",
    "run_ended",
    "counted",
    "progress",
]
_NOTHING: Final = Felt()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What clients felt: counts, requests a second, latencies in seconds.

    Where no request came there is nothing to compare with: `error_rate` and the latencies are
    ``nan``, so no claim about them holds. Of a load, `failures` counts what went wrong (``status``,
    ``reset``, ``refused``, ``timeout``, ``malformed``, ``unsent``), and `late` is the 99th
    percentile of how far behind its own schedule it sent, which is part of the latencies.
    """

    requests: int
    errors: int
    error_rate: float
    rate: float
    p50: float
    p95: float
    p99: float
    max: float
    late: float
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one fault was asked to do, and did; `step` is empty where there is no playbook.

    `asked` and `delivered` are shares of the requests that it saw, `touched` is how many it acted
    on, `delay_p50` and `delay_p99` how long it held those back, in seconds.
    """

    step: str
    fault: str
    asked: float
    delivered: float
    seen: int
    touched: int
    delay_p50: float
    delay_p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """How a step ended.

    `outcome` is what happened, `conclusion` what it counts as after `continue_on_failure`. `took`
    is in seconds, None for a step that never began.
    """

    step: str
    outcome: StepResult
    conclusion: StepResult
    reason: str
    attempts: int
    took: float | None
    measured: Measured
    faults: tuple[Delivery, ...]


class Steps(dict[str, StepOutcome]):
    """The steps of a run by path: ``light``, ``waves[2]/hit``, ``finally/look``.

    Of a playbook that loops as a whole: ``main[2]/light``. A step that loops has an entry for each
    iteration; beyond the last 10,000 they are forgotten.
    """

    def __missing__(self, path: str) -> StepOutcome:
        """No step ended under that path: say which one was probably meant."""
        close = nearest(path, self)
        hint = f"did you mean '{close}'?" if close else f"steps: {', '.join(self)}"
        raise KeyError(f"no step '{path}' ended; {hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    `run` is its number in the state folder, `exit_code` what ``squall run`` would have exited with.
    `recovered_after` is how many seconds the steady state took to return once all faults were off;
    None where nobody looked, or where it did not. `recording_problem` says what is missing from its
    recording; None when nothing is.
    """

    run: int
    playbook: str
    seed: int
    verdict: Verdict
    reason: str
    exit_code: int
    took: float
    steps: Steps
    recovered_after: float | None
    recording_problem: str | None

    @property
    def faults(self) -> tuple[Delivery, ...]:
        """What was asked and delivered, of every fault of every step."""
        return tuple(fault for step in self.steps.values() for fault in step.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a run has to say while it goes on.

    `type` says what: ``run_entered`` and ``step_entered`` a `phase`, ``step_ended`` with its
    `outcome`, ``run_ended`` with its `verdict`; ``step_filled`` that a step has the values it
    waited for, ``steady_state_seen`` with what does not hold as its `reason`; ``lease_leaked`` when
    a fault could not be taken off; ``counted`` is a target's traffic over the last second and what
    its faults did so far, ``progress`` what the clients of a load felt. `at` is seconds since the
    run began, None for these last two.
    """

    type: EventType
    at: float | None = None
    step: str = ""
    target: str = ""
    phase: Phase | StepPhase | Literal[""] = ""
    reason: str = ""
    outcome: StepOutcome | None = None
    verdict: Verdict | None = None
    measured: Measured | None = None
    faults: tuple[Delivery, ...] = ()


def outcome_of(ended: records.Outcome, recording_problem: str | None) -> Outcome:
    """A finished run."""
    run = ended.run
    assert run.verdict is not None
    assert run.ended is not None
    steps = Steps()
    for step in ended.steps:
        if "/" in step.path:
            steps[_name(step.path)] = _step(step)
    return Outcome(
        run=run.id,
        playbook=run.playbook,
        seed=run.seed,
        verdict=run.verdict,
        reason=run.reason,
        exit_code=ended.exit_code,
        took=(run.ended - run.started) / SECOND,
        steps=steps,
        recovered_after=_recovery(ended),
        recording_problem=recording_problem,
    )


def _recovery(ended: records.Outcome) -> float | None:
    took = [seen.took for seen in ended.steady if seen.stage == "after" and seen.holds]
    return None if not took or took[-1] is None else took[-1] / SECOND


def event_of(update: "facts.RunFact | Counted | records.Progress") -> Event:
    """Something a run just said."""
    match update:
        case facts.RunEntered():
            at = update.at / SECOND
            return Event(type="run_entered", at=at, phase=update.phase, reason=update.reason)
        case facts.StepEntered():
            step, at = _name(update.path), update.at / SECOND
            return Event(type="step_entered", at=at, step=step, phase=update.phase)
        case facts.StepFilled():
            step, at = _name(update.path), update.at / SECOND
            return Event(type="step_filled", at=at, step=step)
        case facts.StepEnded():
            outcome, at = _step(update), update.at / SECOND
            return Event(type="step_ended", at=at, step=outcome.step, outcome=outcome,
                         reason=outcome.reason)  # fmt: skip
        case facts.SteadyStateSeen():
            return Event(type="steady_state_seen", at=update.at / SECOND, reason=update.reason)
        case facts.LeaseLeaked():
            step = _name(parse_lease(update.lease)[1])
            at = update.at / SECOND
            return Event(type="lease_leaked", at=at, step=step, target=update.target)
        case facts.RunEnded():
            at = update.at / SECOND
            return Event(type="run_ended", at=at, verdict=update.verdict, reason=update.reason)
        case Counted():
            faults = tuple(
                each
                for lease, deliveries in update.deliveries
                for each in deliveries_of(_name(parse_lease(lease)[1]), deliveries)
            )
            measured = _measured(update.felt)
            return Event(type="counted", target=update.target, measured=measured, faults=faults)
        case records.Progress():
            measured = _measured(update.felt)
            return Event(type="progress", step=_name(update.path), measured=measured)


def deliveries_of(step: str, deliveries: Iterable[effects.Delivery]) -> tuple[Delivery, ...]:
    """What the faults of a step did."""
    return tuple(
        Delivery(
            step=step,
            fault=each.kind,
            asked=each.asked,
            delivered=each.touched / each.seen if each.seen else 0.0,
            seen=each.seen,
            touched=each.touched,
            delay_p50=each.delay_p50 / SECOND,
            delay_p99=each.delay_p99 / SECOND,
        )
        for each in deliveries
    )


def _step(ended: facts.StepEnded) -> StepOutcome:
    name = _name(ended.path)
    return StepOutcome(
        step=name,
        outcome=ended.outcome,
        conclusion=ended.conclusion,
        reason=ended.reason,
        attempts=ended.attempts,
        took=None if ended.began is None else (ended.at - ended.began) / SECOND,
        measured=_measured(ended.felt or _NOTHING),
        faults=deliveries_of(name, ended.deliveries),
    )


def _measured(felt: Felt) -> Measured:
    def seconds(latency: int) -> float:
        return latency / SECOND if felt.requests else math.nan

    return Measured(
        requests=felt.requests,
        errors=felt.errors,
        error_rate=felt.error_rate if felt.requests else math.nan,
        rate=felt.rate,
        p50=seconds(felt.p50),
        p95=seconds(felt.p95),
        p99=seconds(felt.p99),
        max=seconds(felt.max),
        late=seconds(felt.late),
        failures={kind: count for kind, count in asdict(felt.failures).items() if count},
    )


def _name(path: str) -> str:
    """A step as `Outcome.steps` knows it: without the root and without the attempt."""
    root, slash, below = path.partition("/")
    above, _, last = below.rpartition("/")
    step = f"{above}/" * bool(above) + last.partition("#")[0]
    if not slash:
        return root
    return step if root == "main" else f"{root}/{step}"
