"""The data plane: every target's listener, its faults and what its clients feel.

One per process and loop. The edge's control side opens targets, swaps what is active on them and
asks what happened; leases, sequence numbers and expiry are its business, not the plane's.
"""

import asyncio
import contextlib
import errno
import time
from collections.abc import Callable, Iterable
from typing import Final

from squall.core.faults.active import ActiveLease
from squall.core.faults.effects import FaultEvent, Felt
from squall.core.faults.kinds import Protocol
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy import listener
from squall.proxy.builtin import EchoBytes, EchoConnection
from squall.proxy.client import ClientConnection
from squall.proxy.listener import Listener
from squall.proxy.relay import RelayConnection
from squall.proxy.route import Route
from squall.proxy.timers import Timers
from squall.proxy.upstream import Peer, Pool

_FLUSH: Final = Duration(SECOND // 10)
"""What clients get at the very end to take the last bytes written to them."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound


class Plane:
    """Carries the traffic of all targets. `report` is called for every fault injected, at once."""

    def __init__(self, report: Callable[[FaultEvent], None]) -> None:
        self._report = report
        self._routes: dict[str, Route] = {}
        self._listeners: dict[str, Listener] = {}
        self._timers: Timers | None = None
        self._echoes: dict[Protocol, Listener] = {}
        self._activity = time.monotonic_ns()

    async def listen(self, target: Target) -> Address:
        """Start carrying a target's traffic, fault-free; where it really listens.

        Raises `OSError` when the address cannot be had, or the upstream is the target itself.
        """
        loop, timers = asyncio.get_running_loop(), self._clock()
        name = target.name
        upstream = target.upstream or (await self._echo_address(target.protocol))
        pool = Pool(loop, upstream, lambda peer: not self._leads_back(name, peer))
        route = Route(name, pool, timers, self._report)
        if target.listen.port and _is_at(target.listen, Peer(upstream.host, upstream.port)):
            raise OSError(errno.ELOOP, f"{upstream} is where the target itself listens")
        made = RelayConnection if target.protocol == "tcp" else ClientConnection
        listening = await listener.listen(target.listen, lambda: made(route), timers)
        self._routes[name] = route
        self._listeners[name] = listening
        return listening.address

    def swap(self, target: str, leases: tuple[ActiveLease, ...]) -> None:
        """Change what is active on a target, for requests that come from now on.

        Requests that wait only for leases no longer there go on at once; one that such a lease has
        silenced is closed.
        """
        route, listening = self._routes[target], self._listeners[target]
        route.swap(leases)
        if route.leases.down:
            listening.refuse()
        else:
            listening.accept()

    def felt(self, target: str) -> Felt:
        """What the clients of a target felt over the last second."""
        return self._routes[target].felt()

    def turned_away(self, target: str) -> int:
        """How often a client of a target found no descriptor, since it was opened."""
        route = self._routes[target]
        return route.turned_away + route.pool.starved

    def in_flight(self) -> int:
        """How many requests have come and are not answered."""
        return sum(route.active for route in self._routes.values())

    def idle_for(self) -> Duration:
        """How long ago a request last came or was answered; 0 while one is in flight."""
        if self.in_flight():
            return Duration(0)
        latest = max((route.activity for route in self._routes.values()), default=self._activity)
        return Duration(time.monotonic_ns() - latest)

    async def close(self, drain: Duration) -> None:
        """Accept no more, let requests in flight finish for at most `drain`, then close it all."""
        for listening in self._listeners.values():
            listening.close()
        routes = list(self._routes.values())
        for route in routes:
            route.drain()
        await _within(drain, [route.quiet for route in routes])
        for route in routes:
            route.close()
        await _within(_FLUSH, [route.empty for route in routes])
        for route in routes:
            route.abort()
            await route.pool.close()
        await _within(_FLUSH, [route.empty for route in routes])
        for echo in self._echoes.values():
            echo.close()
        if self._timers:
            self._timers.close()

    def _clock(self) -> Timers:
        if self._timers is None:
            self._timers = Timers(asyncio.get_running_loop())
        return self._timers

    async def _echo_address(self, protocol: Protocol) -> Address:
        if protocol not in self._echoes:
            here = Address(host="127.0.0.1", port=0)
            made = EchoBytes if protocol == "tcp" else EchoConnection
            self._echoes[protocol] = await listener.listen(here, made, self._clock())
        return self._echoes[protocol].address

    def _leads_back(self, name: str, peer: Peer) -> bool:
        """Whether forwarding to this peer comes back to the target `name`, over others or not."""
        seen: set[str] = set()
        while True:
            following = next(
                (n for n, found in self._listeners.items() if _is_at(found.address, peer)), None
            )
            if following is None or following in seen:
                return following is not None
            if following == name:
                return True
            seen.add(following)
            address = self._routes[following].pool.address
            peer = Peer(address.host, address.port)


def _is_at(listen: Address, peer: Peer) -> bool:
    """Whether connecting to `peer` reaches who listens at `listen`, as far as one can tell."""
    if peer.port != listen.port:
        return False
    if peer.host == listen.host or (peer.ours and listen.host in _ANY):
        return True
    return {peer.host, listen.host} <= _LOOPBACK | _ANY


async def _within(limit: Duration, events: Iterable[asyncio.Event]) -> None:
    """Wait for all of them, at most this long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit / SECOND):
            for event in events:
                await event.wait()
