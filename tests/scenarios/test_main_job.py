"""A playbook puts real faults on real traffic, and takes them off again."""

import contextlib
import http.client
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scenarios.running import Squall, free_port

PLAYBOOK = """
name: main_job
steps:
  - {name: calm, wait: 500ms}
  - name: slow
    duration: 2s
    scenario: {latency: 80ms}
  - name: broken
    duration: 2500ms
    scenario: {errors: {rate: 30%, codes: [503]}}
  - {name: after, wait: 700ms}
"""


class Clients(threading.Thread):
    """Ask over and over on one connection each; remember when, how long, and what came."""

    def __init__(self, port: int, seen: list, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.seen, self.stop = port, seen, stop

    def run(self) -> None:
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                while not self.stop.is_set():
                    began = time.monotonic()
                    connection.request("GET", "/")
                    status = connection.getresponse()
                    status.read()
                    self.seen.append((began, time.monotonic(), status.status))
            except OSError:
                if self.stop.wait(0.02):
                    return
            finally:
                connection.close()


def test_a_client_sees_what_the_playbook_says_and_nothing_after(tmp_path: Path) -> None:
    squall = Squall(tmp_path, PLAYBOOK, "--seed", "7")
    squall.wait_for(type="step_entered", path="main/calm#1")
    seen: list[tuple[float, float, int]] = []
    stop = threading.Event()
    clients = [Clients(squall.port, seen, stop) for _ in range(4)]
    for client in clients:
        client.start()
    slow = squall.wait_for(type="step_entered", path="main/slow#1", phase="active")
    slow_off = squall.wait_for(type="step_entered", path="main/slow#1", phase="undoing")
    broken = squall.wait_for(type="step_entered", path="main/broken#1", phase="active")
    broken_off = squall.wait_for(type="step_entered", path="main/broken#1", phase="undoing")
    after = squall.wait_for(type="step_entered", path="main/after#1", phase="active")
    end = squall.wait_for(type="run_ended")
    stop.set()
    for client in clients:
        client.join(timeout=5)
    code, finished, _ = squall.end()

    def within(start: float, until: float) -> list[tuple[float, int]]:
        return [(b - a, status) for a, b, status in seen if a >= start + 0.05 and b <= until - 0.02]

    delayed = [took for took, _ in within(slow, slow_off)]
    assert len(delayed) > 20
    assert min(delayed) >= 0.080
    assert sorted(delayed)[len(delayed) // 2] <= 0.080 + 0.010
    statuses = [status for _, status in within(broken, broken_off)]
    share = statuses.count(503) / len(statuses)
    assert len(statuses) > 300
    assert abs(share - 0.3) <= 4 * math.sqrt(0.3 * 0.7 / len(statuses))
    calm = within(after, end)
    assert calm
    assert all(status == 200 for _, status in calm)
    assert (code, finished["verdict"]) == (0, "passed")
    assert {fault["fault"] for fault in finished["faults"]} == {"latency", "errors"}


def test_a_run_that_nobody_meets_is_warned_about(tmp_path: Path) -> None:
    playbook = "name: x\nsteps: [{name: a, duration: 200ms, scenario: {latency: 1s}}]\n"
    code, finished, _ = Squall(tmp_path, playbook).end()
    assert (code, finished["verdict"]) == (0, "warned")
    assert finished["reason"] == "a: no request that matches reached shop"
    assert Squall(tmp_path, playbook, "--strict").end()[0] == 1


def test_a_port_in_use_touches_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        playbook = "name: x\nsteps: [{name: a, wait: 1s}]\n"
        run = Squall(tmp_path, playbook, "--target", f"shop=127.0.0.1:{port}=builtin:echo")
        code, _, stderr = run.end()
    assert code == 2
    assert f"127.0.0.1:{port}" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_run_and_lifts_its_faults(tmp_path: Path, number: int) -> None:
    playbook = """
name: x
steps: [{name: a, duration: 30s, scenario: {errors: 100%}}]
finally: [{name: last, wait: 100ms}]
"""
    squall = Squall(tmp_path, playbook)
    squall.wait_for(type="step_entered", path="main/a#1", phase="active")
    os.kill(squall.process.pid, number)
    code, finished, _ = squall.end()
    assert (code, finished["verdict"]) == (130, "cancelled")
    assert [step["path"] for step in finished["steps"]] == ["a", "main", "last", "finally"]


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_moment_of_the_start_ends_it_with_130(
    tmp_path: Path, number: int, seconds: float
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\nsteps: [{name: a, duration: 30s, scenario: {errors: 100%}}]\n")
    command = [sys.executable, "-m", "squall", "run", str(file), "--quiet", "--state",
               str(tmp_path / "state"), "--target",
               f"shop=127.0.0.1:{free_port()}=builtin:echo"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    if not (tmp_path / "state").exists() and process.returncode != 130:
        assert process.returncode == -number  # Python itself was still starting
    else:
        assert (process.returncode, said) == (130, "")


def test_whoever_waits_for_a_target_can_be_told_not_to(tmp_path: Path) -> None:
    playbook = "name: x\nsteps: [{name: a, duration: 30s, scenario: {errors: 100%}}]\n"
    holder = Squall(tmp_path, playbook)
    holder.wait_for(type="step_entered", path="main/a#1", phase="active")
    target = f"shop=127.0.0.1:{holder.port}=builtin:echo"
    command = [sys.executable, "-m", "squall", "run", str(tmp_path / "playbook.yaml"), "--wait",
               "1m", "--state", str(tmp_path / "state"), "--target", target]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiting:
        with contextlib.suppress(subprocess.TimeoutExpired):
            waiting.wait(2)
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(timeout=20) == 130
    holder.process.send_signal(signal.SIGTERM)
    assert holder.end()[0] == 130


def test_a_hangup_that_is_ignored_is_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        squall = Squall(tmp_path, "name: x\nsteps: [{name: a, wait: 1s}]\n")
    finally:
        signal.signal(signal.SIGHUP, before)
    squall.wait_for(type="step_entered", path="main/a#1")
    squall.process.send_signal(signal.SIGHUP)
    assert squall.end()[:1] == (0,)
