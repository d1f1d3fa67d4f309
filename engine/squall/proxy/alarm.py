"""One alarm of an event loop, as exact as the system allows.

uvloop counts whole milliseconds and wakes up to one of them too soon
(https://github.com/MagicStack/uvloop/issues/739). Linux has alarms that are files, which wake any
loop to the microsecond (timerfd_create(2)); elsewhere the loop's own have to do. `timers` sets it.
"""

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

_SHORTEST: Final = 0.001
"""Seconds: what an early wake waits for, rather than spinning through the last millisecond."""

_MONOTONIC: Final = 1
_NONBLOCKING: Final = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSOLUTE: Final = 1


class Alarm(Protocol):
    """Calls back about when it is set to, a little early perhaps."""

    def set(self, due: int) -> None:
        """Ring at `due`, in nanoseconds of `time.monotonic_ns`, and no longer as it was set."""
        ...

    def close(self) -> None:
        """Ring no more."""
        ...


def alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """The most exact alarm there is here."""
    if sys.platform == "linux":
        try:
            return FileAlarm(loop, ring)
        except (OSError, AttributeError):  # out of files, or a C library without it
            pass
    return LoopAlarm(loop, ring)


class LoopAlarm:
    """The loop's own timer."""

    __slots__ = ("_armed", "_loop", "_ring")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._armed: asyncio.TimerHandle | None = None

    def set(self, due: int) -> None:
        """See `Alarm`."""
        self.close()
        left = (due - time.monotonic_ns()) / 1e9
        self._armed = self._loop.call_later(max(left, _SHORTEST), self._ring)

    def close(self) -> None:
        """See `Alarm`."""
        if self._armed:
            self._armed.cancel()
            self._armed = None


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Time), ("value", _Time))


class FileAlarm:
    """A timerfd that the loop reads from. Raises `OSError` when there is none to be had."""

    __slots__ = ("_file", "_library", "_loop", "_ring", "_setting")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._file = self._library.timerfd_create(_MONOTONIC, _NONBLOCKING)
        if self._file < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self._setting = _Setting()
        self._loop = loop
        self._ring = ring
        loop.add_reader(self._file, self._wake)

    def set(self, due: int) -> None:
        """See `Alarm`."""
        value = self._setting.value
        value.seconds, value.nanoseconds = divmod(max(due, 1), 1_000_000_000)
        setting = ctypes.byref(self._setting)
        self._library.timerfd_settime(self._file, _ABSOLUTE, setting, None)

    def close(self) -> None:
        """See `Alarm`."""
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = -1

    def _wake(self) -> None:
        try:
            os.read(self._file, 8)
        except BlockingIOError:  # it was set anew meanwhile
            return
        self._ring()
