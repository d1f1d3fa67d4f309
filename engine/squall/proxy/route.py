"""What the connections of one target share: its faults, its pool, its measurements, who waits.

One per target, made by the plane. Client connections read `leases` for every request, so a swap of
that tuple is the whole switch from one set of faults to another.
"""

import asyncio
import itertools
import socket
import time
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from msgspec.structs import replace

from squall.core.faults.active import ActiveLease, ActiveLeases
from squall.core.faults.candidate import Candidate
from squall.core.faults.decision import Decision, decide, decide_answer, decide_connection
from squall.core.faults.effects import FaultEvent, Felt
from squall.core.faults.exchange import UNKNOWN, Exchange
from squall.core.faults.meter import Meter, Window
from squall.core.faults.shaping import Stage
from squall.core.timing import Duration
from squall.proxy.descriptors import most_for_clients
from squall.proxy.heads import RequestHead
from squall.proxy.timers import Timers
from squall.proxy.upstream import Pool


class Waiting(Protocol):
    """A request, or bytes, that a fault is holding back."""

    def reconsider(self, leases: Collection[str]) -> None:
        """Only these leases are still on."""
        ...


class ClientSide(Protocol):
    """What a client connection hands its bytes and its news to."""

    choked: bool
    """It can take nothing now."""

    def take(self, data: bytes) -> int:
        """Take as many bytes as there is room for."""
        ...

    def client_choked(self, choked: bool) -> None:  # noqa: FBT001 - a callback's only word
        """The client takes no more bytes for now, or takes them again."""
        ...

    def client_ended(self) -> bool:
        """The client has sent its last byte; True if there is still something for it."""
        ...

    def client_gone(self) -> None:
        """The client has left."""
        ...


class Connected(Protocol):
    """A client connection, as far as its target needs it."""

    peer: str
    number: int
    """What tells it apart from the target's other connections."""

    def strike(self) -> None:
        """Meet the faults that strike connections as such."""
        ...

    def dismiss(self) -> None:
        """Close if nothing is in flight; with something, it closes after it by itself."""
        ...

    def close(self) -> None:
        """Close once what is written has gone out."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...


class Client(Connected, Protocol):
    """A client connection that carries requests, as far as its transaction needs it."""

    choked: bool

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""
        ...

    def finished(self, *, persistent: bool) -> None:
        """The transaction is over; the next request may come if the connection persists."""
        ...

    def switched(self, tunnel: "ClientSide") -> None:
        """Everything else on this connection goes through a tunnel."""
        ...

    def sever(self, *, reset: bool = False) -> None:
        """Break the connection, after what was already written."""
        ...

    def pump(self) -> None:
        """More of the request can be taken."""
        ...

    def regulate(self) -> None:
        """Something changed about whether to read from the client."""
        ...

    def end_of_stream(self) -> None:
        """Send no more, but go on receiving."""
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
        "most",
        "name",
        "numbers",
        "pool",
        "quiet",
        "report",
        "timers",
        "turned_away",
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
        self.leases = ActiveLeases()
        self.waiting: set[Waiting] = set()
        self.clients: set[Connected] = set()
        self.most = most_for_clients()
        self.turned_away = 0
        """Clients for which there was no descriptor."""
        self.numbers = itertools.count(1)
        """For connections, to be told apart."""
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

    def has_room(self, transport: asyncio.BaseTransport) -> bool:
        """Whether there is a descriptor to spare for this client; counts those without one."""
        found: socket.socket | None = transport.get_extra_info("socket")
        if found is None or found.fileno() < self.most:
            return True
        self.turned_away += 1
        self.pool.shrink()
        return False

    def left(self, client: Connected) -> None:
        """A client connection is gone."""
        self.clients.discard(client)
        self.leases.forget(client.number)
        if self.draining and not self.clients:
            self.empty.set()

    def drain(self) -> None:
        """Take no more requests."""
        self.draining = True
        for client in list(self.clients):
            client.dismiss()
        if not self.active:
            self.quiet.set()
        if not self.clients:
            self.empty.set()

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
        before, self.leases = self.leases, ActiveLeases(leases)
        for waiting in list(self.waiting):
            waiting.reconsider(self.leases.names)
        if self.leases.down - before.names:
            # The target itself is what is struck, whether it has clients or not.
            self._decide_connection(None, whole=False, besides=before.names)
            for client in list(self.clients):
                client.strike()

    def touches(self, head: RequestHead) -> bool:
        """Whether a request may meet a fault."""
        return self.leases.mean(head.method, head.path, head.host)

    def decide(self, head: RequestHead, client: Client, now: int) -> Decision:
        """Roll the dice for one request, and tell what they say."""
        exchange = Exchange(
            target=self.name,
            method=head.method,
            path=head.path,
            host=head.host,
            headers=head.fields() if self.leases.reads_headers else (),
            client=client.peer,
            connection=client.number,
            body=head.length if head.length >= 0 else UNKNOWN,
            at=time.time_ns(),
            now=now,
        )
        return decide(self.leases, exchange, self.report)

    def decide_answer(
        self, candidates: Iterable[Candidate], exchange: Exchange, *, body: int, last: bool
    ) -> tuple[Stage, ...]:
        """Roll the dice for one answer, for the faults that are still on."""
        now = replace(exchange, at=time.time_ns(), now=time.monotonic_ns())
        return decide_answer(candidates, self.leases, now, body=body, last=last, tell=self.report)

    def decide_connection(self, client: Connected) -> Decision:
        """Roll the dice for a connection that has just been made and will carry requests."""
        return self._decide_connection(client, whole=False)

    def meet(self, client: Connected, besides: Collection[str], *, live: bool) -> Decision:
        """Roll the dice for a connection that is all there is, for leases it has not met."""
        return self._decide_connection(client, whole=True, live=live, besides=besides)

    def _decide_connection(
        self,
        client: Connected | None,
        *,
        whole: bool,
        live: bool = False,
        besides: Collection[str] = (),
    ) -> Decision:
        exchange = Exchange(
            target=self.name,
            client=client.peer if client else "",
            connection=client.number if client else 0,
            live=live,
            at=time.time_ns(),
            now=time.monotonic_ns(),
        )
        return decide_connection(self.leases, exchange, self.report, whole=whole, besides=besides)

    def measure(self, began: int, epoch: Meter | None, *, failed: bool) -> None:
        """Count an exchange that ended now, for the target and the leases it met."""
        now = time.monotonic_ns()
        latency = Duration(now - began)
        self.window.record(now, latency, failed=failed)
        if epoch is not None:
            epoch.record(latency, failed=failed)

    def felt(self) -> Felt:
        """What clients felt over the last second."""
        return self.window.felt(time.monotonic_ns())
