"""What goes over the channel between an engine and its edge process, and how it is framed.

A frame is four bytes of length, big-endian, and one MessagePack value. The engine sends `Order`s,
the edge `Word`s; `process` and `remote` are the two ends. Bytes may come in any pieces. A peer that
sends anything else is not one that can be talked to: `Broken` says why, and the channel is closed.
"""

import struct
from typing import Final, Generic, TypeVar

import msgspec

from squall.core.faults.effects import Effect, Report
from squall.core.faults.kinds import Value
from squall.core.playbook.model import Address, Target
from squall.core.timing import Duration

LONGEST_FRAME: Final = 16 * 1024 * 1024
"""Bytes: three times the largest playbook that is read."""

_LENGTH: Final = struct.Struct(">I")


class Open(Value, frozen=True, kw_only=True, tag="open"):
    """Listen for all of these targets or for none; answered with `Opened` or `NotOpened`."""

    targets: tuple[Target, ...]


class Close(Value, frozen=True, kw_only=True, tag="close"):
    """Lift everything, finish requests in flight for at most `drain`, and end."""

    drain: Duration


class Opened(Value, frozen=True, kw_only=True, tag="opened"):
    """Every target listens, here."""

    addresses: dict[str, Address]


class NotOpened(Value, frozen=True, kw_only=True, tag="not_opened"):
    """No target listens: the fields of a `squall.core.diagnostics.Refused`."""

    code: str
    message: str
    hint: str


Order = Open | Close | Effect
Word = Opened | NotOpened | Report

_T = TypeVar("_T")
_ENCODER: Final = msgspec.msgpack.Encoder()


class Broken(Exception):  # noqa: N818 - it names what happened to the channel
    """What came over the channel cannot be understood; says why."""


def frame(message: Order | Word) -> bytes:
    """A message as it goes over the channel."""
    body = _ENCODER.encode(message)
    return _LENGTH.pack(len(body)) + body


class Frames(Generic[_T]):
    """Puts messages together again from the pieces they arrive in."""

    def __init__(self, decoder: "msgspec.msgpack.Decoder[_T]") -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[_T]:
        """Every message that is whole now; raises `Broken`."""
        buffer = self._buffer
        buffer += data
        messages: list[_T] = []
        start, size = 0, _LENGTH.size
        while len(buffer) - start >= size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > LONGEST_FRAME:
                raise Broken(
                    f"a frame of {length} bytes was announced; {LONGEST_FRAME} is the most"
                )
            end = start + size + length
            if len(buffer) < end:
                break
            messages.append(self._decode(bytes(buffer[start + size : end])))
            start = end
        del buffer[:start]
        return messages

    def _decode(self, body: bytes) -> _T:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise Broken(f"a frame cannot be read: {problem}") from problem


def orders() -> Frames[Order]:
    """What an edge process reads."""
    return Frames(msgspec.msgpack.Decoder(Order))


def words() -> Frames[Word]:
    """What an engine reads."""
    return Frames(msgspec.msgpack.Decoder(Word))
