"""Whether a run may begin: decided here and nowhere else, from what is held and what is wanted.

The store asks inside the transaction that takes the locks, so two engines that ask at once get two
different answers. A run takes all its target locks or none, and counts as one that goes on as long
as it has them. It deliberately knows no clock: how
long somebody waits is the caller's business, who says with each request whether it still would.
"""

from collections.abc import Iterable
from typing import Final

from squall.core.diagnostics import Refused
from squall.core.faults.kinds import Value
from squall.core.playbook.model import Address

ANY_HOST: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, never bound
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class TargetLock(Value, frozen=True, kw_only=True):
    """A listen address that belongs to a run, or to one that is about to begin (`run` is None).

    `claim` names all locks taken together. `owed` says that the run is over and a lease on the
    target has not ended.
    """

    claim: str
    address: Address
    target: str
    playbook: str
    engine: str
    since: int
    run: int | None = None
    owed: bool = False


class Request(Value, frozen=True, kw_only=True):
    """What a run wants before it begins. `patient`: it would rather wait than be refused.

    `most`: how many runs may go on at once with it among them; None: any number.
    """

    claim: str
    playbook: str
    engine: str
    targets: tuple[tuple[str, Address], ...]
    since: int
    patient: bool = False
    most: int | None = None


class World(Value, frozen=True, kw_only=True):
    """All that is held in a state folder, by whomever."""

    locks: tuple[TargetLock, ...] = ()


class Admit(Value, frozen=True, kw_only=True, tag="admit"):
    """Go: these locks are yours."""

    locks: tuple[TargetLock, ...]


class Queue(Value, frozen=True, kw_only=True, tag="queue"):
    """Not now; ask again when something was released."""

    reason: str


class Refuse(Value, frozen=True, kw_only=True, tag="refuse"):
    """No; `reason` names who holds what."""

    code: str
    reason: str
    hint: str

    def raised(self) -> Refused:
        """The refusal as callers meet it."""
        return Refused(self.code, self.reason, self.hint)


Decision = Admit | Queue | Refuse


def admit(world: World, request: Request) -> Decision:
    """Give all the locks that are wanted, or say who is in the way."""
    going_on = {lock.claim: lock for lock in world.locks if not lock.owed}
    if request.most is not None and len(going_on) >= request.most:
        reason = _too_many(request.most, going_on.values())
        if request.patient:
            return Queue(reason=reason)
        hint = "wait with '--wait 5m', or stop one of them"
        return Refuse(code="SQ402", reason=reason, hint=hint)
    for target, address in request.targets:
        held = _holder(world.locks, address)
        if held is None:
            continue
        reason = _sentence(target, address, held)
        if request.patient:
            return Queue(reason=reason)
        return Refuse(code="SQ401", reason=reason, hint=_hint(held))
    return Admit(
        locks=tuple(
            TargetLock(
                claim=request.claim,
                address=address,
                target=target,
                playbook=request.playbook,
                engine=request.engine,
                since=request.since,
            )
            for target, address in request.targets
        )
    )


def _holder(locks: Iterable[TargetLock], wanted: Address) -> TargetLock | None:
    return next((lock for lock in locks if clash(lock.address, wanted)), None)


def clash(one: Address, other: Address) -> bool:
    """Whether two listeners would be in each other's way; port 0 is whatever is free."""
    if not one.port or one.port != other.port:
        return False
    hosts = {one.host, other.host}
    return len(hosts) == 1 or bool(hosts & ANY_HOST) or hosts <= LOCAL


def _too_many(most: int, going_on: Iterable[TargetLock]) -> str:
    runs = ", ".join(f"{_whose(lock)} of '{lock.playbook}'" for lock in going_on)
    return f"the project allows {most} at once, and there is {runs}"


def _whose(lock: TargetLock) -> str:
    return f"run {lock.run}" if lock.run is not None else "a run that is just beginning"


def _sentence(target: str, address: Address, held: TargetLock) -> str:
    what = f"target '{target}' ({address}) is held by {_whose(held)} of '{held.playbook}'"
    if held.owed:
        return f"{what}, which is over; its last lease there has not ended yet"
    return f"{what} (engine {held.engine})"


def _hint(held: TargetLock) -> str:
    if held.owed:
        return "wait with '--wait 15s': after a crash it takes 10 s at most"
    return "wait for it with '--wait 5m', stop that run, or use another address"
