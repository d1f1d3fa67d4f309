"""Probes of a real run: programs that end with it whatever happens, and secrets nobody meets."""

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SECRET = "correct-horse-battery"

LONG = """
name: long
steps:
  - {name: work, exec: {run: [sh, work.sh], cwd: tools}}
"""

ASK = """
name: asking
targets:
  shop: {{http: {{listen: "127.0.0.1:{port}", upstream: "{url}"}}}}
parallel:
  - {{name: slow, duration: 4s, scenario: {{latency: 1ms}}}}
  - name: page
    delay: 300ms
    http:
      post: "http://127.0.0.1:{port}/"
      headers: {{x-key: "${{{{ secrets.KEY }}}}"}}
      body: "key=${{{{ secrets.KEY }}}}"
  - name: tool
    exec: {{run: [sh, -c, 'echo "$KEY" >&2; exit 3'], env: {{KEY: "${{{{ secrets.KEY }}}}"}}}}
    continue_on_failure: true
"""


def squall(folder: Path, *options: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "squall", "run", "playbook.yaml", "--state", "state", *options],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **variables},
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Told(http.server.BaseHTTPRequestHandler):
    """Answers with what it was told, and keeps that."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append(body)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Told) as server:
        server.told = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def working(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """A run whose program and its child, deaf to SIGTERM, are at work."""
    pids = tmp_path / "pids"
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "work.sh").write_text(
        f"trap '' TERM\nsleep 600 &\necho $$ $! > {pids}\nwait\n"
    )
    (tmp_path / "playbook.yaml").write_text(LONG)
    with squall(tmp_path) as run:
        try:
            until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
            yield run, [int(pid) for pid in pids.read_text().split()]
        finally:
            with contextlib.suppress(ProcessLookupError):
                run.kill()
            run.communicate()


def test_a_program_ends_with_a_run_that_is_stopped(working) -> None:
    run, pids = working
    run.send_signal(signal.SIGTERM)
    _, stderr = run.communicate(timeout=20)
    assert run.returncode == 130, stderr
    assert all(gone(pid) for pid in pids)


def test_a_program_ends_with_an_engine_that_is_killed(working) -> None:
    run, pids = working
    run.kill()
    run.communicate(timeout=20)
    until(lambda: all(gone(pid) for pid in pids))


def test_a_secret_is_met_by_the_service_and_by_nobody_else(tmp_path: Path, service) -> None:
    url = f"http://127.0.0.1:{service.server_port}"
    (tmp_path / "playbook.yaml").write_text(ASK.format(url=url, port=free_port()))
    for options in (["--json"], ["--plain"]):
        with squall(tmp_path, *options, "--record", "run.sqr", SQUALL_SECRET_KEY=SECRET) as run:
            stdout, stderr = run.communicate(timeout=30)
        assert run.returncode == 0, stderr
        assert SECRET not in stdout + stderr
        assert "ended with exit code 3: ***" in stdout + stderr
    assert service.told == [f"key={SECRET}".encode()] * 2
    export = [sys.executable, "-m", "squall", "recordings", "export", "run.sqr", "-o", "run.json"]
    subprocess.run(export, cwd=tmp_path, check=True, capture_output=True)
    assert "LatencyInjection" in (tmp_path / "run.json").read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"state.db", "run.json"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


def test_without_its_secret_a_run_touches_nothing_and_says_what_to_do(tmp_path, service) -> None:
    url = f"http://127.0.0.1:{service.server_port}"
    (tmp_path / "playbook.yaml").write_text(ASK.format(url=url, port=free_port()))
    with squall(tmp_path) as run:
        stdout, stderr = run.communicate(timeout=30)
    assert (run.returncode, stdout) == (2, "")
    lines = (tmp_path / "playbook.yaml").read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "x-key" in text)
    column = lines[line - 1].index('"$') + 1
    assert stderr.splitlines() == [
        f"playbook.yaml:{line}:{column}: SQ440 the secret 'KEY' is not set",
        "    set SQUALL_SECRET_KEY, or SQUALL_SECRETS_DIR to a folder that has a file KEY",
    ]
    assert service.told == []
    (tmp_path / "KEY").write_text(SECRET + "\n")
    with squall(tmp_path, SQUALL_SECRETS_DIR=str(tmp_path)) as run:
        _, stderr = run.communicate(timeout=30)
    assert run.returncode == 0, stderr
    assert service.told == [f"key={SECRET}".encode()]
