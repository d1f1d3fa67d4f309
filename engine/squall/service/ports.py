"""What the services need from the outside, as protocols; `squall.app` wires the real ones.

Adapters satisfy them structurally and do not import this module.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Protocol

from squall.core.faults.effects import Effect, Felt, Report
from squall.core.playbook.model import Address, HttpProbe, Load, Target
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

    async def __call__(self, probe: HttpProbe) -> tuple[bool, str]:
        """Whether it went well, and in a sentence why not (or what was seen)."""
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
        """Send for `duration`; cancelling stops at once. `progress` comes 4 times a second."""
        ...
