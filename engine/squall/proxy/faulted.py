"""One request and its answer while faults are on their target.

The dice are rolled before anything is sent, and for answers once more when one is there. What acts
on bytes does so in a flow each way; without one the bytes pass as they always do. Lifting a lease
ends what it holds back here at once: the route tells the hold and the flows.
"""

import time
from collections.abc import Callable, Iterable
from typing import assert_never

from squall.core.faults.exchange import UNKNOWN, Answer, Break
from squall.core.faults.shaping import Over, Stage
from squall.proxy import answers
from squall.proxy.bodies import UntilClose, body_of
from squall.proxy.flow import Flow
from squall.proxy.heads import AnswerHead, RequestHead
from squall.proxy.hold import Hold
from squall.proxy.route import Client, Route
from squall.proxy.shaped import Shaped
from squall.proxy.transaction import Stage as At
from squall.proxy.transaction import Transaction
from squall.proxy.upstream import UpstreamConnection


class FaultedTransaction(Transaction):
    """One request and its answer, by what the faults decide."""

    __slots__ = (
        "_broken",
        "_decision",
        "_down",
        "_hold",
        "_up",
        "_up_message",
        "_upstream_choked",
    )

    def __init__(self, client: Client, route: Route, head: RequestHead) -> None:
        super().__init__(client, route, head)
        self._decision = route.decide(head, client, self._began)
        self._hold: Hold | None = None
        self._up: Flow | None = None
        self._up_message: Shaped | None = None
        self._down: Flow | None = None
        self._broken: bool | None = None
        """Upstream went before its answer was whole: by an error, or by closing."""
        self._upstream_choked = False

    def begin(self) -> None:
        """Wait and end as was decided, or go on."""
        if not (self._decision.touches or self._decision.wait):
            self._forward()
            return
        self._hold = Hold(
            self._route,
            self._decision,
            self._began,
            then=self._ends_with,
            lifted=self._silence_lifted,
        )
        self._hold.start()

    def _ends_with(self, ending: Answer | Break | None) -> None:
        """The waiting is over."""
        self._hold = None
        match ending:
            case None:
                self._forward()
            case Answer():
                if ending.last:
                    self._persistent = False
                persistent = self._stays_usable()
                whole = answers.injected(ending, self._head, persistent=persistent)
                self._answer_locally(ending.status, whole)
            case Break(kind):
                self._break_off(reset=kind == "reset")
            case _:
                assert_never(ending)

    def _silence_lifted(self) -> None:
        """The client has waited for nothing; it would not know what an answer is for."""
        self._hold = None
        self._break_off(reset=False)

    # -- the request's bytes ----------------------------------------------------------------------

    @property
    def _repeatable(self) -> bool:
        return super()._repeatable and not self._decision.onward

    def _write_request(self, upstream: UpstreamConnection) -> None:
        stages = self._still_on(self._decision.onward)
        if not stages:
            super()._write_request(upstream)
            return
        self._up = self._flow(stages, self._written_up, self._up_over, self._up_eased)
        length = self._head.length
        self._up_message = Shaped(self._up, stages, self._head.raw, body_of(length), length)
        pending, self._pending = self._pending, b""
        if pending:
            self._write_up(pending)

    def _write_up(self, data: bytes) -> None:
        if self._up is None or self._up_message is None:
            super()._write_up(data)
            return
        self._up_message.feed(data)
        self._up_eased()

    def _end_request(self) -> None:
        if self._up is None:  # what it holds back comes first, and then nobody says so any more
            super()._end_request()

    def _written_up(self, data: bytes) -> None:
        super()._write_up(data)

    def _up_over(self, how: Over) -> None:
        self._break_off(reset=how == "reset")

    def _up_eased(self) -> None:
        choked = self._upstream_choked or (self._up is not None and self._up.full)
        if choked is not self.choked:
            self.choked = choked
            self._client.regulate()

    def upstream_choked(self, choked: bool) -> None:  # noqa: FBT001 - as upstream calls it
        """Hold the client back while upstream, or what is on the way there, takes nothing."""
        self._upstream_choked = choked
        self._up_eased()

    # -- the answer's bytes -----------------------------------------------------------------------

    def _pass_on(self, head: AnswerHead, data: bytes, start: int, end: int) -> None:
        stages: tuple[Stage, ...] = ()
        if self._decision.answering:
            body = head.length if head.length >= 0 else UNKNOWN
            stages = self._route.decide_answer(
                self._decision.answering,
                self._decision.exchange,
                body=body,
                last=not self._persistent,
            )
        if not stages:
            super()._pass_on(head, data, start, end)
            return
        if start:
            self._client.write(data[:start])
        self._down = self._flow(stages, self._client.write, self._down_over, self._down_eased)
        framing = body_of(head.length)
        self._answer = framing
        message = Shaped(self._down, stages, data[start:end], framing, head.length)
        if self.stage is not At.OVER:
            self._answer = message
            self._answer_goes_on(data, end)

    def _answer_goes_on(self, data: bytes, start: int) -> None:
        answer, down = self._answer, self._down
        if down is None or answer is None:
            super()._answer_goes_on(data, start)
            return
        start += answer.feed(data[start:])
        if self.stage is At.OVER:
            return
        if answer.done:
            if start < len(data) and self._upstream:
                # It said more than its answer, and the rest answers nothing.
                self._upstream.discard()
                self._upstream = None
            if self._complete():
                self._release()
            down.end()
        elif down.full and self._upstream:
            self._upstream.transport.pause_reading()

    def _down_over(self, how: Over) -> None:
        if how != "ended":
            self._break_off(reset=how == "reset")
        elif self._broken is not None:
            self._break_off(reset=self._broken)
        else:
            self._answered()

    def _down_eased(self) -> None:
        if not self._client.choked:
            super().client_choked(False)

    def client_choked(self, choked: bool) -> None:  # noqa: FBT001 - as the client calls it
        """Hold upstream back while the client, or what is on the way to it, takes nothing."""
        if choked or self._down is None or not self._down.full:
            super().client_choked(choked)

    def upstream_lost(self, error: Exception | None) -> None:
        """What is still on its way to the client goes on before it hears of it."""
        answer, down = self._answer, self._down
        if down is None or answer is None:
            super().upstream_lost(error)
            return
        self._upstream = None
        self._persistent = False
        if not down.open:  # the answer has gone on, and upstream does not want the rest
            self._finish(persistent=False)
            return
        if not answer.done:
            until_close = isinstance(answer, Shaped) and answer.ends_with(UntilClose)
            if error is not None or not until_close:
                self._broken = error is not None
        down.end()

    # -- the end ----------------------------------------------------------------------------------

    def client_ended(self) -> bool:
        """The client has sent its last byte; True if there is still something to answer."""
        return super().client_ended() and not (self._hold and self._hold.silent)

    def _measured(self, *, failed: bool) -> None:
        if self._began:
            self._route.measure(self._began, self._epoch, failed=failed)
            self._began = 0
            now = time.monotonic_ns()
            for settle in self._decision.after:
                settle(now, failed)

    def _answer_locally(self, status: int, whole: bytes) -> None:
        self._close(self._up)
        super()._answer_locally(status, whole)

    def _release(self) -> None:
        if self._down is not None and self._down.open:
            # Both have been received; what the client has not got yet goes on without upstream.
            super().client_choked(False)
            self._release_upstream()
        else:
            super()._release()

    def _release_upstream(self) -> None:
        if self._up is not None and not self._up.empty and self._upstream is not None:
            # It answered before it had the whole request: the rest would be taken for the next.
            self._upstream.discard()
            self._upstream = None
        super()._release_upstream()

    def _end(self) -> None:
        if self._hold:
            self._hold.cancel()
        self._close(self._up)
        self._close(self._down)
        super()._end()

    def _close(self, flow: Flow | None) -> None:
        if flow is not None:
            flow.close()
            self._route.waiting.discard(flow)

    def _flow(
        self,
        stages: tuple[Stage, ...],
        write: Callable[[bytes], None],
        over: Callable[[Over], None],
        eased: Callable[[], None],
    ) -> Flow:
        flow = Flow(stages, self._route.timers, write=write, over=over, eased=eased)
        self._route.waiting.add(flow)
        return flow

    def _still_on(self, stages: Iterable[Stage]) -> tuple[Stage, ...]:
        """Those whose lease was not lifted while the request waited."""
        names = self._route.leases.names
        return tuple(stage for stage in stages if stage.lease in names)
