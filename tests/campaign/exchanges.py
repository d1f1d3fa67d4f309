"""Random valid exchanges of HTTP/1.1, made from their number: both ends know them byte for byte.

`exchange(seed, number)` is always the same. The number is in the request's target, so that an
upstream that reads only the first line knows what must come, and what to answer.
"""

from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import NamedTuple

LARGEST = 100_000
"""Bytes of the largest bodies."""

METHODS = (
    "GET",
    "GET",
    "GET",
    "HEAD",
    "POST",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PURGE",
)
STATUSES = (200, 200, 200, 201, 204, 304, 400, 404, 418, 500, 503, 799)
NAMES = ("X-A", "accept", "Cookie", "X_under", "COOKIE", "x-" + "long" * 20, "!#$%&'*+.^`|~")
VALUES = (b"", b"1", b"a, b;q=0.5", b"\xe4\xff", b"tab\there", b"x" * 300, b'"quoted: \\""')
INTERIM = (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 \r\nLink: </x>\r\n\r\n")
EXTENSIONS = (b"", b"", b"", b";a", b";a=b", b';a="b;\\"c"', b" ; a")


class Exchange(NamedTuple):
    request: bytes
    answer: bytes
    last: bool
    """The connection ends after it."""


@lru_cache(maxsize=4096)
def exchange(seed: int, number: int) -> Exchange:
    """The exchange of this number."""
    dice = Random(f"{seed} {number}")
    method = dice.choice(METHODS)
    old = dice.random() < 0.05
    last = dice.random() < 0.05
    request = _request(dice, f"/{number}", method, old=old, last=last)
    answer, ends = _answer(dice, method, old=old, last=last)
    return Exchange(request, answer, last or ends)


def number_of(request: bytes) -> int:
    """The number in the first line of a request."""
    return int(request.split(b" ", 2)[1][1:])


def _request(dice: Random, target: str, method: str, *, old: bool, last: bool) -> bytes:
    lines = [f"{method} {target} HTTP/1.{'0' if old else '1'}".encode(), b"Host: shop"]
    lines += _fields(dice)
    lines += _connection(dice, old=old, last=last)
    body = b""
    if method in {"POST", "PUT", "PATCH"} or dice.random() < 0.05:
        framing, body = _body(dice, old=old)
        lines.append(framing)
        if dice.random() < 0.1:
            lines.append(b"Expect: 100-continue")
    return b"\r\n".join([*lines, b"", b""]) + body


def _answer(dice: Random, method: str, *, old: bool, last: bool) -> tuple[bytes, bool]:
    status = dice.choice(STATUSES)
    phrase = dice.choice(("OK", "", "Some phrase"))
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), *_fields(dice)]
    ends = last or (not old and dice.random() < 0.03)
    if ends and dice.random() < 0.9:
        lines.append(b"Connection: close")
    elif ends:
        # Nothing says so but the end itself.
        lines[0] = lines[0].replace(b"1.1", b"1.0", 1)
    elif old:
        lines.append(b"Connection: keep-alive")
    bodyless = method == "HEAD" or status in {204, 304}
    if ends and not bodyless and dice.random() < 0.5:
        body = dice.randbytes(_size(dice))
    else:
        framing, body = _body(dice, old=lines[0].startswith(b"HTTP/1.0"))
        if status != 204:
            lines.append(framing)
    interim = b""
    if not old and dice.random() < 0.1:
        interim = dice.choice(
            (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 \r\nLink: </>\r\n\r\n")
        )
        interim *= dice.randint(1, 3)
    return interim + b"\r\n".join([*lines, b"", b""]) + (b"" if bodyless else body), ends


def _connection(dice: Random, *, old: bool, last: bool) -> list[bytes]:
    if last:
        return [] if old else [b"Connection: x, Close"]
    if old:
        return [b"Connection: Keep-Alive"]
    return [b"Connection: keep-alive, X-A"] if dice.random() < 0.1 else []


def _fields(dice: Random) -> list[bytes]:
    return [
        b"%b:%b%b%b" % (
            dice.choice(NAMES).encode(),
            dice.choice((b" ", b"", b"\t ")),
            dice.choice(VALUES),
            dice.choice((b"", b"", b" ")),
        )
        for _ in range(dice.choice((0, 1, 1, 2, 3, 20)))
    ]  # fmt: skip


def _body(dice: Random, *, old: bool) -> tuple[bytes, bytes]:
    """The field that says how long it is, and the body."""
    content = dice.randbytes(_size(dice))
    if old or dice.random() < 0.5:
        return b"Content-Length: %d" % len(content), content
    pieces = []
    while content:
        part = content[: dice.choice((1, 2, 15, 16, 100, 5_000, 50_000))]
        content = content[len(part) :]
        size = b"%0*x" % (dice.choice((1, 1, 1, 6)), len(part))
        size = size.upper() if dice.random() < 0.5 else size
        pieces.append(b"%b%b\r\n%b\r\n" % (size, dice.choice(EXTENSIONS), part))
        if len(pieces) > 200:
            content = b""
    pieces.append(b"0%b\r\n" % dice.choice(EXTENSIONS))
    if dice.random() < 0.2:
        pieces.append(b"X-Sum: 1\r\nEmpty:\r\n")
    coding = dice.choice((b"chunked", b"chunked", b"Chunked", b"gzip, chunked"))
    return b"Transfer-Encoding: " + coding, b"".join([*pieces, b"\r\n"])


def _size(dice: Random) -> int:
    return dice.choice((0, 1, 10, 100, dice.randint(0, 3_000), dice.randint(0, LARGEST)
                        if dice.random() < 0.05 else 20))  # fmt: skip


def conversation(seed: int, first: int, end: int) -> list[Exchange]:
    """The exchanges of one connection: from `first` on, up to `end` or one that is the last."""
    most = Random(f"{seed} conversation {first}").choice((1, 2, 5, 20, 50))
    talk: list[Exchange] = []
    for number in range(first, min(end, first + most)):
        talk.append(exchange(seed, number))
        if talk[-1].last:
            break
    return talk


def pieces(dice: Random, data: bytes) -> list[bytes]:
    """The same bytes, cut at random places: mostly few, sometimes into single bytes."""
    cuts = min(200, len(data)) if dice.random() < 0.02 else dice.choice((0, 0, 0, 1, 1, 2, 5))
    places = sorted({0, len(data), *(dice.randint(0, len(data)) for _ in range(cuts))})
    return [data[start:stop] for start, stop in pairwise(places)]
