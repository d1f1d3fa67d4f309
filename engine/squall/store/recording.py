"""Recordings on disk: squall's own container, ``.sqr``.

A file is frames one after the other: the head, events in batches, the tail. Each frame stands for
itself, compressed, with its length and a checksum, so a file that was cut off or damaged loses that
frame and nothing else; each says when its first event happened, so that a reader can jump to a time
without unpacking what is before. The recorder writes through `RecordingWriter`, the command line
reads through `RecordingFile`; what events mean is `squall.core.recording`'s.

Frame: ``SQR`` and the format's version · kind · length · length unpacked · first event, nanoseconds
since the epoch · CRC-32 of those fields and the payload (little-endian), then the payload: lines of
JSON under Zstandard.
"""

import errno
import os
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from squall.core.recording.model import Event, Head, Tail, decode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MAGIC: Final = b"SQR1"
_FIELDS: Final = struct.Struct("<4sBIIq")
_CHECK: Final = struct.Struct("<I")
_HEADER: Final = _FIELDS.size + _CHECK.size
_HEAD, _EVENTS, _TAIL = 1, 2, 3
_LEVEL: Final = 3
_LARGEST: Final = 16 * 1024 * 1024
"""No frame is longer: a length beyond it is damage, not something to make room for."""
_CHUNK: Final = 64 * 1024


class Unreadable(ValueError):  # noqa: N818 - it says what the file is
    """This is no recording, or one whose beginning is lost; the text says which and where."""


class RecordingWriter:
    """Writes one recording. Every call either writes a whole frame or leaves the file as it was."""

    def __init__(self, path: Path, head: Head) -> None:
        """Make the file, replacing a recording of the same name; raises OSError.

        A file of another kind is left alone: whoever named it made a slip.
        """
        if path.is_fifo():
            raise OSError(errno.EINVAL, "it is a pipe, which would hold everything up", str(path))
        if path.is_file() and _begins(path) not in {b"", _MAGIC[:3]}:
            raise FileExistsError(errno.EEXIST, "it exists and is no recording", str(path))
        self.path = path
        self._file = path.open("wb", buffering=0)
        self._end = 0
        try:
            self._write(_HEAD, head.started, msgspec.json.encode(head))
        except OSError:
            self._file.close()
            raise

    def append(self, lines: Iterable[bytes], first: int) -> None:
        """Write encoded events, the first of which happened at `first`; raises OSError."""
        self._write(_EVENTS, first, b"\n".join(lines))

    def close(self, tail: Tail) -> None:
        """Write how it ended and make sure the disk has it; raises OSError, closed all the same."""
        try:
            self._write(_TAIL, tail.ended, msgspec.json.encode(tail))
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _write(self, kind: int, first: int, payload: bytes) -> None:
        packed = zstd.compress(payload, _LEVEL)
        fields = _FIELDS.pack(_MAGIC, kind, len(packed), len(payload), first)
        frame = fields + _CHECK.pack(zlib.crc32(packed, zlib.crc32(fields))) + packed
        try:
            _write_all(self._file, frame)
        except OSError:
            # What follows must not stand behind half a frame; a device may not be cut, though.
            with suppress(OSError):
                self._file.truncate(self._end)
                self._file.seek(self._end)
            raise
        self._end += len(frame)


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(3)


def _write_all(file: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class _Frame(NamedTuple):
    kind: int
    first: int
    payload: bytes


class RecordingFile:
    """Reads one recording, a frame at a time.

    `tail` and `damaged` (how many stretches of the file were unreadable) are complete when
    `events` has come to its end.
    """

    def __init__(self, path: Path) -> None:
        """Open it and read the head; raises OSError, or `Unreadable` when it is no recording."""
        self.path = path
        self.tail: Tail | None = None
        self.damaged = 0
        with path.open("rb") as file:
            self.head = self._read_head(file)

    def events(self) -> Iterator[Event]:
        """Every event that can be read, in the order they were written; may be asked again."""
        self.tail, self.damaged = None, 0
        with self.path.open("rb") as file:
            while (frame := self._next(file)) is not None:
                if frame.kind == _EVENTS:
                    yield from self._decoded(frame.payload)
                elif frame.kind == _TAIL:
                    self.tail = self._read_tail(frame.payload)

    def _read_head(self, file: BinaryIO) -> Head:
        if file.read(len(_MAGIC))[:3] != _MAGIC[:3]:
            raise Unreadable(f"{self.path} is not a recording")
        file.seek(0)
        if file.read(len(_MAGIC)) != _MAGIC:
            raise Unreadable(f"{self.path} was written by a newer squall")
        file.seek(0)
        frame = _read_frame(file)
        if frame is None or frame.kind != _HEAD:
            raise Unreadable(f"{self.path} is a recording whose beginning is damaged")
        try:
            return msgspec.json.decode(frame.payload, type=Head)
        except msgspec.DecodeError as error:
            raise Unreadable(f"{self.path} has a beginning that makes no sense: {error}") from None

    def _read_tail(self, payload: bytes) -> Tail | None:
        try:
            return msgspec.json.decode(payload, type=Tail)
        except msgspec.DecodeError:
            self.damaged += 1
            return None

    def _next(self, file: BinaryIO) -> _Frame | None:
        """The next whole frame, past whatever is damaged; None at the end of the file."""
        start = file.tell()
        frame = _read_frame(file)
        if frame is not None:
            return frame
        if file.seek(0, os.SEEK_END) == start:
            return None
        self.damaged += 1
        for place in _marks(file, start + 1):
            file.seek(place)
            frame = _read_frame(file)
            if frame is not None:
                return frame
        file.seek(0, os.SEEK_END)
        return None

    def _decoded(self, payload: bytes) -> Iterator[Event]:
        for line in payload.split(b"\n"):
            try:
                event = decode(line)
            except msgspec.DecodeError:
                self.damaged += 1
            else:
                yield event


def _read_frame(file: BinaryIO) -> _Frame | None:
    """The frame that begins here, or None when none does or it is not whole."""
    header = file.read(_HEADER)
    if len(header) < _HEADER:
        return None
    magic, kind, length, unpacked, first = _FIELDS.unpack_from(header)
    if magic != _MAGIC or length > _LARGEST or unpacked > _LARGEST:
        return None
    packed = file.read(length)
    (check,) = _CHECK.unpack_from(header, _FIELDS.size)
    if len(packed) < length or zlib.crc32(packed, zlib.crc32(header[: _FIELDS.size])) != check:
        return None
    payload = _unpacked(packed, unpacked)
    return None if payload is None else _Frame(kind, first, payload)


def _unpacked(packed: bytes, length: int) -> bytes | None:
    """What was packed, if it is as long as it should be; never more than that in memory."""
    try:
        payload = zstd.ZstdDecompressor().decompress(packed, length + 1)
    except zstd.ZstdError:
        return None
    return payload if len(payload) == length else None


def _marks(file: BinaryIO, start: int) -> Iterator[int]:
    """Where a frame might begin, from `start` on, looked for a piece at a time."""
    place = start
    while True:
        file.seek(place)
        piece = file.read(_CHUNK)
        at = piece.find(_MAGIC)
        while at >= 0:
            yield place + at
            at = piece.find(_MAGIC, at + 1)
        if len(piece) < _CHUNK:
            return
        # The mark itself may lie across two pieces.
        place += len(piece) - len(_MAGIC) + 1
