"""Heads of HTTP/1.1 messages, read strictly (RFC 9110, RFC 9112).

A proxy that is lenient where its upstream is lenient in another way lets requests be smuggled, so
everything with two meanings is refused: conflicting or repeated lengths, a length beside a
transfer coding, folded lines, bare line feeds, space before a colon, a Host that is none. Heads are
only read here, never written: the edge forwards the very bytes.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST_HEAD: Final = 64 * 1024
LONGEST_TARGET: Final = 16 * 1024
MOST_FIELDS: Final = 100
_SHORT: Final = 2 * 1024
LONGEST_ANSWER_HEAD: Final = 256 * 1024
"""What an upstream may send: it is trusted more than a client, but not with all of the memory."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_FIELDS: Final = re.compile(rb"\r\n(?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+\r\n")
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb"++) ([!-~\x80-\xff]++) HTTP/1\.([01])")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?")
_TELLING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection|expect|upgrade|host)"
    rb":[\t ]*+([^\r\n]*)"
)
_CODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"})
_BARE_LINE_FEED: Final = re.compile(rb"(?<!\r)\n")
_LONE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_AUTHORITY: Final = re.compile(
    r"https?://(?:[^/?#@]*@)?([^/?#@]*)([/?#].*)?", re.IGNORECASE | re.DOTALL
)
_HOST: Final = re.compile(
    r"(?:\[[0-9a-z:.%_~-]+\]|(?:[0-9a-z._~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::[0-9]*)?"
)
"""A host, which may be empty, with a port, in lower case (RFC 3986, 3.2.2)."""
_TLS: Final = b"\x16\x03"
_BEGINNING: Final = re.compile(_TOKEN + rb"|\r\Z")

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2
"""Lengths of bodies that their head does not say in bytes."""


