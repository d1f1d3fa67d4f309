"""Answers the edge gives itself: injected faults, refused requests, an upstream that is not there.

Short texts that say who speaks, so that nobody looks for them in the service behind the edge.
"""

from http import HTTPStatus

from squall.proxy.heads import RequestHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(status: int, text: str, *, persistent: bool, bodyless: bool = False) -> bytes:
    """A whole answer in plain text; `bodyless` for HEAD, whose length is said but not sent."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Injected"
    # HTTP/1.0 clients need to hear that the connection stays, 1.1 clients that it does not.
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        f"Connection: {'keep-alive' if persistent else 'close'}",
    ]
    body = f"squall: {text}\n".encode()
    if status < 200 or status in {204, 304}:
        body = b""
    else:
        lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}"]
    if status == 405:
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    return head if bodyless else head + body


def injected(status: int, fault: str, head: RequestHead, *, persistent: bool) -> bytes:
    """The answer that a fault gives in place of the upstream."""
    text = f"fault injected: {fault}, status {status}"
    return answer(status, text, persistent=persistent, bodyless=head.method == "HEAD")
