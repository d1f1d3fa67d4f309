"""More clients than an edge has file descriptors for: the person who runs it is told."""

import socket
import subprocess
import sys
import time
from pathlib import Path

PLAYBOOK = "name: crowd\nsteps: [{name: open, wait: 4s}]\n"


def test_a_run_says_that_clients_are_turned_away_and_how_many(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "playbook.yaml").write_text(PLAYBOOK)
    target = f"shop=127.0.0.1:{port}=builtin:echo"
    run = [sys.executable, "-m", "squall", "run", "playbook.yaml", "--target", target]
    running = subprocess.Popen(
        ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *run],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    clients = []
    try:
        clients.append(connected(port))
        clients += [socket.create_connection(("127.0.0.1", port)) for _ in range(99)]
        _, told = running.communicate(timeout=30)
    finally:
        for client in clients:
            client.close()
        running.kill()
    assert running.returncode == 0
    assert "target shop: clients are being turned away" in told
    assert "raise it (ulimit -Hn)" in told
    assert "clients were turned away for want of open files" in told


def connected(port: int) -> socket.socket:
    until = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            assert time.monotonic() < until, "nobody listens"
