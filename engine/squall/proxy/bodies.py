"""Where a body ends, told while its bytes pass by unchanged.

A framing is fed the bytes that arrive and says how many of them belong to the body; the edge
forwards those as they are. Nothing is decoded, joined or kept, except the piece of a chunk's size
line or of a trailer that is still incomplete. Chunks are read strictly (RFC 9112, 7.1).
"""

import re
from typing import Final, Protocol

from squall.proxy.heads import CHUNKED, UNTIL_CLOSE, Malformed

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_QUOTED: Final = rb'"(?:[\t !\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_SIZE: Final = re.compile(
    # 15 digits: no reader's 64 bits overflow, signed or not, when it adds the line end.
    rb"([0-9A-Fa-f]{1,15}+)(?:[\t ]*+;[\t ]*+%b++(?:[\t ]*+=[\t ]*+(?:%b++|%b))?)*+\r\n"
    % (_TOKEN, _TOKEN, _QUOTED)
)
_TRAILER: Final = re.compile(_TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n")
_LONGEST_LINE: Final = 8 * 1024
_LONGEST_TRAILERS: Final = 32 * 1024
_SMALL_CHUNKS: Final = re.compile(
    rb"(?:0{0,14}+(?:%b))++"
    % b"|".join(
        rb"[%x%X](?:;%b{1,64}+(?:=%b{1,64}+)?){0,8}+\r\n(?s:.){%d}\r\n"
        % (size, size, _TOKEN, _TOKEN, size)
        for size in range(1, 16)
    )
)
"""Any number of whole chunks of up to 15 bytes: read one by one they would cost 12 times as much,
so that a flood of them would leave the other clients little of the edge."""


class Body(Protocol):
    """The framing of one body."""

    @property
    def done(self) -> bool:
        """Its last byte has passed."""
        ...

    def feed(self, data: bytes) -> int:
        """Take the next bytes, say how many belong to the body; raises `Malformed`."""
        ...


class Counted:
    """A body of a known length."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> int:
        """Take what is still missing."""
        taken = min(len(data), self._left)
        self._left -= taken
        self.done = self._left == 0
        return taken


class UntilClose:
    """A body that ends with its connection."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> int:
        """Take everything."""
        return len(data)


class Chunked:
    """A body in chunks, with its trailers."""

    __slots__ = ("_left", "_line", "_trailers", "done", "spans")

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] | None = None
        """If a list, where in the bytes fed the payload is; whoever wants to know empties it."""
        self._left = 0
        """Bytes to come of the chunk and the line end after it."""
        self._line = b""
        self._trailers: int | None = None
        """Bytes of trailers seen, once the last chunk has come."""
        self.done = False

    def feed(self, data: bytes) -> int:
        """Take up to the end of the last trailer."""
        position, end = 0, len(data)
        while position < end and not self.done:
            if self._left > 2:
                step = min(self._left - 2, end - position)
                if self.spans is not None:
                    self.spans.append((position, position + step))
                self._left -= step
                position += step
            elif self._left:
                expected = b"\r\n"[2 - self._left : 3 - self._left]
                if data[position : position + 1] != expected:
                    raise Malformed("a chunk is longer than its size says")
                self._left -= 1
                position += 1
            else:
                position = self._read_line(data, self._small_chunks(data, position))
        return position

    def _small_chunks(self, data: bytes, position: int) -> int:
        """Where they end, if some begin here and nobody asks where their payload is."""
        if self._line or self._trailers is not None or self.spans is not None:
            return position
        found = _SMALL_CHUNKS.match(data, position)
        return found.end() if found else position

    def _read_line(self, data: bytes, position: int) -> int:
        found = data.find(b"\n", position)
        stop = found + 1 if found >= 0 else len(data)
        self._line += data[position:stop]
        if len(self._line) > _LONGEST_LINE:
            raise Malformed("a line between chunks is too long")
        if found >= 0:
            line, self._line = self._line, b""
            if self._trailers is None:
                self._size(line)
            else:
                self._trailer(line)
        return stop

    def _size(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if not found:
            raise Malformed("a chunk's size is not a hexadecimal number")
        size = int(found[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailers = (self._trailers or 0) + len(line)
        if not _TRAILER.fullmatch(line) or self._trailers > _LONGEST_TRAILERS:
            raise Malformed("the trailers are not header fields")


def body_of(length: int) -> Body:
    """The framing for a head's `length`."""
    if length == CHUNKED:
        return Chunked()
    if length == UNTIL_CLOSE:
        return UntilClose()
    return Counted(length)
