"""A client's connection: request heads are read off it, one transaction at a time answers.

Requests that are pipelined wait in the buffer, so answers, and faults, keep their order; the
buffer is small, and a client that sends more is not read from. A client that reads slowly stops
its upstream, not the edge's memory. A head that cannot be understood, is too big or too slow is
answered here and goes nowhere.
"""

import asyncio
import re
import select
import socket
import time
from typing import Any, Final, cast

from squall.core.faults.exchange import Break
from squall.core.timing import MILLISECOND, SECOND
from squall.proxy import answers
from squall.proxy.faulted import FaultedTransaction
from squall.proxy.heads import LONGEST_HEAD, Malformed, early_problem, read_request
from squall.proxy.reset import reset
from squall.proxy.route import ClientSide, Route
from squall.proxy.timers import Timer
from squall.proxy.transaction import Transaction
from squall.proxy.upstream import HIGH_WATER

HEAD_TIMEOUT: Final = 10 * SECOND
"""How long a request head may take from its first byte."""

TURN: Final = 32
"""Requests of one connection that are begun before others, and the engine, get their turn."""

BODY_TURN: Final = 2 * 1024
"""Bytes of a body that count as one such request."""

LOOK_AGAIN: Final = 15 * SECOND
"""How often to see whether a client that sends no more, and waits for an answer, is still there."""

LINGER: Final = SECOND
"""How long a client may go on sending after the last answer (RFC 9112, 9.6)."""

_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)++")


