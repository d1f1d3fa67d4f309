"""A client's connection to a target that carries bytes alone: two lanes, and faults on them.

Faults meet connections here, not requests: one when it is made, and a live one as soon as a lease
is put on or lifted. What happens at one side happens at the other: an end is passed on as an end,
each way on its own, a reset as a reset, and who reads slowly is sent slowly to.

What clients feel is measured in turns, as most protocols have them: from when a client connects or
speaks to the first bytes it gets back. A connection that breaks is one that failed. A turn is what
is in flight; a connection on which nobody waits for anything keeps nobody waiting.
"""

import asyncio
import time
from collections.abc import Collection
from typing import Any, Final, cast

from squall.core.faults.active import ActiveLease
from squall.core.faults.decision import Decision
from squall.core.faults.exchange import Answer, Break
from squall.core.faults.meter import Meter
from squall.core.timing import MILLISECOND, SECOND
from squall.proxy.hold import Hold
from squall.proxy.lane import End, Lane
from squall.proxy.reset import reset
from squall.proxy.route import Route
from squall.proxy.upstream import HIGH_WATER, UpstreamConnection

LINGER: Final = SECOND
"""How long a client may take to read what came before its connection is broken, or to end it."""

REST: Final = 100 * MILLISECOND
"""How long nothing has passed when an answer is taken to be whole, at the end of it all."""


