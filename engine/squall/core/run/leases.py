"""The life of one lease: asked → live → reverting → gone, or leaked.

An automaton of its own, so that it can be searched exhaustively beside a model of the edge.
*Asked for* is already *owed*. Each effect has a new number from the run's counter, a deadline, and
after the deadline a successor that does not wait for it. When reverts stay unanswered for as long
as a lease lives without renewal, it is handed to the custodian as `leaked`.
"""

from typing import Final

from msgspec.structs import replace

from squall.core.faults.effects import Applied, Inject, Lapsed, Lifted, Rejected, Revert
from squall.core.playbook.model import Injection
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run.facts import LeaseLeaked
from squall.core.run.paths import attempt_path
from squall.core.run.state import Lease, State, StepState
from squall.core.run.turn import Turn
from squall.core.timing import SECOND, Duration, format_duration

LEASE_TTL: Final = Duration(10 * SECOND)
"""How long faults live at the edge when nobody renews them."""

INJECT_DEADLINE: Final = Duration(5 * SECOND)
REVERT_DEADLINE: Final = Duration(2 * SECOND)
REVERT_TRIES: Final = 5
"""Five times two seconds: by then the lease has run out at the edge by itself."""


def lease_id(run: str, path: str, target: str) -> str:
    """The name of a lease, unique in a state folder."""
    return f"{run}:{path}@{target}"


def parse_lease(lease: str) -> tuple[str, str, str]:
    """Run, step attempt and target of a lease; the inverse of `lease_id`."""
    run, _, rest = lease.partition(":")
    path, _, target = rest.rpartition("@")
    return run, path, target


def owed(plan: Plan, state: State) -> tuple[str, ...]:
    """Every lease whose faults may be on: what has to be renewed, and undone before `finally`."""
    return tuple(_owed(state.run, plan.main, state.main, ""))


def _owed(run: str, plan: PlanStep, step: StepState, above: str) -> list[str]:
    if step.rounds:
        return [name for one in step.rounds for name in _owed(run, plan, one, above)]
    path = attempt_path(plan, step, above)
    names = [lease_id(run, path, lease.target) for lease in step.leases if lease.owed]
    for child_plan, child in zip(plan.children, step.children, strict=False):
        names += _owed(run, child_plan, child, path)
    return names


def ask(turn: Turn, plan: PlanStep, path: str, target: str) -> Lease:
    """Ask for a step's faults on one target."""
    assert isinstance(plan.step.action, Injection)
    seq = turn.next_seq()
    lease = lease_id(turn.run, path, target)
    turn.do(
        Inject(
            lease=lease,
            seq=seq,
            run=turn.run,
            path=path,
            place=plan.path,
            target=target,
            scenarios=plan.step.action.scenarios,
            seed=turn.seed,
            ttl=LEASE_TTL,
        )
    )
    turn.start_timer(_timer("inject", lease), INJECT_DEADLINE)
    return Lease(target=target, phase="asked", seq=seq, asked=seq)


def ask_again(turn: Turn, plan: PlanStep, path: str, lease: Lease) -> Lease:
    """Ask for the faults of a lease that was lifted; its number grows, its counts stay."""
    if lease.phase == "leaked":
        return lease
    turn.cancel_timer(_timer("revert", lease_id(turn.run, path, lease.target)))
    asked = ask(turn, plan, path, lease.target)
    return replace(asked, deliveries=lease.deliveries, felt=lease.felt)


def revert(turn: Turn, path: str, lease: Lease, reason: str = "") -> Lease:
    """Take it off, if it may be on and is not being taken off already."""
    if lease.phase not in {"asked", "live"}:
        return lease
    name = lease_id(turn.run, path, lease.target)
    turn.cancel_timer(_timer("inject", name))
    return _send_revert(turn, name, replace(lease, reason=reason or lease.reason), 1)


def _send_revert(turn: Turn, name: str, lease: Lease, tries: int) -> Lease:
    seq = turn.next_seq()
    turn.do(Revert(lease=name, seq=seq))
    turn.start_timer(_timer("revert", name), REVERT_DEADLINE)
    return replace(lease, phase="reverting", seq=seq, tries=tries)


def reported(
    turn: Turn, path: str, lease: Lease, report: Applied | Rejected | Lifted | Lapsed
) -> Lease:
    """What the edge's answer makes of the lease; an answer to an older effect changes nothing."""
    name = lease_id(turn.run, path, lease.target)
    match report:
        case Applied() if lease.phase == "asked" and report.seq == lease.seq:
            turn.cancel_timer(_timer("inject", name))
            return replace(lease, phase="live")
        case Rejected() if lease.phase == "asked" and report.seq == lease.seq:
            turn.cancel_timer(_timer("inject", name))
            return replace(lease, phase="gone", reason=report.reason)
        case Lifted() if lease.phase == "reverting" and report.seq > lease.asked:
            return _gone(turn, name, lease, report)
        case Lapsed() if lease.owed:
            reason = lease.reason
            if lease.phase != "reverting":
                reason = f"the faults on {lease.target} ran out: nobody renewed them in time"
            return _gone(turn, name, replace(lease, reason=reason), report)
    return lease


def _gone(turn: Turn, name: str, lease: Lease, report: Lifted | Lapsed) -> Lease:
    turn.cancel_timer(_timer("inject", name))
    turn.cancel_timer(_timer("revert", name))
    return replace(
        lease,
        phase="gone",
        deliveries=lease.deliveries + report.deliveries,
        felt=report.felt if report.felt.requests else lease.felt,
    )


def overdue(turn: Turn, path: str, lease: Lease, effect: str) -> Lease:
    """An effect was not answered in time."""
    name = lease_id(turn.run, path, lease.target)
    if effect == "inject" and lease.phase == "asked":
        waited = format_duration(INJECT_DEADLINE)
        reason = f"the edge did not confirm the faults on {lease.target} within {waited}"
        return revert(turn, path, lease, reason)
    if effect == "revert" and lease.phase == "reverting":
        if lease.tries < REVERT_TRIES:
            return _send_revert(turn, name, lease, lease.tries + 1)
        turn.leaked = turn.leaked or f"the faults on {lease.target} could not be taken off"
        turn.tell(LeaseLeaked(at=turn.at, lease=name, target=lease.target))
        return replace(lease, phase="leaked")
    return lease


def lost(turn: Turn, path: str, lease: Lease, reason: str) -> Lease:
    """The edge is gone, and the faults with it."""
    if not lease.owed:
        return lease
    name = lease_id(turn.run, path, lease.target)
    turn.cancel_timer(_timer("inject", name))
    turn.cancel_timer(_timer("revert", name))
    why = lease.reason if lease.phase == "reverting" else reason
    return replace(lease, phase="gone", reason=why)


def _timer(effect: str, lease: str) -> str:
    return f"{effect}|{lease}"
