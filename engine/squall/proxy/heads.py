"""Heads of HTTP/1.1 messages, read strictly (RFC 9110, RFC 9112).

A proxy that is lenient where its upstream is lenient in another way lets requests be smuggled, so
everything with two meanings is refused: conflicting or repeated lengths, a length beside a
transfer coding, folded lines, bare line feeds, space before a colon. Heads are only read here,
never written: the edge forwards the very bytes.
"""

import re
from typing import Final

LONGEST_HEAD: Final = 64 * 1024
LONGEST_TARGET: Final = 16 * 1024
MOST_FIELDS: Final = 100
LONGEST_ANSWER_HEAD: Final = 256 * 1024
"""What an upstream may send: it is trusted more than a client, but not with all of the memory."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELDS: Final = rb"(?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n"
_REQUEST: Final = re.compile(
    rb"(" + _TOKEN + rb"++) ([!-~\x80-\xff]++) HTTP/1\.([01])\r\n" + _FIELDS
)
_ANSWER: Final = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + _FIELDS
)
_TELLING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection|expect|upgrade|host)"
    rb":[\t ]*+([^\r\n]*)"
)
_CODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_AUTHORITY: Final = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2
"""Lengths of bodies that their head does not say in bytes."""


class Malformed(Exception):  # noqa: N818 - it says what the message is
    """A message that cannot be understood in exactly one way; `status` is what to answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class RequestHead:
    """What the edge needs to know of a request. `length` is in bytes, or `CHUNKED`."""

    __slots__ = ("expects", "host", "length", "method", "persistent", "raw", "target", "upgrade")

    raw: bytes
    method: str
    target: str
    host: str
    length: int
    persistent: bool
    expects: bool
    upgrade: bool

    @property
    def path(self) -> str:
        """The path with its query, also of an absolute target."""
        if self.target.startswith("/"):
            return self.target
        absolute = _AUTHORITY.fullmatch(self.target)
        if not absolute:
            return self.target
        rest = absolute[2]
        return rest if rest.startswith("/") else "/" + rest

    def fields(self) -> list[tuple[str, str]]:
        """All header fields in order, names in lower case."""
        lines = self.raw.decode("latin-1").split("\r\n")[1:-2]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip(" \t")) for name, _, value in pairs]


class AnswerHead:
    """What the edge needs to know of an answer. `length`: bytes, `CHUNKED` or `UNTIL_CLOSE`."""

    __slots__ = ("length", "persistent", "status")

    status: int
    length: int
    persistent: bool


def read_request(raw: bytes) -> RequestHead:
    """Read a request head that ends with its empty line; raises `Malformed`."""
    found = _REQUEST.fullmatch(raw)
    if not found:
        raise _why_not_request(raw)
    method, target, minor = found.groups()
    if len(target) > LONGEST_TARGET:
        raise Malformed("the target is too long", 414)
    if raw.count(b"\r\n") > MOST_FIELDS + 2:
        raise Malformed(f"there are more than {MOST_FIELDS} header fields", 431)
    head = RequestHead()
    head.raw = raw
    head.method = method.decode("ascii")
    head.target = target.decode("latin-1")
    latest = minor == b"1"
    told = _told(raw)
    host = told.get(b"host")
    if host is None and latest:
        raise Malformed("there must be exactly one Host field")
    head.host = host.decode("latin-1") if host else ""
    head.length = _length(told, latest=latest)
    if head.length == UNTIL_CLOSE:
        if b"transfer-encoding" in told:
            raise Malformed("Transfer-Encoding does not end with chunked")
        head.length = 0
    options = told.get(b"connection", b"")
    head.persistent = _persists(options, latest=latest)
    head.expects = latest and told.get(b"expect") == b"100-continue"
    head.upgrade = latest and b"upgrade" in told and b"upgrade" in _listed(options)
    if not target.startswith(b"/") or head.method == "CONNECT":
        _check_target(head)
    return head


def read_answer(raw: bytes, method: str) -> AnswerHead:
    """Read the head of the answer to a `method` request; raises `Malformed`."""
    found = _ANSWER.fullmatch(raw)
    if not found:
        raise Malformed("the answer's head is not HTTP/1.1", 502)
    minor, status = found.groups()
    latest = minor == b"1"
    told = _told(raw)
    head = AnswerHead()
    head.status = int(status)
    head.length = _length(told, latest=latest)
    head.persistent = _persists(told.get(b"connection", b""), latest=latest)
    if head.status < 200 or head.status in {204, 304} or method == "HEAD":
        head.length = 0
    elif head.length == UNTIL_CLOSE:
        head.persistent = False
    return head


