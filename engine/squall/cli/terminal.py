"""The terminal while a run goes on: ours in the foreground, the shell's whenever it wants it.

Used by ``squall run`` around its live view. Keys are single letters; Ctrl-C stays what it is. On
Ctrl-Z, and in the background, the picture is taken away and the terminal is as it was; it comes
back with ``fg``. Whatever happens, the settings found are the settings left.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Final, Protocol, TextIO

ASK_EVERY: Final = 0.25
"""Seconds between looks at whose the terminal is, while it is another's."""

Settings = list[int | list[bytes | int]]
"""What `termios` reads and writes."""


def in_background(stream: TextIO) -> bool:
    """Whether this is a terminal that now belongs to another job of the shell."""
    try:
        return os.tcgetpgrp(stream.fileno()) != os.getpgrp()
    except (OSError, ValueError, AttributeError):  # no terminal, or none with jobs; closed; None
        return False


def keyboard() -> int | None:
    """The terminal on stdin, if there is one and this is its foreground job."""
    try:
        stdin = sys.stdin.fileno()
        return stdin if os.tcgetpgrp(stdin) == os.getpgrp() else None
    except (OSError, ValueError, AttributeError):
        return None


class Screen(Protocol):
    """What is drawn on the terminal; both may be called again and again."""

    def show(self) -> None:
        """Draw from now on."""
        ...

    def hide(self) -> None:
        """Leave nothing of it behind."""
        ...


class Terminal:
    """Draws and reads keys until the block ends, as long as this is the foreground job."""

    def __init__(self, screen: Screen, pressed: Callable[[str], None]) -> None:
        self._screen = screen
        self._pressed = pressed
        self._loop = asyncio.get_running_loop()
        self._found: tuple[int, Settings] | None = None
        self._asking: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Take the terminal."""
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._loop.add_signal_handler(signal.SIGCONT, self._go_on)
        self._go_on()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""
        self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop.remove_signal_handler(signal.SIGCONT)
        if self._asking is not None:
            self._asking.cancel()
        self._give_back()

    def _go_on(self) -> None:
        """In the foreground, perhaps again: a shell may have set the terminal up for itself."""
        if self._asking is not None:
            self._asking.cancel()
        if in_background(sys.stderr):
            self._give_back()
            # No signal tells a job that goes on that the shell has brought it to the foreground.
            self._asking = self._loop.call_later(ASK_EVERY, self._go_on)
            return
        self._screen.show()
        self._listen()

    def _listen(self) -> None:
        import termios
        import tty

        stdin = keyboard()
        if stdin is None:
            return
        if self._found is None:
            self._found = stdin, termios.tcgetattr(stdin)
        tty.setcbreak(stdin, termios.TCSADRAIN)  # what was typed before is meant too
        self._loop.add_reader(stdin, self._read)

    def _give_back(self) -> None:
        import termios

        self._screen.hide()
        if self._found is None:
            return
        stdin, settings = self._found
        self._found = None
        self._loop.remove_reader(stdin)
        # In the background it is set up for the shell, and setting it would stop this process.
        if keyboard() is not None:
            with contextlib.suppress(termios.error):  # it was closed
                termios.tcsetattr(stdin, termios.TCSADRAIN, settings)

    def _suspend(self) -> None:
        """Stop as any job does, and go on when the shell says so."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        self._loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._go_on()  # also where nothing stopped: a job without a shell is never suspended

    def _read(self) -> None:
        stdin = keyboard()
        letters = ""
        with contextlib.suppress(OSError):
            letters = os.read(stdin, 64).decode(errors="ignore") if stdin is not None else ""
        if not letters:  # the terminal is gone, or another's
            self._give_back()
        for letter in letters:
            self._pressed(letter)
