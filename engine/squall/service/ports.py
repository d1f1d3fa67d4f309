"""What the services need from the outside, as protocols; `squall.app` wires the real ones.

Adapters satisfy them structurally and do not import this module.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from squall.core.admission import Decision, Request
from squall.core.faults.effects import Effect, Felt, Report
from squall.core.playbook.model import Address, Load, Probe, Target
from squall.core.run.events import Saw
from squall.core.run.journal import Draft, Entry, Estate, LeaseRow, Page, Problem
from squall.core.run.records import Outcome, Run
from squall.core.timing import Duration


class Clock(Protocol):
    """The only source of time: a monotonic count, the wall clock, and waiting."""

    def monotonic(self) -> int:
        """Nanoseconds that never go back; only differences mean anything."""
        ...

    def wall(self) -> int:
        """Nanoseconds since the epoch, for people."""
        ...

    async def sleep_until(self, due: int) -> None:
        """Return when `monotonic()` is at least `due`, never before."""
        ...

    def call_at(self, due: int, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` on the loop once `monotonic()` is at least `due`, never before.

        Returns what takes the appointment back; taking back one that is over is no error.
        """
        ...


class Edge(Protocol):
    """What carries the traffic and the faults in it.

    Effects are performed in the order they are sent. Answers arrive on `reports`, which ends with
    an `EdgeLost` if the edge dies and without one after `close`.
    """

    async def open(self, targets: Sequence[Target]) -> Mapping[str, Address]:
        """Listen for every target, or for none: raises `squall.core.diagnostics.Refused`.

        Returns where each really listens, which matters for port 0.
        """
        ...

    def send(self, effect: Effect) -> None:
        """Hand an effect over without waiting. After the edge's death it is dropped."""
        ...

    def reports(self) -> AsyncIterator[Report]:
        """Everything the edge has to say, in order; one reader."""
        ...

    async def close(self, *, drain: Duration) -> None:
        """Lift everything, finish requests in flight for at most `drain`, stop listening."""
        ...


class Prober(Protocol):
    """Asks the system under test one question."""

    async def __call__(self, probe: Probe, folder: Path) -> Saw | str:
        """What was seen, or in a sentence why nothing was; cancelling stops at once.

        `folder` is the playbook's. The probe has its secrets in it: whoever performs it forgets it.
        """
        ...


class LoadGenerator(Protocol):
    """Sends traffic and measures what a client sees."""

    async def __call__(
        self,
        load: Load,
        addresses: Sequence[Address],
        duration: Duration,
        *,
        progress: Callable[[Felt], None],
        seed: int,
    ) -> Felt:
        """Send for `duration`, then wait for the last answers; cancelling stops at once.

        `progress` comes 4 times a second. `seed` is that of this load alone.
        """
        ...


class Engines(Protocol):
    """Who is alive. An engine holds a lock on its file while it lives; death lets it go."""

    @property
    def me(self) -> str:
        """The id of this process as an engine."""
        ...

    def alive(self, engine: str) -> bool:
        """Whether that engine still runs."""
        ...


class Store(Protocol):
    """What is kept of runs, leases and locks, written by one thread in the order it was told.

    Methods that answer raise `squall.core.diagnostics.Refused` when the state folder cannot be
    used; the loop never waits for a disk.
    """

    async def admit(self, request: Request) -> Decision:
        """Ask admission about all that is held, and take the locks it gives."""
        ...

    async def release(self, claim: str, *, owed: Sequence[str] = ()) -> None:
        """Give back a claim's locks, except those of targets where a fault may still be on."""
        ...

    async def create(self, draft: Draft) -> int:
        """Give a run its id; its locks name it from now on."""
        ...

    async def discard(self, run: int) -> None:
        """Take back an id that was given to a run which then did not begin."""
        ...

    def write(
        self,
        page: Page,
        failed: Callable[[Problem], None],
        durable: Callable[[], None] | None = None,
    ) -> None:
        """Write a page after all that came before it, in the background.

        `durable` is called on the loop once it is safe. When it cannot be written `failed` is
        called instead; the page is kept and tried again before whatever comes next, so a journal
        has no holes, but `durable` is not called any more.
        """
        ...

    async def flush(self) -> Problem | None:
        """Wait until everything told so far is written, or say why it cannot be."""
        ...

    async def owners(self) -> frozenset[str]:
        """Every engine that has an unfinished run, a lease or a lock here."""
        ...

    async def adopt(self, dead: Sequence[str], heir: str) -> Estate:
        """Make `heir` answer for all that is left of the dead; who asks second gets nothing.

        Their locks are gone, except those of targets where a fault may still be on.
        """
        ...

    async def journal(self, run: int) -> tuple[Entry, ...]:
        """A run's journal; raises `Refused` when it cannot be read."""
        ...

    async def drop(self, lease: str) -> None:
        """A lease is off for certain: forget it, and the lock that was kept for it."""
        ...

    async def close(self) -> None:
        """Write what is left, as far as possible, and let go."""
        ...


class Records(Protocol):
    """The same state folder for reading, without an engine and without changing anything."""

    def runs(self) -> tuple[Run, ...]:
        """All runs, oldest first."""
        ...

    def run(self, number: int) -> Run | None:
        """One run."""
        ...

    def outcome(self, number: int) -> Outcome | None:
        """What was kept of a run that is over."""
        ...

    def leases(self) -> tuple[LeaseRow, ...]:
        """Everything that is owed an undo."""
        ...