def early_problem(partial: bytes | bytearray) -> Malformed | None:
    """What is already wrong with a head whose end has not come."""
    if _BARE_LINE_FEED.search(partial):
        return Malformed("a line ends without a carriage return")
    end = partial.find(b"\r\n")
    if (end if end >= 0 else len(partial)) > LONGEST_TARGET + 256:
        return Malformed("the request line is too long", 414)
    if len(partial) > LONGEST_HEAD:
        return Malformed("the head is too long", 431)
    return None


def _told(raw: bytes) -> dict[bytes, bytes]:
    """The fields that say where a message ends and whether its connection lives on.

    Only Connection and Expect may come more than once: the others would have two meanings.
    """
    told: dict[bytes, bytes] = {}
    for name, value in _TELLING.findall(raw.lower()):
        if name not in told:
            told[name] = value.rstrip()
        elif name in {b"connection", b"upgrade", b"expect"}:
            told[name] += b"," + value
        else:
            raise Malformed(f"there are two {name.decode('ascii').title()} fields")
    return told


def _length(told: dict[bytes, bytes], *, latest: bool) -> int:
    """Where a body ends: bytes, `CHUNKED`, or `UNTIL_CLOSE` when nothing says so."""
    length, coding = told.get(b"content-length"), told.get(b"transfer-encoding")
    if coding is None:
        if length is None:
            return UNTIL_CLOSE
        if not length.isdigit() or len(length) > 18:
            raise Malformed("Content-Length is not a number")
        return int(length)
    if length is not None:
        raise Malformed("there are both Content-Length and Transfer-Encoding")
    if not latest:
        raise Malformed("HTTP/1.0 has no Transfer-Encoding")
    *first, last = (part.strip(b"\t ") for part in coding.split(b","))
    if not _CODINGS.issuperset(first) or (last != b"chunked" and last not in _CODINGS):
        raise Malformed("Transfer-Encoding is not understood")
    return CHUNKED if last == b"chunked" else UNTIL_CLOSE


def _persists(options: bytes, *, latest: bool) -> bool:
    """RFC 9112, 9.3: close wins, 1.1 persists, 1.0 only when asked to."""
    if not options:
        return latest
    listed = _listed(options)
    return b"close" not in listed and (latest or b"keep-alive" in listed)


def _listed(options: bytes) -> list[bytes]:
    return [option.strip(b"\t ") for option in options.split(b",")]


def _check_target(head: RequestHead) -> None:
    target = head.target
    if head.method == "CONNECT":
        raise Malformed("this is a reverse proxy: there is no CONNECT", 405)
    if target.startswith("/") or (target == "*" and head.method == "OPTIONS"):
        return
    absolute = _AUTHORITY.fullmatch(target)
    if not absolute:
        raise Malformed("the request target is neither a path nor a URL")
    # RFC 9112, 3.2.2: the target's authority counts, whatever Host says.
    head.host = absolute[1].rpartition("@")[2].lower()


def _why_not_request(raw: bytes) -> Malformed:
    """Say what is wrong with a head that did not match; only for people, so it may take time."""
    line, _, fields = raw.partition(b"\r\n")
    if _BARE_LINE_FEED.search(raw) or re.search(rb"\r(?!\n)", raw):
        return Malformed("a line ends without a carriage return and a line feed")
    if re.fullmatch(rb"[!-~]+ [!-~\x80-\xff]+ HTTP/[0-9]+(\.[0-9]+)?", line):
        if not re.search(rb" HTTP/1\.[01]$", line):
            return Malformed("this is an HTTP/1.1 proxy", 505)
    else:
        return Malformed("the request line is not METHOD TARGET HTTP/1.1")
    if re.search(rb"(?:^|\n)[\t ]", fields):
        return Malformed("a header field is folded over two lines")
    if re.search(rb"(?:^|\n)[^:\r\n]*[\t ]:", fields):
        return Malformed("there is space before the colon of a header field")
    return Malformed("a header field is not NAME: VALUE")
