"""The keys of the live view: single letters, read while a run goes on.

Only where stdin is a terminal that is ours to read. Ctrl-C stays what it is; the terminal is put
back as it was, whatever happens.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def readable() -> bool:
    """Whether there is a keyboard: a terminal on stdin, and this is its foreground job."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):  # no terminal, closed, no stdin, no job control
        return False


@contextmanager
def listening(pressed: Callable[[str], None]) -> Iterator[None]:
    """Call `pressed` with each letter until the block ends; only after `readable`."""
    import termios
    import tty

    stdin = sys.stdin.fileno()
    loop = asyncio.get_running_loop()

    def read() -> None:
        letters = os.read(stdin, 64).decode(errors="ignore")
        if not letters:  # the terminal is gone
            loop.remove_reader(stdin)
        for letter in letters:
            pressed(letter)

    before = termios.tcgetattr(stdin)
    tty.setcbreak(stdin)
    loop.add_reader(stdin, read)
    try:
        yield
    finally:
        loop.remove_reader(stdin)
        termios.tcsetattr(stdin, termios.TCSADRAIN, before)
