"""One request and its answer: forwarded, answered, measured.

Made by a client connection for every request head. Bytes pass as they came: nothing is added to,
dropped from or rewritten in an exchange, hop-by-hop fields included, so either side sees the
other's own words on whether the connection stays, and the edge does as they say (RFC 9112, 9.3).
`squall.proxy.faulted` has what is different while faults are on.

What it deliberately does not do: read heads from the client, or own a socket.
"""

from enum import Enum, auto
from typing import Final

from squall.proxy import answers
from squall.proxy.bodies import Body, Chunked, UntilClose, body_of
from squall.proxy.heads import (
    AnswerHead,
    Malformed,
    RequestHead,
    early_answer_problem,
    read_answer,
)
from squall.proxy.route import Client, Route
from squall.proxy.tunnel import Tunnel
from squall.proxy.upstream import HIGH_WATER, Dial, UpstreamConnection

_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

_ALL_HERE: Final = body_of(0)
"""The framing of an answer of which nothing is missing."""


class Stage(Enum):
    """Where a transaction is."""

    HELD = auto()
    DIALLING = auto()
    FORWARDING = auto()
    SINK = auto()
    """Answered, and the rest of the request's body is still coming in, to be dropped."""
    OVER = auto()


_FORWARDING: Final = Stage.FORWARDING  # an attribute of an Enum costs as much as a call
_OVER: Final = Stage.OVER
_HELD: Final = Stage.HELD


