"""The edge in a child process: what the engine holds of it.

Satisfies the services' `Edge` port. `start` may be called before anything is known of the targets,
so that the child is up when they are. Nothing here runs by itself: orders are written as they are
sent, and reports are read by whoever iterates over them. A child that dies is told of as
`EdgeLost`, with the reason. Whatever became of `start` and `open`, `close` is owed.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Final

from squall.core.diagnostics import Refused
from squall.core.faults.effects import EdgeLost, Effect, Report
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.control import Broken, Close, NotOpened, Open, Opened, Word, frame, words

OPEN_WITHIN: Final = 20.0
"""Seconds for the child to start and listen; looking up a host's name may take most of them."""

EXIT_WITHIN: Final = 5.0
"""Seconds for the child to end once its drain is over, before it is killed."""

_STATUS_WITHIN: Final = 1.0
"""Seconds for a child that closed its channel to have an exit status."""

_CHUNK: Final = 256 * 1024
_STDERR_KEPT: Final = 8 * 1024


@dataclass(slots=True)
class _Child:
    """A running edge process and the engine's end of its channel."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    stderr: IO[bytes]


class RemoteEdge:
    """An edge in a process of its own. `python` is what runs it.

    `lock` is a file descriptor the child inherits, and closes when it has lost its engine and taken
    its faults off: whoever asks for a lock on that file then knows that they are.
    """

    def __init__(self, *, python: str = sys.executable, lock: int | None = None) -> None:
        self._python = python
        self._lock = lock
        self._child: _Child | None = None
        self._frames = words()
        self._waiting: list[Word] = []
        self._closing = False
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the child; `open` does so too. Raises `Refused` (SQ414)."""
        async with self._starting:
            if not (self._child or self._closing):
                self._child = await self._spawn()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._child.process.pid if self._child else None

    async def open(self, targets: Sequence[Target]) -> Mapping[str, Address]:
        """Listen for every target, or for none: raises `Refused` (SQ410 to SQ414)."""
        await self.start()
        self._write(Open(targets=tuple(targets)))
        try:
            async with asyncio.timeout(OPEN_WITHIN):
                answer = await self._answer()
        except TimeoutError:
            await self._end(0)
            raise _no_start(f"it gave no answer for {OPEN_WITHIN:g} s") from None
        match answer:
            case Opened():
                return answer.addresses
            case NotOpened():
                raise Refused(answer.code, answer.message, answer.hint)
            case EdgeLost():
                await self._end(0)
                raise _no_start(answer.reason)

    def send(self, effect: Effect) -> None:
        """Hand an effect over; dropped when the edge is gone."""
        self._write(effect)

    async def reports(self) -> AsyncIterator[Report]:
        """Everything the edge has to say; ends with `EdgeLost` unless it was closed."""
        while True:
            word = await self._read()
            if word is None:
                return
            if isinstance(word, Opened | NotOpened):
                continue
            yield word
            if isinstance(word, EdgeLost):
                return

    async def close(self, *, drain: Duration) -> None:
        """Lift everything, finish requests in flight for at most `drain`, end the child."""
        async with self._starting:
            self._write(Close(drain=drain))
            self._closing = True
        await self._end(drain / SECOND + EXIT_WITHIN)

    async def _spawn(self) -> _Child:
        ours, theirs = socket.socketpair()
        handed = (theirs.fileno(),) if self._lock is None else (theirs.fileno(), self._lock)
        stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        with theirs:
            try:
                process = await asyncio.create_subprocess_exec(
                    # -P: what lies in the working directory is not to be imported.
                    *(self._python, "-P", "-m", "squall.proxy.process", *map(str, handed)),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    pass_fds=handed,
                    start_new_session=True,
                )
            except OSError as problem:
                ours.close()
                stderr.close()
                raise _no_start(f"{self._python}: {problem.strerror}") from problem
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        return _Child(process, reader, writer, stderr)

    def _write(self, order: Open | Close | Effect) -> None:
        if self._child and not self._closing and not self._child.writer.is_closing():
            self._child.writer.write(frame(order))

    async def _answer(self) -> Opened | NotOpened | EdgeLost:
        """The answer to `Open`, passing over what an edge that is open already has to say."""
        passed: list[Word] = []
        while True:
            word = await self._read() or EdgeLost(reason="the edge was closed")
            if isinstance(word, Opened | NotOpened | EdgeLost):
                self._waiting[:0] = passed
                return word
            passed.append(word)

    async def _read(self) -> Word | None:
        """The next thing the edge says, `EdgeLost` if it is dead, None if it was closed."""
        while not self._waiting:
            child = self._child
            if child is None:
                return None
            data = b""
            with contextlib.suppress(ConnectionError):
                data = await child.reader.read(_CHUNK)
            if not data:
                return None if self._closing else EdgeLost(reason=await _why_lost(child))
            try:
                self._waiting = self._frames.feed(data)
            except Broken as problem:
                # It lifts its faults and ends by itself when the channel closes.
                child.writer.close()
                return EdgeLost(reason=f"the edge process cannot be understood: {problem}")
        return self._waiting.pop(0)

    async def _end(self, patience: float) -> None:
        """Wait for the child to end, then make it; leaves no process and nothing open."""
        child, self._closing = self._child, True
        if child is None:
            return
        for make, seconds in ((None, patience), (signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            if make:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(make)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(child.process.wait(), seconds)
                break
        child.writer.close()
        with contextlib.suppress(ConnectionError):
            await child.writer.wait_closed()
        child.stderr.close()
        self._child = None


def _no_start(why: str) -> Refused:
    return Refused(
        "SQ414",
        f"the edge process did not start: {why}",
        "check that squall is installed completely for this Python",
    )


async def _why_lost(child: _Child) -> str:
    """What became of a child whose channel has closed, in a sentence."""
    try:
        status = await asyncio.wait_for(child.process.wait(), _STATUS_WITHIN)
    except TimeoutError:
        return "the edge process closed its control channel"
    if status < 0:
        return f"the edge process was killed ({_signal_name(-status)})"
    said = _last_line(child.stderr)
    return f"the edge process ended by itself with exit code {status}" + (
        f": {said}" if said else ""
    )


def _signal_name(number: int) -> str:
    known = {each.value: each.name for each in signal.Signals}
    return known.get(number, f"signal {number}")


def _last_line(stderr: IO[bytes]) -> str:
    length = os.fstat(stderr.fileno()).st_size
    text = os.pread(stderr.fileno(), _STDERR_KEPT, max(0, length - _STDERR_KEPT))
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
