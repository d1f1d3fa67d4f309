"""A run whose engine, edge or disk dies in the middle of a fault, with real processes."""

import contextlib
import http.server
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 30
LEASE_SECONDS = 10

HIT = """
name: crash
targets:
  shop: {{http: {{listen: "127.0.0.1:{port}", upstream: "builtin:echo"}}}}
steps:
  - {{name: hit, duration: {duration}, scenario: {{errors: {{rate: 100%, codes: [503]}}}}}}
finally:
  - {{name: tidy, http: {{get: "{tidy}"}}}}
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until it is so, or fail."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def children(pid: int) -> list[int]:
    """The processes that this one started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def status(port: int) -> int | None:
    """What a client gets, None if nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


class Tidy(http.server.BaseHTTPRequestHandler):
    """Counts who comes to tidy up."""

    def do_GET(self) -> None:
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tidy() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tidy) as server:
        server.asked = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Place:
    """A folder with a playbook and its state."""

    def __init__(self, folder: Path, tidy: http.server.ThreadingHTTPServer) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.port = free_port()
        self.tidy = tidy
        self.running: list[subprocess.Popen[str]] = []

    def squall(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(*arguments),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )

    def playbook(self, duration: str = "60s") -> str:
        file = self.folder / "playbook.yaml"
        where = f"http://127.0.0.1:{self.tidy.server_port}/"
        file.write_text(HIT.format(port=self.port, duration=duration, tidy=where))
        return str(file)

    def hit(self, duration: str = "60s") -> subprocess.Popen[str]:
        """A run in the middle of its fault."""
        process = subprocess.Popen(
            self._command("run", self.playbook(duration), "--quiet"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        until(lambda: status(self.port) == 503)
        return process

    def end(self) -> None:
        """Leave nothing running."""
        while self.running:
            process = self.running.pop()
            if process.poll() is None:
                process.kill()
            with process:
                pass

    def runs(self) -> list[dict[str, object]]:
        return json.loads(self.squall("runs", "list", "--json").stdout)["runs"]

    def faults(self) -> list[dict[str, object]]:
        return json.loads(self.squall("faults", "--json").stdout)["faults"]

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "squall", *arguments, "--state", str(self.state)]


@pytest.fixture
def place(tmp_path: Path, tidy: http.server.ThreadingHTTPServer) -> Iterator[Place]:
    place = Place(tmp_path, tidy)
    yield place
    place.end()


def test_a_killed_engine_leaves_no_fault_and_the_next_one_ends_its_run(place: Place) -> None:
    process = place.hit()
    (edge,) = children(process.pid)
    process.kill()
    killed = time.monotonic()
    process.wait(PATIENCE)

    until(lambda: status(place.port) != 503, 1)
    (run,) = place.runs()
    assert (run["phase"], run["verdict"]) == ("finished", "interrupted")
    # The edge said that it took the faults off: nobody waits for the lease to end.
    assert place.faults() == []
    until(lambda: gone(edge), 15)
    assert time.monotonic() - killed < LEASE_SECONDS + 5

    again = place.squall("run", place.playbook("300ms"), "--quiet", "--wait", "30s")
    assert again.returncode == 0, again.stderr
    first, second = place.runs()
    assert (first["verdict"], second["verdict"]) == ("interrupted", "warned")
    assert first["ended"] is not None
    assert first["engine"] == second["engine"]
    # Once for the run that was interrupted, once for the other.
    assert place.tidy.asked == 2  # type: ignore[attr-defined]
    assert list((place.state / "engines").iterdir()) == []


def test_what_nobody_can_know_to_be_off_is_owed(place: Place) -> None:
    process = place.hit()
    (edge,) = children(process.pid)
    os.kill(edge, signal.SIGSTOP)
    process.kill()
    process.wait(PATIENCE)
    (fault,) = place.faults()
    assert (fault["run"], fault["target"]) == (1, "shop")
    os.kill(edge, signal.SIGCONT)
    until(lambda: place.faults() == [], LEASE_SECONDS / 2)
    until(lambda: gone(edge))


def test_right_after_a_crash_the_target_is_closed_and_may_be_waited_for(place: Place) -> None:
    place.hit().kill()
    refused = place.squall("run", place.playbook("300ms"), "--quiet")
    assert refused.returncode == 2
    assert "has not ended yet" in refused.stderr
    assert place.tidy.asked == 1  # type: ignore[attr-defined]
    waited = place.squall("run", place.playbook("300ms"), "--quiet", "--wait", "30s")
    assert waited.returncode == 0, waited.stderr


def test_a_killed_edge_fails_the_run_with_a_sentence(place: Place) -> None:
    process = place.hit()
    (edge,) = children(process.pid)
    os.kill(edge, signal.SIGKILL)
    said, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "the edge process was killed (SIGKILL)" in said + stderr
    assert "Traceback" not in said + stderr
    assert status(place.port) is None
    assert place.faults() == []
    assert [run["verdict"] for run in place.runs()] == ["failed"]
    assert place.tidy.asked == 1  # type: ignore[attr-defined]


def _limit(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.fixture(params=["limit", "tmpfs"])
def full(request: pytest.FixtureRequest, place: Place) -> Iterator[Callable[[int], None]]:
    """Fills the disk under the journal of that process."""
    if request.param == "limit":
        yield _limit
        return
    place.state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "squall-test", str(place.state)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")

    def fill(_: int) -> None:
        with contextlib.suppress(OSError), (place.state / "filler").open("ab", 0) as filler:
            while True:
                filler.write(b"\0" * 4096)

    try:
        yield fill
    finally:
        place.end()
        subprocess.run(["umount", "-l", str(place.state)], check=True)


def test_a_full_disk_aborts_the_run_and_undoes_its_fault(
    place: Place, full: Callable[[int], None]
) -> None:
    process = place.hit("3s")
    (edge,) = children(process.pid)
    # Again and again: a disk in use finds a little room here and there.
    until(lambda: full(process.pid) or process.poll() is not None)
    said, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3, said + stderr
    assert "the journal failed" in said + stderr
    assert "state.db" in said + stderr
    assert "Traceback" not in said + stderr
    assert gone(edge)
    assert status(place.port) is None
    assert place.tidy.asked == 1  # type: ignore[attr-defined]
    # What could not be written is not lost: the next engine ends what the journal has.
    (place.state / "filler").unlink(missing_ok=True)
    place.port = free_port()
    again = place.squall("run", place.playbook("100ms"), "--quiet")
    assert again.returncode == 0, again.stderr
    assert [run["verdict"] for run in place.runs()] == ["interrupted", "warned"]


def test_a_disk_that_is_full_from_the_start_touches_nothing(place: Place) -> None:
    limited = subprocess.run(
        place._command("run", place.playbook(), "--quiet"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert limited.returncode == 2
    assert "SQ420" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert status(place.port) is None


def test_a_state_folder_that_cannot_be_made_touches_nothing(place: Place) -> None:
    place.state = Path(place.playbook()) / "state"
    refused = place.squall("run", str(place.folder / "playbook.yaml"))
    assert refused.returncode == 2
    assert "SQ420" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_target_held_by_another_run_is_refused_by_name(place: Place) -> None:
    process = place.hit()
    refused = place.squall("run", place.playbook(), "--quiet")
    assert refused.returncode == 2
    assert "is held by run 1 of 'crash'" in refused.stderr
    assert status(place.port) == 503
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
