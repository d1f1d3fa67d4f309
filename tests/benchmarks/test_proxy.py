"""The edge beside HAProxy, one thread each, before the same nginx and under the same wrk.

Once as proxies of HTTP, once as relays of bytes, then also beside Envoy where there is one.

Figures are medians of interleaved rounds, as ratios within one run, because absolute ones say more
about the machine. By hand: ``pytest tests/benchmarks/test_proxy.py --benchmark-only -s``.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

MISSING = [name for name in ("nginx", "haproxy", "wrk") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(300),
]

ROUNDS = 5
SECONDS = 2

NGINX = """
{user} worker_processes 1; daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {here}/t1; proxy_temp_path {here}/t2; fastcgi_temp_path {here}/t3;
  uwsgi_temp_path {here}/t4; scgi_temp_path {here}/t5;
  server {{ listen 127.0.0.1:{port}; root {here}/www; }}
}}
"""
HAPROXY = """
global
  nbthread 1
defaults
  mode {protocol}
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  {reuse}
listen bench
  bind 127.0.0.1:{port}
  server nginx 127.0.0.1:{upstream}
"""
EDGE = """
import asyncio, sys, uvloop
from squall.core.playbook.model import Address, Target
from squall.proxy.plane import Plane

async def main():
    here, there = (Address(host="127.0.0.1", port=int(port)) for port in sys.argv[2:])
    bench = Target(name="bench", listen=here, upstream=there, protocol=sys.argv[1])
    await Plane(lambda event: None).listen(bench)
    await asyncio.Event().wait()

uvloop.run(main())
"""

ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: bench
          cluster: nginx
  clusters:
  - name: nginx
    connect_timeout: 5s
    load_assignment:
      cluster_name: nginx
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    pytest.fail(f"nobody listens on port {port}")


@pytest.fixture(scope="module", params=["http", "tcp"])
def ways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, int]]:
    """The port of each way to the same nginx: direct, through HAProxy, through the edge."""
    protocol = request.param
    here = tmp_path_factory.mktemp("proxy")
    (here / "www").mkdir()
    (here / "www" / "small").write_bytes(b"x" * 1024)
    (here / "www" / "large").write_bytes(b"x" * 1024 * 1024)
    found = {name: free_port() for name in ("direct", "haproxy", "edge")}
    user = "user root;" if os.geteuid() == 0 else ""
    (here / "nginx.conf").write_text(NGINX.format(user=user, here=here, port=found["direct"]))
    (here / "haproxy.cfg").write_text(
        HAPROXY.format(
            port=found["haproxy"],
            upstream=found["direct"],
            protocol=protocol,
            reuse="http-reuse always" if protocol == "http" else "",
        )
    )
    commands = [
        ["nginx", "-p", str(here), "-c", str(here / "nginx.conf")],
        ["haproxy", "-q", "-db", "-f", str(here / "haproxy.cfg")],
        [sys.executable, "-c", EDGE, protocol, str(found["edge"]), str(found["direct"])],
    ]
    if protocol == "tcp" and shutil.which("envoy"):
        found["envoy"] = free_port()
        (here / "envoy.yaml").write_text(
            ENVOY.format(port=found["envoy"], upstream=found["direct"])
        )
        commands += [
            ["envoy", "-c", str(here / "envoy.yaml"), "--concurrency", "1", "--use-dynamic-base-id"]
        ]
    with ExitStack() as stack:
        for command in commands:
            running = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=_log(here))
            )
            stack.callback(running.terminate)
        for port in found.values():
            wait_for(port)
        yield found


def _log(here: Path) -> int:
    return os.open(here / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


UNITS = {"us": 1.0, "ms": 1000.0, "s": 1_000_000.0}


def wrk(port: int, path: str, connections: int) -> dict[str, float]:
    """Requests per second, and latency percentiles in microseconds."""
    url = f"http://127.0.0.1:{port}/{path}"
    told = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", url],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Non-2xx" not in told
    assert "Socket errors" not in told
    figures = {"requests/s": float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])}
    for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", told):
        figures[f"p{share} us"] = float(value) * UNITS[unit]
    return figures


def rounds(ways: dict[str, int], path: str, connections: int) -> dict[str, dict[str, float]]:
    """Medians per way over rounds in which all ways take turns."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, port in ways.items():
            found[name].append(wrk(port, path, connections))
    return {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
    }


def ratios(speed):
    return {f"to {name}": speed["edge"] / other for name, other in speed.items() if name != "edge"}


def told(benchmark, **figures):
    benchmark.extra_info.update(figures)
    print("\n" + "\n".join(f"  {name}: {value}" for name, value in figures.items()))


def test_requests_per_second(benchmark, ways):
    found = benchmark.pedantic(rounds, args=(ways, "small", 32), rounds=1)
    speed = {name: figures["requests/s"] for name, figures in found.items()}
    told(benchmark, **speed, **ratios(speed))
    assert speed["edge"] / speed["haproxy"] > 0.5


def test_added_latency(benchmark, ways):
    found = benchmark.pedantic(rounds, args=(ways, "small", 1), rounds=1)
    added = {
        f"{name} adds at {share} us": found[name][share + " us"] - found["direct"][share + " us"]
        for name in ("haproxy", "edge")
        for share in ("p50", "p99")
    }
    told(benchmark, direct=found["direct"], **added)
    assert added["edge adds at p50 us"] < 1000


def test_large_answers(benchmark, ways):
    found = benchmark.pedantic(rounds, args=(ways, "large", 8), rounds=1)
    speed = {name: figures["requests/s"] for name, figures in found.items()}
    told(benchmark, **{f"{name} MiB/s": value for name, value in speed.items()}, **ratios(speed))
    assert speed["edge"] / speed["haproxy"] > 0.5
