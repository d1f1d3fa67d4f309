"""A person at a terminal: a real process on a pseudo-terminal, its keys, and what it leaves behind.

The terminal is a real one with job control: the process under test leads or joins the foreground
job, as it does under a shell.
"""

import contextlib
import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 30
PLAYBOOK = """
name: keys
targets:
  shop: {{http: {{listen: "127.0.0.1:{port}", upstream: "builtin:echo"}}}}
steps:
  - {{name: hit, duration: {duration}, scenario: {{errors: {{rate: 100%, codes: [503]}}}}}}
finally:
  - {{name: tidy, http: {{get: "http://127.0.0.1:{port}/"}}}}
"""
# A shell's part of job control: a child in a job of its own, given the terminal or not.
SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
in_front = sys.argv[1] == "front"
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if not child:
    os.setpgid(0, 0)
    if in_front:
        os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.executable, [sys.executable, "-m", "squall", *sys.argv[2:]])
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        os.tcsetpgrp(0, os.getpgrp())
        sys.exit(os.waitstatus_to_exitcode(status))
    os.tcsetpgrp(0, os.getpgrp())
    print("stopped by", os.WSTOPSIG(status), flush=True)
    sys.stdin.readline()
    os.tcsetpgrp(0, child)
    os.kill(child, signal.SIGCONT)
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], bool], what: Callable[[], str] = lambda: "") -> None:
    """Wait until it is so, or fail and say what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in time: {what()}"
        threading.Event().wait(0.02)


class Desk:
    """A terminal of 100 columns and a run on it; `seen` is all it wrote, read up to `_place`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.seen = ""  # only the reader adds to it
        self._place = 0
        self.master, self.slave = pty.openpty()
        self.resize(100, 24)
        self.settings = termios.tcgetattr(self.slave)
        self.process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def run(self, *options: str, where: str = "front", duration: str = "60s") -> None:
        file = self.folder / "playbook.yaml"
        file.write_text(PLAYBOOK.format(port=self.port, duration=duration))
        ours = {"CI", "NO_COLOR", "COLUMNS", "LINES"}  # not those of the terminal under test
        environment = {key: value for key, value in os.environ.items() if key not in ours}
        state = str(self.folder / "state")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SHELL, where, "run", str(file), "--state", state, *options],
            stdin=self.slave, stdout=self.slave, stderr=self.slave,
            env={**environment, "TERM": "xterm-256color"},
            start_new_session=True,
        )  # fmt: skip

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def says(self, words: str) -> None:
        """Wait until it has written these words since they were last waited for."""
        until(lambda: words in self.seen[self._place :], lambda: f"{words!r} in {self.seen!r}")
        self._place = self.seen.index(words, self._place) + len(words)

    def feels(self, status: int) -> None:
        """Wait until a client gets this answer."""
        until(lambda: self.status() == status)

    def status(self) -> int | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return None

    def squall(self) -> int:
        """The process that runs the playbook, a child of the shell."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def ends(self) -> int:
        """Its exit code; the terminal must be as it was found."""
        assert self.process is not None
        code = self.process.wait(timeout=PATIENCE)
        assert termios.tcgetattr(self.slave) == self.settings
        return code

    def outcome(self) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "squall", "runs", "show", "1", "--json",
             "--state", str(self.folder / "state")],
            capture_output=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        shown: dict[str, object] = json.loads(done.stdout)
        return shown

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                self.seen += data.decode(errors="replace")

    def leave(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                os.kill(self.squall(), signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        self._reader.join(timeout=0.1)
        os.close(self.master)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.leave()


def steps(outcome: dict[str, object]) -> dict[str, str]:
    told = outcome["steps"]
    assert isinstance(told, list)
    return {step["path"]: step["outcome"] for step in told}


def test_p_lifts_the_faults_and_p_again_puts_them_back(desk: Desk) -> None:
    desk.run()
    desk.feels(503)
    desk.press("p")
    desk.says("paused by keyboard")
    desk.says("p resume")
    desk.feels(200)
    desk.press("p")
    desk.feels(503)
    desk.says("p pause")
    desk.press("s")
    assert desk.ends() == 130


def test_s_undoes_everything_runs_finally_and_leaves_the_summary(desk: Desk) -> None:
    desk.run()
    desk.feels(503)
    desk.press("s")
    desk.feels(200)
    desk.says("cancelled")
    desk.says("exit 130")
    assert desk.ends() == 130
    assert steps(desk.outcome()) == {
        "hit": "cancelled", "main": "cancelled", "tidy": "succeeded", "finally": "succeeded",
    }  # fmt: skip


def test_s_twice_skips_finally(desk: Desk) -> None:
    desk.run()
    desk.feels(503)
    desk.press("ss")
    assert desk.ends() == 130
    assert steps(desk.outcome()).get("tidy") != "succeeded"
    assert steps(desk.outcome())["hit"] == "cancelled"


@pytest.mark.parametrize("how", ["ctrl-c", signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_stopped_the_terminal_is_as_it_was(
    desk: Desk, how: signal.Signals | str
) -> None:
    desk.run()
    desk.feels(503)
    desk.says("p pause")
    assert termios.tcgetattr(desk.slave) != desk.settings
    if isinstance(how, signal.Signals):
        os.kill(desk.squall(), how)
    else:
        desk.press("\x03")
    assert desk.ends() == 130
    desk.says("\x1b[?25h")  # the cursor is back


def test_a_run_that_ends_by_itself_leaves_the_terminal_as_it_was(desk: Desk) -> None:
    desk.run(duration="500ms")
    desk.says("exit 0")
    assert desk.ends() == 0


def test_a_run_that_cannot_start_leaves_the_terminal_as_it_was(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", desk.port))
        taken.listen()
        desk.run()
        assert desk.ends() == 2
    desk.says("already in use")


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again(desk: Desk) -> None:
    desk.run()
    desk.feels(503)
    desk.says("p pause")
    desk.press("\x1a")
    desk.says("\x1b[?25h")
    desk.says(f"stopped by {int(signal.SIGTSTP)}")
    assert termios.tcgetattr(desk.slave) == desk.settings
    desk.press("fg\n")
    desk.says("p pause")
    desk.press("p")
    desk.says("paused by keyboard")
    desk.press("s")
    assert desk.ends() == 130


def test_a_job_in_the_background_writes_lines_and_is_never_stopped(desk: Desk) -> None:
    desk.run(where="back", duration="2s")
    desk.says("hit: 100 % errors (503) on for 2s")
    assert termios.tcgetattr(desk.slave) == desk.settings
    desk.press("s")
    assert desk.ends() == 0
    assert "stopped by" not in desk.seen


def test_a_terminal_that_gets_narrower_is_drawn_anew(desk: Desk) -> None:
    desk.run()
    desk.says("p pause   s stop: undo, then finally")
    desk.resize(40, 10)
    os.kill(desk.squall(), signal.SIGWINCH)
    desk.says("\x1b[2J")
    desk.says("p pause   s stop   Ctrl-C = s")
    desk.press("s")
    assert desk.ends() == 130


def test_plain_does_not_touch_the_terminal(desk: Desk) -> None:
    desk.run("--plain", duration="1s")
    desk.feels(503)
    assert termios.tcgetattr(desk.slave) == desk.settings
    assert desk.ends() == 0
    assert "\x1b[" not in desk.seen


@pytest.mark.parametrize("soon", [True, False], ids=["at once", "while it runs"])
def test_a_closed_pipe_stops_the_run_with_finally(tmp_path: Path, *, soon: bool) -> None:
    file = tmp_path / "playbook.yaml"
    file.write_text(PLAYBOOK.format(port=free_port(), duration="60s"))
    state = str(tmp_path / "state")
    process = subprocess.Popen(
        [sys.executable, "-m", "squall", "run", str(file), "--json", "--state", state],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    if not soon:
        assert b"run_started" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 130
    assert process.stderr.read() == (
        b"output closed: undoing everything, then finally; again to skip it\n"
    )
    process.stderr.close()
