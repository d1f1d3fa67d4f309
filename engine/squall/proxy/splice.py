"""Bytes from one socket to another through a pipe in the kernel (Linux), when they come in bulk.

A lane hands over to a `Splice` while no fault acts on it and much comes at once: that moves twice
as many bytes a second as reading and writing them does. For small messages it gains nothing. The
transports of both ends stay what they are; they must not read, or have anything to write,
meanwhile. Ends, and errors, are left to whoever started it.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from typing import Final

SMALL: Final = 16 * 1024
"""Bytes at once below which splicing is not worth its while."""

_PIPE: Final = 1024 * 1024
"""Bytes a pipe should hold; the kernel may give less."""
_ROUNDS: Final = 4
"""Fillings of the pipe before others get their turn."""
_NOT_HERE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


class Splice:
    """One direction of a connection, from `start` until `stop`.

    `moved` is told how many bytes went on. `over` is called once: with the error that broke one of
    the sides, or with None when reading is the transport's again, to see the end for itself.
    """

    __slots__ = (
        "_held",
        "_loop",
        "_moved",
        "_over",
        "_pipe",
        "_sink",
        "_size",
        "_source",
        "_stuck",
    )

    possible = hasattr(os, "splice")
    """Whether the system can do it, as far as is known."""

    def __init__(
        self,
        source: asyncio.Transport,
        sink: asyncio.Transport,
        *,
        moved: Callable[[int], None],
        over: Callable[[OSError | None], None],
    ) -> None:
        """Raises `OSError` when the process has no descriptor left for it."""
        self._loop = asyncio.get_running_loop()
        self._moved = moved
        self._over: Callable[[OSError | None], None] | None = over
        self._held = 0
        self._stuck = False
        # The loop does not let others watch a transport's descriptor; a second one it does.
        with contextlib.ExitStack() as undo:
            self._source = _second(source)
            undo.callback(os.close, self._source)
            self._sink = _second(sink)
            undo.callback(os.close, self._sink)
            self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            undo.pop_all()
        self._size = _grown(self._pipe[1])

    def start(self) -> None:
        """Move what comes from now on."""
        self._loop.add_reader(self._source, self._fill)

    def stop(self) -> bytes:
        """Move no more; what had come and not gone on."""
        if self._over is None:
            return b""
        self._over = None
        self._loop.remove_reader(self._source)
        self._loop.remove_writer(self._sink)
        left = b""
        while len(left) < self._held:
            left += os.read(self._pipe[0], self._held - len(left))
        for descriptor in (self._source, self._sink, *self._pipe):
            os.close(descriptor)
        return left

    def _fill(self) -> None:
        for _ in range(_ROUNDS):
            try:
                count = os.splice(self._source, self._pipe[1], self._size, flags=_FLAGS)
            except BlockingIOError:
                return
            except OSError as problem:
                self._end(None if self._cannot(problem) else problem)
                return
            if not count:
                self._end(None)
                return
            self._held = count
            if not self._empty():
                return

    def _empty(self) -> bool:
        """Whether everything in the pipe went on, and more may."""
        held = self._held
        try:
            while self._held:
                self._held -= os.splice(self._pipe[0], self._sink, self._held, flags=_FLAGS)
        except BlockingIOError:
            self._wait_for_sink()
        except OSError as problem:
            self._end(problem)
            return False
        self._moved(held - self._held)
        return not self._held and self._over is not None

    def _wait_for_sink(self) -> None:
        if not self._stuck:
            self._stuck = True
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._sink, self._go_on)

    def _go_on(self) -> None:
        if self._empty():
            self._stuck = False
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._fill)

    def _end(self, problem: OSError | None) -> None:
        if self._over is not None:
            self._over(problem)

    @staticmethod
    def _cannot(problem: OSError) -> bool:
        """Whether the kernel does not splice sockets at all: nothing has moved then."""
        if problem.errno in _NOT_HERE:
            Splice.possible = False
        return not Splice.possible


if Splice.possible:
    _FLAGS: Final = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


def _second(transport: asyncio.Transport) -> int:
    return os.dup(transport.get_extra_info("socket").fileno())


def _grown(pipe: int) -> int:
    with contextlib.suppress(OSError):  # a user may have only so many pages in pipes
        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