class RelayConnection(asyncio.Protocol):
    """One connection from a client to a target, and the one to what stands behind it."""

    __slots__ = (
        "_asked", "_busy", "_dialling", "_down", "_epoch", "_holds", "_met", "_over", "_route",
        "_touched", "_transport", "_up", "_upstream", "number", "peer",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, route: Route) -> None:
        self._route = route
        self._up = Lane(route.timers, came=self._spoke, went=_nothing, over=self._up_over)
        self._down = Lane(route.timers, came=_nothing, went=self._heard, over=self._down_over)
        self._upstream: UpstreamConnection | None = None
        self._dialling = False
        self._holds: dict[Hold, Decision] = {}
        self._met: dict[str, ActiveLease] = {}
        self._asked = 0
        """When the turn began that is not over, or 0."""
        self._busy = False
        """It is in flight."""
        self._touched = 0
        """When something last passed."""
        self._epoch: Meter | None = None
        self._over = False
        self.number = next(route.numbers)
        self.peer = ""

    # -- called by the loop, for the client -----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        peer: Any = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._route.clients.add(self)
        if self._route.draining or not self._route.has_room(self._transport):
            self._over = True
            self._transport.abort()
            return
        self._route.waiting.add(self)
        self._up.source = self._down.sink = self._transport
        self._ask()
        if self._route.leases:
            self._meet(live=False)
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if not self._over:
            self._spoke()
            self._up.push(data)

    def eof_received(self) -> bool:
        """Called by the loop: there may still be something for the client."""
        if not self._over:
            self._up.end()
        return not self._over

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - gone is gone
        """Called by the loop: the client broke the connection, or it was closed here."""
        self._route.left(self)
        if self._over:
            return
        if self._asked and self._busy:
            self._measure(failed=True)
        self._down.close()
        if self._up.sink is None or self._holds:
            self._break(broken=True)
        else:
            # What it sent before may still be on its way.
            self._up.end(reset=True)

    def pause_writing(self) -> None:
        """Called by the loop."""
        self._down.choke(True)

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._down.choke(False)

    # -- called by the upstream connection ------------------------------------------------------

    def answer_arrived(self, data: bytes) -> None:
        """Bytes came from upstream."""
        self._down.push(data)

    def upstream_ended(self) -> bool:
        """Upstream will send no more; the client may."""
        self._down.end()
        return not self._over

    def upstream_lost(self, error: Exception | None) -> None:
        """The connection to upstream is gone."""
        self._upstream = None
        self._up.close()
        if error is None:
            self._break(broken=False)
        else:
            self._down.end(reset=True)

    def upstream_choked(self, choked: bool) -> None:  # noqa: FBT001 - as upstream calls it
        """Hold the client back while upstream takes nothing."""
        self._up.choke(choked)

    # -- called by the route --------------------------------------------------------------------

    def reconsider(self, leases: Collection[str]) -> None:  # noqa: ARG002 - it tells them apart
        """Other leases are on, perhaps under the name of one that was met."""
        current = self._route.leases.leases
        self._met = {
            name: lease for name, lease in self._met.items() if any(lease is one for one in current)
        }
        self._up.reconsider(self._met)
        self._down.reconsider(self._met)
        for hold, decision in list(self._holds.items()):
            if hold not in self._holds:  # one before it has ended the connection
                continue
            owed = {touch.event.lease for touch in decision.touches}
            owed |= {decision.wait.lease} if decision.wait else set()
            if not owed <= self._met.keys():
                hold.cancel()
                self._held(hold, None)
        if len(self._met) < len(current) and not self._over:
            self._meet(live=True)
            self._go_on()

    def strike(self) -> None:
        """It has met whatever strikes connections."""

    def dismiss(self) -> None:
        """Close as soon as nobody waits for anything and nothing passes."""
        now = time.monotonic_ns()
        if self._over:
            return
        if not (self._asked and self._busy):
            self._asked = 0
            if now - self._touched >= REST:
                self.close()
                return
        if not self._busy:
            self._busy = True
            self._route.began()
        self._route.timers.at(now + REST, self.dismiss)

    def close(self) -> None:
        """Close once what is written has gone out."""
        if not self._over:
            self._end()
        if self._upstream is not None:
            self._upstream.transport.close()
        self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._end()
        if self._upstream is not None:
            self._upstream.discard()
        self._transport.abort()

    # -- faults -----------------------------------------------------------------------------------

    def _meet(self, *, live: bool) -> None:
        """Meet the leases it has not met."""
        decision = self._route.meet(self, self._met, live=live)
        self._met = {lease.inject.lease: lease for lease in self._route.leases.leases}
        self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if not (decision.touches or decision.wait):
            still = self._still_on()
            self._up.shape([stage for stage in decision.onward if stage.lease in still])
            self._down.shape([stage for stage in decision.back if stage.lease in still])
            return
        hold = Hold(
            self._route,
            decision,
            time.monotonic_ns(),
            then=lambda ending: self._held(hold, ending),
            lifted=lambda: self._held(hold, None),
        )
        self._holds[hold] = decision
        self._up.hold()
        self._down.hold()
        hold.start()

    def _held(self, hold: Hold, ending: Answer | Break | None) -> None:
        """One wait is over."""
        decision = self._holds.pop(hold)
        match ending:
            case None:
                if decision.ending or decision.wait:
                    # That was lifted: what stands behind it has not been decided yet.
                    decision.go_on(time.monotonic_ns(), self._still_on())
                self._carry_out(decision)
                self._go_on()
            case Answer(reason="timeouts") | Break("close"):
                self._break(broken=False)
            case _:
                self._break(broken=True)

    def _still_on(self) -> frozenset[str]:
        """Those it has met."""
        return self._route.leases.names & self._met.keys()

    def _go_on(self) -> None:
        """Dial or let bytes pass, unless something holds it back."""
        if self._over or self._holds:
            return
        if self._up.sink is not None:
            self._up.open()
            self._down.open()
        elif not self._dialling:
            self._dialling = True
            self._route.pool.dial(self._dialled)

    def _dialled(self, result: UpstreamConnection | str) -> None:
        if isinstance(result, str):
            # There is no word for it in bytes that mean something to somebody else.
            self._break(broken=True)
        elif self._over:
            result.discard()
        else:
            self._upstream = result
            result.user = self
            self._up.sink = self._down.source = result.transport
            self._rest()
            self._go_on()

    # -- turns ------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """A turn begins."""
        route = self._route
        if not self._busy:
            self._busy = True
            route.began()
        self._asked = self._touched = time.monotonic_ns()
        self._epoch = route.leases.epoch if route.leases else None

    def _spoke(self) -> None:
        """Bytes came from the client."""
        if self._asked and self._busy:
            self._touched = time.monotonic_ns()
        else:
            self._ask()

    def _heard(self) -> None:
        """Bytes went to the client."""
        self._touched = self._route.activity = time.monotonic_ns()
        if self._asked:
            self._measure(failed=False)
            self._rest()

    def _rest(self) -> None:
        if self._busy and not self._route.draining:
            self._busy = False
            self._route.ended()

    def _measure(self, *, failed: bool) -> None:
        route = self._route
        if failed and route.leases:
            self._epoch = route.leases.epoch
        route.measure(self._asked or time.monotonic_ns(), self._epoch, failed=failed)
        self._asked = 0

    # -- the end ----------------------------------------------------------------------------------

    def _up_over(self, how: End) -> None:
        self._lane_over(how, self._up)

    def _down_over(self, how: End) -> None:
        self._lane_over(how, self._down)

    def _lane_over(self, how: End, lane: Lane) -> None:
        if how != "ended":
            self._break(broken=how != "close")
        elif self._up.done and self._down.done:
            self.close()
        elif lane.sink is not None and not lane.sink.is_closing():
            lane.sink.write_eof()

    def _break(self, *, broken: bool) -> None:
        """End it on both sides, with an RST or without, before they have said that it is over."""
        if self._over:
            return
        gone = self._transport.is_closing()
        if not gone:
            self._asked = self._asked if self._busy else 0
            self._measure(failed=True)
        self._end()
        if self._upstream is not None:
            if broken:
                reset(self._upstream.transport)
            else:
                self._upstream.transport.close()
        if gone:
            return
        if broken:
            self._reset(time.monotonic_ns() + LINGER)
        else:
            self._leave()

    def _reset(self, latest: int) -> None:
        """Break the client's connection behind what was written before, as far as it reads that."""
        now = time.monotonic_ns()
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() and now < latest:
            soon = now + MILLISECOND
            self._route.timers.at(soon, lambda: self._reset(latest))
        else:
            reset(self._transport)

    def _leave(self) -> None:
        """Close; a client that is still sending sees the end before its own bytes are refused."""
        self._transport.write_eof()
        self._route.timers.at(time.monotonic_ns() + LINGER, self._transport.close)

    def _end(self) -> None:
        self._over = True
        for hold in self._holds:
            hold.cancel()
        self._holds.clear()
        self._up.close()
        self._down.close()
        self._route.waiting.discard(self)
        if self._busy:
            self._busy = False
            self._route.ended()


def _nothing() -> None:
    """Nobody needs to know."""