class Transaction:
    """One request and its answer."""

    # `_began` is 0 once the exchange is measured; `_persistent` is what both sides have said.
    __slots__ = (
        "_answer",
        "_began",
        "_body",
        "_client",
        "_continued",
        "_dial",
        "_ended",
        "_epoch",
        "_failed",
        "_head",
        "_partial",
        "_pending",
        "_persistent",
        "_route",
        "_upstream",
        "choked",
        "stage",
    )

    def __init__(self, client: Client, route: Route, head: RequestHead) -> None:
        self._client = client
        self._route = route
        self._head = head
        self._began = route.began()
        self._epoch = route.leases.epoch
        self._dial: Dial | None = None
        self._upstream: UpstreamConnection | None = None
        self._body: Body | None = body_of(head.length) if head.length else None
        self._pending = b""
        self._answer: Body | None = None
        self._partial = b""
        self._continued = False
        self._ended = False
        """The client sends no more."""
        self._failed = False
        self._persistent = head.persistent
        self.choked = False
        self.stage = _HELD

    def begin(self) -> None:
        """Let it happen."""
        self._forward()

    def take(self, data: bytes) -> int:
        """Take bytes of the request's body, as many as there is room for; raises `Malformed`."""
        body = self._body
        if body is None or self._complete() or len(self._pending) >= HIGH_WATER:
            return 0
        # Chunks cost time each: others get their turn between the parts of a flood of them.
        if len(data) > HIGH_WATER and isinstance(body, Chunked):
            data = data[:HIGH_WATER]
        taken = body.feed(data)
        if self.stage is _FORWARDING:
            self._write_up(data if taken == len(data) else data[:taken])
            if self._is_over():  # a fault on these bytes ended it
                return taken
        elif self.stage is not Stage.SINK:
            self._pending += data[:taken]
        if body.done and self.stage is Stage.SINK:
            self._finish(persistent=self._persistent)
        elif body.done and self._answer and self._answer.done:
            self._release()
        return taken

    def _write_up(self, data: bytes) -> None:
        # One that is closing will say so in the loop's next round.
        if self._upstream and not self._upstream.transport.is_closing():
            self._upstream.transport.write(data)

    def _is_over(self) -> bool:
        return self.stage is _OVER

    def _complete(self) -> bool:
        """The whole request has come."""
        return self._body is None or self._body.done

    @property
    def _repeatable(self) -> bool:
        return self._body is None and self._head.method in _IDEMPOTENT

    def _forward(self) -> None:
        upstream = self._route.pool.take(repeatable=self._repeatable)
        if upstream:
            self._send(upstream)
        else:
            self._connect()

    def _connect(self) -> None:
        self.stage = Stage.DIALLING
        self._dial = self._route.pool.dial(self._dialled)

    def _dialled(self, result: UpstreamConnection | str) -> None:
        self._dial = None
        if isinstance(result, str):
            self._bad_gateway(result)
        else:
            self._send(result)

    def _send(self, upstream: UpstreamConnection) -> None:
        self._upstream = upstream
        upstream.user = self
        self.stage = _FORWARDING
        if self._client.choked:
            upstream.transport.pause_reading()
        self._write_request(upstream)
        if self._ended:
            self._end_request()
        elif self._body is not None:
            self._client.pump()

    def _end_request(self) -> None:
        """Upstream hears what it would hear from the client itself: that this was all."""
        if self._upstream and not self._upstream.transport.is_closing():
            self._upstream.transport.write_eof()

    def _write_request(self, upstream: UpstreamConnection) -> None:
        """The head, and what has come of the body."""
        if self._pending:
            upstream.transport.write(self._head.raw + self._pending)
            self._pending = b""
        else:
            upstream.transport.write(self._head.raw)

    def upstream_choked(self, choked: bool) -> None:  # noqa: FBT001 - called by upstream
        """Hold the client back while upstream takes nothing."""
        self.choked = choked
        self._client.regulate()

    def client_choked(self, choked: bool) -> None:  # noqa: FBT001 - mirrors the other direction
        """Hold upstream back while the client takes nothing."""
        if self._upstream and not self._upstream.transport.is_closing():
            if choked:
                self._upstream.transport.pause_reading()
            else:
                self._upstream.transport.resume_reading()

    def answer_arrived(self, data: bytes) -> None:
        """Pass on what belongs to the answer; what does not makes the connection useless."""
        try:
            if self._answer is None:
                self._answer_begins(self._partial + data if self._partial else data)
            else:
                self._answer_goes_on(data, 0)
        except Malformed as wrong:
            self._upstream_talks_nonsense(wrong)

    def _answer_begins(self, data: bytes) -> None:
        start, seen = 0, len(self._partial)
        while True:
            end = data.find(b"\r\n\r\n", max(start, seen - 3)) + 4
            if end < 4:
                problem = early_answer_problem(data[start:], max(0, seen - start))
                if problem:
                    raise problem
                if start:
                    self._client.write(data[:start])
                self._partial = data[start:]
                return
            head = read_answer(data[start:end], self._head.method)
            if head.status == 101:
                self._open_tunnel(data)
                return
            if head.status >= 200:
                break
            self._continued = self._continued or head.status == 100
            start = end
        self._partial = b""
        self._failed = head.status >= 500
        if not head.persistent:
            self._persistent = False
        self._pass_on(head, data, start, end)

    def _pass_on(self, head: AnswerHead, data: bytes, start: int, end: int) -> None:  # noqa: ARG002
        """The final answer's head is there, from `start` to `end`; interim ones come before it."""
        if head.length >= 0 and end + head.length == len(data):
            # All of it came at once, as small answers do: one write, and no counting.
            self._answer = _ALL_HERE
            self._client.write(data)
            self._answered()
            return
        self._answer = body_of(head.length)
        self._answer_goes_on(data, end)

    def _answer_goes_on(self, data: bytes, start: int) -> None:
        answer = self._answer
        if answer is None:
            return
        if not answer.done:
            start += answer.feed(data[start:] if start else data)
        whole = start == len(data)
        if start:
            self._client.write(data if whole else data[:start])
        if answer.done:
            if not whole and self._upstream:
                # It said more than its answer, and the rest answers nothing.
                self._upstream.discard()
                self._upstream = None
            self._answered()

    def _open_tunnel(self, data: bytes) -> None:
        upstream = self._upstream
        if not self._head.upgrade or not self._complete() or upstream is None:
            raise Malformed("switched protocols without being asked", 502)
        self._measured(failed=False)
        self._upstream = None
        self._client.switched(Tunnel(self._client, self._route, upstream))
        self._end()
        self._client.write(data)
        self._client.pump()

    def _answered(self) -> None:
        """The answer has been passed on. The request may still be coming."""
        self._measured(failed=self._failed)
        if self._complete():
            self._release()
        elif not self._stays_usable() or self._upstream is None:
            self._finish(persistent=False)

    def _release(self) -> None:
        self._release_upstream()
        self._finish(persistent=self._persistent)

    def _release_upstream(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is None:
            return
        if not self._persistent:
            upstream.user = None
            upstream.transport.close()
            return
        if self._client.choked and not upstream.transport.is_closing():
            upstream.transport.resume_reading()
        self._route.pool.give(upstream)

    def _stays_usable(self) -> bool:
        """Whether the next request can be told from what is left of this one.

        A client that waits for 100 (Continue) and gets a final answer may send the body or not.
        """
        return self._persistent and (self._complete() or not self._head.expects or self._continued)

    def upstream_ended(self) -> bool:
        """Upstream has sent its last byte: its connection is of no more use."""
        return False

    def upstream_lost(self, error: Exception | None) -> None:
        """Say so to the client in the best way that is left."""
        upstream, self._upstream = self._upstream, None
        if self._answer is None:
            stale = upstream is not None and upstream.reused
            if stale and self._repeatable and not self._partial and not self._ended:
                self._connect()
            else:
                how = "reset the connection" if error else "closed the connection"
                self._bad_gateway(f"{how} before it answered")
        elif self._answer.done:
            # It answered early and does not want the rest of the request.
            self._finish(persistent=False)
        elif error is None and isinstance(self._answer, UntilClose):
            self._measured(failed=self._failed)
            self._finish(persistent=False)
        else:
            self._break_off(reset=error is not None)

    def _upstream_talks_nonsense(self, wrong: Malformed) -> None:
        if self._upstream:
            self._upstream.discard()
            self._upstream = None
        if self._answer is None:
            self._bad_gateway(f"gave an answer that cannot be passed on: {wrong.why}")
        else:
            self._break_off(reset=True)

    def _bad_gateway(self, why: str) -> None:
        persistent = self._stays_usable()
        text = f"target {self._route.name}: upstream {self._route.pool.address} {why}"
        self._answer_locally(
            502,
            answers.answer(502, text, persistent=persistent, bodyless=self._head.method == "HEAD"),
        )

    def _answer_locally(self, status: int, whole: bytes) -> None:
        """Answer instead of upstream; the rest of the request's body is dropped as it comes."""
        self._persistent = self._stays_usable()
        self._pending = b""
        self.choked = False
        self._client.write(whole)
        self._measured(failed=status >= 500)
        if self._complete() or not self._persistent:
            self._finish(persistent=self._persistent)
        else:
            self.stage = Stage.SINK
            self._client.pump()

    def client_malformed(self, wrong: Malformed) -> None:
        """The request's body makes no sense: upstream never sees that part."""
        unanswered = self._answer is None
        if unanswered:
            self._client.write(answers.answer(wrong.status, wrong.why, persistent=False))
        self._measured(failed=not unanswered)
        self._finish(persistent=False)

    def client_ended(self) -> bool:
        """The client has sent its last byte; True if there is still something to answer."""
        if not self._complete():
            return False
        self._ended = True
        self._persistent = False
        if self.stage is _FORWARDING:
            self._end_request()
        return True

    def client_gone(self) -> None:
        """The client has left: nobody waits for the answer."""
        if self.stage is not Stage.OVER:
            self._measured(failed=True)
            self._end()

    def _break_off(self, *, reset: bool) -> None:
        self._measured(failed=True)
        self._end()
        self._client.sever(reset=reset)

    def _measured(self, *, failed: bool) -> None:
        """Count this exchange, once."""
        if self._began:
            self._route.measure(self._began, self._epoch, failed=failed)
            self._began = 0

    def _finish(self, *, persistent: bool) -> None:
        self._end()
        self._client.finished(persistent=persistent)

    def _end(self) -> None:
        self.stage = _OVER
        route = self._route
        route.ended()
        if self._dial:
            self._dial.cancel()
        if self._upstream:
            self._upstream.discard()
            self._upstream = None
