"""How many requests a load reaches, and how late it sends them, before nginx; wrk for the ceiling.

Figures are kept with each benchmark as `extra_info`. By hand:
``pytest tests/benchmarks/test_load.py --benchmark-only -s``.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from squall.core.faults.effects import Felt
from squall.core.playbook.model import Address, Load, Poisson, Request
from squall.core.playbook.traffic import FASTEST
from squall.core.timing import MICROSECOND, SECOND, Duration
from squall.probes.load import Loader

MISSING = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(120),
]

SECONDS = 3
LONG = Duration(SECONDS * SECOND)
CONNECTIONS = 64

NGINX = """
{user} worker_processes 1; daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{body}"; }} }}
}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An nginx with one worker that answers everything with a kilobyte."""
    here: Path = tmp_path_factory.mktemp("load")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    user = "user root;" if os.geteuid() == 0 else ""
    config = here / "nginx.conf"
    config.write_text(NGINX.format(user=user, here=here, port=port, body="x" * 1024))
    command = ["nginx", "-p", str(here), "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + 10
        while not reachable(port):
            assert time.monotonic() < until, "nginx does not listen"
        yield Address(host="127.0.0.1", port=port)
        running.terminate()


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def send(site: Address, load: Load, duration: Duration = LONG) -> tuple[Felt, float]:
    """What was felt, and the share of one core it took if it took as long as asked."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        busy = time.process_time()
        felt = runner.run(Loader()(load, [site], duration, progress=lambda _: None, seed=7))
        return felt, (time.process_time() - busy) / (duration / SECOND)


def kept(benchmark: Any, figures: dict[str, float]) -> None:
    benchmark.extra_info.update(figures)
    print(figures)


@pytest.mark.parametrize("rate", [1_000, 5_000])
def test_how_late_requests_are_sent(benchmark: Any, site: Address, rate: int) -> None:
    load = Load(rate=rate, shape=Poisson(), mix=(Request(method="GET", path="/"),))
    felt, busy = benchmark.pedantic(send, (site, load), rounds=1)
    kept(
        benchmark,
        {
            "rate": rate,
            "late p99 µs": felt.late // MICROSECOND,
            "p50 µs": felt.p50 // MICROSECOND,
            "p99 µs": felt.p99 // MICROSECOND,
            "share of a core": round(busy, 2),
        },
    )
    assert felt.errors == 0


def test_the_most_that_is_reached(benchmark: Any, site: Address) -> None:
    """As many as a sender can hold, due at once: how fast they are answered, beside wrk."""
    load = Load(rate=FASTEST, connections=CONNECTIONS, timeout=Duration(60 * SECOND))
    began = time.perf_counter()
    felt, _ = benchmark.pedantic(send, (site, load, Duration(SECOND // 2)), rounds=1)
    reached = felt.requests / (time.perf_counter() - began)
    told = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://{site}/"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    ceiling = float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])
    figures = {"requests/s": round(reached), "wrk": round(ceiling)}
    kept(benchmark, figures | {"ratio": round(reached / ceiling, 2)})
    assert (felt.requests, felt.errors) == (FASTEST // 2, 0)
