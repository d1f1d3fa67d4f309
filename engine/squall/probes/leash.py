"""Runs one program on a leash: when nobody holds it any more, the program and its children end.

Started by `exec` as a script of its own, with one end of a socket as its stdin. What to run comes
in, who runs and how that ended go out. When the other end is closed, because the probe was
cancelled or its engine killed, the program's process group is told to end, and a moment later made
to. What a program leaves behind when it ends by itself goes too. The system's own way, a signal at
a parent's death, reaches no grandchildren and is Linux's alone. Little is imported here and nothing
of squall, so that it is there at once.
"""

import os
import select
import signal
from contextlib import suppress
from time import monotonic, monotonic_ns

MOMENT = 1.0
"""Seconds between being told to end and being made to."""

_CHANNEL = 0
_GLANCE = 0.02


def main() -> None:
    """Run what is asked for: a line with a length, then texts of so many bytes, NUL in between.

    The first is how many of the next are the program and its arguments; then come the folder and
    the environment. Answers are lines of JSON, which are read by `exec`.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked = _asked()
    if asked is None:
        return
    began = monotonic_ns()
    program, failed = _start(*asked)
    if failed:
        os.write(_CHANNEL, failed)
        return
    try:
        os.write(_CHANNEL, b'{"program": %d}\n' % program)
        code = _code(program, woken)
        if code is not None:
            took = monotonic_ns() - began
            os.write(_CHANNEL, b'{"code": %d, "took": %d}\n' % (code, took))
    finally:
        _signal(program, signal.SIGKILL)


def _asked() -> tuple[list[bytes], bytes, dict[bytes, bytes]] | None:
    """Program and arguments, folder, environment; None when nobody asks any more."""
    data, length = b"", None
    while length is None or len(data) < length:
        piece = os.read(_CHANNEL, 1 << 16)
        if not piece:
            return None
        data += piece
        if length is None and b"\n" in data:
            number, _, data = data.partition(b"\n")
            length = int(number)
    count, *texts = data.split(b"\0")
    run, folder, env = texts[: int(count)], texts[int(count)], texts[int(count) + 1 :]
    return run, folder, dict(zip(env[::2], env[1::2], strict=True))


def _start(run: list[bytes], folder: bytes, env: dict[bytes, bytes]) -> tuple[int, bytes]:
    """Its process id, and a line that says why it could not be started."""
    told, tell = os.pipe()
    program = os.fork()
    if not program:
        _become(run, folder, env, tell)
    os.close(tell)
    failed = os.read(told, 100)  # nothing, once the program has taken over
    os.close(told)
    return program, failed


def _become(run: list[bytes], folder: bytes, env: dict[bytes, bytes], tell: int) -> None:
    """Be the program, or say what prevents it."""
    what = b"folder"
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), _CHANNEL)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python; the program decides itself
            signal.signal(ignored, signal.SIG_DFL)
        os.chdir(folder)
        what = b"program"
        os.execvpe(run[0], run, env)  # noqa: S606 - there is to be no shell
    except OSError as error:
        os.write(tell, b'{"what": "%s", "errno": %d}\n' % (what, error.errno or 0))
    finally:
        os._exit(127)


def _code(program: int, woken: int) -> int | None:
    """What it ended with, as soon as it has; None when the leash was let go before."""
    while True:
        ready, _, _ = select.select([woken, _CHANNEL], [], [])
        if woken in ready:
            os.read(woken, 512)
            ended, status = os.waitpid(program, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        if _CHANNEL in ready:
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


if __name__ == "__main__":
    with suppress(ConnectionError):  # whoever held it is gone, and so is what was on it
        main()
