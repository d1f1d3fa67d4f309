"""What the connections of one target share: its faults, its pool, its measurements, who waits.

One per target, made by the plane. Client connections read `leases` for every request, so a swap of
that tuple is the whole switch from one set of faults to another.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Protocol

from squall.core.faults.decision import ActiveLease
from squall.core.faults.effects import FaultEvent, Felt
from squall.core.faults.meter import Window
from squall.core.timing import Duration
from squall.proxy.timers import Timers
from squall.proxy.upstream import Pool


class Waiting(Protocol):
    """A request that a fault is holding back."""

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        ...


class Leaving(Protocol):
    """A client connection, as far as closing a target is concerned."""

    def dismiss(self) -> None:
        """Close if there is no request in flight; with one, it closes after it by itself."""
        ...

    def close(self) -> None:
        """Close once what is written has gone out."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...


class Route:
    """One target as its connections see it."""

    __slots__ = (
        "active",
        "activity",
        "clients",
        "draining",
        "empty",
        "leases",
        "name",
        "pool",
        "quiet",
        "report",
        "timers",
        "waiting",
        "window",
    )

    def __init__(
        self, name: str, pool: Pool, timers: Timers, report: Callable[[FaultEvent], None]
    ) -> None:
        self.name = name
        self.pool = pool
        self.timers = timers
        self.report = report
        self.leases: tuple[ActiveLease, ...] = ()
        self.waiting: set[Waiting] = set()
        self.clients: set[Leaving] = set()
        self.window = Window()
        self.active = 0
        """Requests in flight."""
        self.activity = time.monotonic_ns()
        """When a request last came or was answered."""
        self.draining = False
        self.quiet = asyncio.Event()
        """Draining, and no request is in flight any more."""
        self.empty = asyncio.Event()
        """Draining, and no client is connected any more."""

    def began(self) -> int:
        """A request has come; when."""
        self.active += 1
        self.activity = time.monotonic_ns()
        return self.activity

    def ended(self) -> None:
        """A request is over."""
        self.active -= 1
        self.activity = time.monotonic_ns()
        if self.draining and not self.active:
            self.quiet.set()

    def left(self, client: Leaving) -> None:
        """A client connection is gone."""
        self.clients.discard(client)
        if self.draining and not self.clients:
            self.empty.set()

    def drain(self) -> None:
        """Take no more requests."""
        self.draining = True
        if not self.active:
            self.quiet.set()
        if not self.clients:
            self.empty.set()
        for client in list(self.clients):
            client.dismiss()

    def close(self) -> None:
        """Close all client connections once what is written has gone out."""
        for client in list(self.clients):
            client.close()

    def abort(self) -> None:
        """Close all client connections now."""
        for client in list(self.clients):
            client.abort()

    def swap(self, leases: tuple[ActiveLease, ...]) -> None:
        """Change what is active; whoever waits for a lease that is gone goes on at once."""
        self.leases = leases
        present = {lease.inject.lease for lease in leases}
        for waiting in list(self.waiting):
            waiting.reconsider(present)

    def measure(self, began: int, leases: tuple[ActiveLease, ...], *, failed: bool) -> None:
        """Count an exchange that ended now, for the target and the leases it met."""
        now = time.monotonic_ns()
        latency = Duration(now - began)
        self.window.record(now, latency, failed=failed)
        for lease in leases:
            lease.meter.record(latency, failed=failed)

    def felt(self) -> Felt:
        """What clients felt over the last second."""
        return self.window.felt(time.monotonic_ns())
