"""A database's connections through a TCP target: faulted while they live, whole again afterwards.

The database is an echo in a thread of the test, the client one that sends a line and waits for it,
as a pool's connection does.
"""

import contextlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 30

PLAYBOOK = """
name: pool
targets:
  db: {{tcp: {{listen: "127.0.0.1:{port}", upstream: "127.0.0.1:{upstream}"}}}}
steps:
  - {{name: slow, duration: 1500ms, scenario: {{latency: 60ms}}}}
  - {{name: calm, wait: 500ms}}
  - name: narrow
    duration: 1500ms
    scenario: {{bandwidth: {{limit: 20KB/s, direction: response}}}}
  - {{name: gone, duration: 500ms, scenario: {{down: true}}}}
  - {{name: after, wait: 1s}}
"""

STUCK = """
name: stuck
targets:
  db: {{tcp: {{listen: "127.0.0.1:{port}", upstream: "127.0.0.1:{upstream}"}}}}
steps:
  - {{name: stuck, duration: 60s, scenario: {{timeouts: {{rate: 100%, after: 50s}}}}}}
"""


class Database(socketserver.ThreadingTCPServer):
    """Says everything back, on as many connections as there are."""

    daemon_threads = True
    allow_reuse_address = True

    class RequestHandlerClass(socketserver.BaseRequestHandler):  # type: ignore[assignment]
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while data := self.request.recv(65_536):
                    self.request.sendall(data)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as made:
        yield made
        made.shutdown()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


class Squall:
    """A run in a process of its own, told by its facts."""

    def __init__(self, folder: Path, playbook: str, upstream: int) -> None:
        self.port = free_port()
        file = folder / "playbook.yaml"
        file.write_text(playbook.format(port=self.port, upstream=upstream))
        self.facts: list[dict] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "squall", "run", str(file), "--json", "--state",
             str(folder / "state")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.facts.append(json.loads(line))

    def has(self, **members: object) -> bool:
        return any(
            all(fact.get(key) == value for key, value in members.items()) for fact in self.facts
        )

    def active(self, step: str) -> bool:
        return self.has(type="step_entered", path=f"main/{step}#1", phase="active")

    def end(self) -> int:
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=5)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def dial(port: int) -> socket.socket:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        else:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made


def ask(connection: socket.socket, said: bytes = b"select 1") -> float:
    """How long one turn took."""
    began = time.monotonic()
    connection.sendall(said)
    heard = b""
    while len(heard) < len(said):
        heard += connection.recv(65_536)
    assert heard == said
    return time.monotonic() - began


def test_one_connection_of_a_pool_lives_through_a_playbook(
    tmp_path: Path, database: Database
) -> None:
    squall = Squall(tmp_path, PLAYBOOK, database.port)
    with dial(squall.port) as connection:
        until(lambda: squall.active("slow"))
        assert min(ask(connection) for _ in range(5)) >= 0.06
        until(lambda: squall.active("calm"))
        assert min(ask(connection) for _ in range(5)) < 0.06
        until(lambda: squall.active("narrow"))
        assert ask(connection, b"x" * 8_000) >= 0.35
        until(lambda: squall.active("gone"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", squall.port))
    with dial(squall.port) as connection:
        assert ask(connection) < 1
        # An open connection does not keep the run from ending.
        assert squall.end() == 0
        assert connection.recv(1) == b""
    assert not any(fact.get("verdict") == "warned" for fact in squall.facts)


def test_connections_go_on_without_faults_when_the_engine_is_killed(
    tmp_path: Path, database: Database
) -> None:
    squall = Squall(tmp_path, STUCK, database.port)
    with dial(squall.port) as connection:
        until(lambda: squall.active("stuck"))
        connection.sendall(b"held")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(PATIENCE)
        os.kill(squall.process.pid, signal.SIGKILL)
        began = time.monotonic()
        assert connection.recv(4) == b"held"
        assert time.monotonic() - began < 1
        assert squall.end() == -signal.SIGKILL
        assert max(ask(connection) for _ in range(20)) < 1
        # Nobody says anything any more, and the edge ends by itself.
        assert connection.recv(1) == b""
        assert time.monotonic() - began < 15