class Malformed(Exception):  # noqa: N818 - it says what the message is
    """A message that cannot be understood in exactly one way; `status` is what to answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


class Framing(NamedTuple):
    """What the fields of a head say of its message and its connection.

    `length` is in bytes, `CHUNKED`, or `UNTIL_CLOSE` when the fields do not say. `wrong` says what
    no request may have and an answer may.
    """

    length: int
    coded: bool
    persistent: bool
    expects: bool
    upgrade: bool
    host: str
    wrong: str


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
        rest = absolute[2] or ""
        return rest if rest.startswith("/") else "/" + rest

    def fields(self) -> list[tuple[str, str]]:
        """All header fields in order, names in lower case."""
        lines = self.raw.decode("latin-1").split("\r\n")[1:-2]
        pairs = (line.partition(":") for line in lines)
        return [(name.lower(), value.strip(" \t")) for name, _, value in pairs]


class AnswerHead(NamedTuple):
    """What the edge needs to know of an answer. `length`: bytes, `CHUNKED` or `UNTIL_CLOSE`."""

    status: int
    length: int
    persistent: bool


def read_request(raw: bytes) -> RequestHead:
    """Read a request head that ends with its empty line; raises `Malformed`."""
    end = raw.find(b"\r\n")
    found = _REQUEST_LINE.fullmatch(raw, 0, end)
    if not found:
        raise _why_not_request_line(raw)
    method, target, minor = found.groups()
    if len(target) > LONGEST_TARGET:
        raise Malformed("the target is too long", 414)
    head = RequestHead()
    head.raw = raw
    head.method = method.decode("ascii")
    head.target = target.decode("latin-1")
    framing = framing_of(raw[end:], latest=minor == b"1")
    head.length, coded, head.persistent, head.expects, head.upgrade, head.host, wrong = framing
    if wrong:
        raise Malformed(wrong)
    if head.length == UNTIL_CLOSE:
        if coded:
            raise Malformed("Transfer-Encoding does not end with chunked")
        head.length = 0
    if not target.startswith(b"/") or head.method == "CONNECT":
        _check_target(head)
    return head


def read_answer(raw: bytes, method: str) -> AnswerHead:
    """Read the head of the answer to a `method` request; raises `Malformed`."""
    end = raw.find(b"\r\n")
    found = _STATUS_LINE.fullmatch(raw, 0, end)
    if not found:
        raise Malformed("it does not begin with HTTP/1.1 and a status")
    minor, code = found.groups()
    status = int(code)
    length, _, persistent, *_ = framing_of(raw[end:], latest=minor == b"1")
    if status < 200 or status in {204, 304} or method == "HEAD":
        length = 0
    elif length == UNTIL_CLOSE:
        persistent = False
    return AnswerHead(status, length, persistent)


def framing_of(fields: bytes, *, latest: bool) -> Framing:
    """Read the fields of a head, from the end of its first line to its empty line.

    Peers repeat themselves: the next head mostly has the same fields as one before it, so what
    short ones mean is remembered.
    """
    if len(fields) <= _SHORT:
        return _framing_of_short(fields, latest)
    return _framing_of(fields, latest)


def early_problem(partial: bytes, seen: int = 0) -> Malformed | None:
    """What is already wrong with a request whose head has no end yet.

    `seen` bytes of it were asked about before: a head that trickles in is not read again and again.
    """
    if not _BEGINNING.match(partial):
        return _why_not_request_line(partial)
    if _BARE_LINE_FEED.search(partial, seen):
        return Malformed("a line ends without a carriage return")
    end = partial.find(b"\r\n")
    if (end if end >= 0 else len(partial)) > LONGEST_TARGET + 256:
        return Malformed("the request line is too long", 414)
    if end >= 0 and end + 2 > seen and not _REQUEST_LINE.fullmatch(partial, 0, end):
        return _why_not_request_line(partial)
    if len(partial) > LONGEST_HEAD:
        return Malformed("the head is too long", 431)
    return None


def early_answer_problem(partial: bytes, seen: int = 0) -> Malformed | None:
    """What is already wrong with an answer whose head has no end yet; `seen` as above."""
    end = partial.find(b"\r\n")
    if _BARE_LINE_FEED.search(partial, seen):
        return Malformed("a line ends without a carriage return")
    if end >= 0 and end + 2 > seen and not _STATUS_LINE.fullmatch(partial, 0, end):
        return Malformed("it does not begin with HTTP/1.1 and a status")
    if len(partial) > LONGEST_ANSWER_HEAD:
        return Malformed("the answer's head is too long")
    return None


def _framing_of(fields: bytes, latest: bool) -> Framing:  # noqa: FBT001 - a key of the cache
    if not _FIELDS.fullmatch(fields):
        raise _why_not_fields(fields)
    if fields.count(b"\r\n") > MOST_FIELDS + 2:
        raise Malformed(f"there are more than {MOST_FIELDS} header fields", 431)
    told = _told(fields)
    host = told.get(b"host", b"").decode("latin-1")
    wrong = ""
    if latest and b"host" not in told:
        wrong = "there is no Host field"
    elif not _HOST.fullmatch(host):
        wrong = "the Host field is not one host"
    options = _listed(told.get(b"connection", b""))
    return Framing(
        length=_length(told, latest=latest),
        coded=b"transfer-encoding" in told,
        # RFC 9112, 9.3: close wins, 1.1 persists, 1.0 only when asked to.
        persistent=b"close" not in options and (latest or b"keep-alive" in options),
        expects=latest and b"100-continue" in _listed(told.get(b"expect", b"")),
        upgrade=latest and b"upgrade" in told and b"upgrade" in options,
        host=host,
        wrong=wrong,
    )


_framing_of_short: Final = lru_cache(maxsize=1024)(_framing_of)


def _told(fields: bytes) -> dict[bytes, bytes]:
    """The fields that say where a message ends and whether its connection lives on.

    The two that say how long it is may not come twice: they would have two meanings.
    """
    told: dict[bytes, bytes] = {}
    for name, value in _TELLING.findall(fields.lower()):
        if name not in told:
            told[name] = value.rstrip(b"\t ")
        elif name not in {b"content-length", b"transfer-encoding"}:
            told[name] += b", " + value
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
    *first, last = _listed(coding)
    if last != b"chunked" and last not in _CODINGS:
        raise Malformed("Transfer-Encoding is not understood")
    if not _CODINGS.issuperset(first):
        # RFC 9112, 6.1: where it ends is clear, what it is is not.
        unclear = not {b"", b"chunked"}.isdisjoint(first)
        raise Malformed("Transfer-Encoding is not understood", 400 if unclear else 501)
    return CHUNKED if last == b"chunked" else UNTIL_CLOSE


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
    head.host = absolute[1].lower()
    if not _HOST.fullmatch(head.host) or head.host.startswith(":") or not head.host:
        raise Malformed("the request target's host is none")


def _why_not_request_line(raw: bytes) -> Malformed:
    """Say what is wrong with a request that did not match; only for people, it may take time."""
    line = raw.partition(b"\r\n")[0]
    if raw.startswith(_TLS):
        return Malformed("this is TLS, and the edge speaks plain HTTP here: use http://")
    if _LONE.search(raw):
        return Malformed("a line ends without a carriage return and a line feed")
    if len(line) > LONGEST_TARGET + 256:
        return Malformed("the request line is too long", 414)
    version = re.fullmatch(rb"[!-~]+ [!-~\x80-\xff]+ HTTP/([0-9]+(?:\.[0-9]+)?)", line)
    if version and version[1] not in {b"1.0", b"1.1"}:
        return Malformed("this is an HTTP/1.1 proxy", 505)
    return Malformed("the request line is not METHOD TARGET HTTP/1.1")


def _why_not_fields(fields: bytes) -> Malformed:
    if _LONE.search(fields):
        return Malformed("a line ends without a carriage return and a line feed")
    if re.search(rb"\n[\t ]", fields):
        return Malformed("a header field is folded over two lines")
    if re.search(rb"\n[^:\r\n]*[\t ]:", fields):
        return Malformed("there is space before the colon of a header field")
    return Malformed("a header field is not NAME: VALUE")
