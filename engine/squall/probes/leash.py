"""Runs one program on a leash: when nobody holds it any more, the program and its children end.

Started by `exec` as a script of its own, with one end of a socket as its stdin. What to run comes
in as a line of JSON; who runs, and how that ended, go out as two. When the other end is closed,
because the probe was cancelled or its engine killed, the program's process group is told to end,
and a moment later made to. What a program leaves behind when it ends by itself goes too. Nothing of
squall is imported here, so that it is there at once.
"""

import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from time import monotonic, monotonic_ns
from typing import NoReturn, TypedDict

MOMENT = 1.0
"""Seconds between being told to end and being made to."""

_GLANCE = 0.02


class Asked(TypedDict):
    """What to run."""

    run: list[str]
    env: dict[str, str]
    cwd: str


def main() -> None:
    """Run what is asked for."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with socket.socket(fileno=0) as held, suppress(ConnectionError):
        asked = held.makefile("rb").readline()
        if not asked.endswith(b"\n"):
            return
        began = monotonic_ns()
        program, failed = _start(json.loads(asked))
        if failed:
            held.sendall(failed)
            return
        try:
            _say(held, {"program": program})
            code = _code(program, woken, held)
            if code is not None:
                _say(held, {"code": code, "took": monotonic_ns() - began})
        finally:
            _signal(program, signal.SIGKILL)


def _start(asked: Asked) -> tuple[int, bytes]:
    """Its process id, and a line that says why it could not be started."""
    told, tell = os.pipe()
    program = os.fork()
    if not program:
        _become(asked, tell)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        return program, pipe.read()  # ends when the program has taken over


def _become(asked: Asked, tell: int) -> NoReturn:
    """Be the program, or say what prevents it."""
    what = "folder"
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python; the program decides itself
            signal.signal(ignored, signal.SIG_DFL)
        os.chdir(asked["cwd"])
        what = "program"
        os.execvpe(asked["run"][0], asked["run"], asked["env"])  # noqa: S606 - that is the point
    except OSError as error:
        os.write(tell, _line({"what": what, "errno": error.errno}))
    finally:
        os._exit(127)


def _code(program: int, woken: int, held: socket.socket) -> int | None:
    """What it ended with, as soon as it has; None when the leash was let go before."""
    while True:
        ready, _, _ = select.select([woken, held.fileno()], [], [])
        if woken in ready:
            os.read(woken, 512)
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        if held.fileno() in ready:
            _wind_down(program, woken)
            return None


def _wind_down(program: int, woken: int) -> None:
    """Tell the program and all its children to end, and wait a moment until they have."""
    _signal(program, signal.SIGTERM)
    until = monotonic() + MOMENT
    reaped = False
    while monotonic() < until:
        # Only the program itself is our child and wakes us; the others have to be looked after.
        if select.select([woken], [], [], _GLANCE)[0]:
            os.read(woken, 512)
        reaped = reaped or os.waitpid(program, os.WNOHANG)[0] != 0
        if reaped and not _signal(program, 0):
            return


def _signal(program: int, number: int) -> bool:
    """Tell its whole process group, children and all; whether anybody was left to hear it."""
    try:
        os.killpg(program, number)
    except OSError:
        return False
    return True


def _say(held: socket.socket, what: dict[str, object]) -> None:
    held.sendall(_line(what))


def _line(what: dict[str, object]) -> bytes:
    return json.dumps(what).encode() + b"\n"


if __name__ == "__main__":
    main()
    sys.exit(0)
