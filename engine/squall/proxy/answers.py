"""Answers the edge gives itself: injected faults, refused requests, an upstream that is not there.

Short texts that say who speaks, so that nobody looks for them in the service behind the edge.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from squall.core.faults.exchange import Answer
from squall.proxy.heads import RequestHead

_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})
"""What the answer itself must be right about."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(
    status: int,
    text: str,
    *,
    persistent: bool,
    bodyless: bool = False,
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """A whole answer in plain text, from squall; `bodyless` for HEAD: its length is only said."""
    return _whole(status, f"squall: {text}\n", persistent, bodyless, headers)


def injected(ending: Answer, head: RequestHead, *, persistent: bool) -> bytes:
    """The answer that a fault gives in place of the upstream."""
    text = ending.body
    if text is None:
        text = f"squall: fault injected: {ending.reason}, status {ending.status}\n"
    return _whole(ending.status, text, persistent, head.method == "HEAD", ending.headers)


def _whole(
    status: int,
    text: str,
    persistent: bool,  # noqa: FBT001
    bodyless: bool,  # noqa: FBT001
    headers: Iterable[tuple[str, str]],
) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Injected"
    own = [(name, value) for name, value in headers if name not in _FRAMING]
    # HTTP/1.0 clients need to hear that the connection stays, 1.1 clients that it does not.
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        f"Connection: {'keep-alive' if persistent else 'close'}",
        *(f"{name}: {value}" for name, value in own),
    ]
    body = text.encode()
    if status < 200 or status in {204, 304}:
        body = b""
    else:
        if not any(name == "content-type" for name, _ in own):
            lines.append("Content-Type: text/plain; charset=utf-8")
        lines.append(f"Content-Length: {len(body)}")
    if status == 405:
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
    return head if bodyless else head + body
