"""A message of HTTP on its way through a flow: its head as it is, its body as faults leave it.

Tells the flow where in the bytes the payload is, so that faults change what a message says and
never how it is framed. Only a message that a fault cuts short, but leaves whole, is framed anew.
Feeds like any `squall.proxy.bodies.Body`.
"""

import re
from collections.abc import Iterable
from typing import Final

from squall.core.faults.shaping import Spans, Stage
from squall.core.faults.stages import Truncate
from squall.proxy.bodies import Body, Chunked
from squall.proxy.flow import Flow

_LENGTH: Final = re.compile(rb"(\r\ncontent-length:[\t ]*)[0-9]+", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"


class Shaped:
    """One message. `stages` are those of the flow, `length` is the body's, negative if unknown."""

    __slots__ = ("_body", "_cut_short", "_flow")

    def __init__(
        self, flow: Flow, stages: Iterable[Stage], head: bytes, body: Body, length: int
    ) -> None:
        self._flow = flow
        self._body = body
        self._cut_short = next((stage for stage in stages if isinstance(stage, Truncate)), None)
        if isinstance(body, Chunked):
            body.spans = []
        if self._cut_short and length > 0:
            head = _LENGTH.sub(rb"\g<1>%d" % (self._cut_short.left or 0), head)
        flow.push(head, ())

    @property
    def done(self) -> bool:
        """The last byte has come, though it may not have gone on."""
        return self._body.done

    def ends_with(self, framing: type[Body]) -> bool:
        """Whether its body is framed so."""
        return isinstance(self._body, framing)

    def feed(self, data: bytes) -> int:
        """Take the next bytes, say how many belong to the body; raises `Malformed`."""
        if self._body.done:
            return 0
        taken = self._body.feed(data)
        passed = data if taken == len(data) else data[:taken]
        if isinstance(self._body, Chunked):
            spans, self._body.spans = tuple(self._body.spans or ()), []
        else:
            spans = ((0, taken),)
        if self._cut_short:
            self._feed_less(self._cut_short, passed, spans)
        else:
            self._flow.push(passed, spans)
        return taken

    def _feed_less(self, fault: Truncate, data: bytes, spans: Spans) -> None:
        chunked = isinstance(self._body, Chunked)
        for start, end in spans:
            kept = data[start : start + fault.kept(end - start)]
            if not kept:
                continue
            if chunked:
                opening = b"%x\r\n" % len(kept)
                at = (len(opening), len(opening) + len(kept))
                self._flow.push(opening + kept + b"\r\n", (at,))
            else:
                self._flow.push(kept)
        if chunked and self._body.done:
            self._flow.push(_LAST_CHUNK, ())