class ClientConnection(asyncio.Protocol):
    """One connection from a client to a target."""

    __slots__ = (
        "_buffer",
        "_ended",
        "_leaving",
        "_paused",
        "_pumping",
        "_resting",
        "_route",
        "_seen",
        "_timer",
        "_transaction",
        "_transport",
        "choked",
        "number",
        "peer",
    )

    _transport: asyncio.Transport

    def __init__(self, route: Route) -> None:
        self._route = route
        self._buffer = b""
        self._seen = 0
        """Bytes of the buffer in which no head ends."""
        self._transaction: ClientSide | None = None
        self._timer: Timer | None = None
        self._pumping = False
        self._resting = False
        self._paused = False
        self._ended = False
        self._leaving = False
        self.choked = False
        self.number = next(route.numbers)
        self.peer = ""

    # -- called by the loop -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        peer: Any = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._route.clients.add(self)
        if self._route.draining:
            self._transport.abort()
        elif not self._route.has_room(self._transport):
            self._turn_away()
        elif self._route.leases.connects:
            self.strike()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._leaving:
            return
        self._buffer = self._buffer + data if self._buffer else data
        self.pump()

    def eof_received(self) -> bool:
        """Called by the loop: a client that sends no more may still be waiting for answers."""
        self._ended = True
        if self._transaction is None:
            # Requests may be left that wait for the client to read the answers before them.
            return (self.choked or self._resting) and bool(self._buffer)
        return bool(self._buffer) or self._said_all(self._transaction)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """Called by the loop."""
        self._leaving = True
        self._route.left(self)
        self._stop_timer()
        self._buffer = b""
        transaction, self._transaction = self._transaction, None
        if transaction:
            transaction.client_gone()

    def pause_writing(self) -> None:
        """Called by the loop."""
        self.choked = True
        if self._transaction:
            self._transaction.client_choked(True)

    def resume_writing(self) -> None:
        """Called by the loop."""
        self.choked = False
        if self._transaction:
            self._transaction.client_choked(False)
        self.pump()

    # -- called by the transaction ------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes to the client; to one that is just leaving, nothing."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def finished(self, *, persistent: bool) -> None:
        """The transaction is over: on to the next request, or close."""
        self._transaction = None
        if persistent and not self._route.draining:
            if self._buffer or self._ended or self._paused:
                self.pump()
        else:
            self._leave()

    def switched(self, tunnel: ClientSide) -> None:
        """Everything else on this connection goes through a tunnel."""
        self._transaction = tunnel

    def sever(self, *, reset: bool = False) -> None:
        """Break the connection, by RST or FIN, once what was written before has gone out."""
        self._leaving = True
        self._transaction = None
        if not reset:
            self._leave()
        else:
            self._reset_by(time.monotonic_ns() + LINGER)

    def end_of_stream(self) -> None:
        """Send no more, but go on receiving."""
        if not self._transport.is_closing():
            self._transport.write_eof()

    def pump(self) -> None:
        """Make what progress is possible with the bytes that are here."""
        if self._pumping or self._resting:
            return
        self._pumping = True
        left = TURN
        try:
            while left > 0 and self._buffer and not self._leaving:
                effort = self._step()
                if not effort:
                    break
                left -= effort
        finally:
            self._pumping = False
        if left <= 0 and not self._leaving:
            # Answers that ask nobody come without a wait, and the loop reads megabytes at a time: a
            # client that sends for ever would keep the loop to itself, and with it the order to
            # lift what answers so fast.
            self._resting = True
            asyncio.get_running_loop().call_soon(self._go_on)
        elif self._ended and not self._leaving and not (self._buffer and self._transaction):
            self._no_more()
        self.regulate()

    def _go_on(self) -> None:
        self._resting = False
        self.pump()

    def regulate(self) -> None:
        """Read from the client only while there is room for what it sends."""
        transaction = self._transaction
        full = len(self._buffer) > HIGH_WATER
        busy = full or self._resting or (transaction is not None and transaction.choked)
        pause = busy and not self._leaving
        if pause is not self._paused and not self._transport.is_closing():
            self._paused = pause
            if pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    # -- called by the route ------------------------------------------------------------------

    def strike(self) -> None:
        """Meet the faults that strike connections as such."""
        ending = self._route.decide_connection(self).ending
        if isinstance(ending, Break):
            if self._transaction is not None:
                self._transaction.client_gone()
            self.sever(reset=ending.kind == "reset")

    def dismiss(self) -> None:
        """Close if there is no request in flight; with one, it closes after it by itself."""
        if self._transaction is None:
            self._transport.close()

    def close(self) -> None:
        """Close once what is written has gone out."""
        self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    # -- its own ------------------------------------------------------------------------------

    def _turn_away(self) -> None:
        """There is no descriptor to spare for this one, not even to let it linger."""
        self._leaving = True
        text = "no room for another connection: the edge's limit of open files is reached"
        self._transport.write(answers.answer(503, text, persistent=False))
        self._transport.close()

    def _step(self) -> int:
        """Take something out of the buffer, and what part of a turn that was; 0: nothing now."""
        try:
            if self._transaction is None:
                return self._next_request() if not self.choked else 0
            taken = self._transaction.take(self._buffer)
        except Malformed as wrong:
            self._refuse(wrong)
            return 0
        if not taken:
            return 0
        self._buffer = self._buffer[taken:]
        return 1 + taken // BODY_TURN

    def _next_request(self) -> int:
        buffer = self._buffer
        if buffer[0] == 13 and (empty := _EMPTY_LINES.match(buffer)):
            # RFC 9112, 2.2: empty lines before a request are passed over.
            self._buffer = buffer[empty.end() :]
            return 1
        end = buffer.find(b"\r\n\r\n", max(0, self._seen - 3)) + 4
        if end < 4 or end > LONGEST_HEAD:
            problem = early_problem(buffer[:end] if end >= 4 else buffer, self._seen)
            if problem:
                raise problem
            self._seen = len(buffer)
            self._allow_time_for_head()
            return 0
        head = read_request(buffer[:end])
        self._stop_timer()
        self._seen = 0
        self._buffer = buffer[end:]
        route = self._route
        kind = FaultedTransaction if route.leases and route.touches(head) else Transaction
        self._transaction = transaction = kind(self, route, head)
        if head.length and self._buffer:
            # The body is looked at before anything is sent: what is wrong with it may be here.
            self._buffer = self._buffer[transaction.take(self._buffer) :]
        transaction.begin()
        return 1

    def _no_more(self) -> None:
        """The client has sent its last byte; what is left of it, if anything, is half a head."""
        if self._transaction is None:
            if not self.choked:
                self._leave()
        elif self._timer is None and not self._said_all(self._transaction):
            self._transport.close()

    def _said_all(self, transaction: ClientSide) -> bool:
        """Tell the transaction; whether there is still something to wait for."""
        if not transaction.client_ended():
            return False
        self._look_after()
        return True

    def _look_after(self) -> None:
        """Nothing tells when a client is gone that is not read from any more: ask now and then."""
        found: socket.socket | None = self._transport.get_extra_info("socket")
        if found is None or self._transport.is_closing():
            return
        poll = select.poll()
        poll.register(found.fileno(), 0)
        if poll.poll(0):
            self._transport.abort()
        else:
            due = time.monotonic_ns() + LOOK_AGAIN
            self._timer = self._route.timers.at(due, self._look_after)

    def _refuse(self, wrong: Malformed) -> None:
        """Answer a request that cannot be understood, and close: what follows means nothing."""
        self._stop_timer()
        if isinstance(self._transaction, Transaction):
            self._transaction.client_malformed(wrong)
            return
        self.write(answers.answer(wrong.status, wrong.why, persistent=False))
        self._leave()

    def _leave(self) -> None:
        """Close; a client that is still sending gets the time to read its last answer first."""
        self._leaving = True
        self._buffer = b""
        self._stop_timer()
        if self._transport.is_closing():
            return
        if self._ended:
            self._transport.close()
            return
        self.regulate()
        self._transport.write_eof()
        due = time.monotonic_ns() + LINGER
        self._timer = self._route.timers.at(due, self._transport.close)

    def _allow_time_for_head(self) -> None:
        if self._timer is None:
            due = time.monotonic_ns() + HEAD_TIMEOUT
            self._timer = self._route.timers.at(due, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        seconds = HEAD_TIMEOUT // SECOND
        self._refuse(Malformed(f"the request head took longer than {seconds} s", 408))

    def _reset_by(self, due: int) -> None:
        now = time.monotonic_ns()
        if self._transport.get_write_buffer_size() and now < due:
            # An RST would overtake the answers to earlier requests.
            self._route.timers.at(now + MILLISECOND, lambda: self._reset_by(due))
        else:
            self._reset()

    def _reset(self) -> None:
        reset(self._transport)
