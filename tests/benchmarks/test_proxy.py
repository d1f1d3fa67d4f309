"""The edge beside HAProxy, Envoy and mitmproxy, over HTTP, in one run.

Figures are medians of interleaved rounds, as ratios within one run, because absolute ones say more
about the machine (`peers` says how it is set up). By hand, on a quiet machine:
``pytest tests/benchmarks/test_proxy.py --benchmark-only -s``.
"""

import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.peers import (
    edge_command,
    free_port,
    in_turn,
    median,
    needs_peers,
    pinned,
    ratio,
    ways_to_nginx,
)
from squall.core.timing import MILLISECOND

pytestmark = needs_peers
DELAY_MS = 20


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    here = tmp_path_factory.mktemp("proxy")
    names = ("haproxy", "edge", "edge, 100 faults", "envoy", "mitmproxy")
    with ways_to_nginx(here, *names) as found:
        yield found


def told(benchmark, **figures):
    benchmark.extra_info.update(figures)
    print("\n" + "\n".join(f"  {name}: {value:.4g}" for name, value in figures.items()))


@pytest.mark.parametrize("connections", [1, 32, 256])
@pytest.mark.parametrize("path", ["small", "large"])
def test_requests_per_second(benchmark, ways, path, connections):
    rounds = benchmark.pedantic(in_turn, args=(ways, path, connections), rounds=1)
    speeds = {f"{name}, 1/s": median(rounds, name) for name in rounds}
    ratios = {f"edge to {name}": ratio(rounds, "edge", name) for name in rounds if name != "edge"}
    told(benchmark, **speeds, **ratios)
    assert ratios["edge to haproxy"] > 0.4
    if path == "small" and "envoy" in rounds:
        assert ratios["edge to envoy"] > 1


def test_added_latency(benchmark, ways):
    rounds = benchmark.pedantic(in_turn, args=(ways, "small", 1), rounds=1)
    added = {
        f"{name} adds at {share}, us": median(rounds, name, f"{share} us")
        - median(rounds, "direct", f"{share} us")
        for name in rounds
        if name != "direct"
        for share in ("p50", "p99")
    }
    told(benchmark, **added)
    assert added["edge adds at p50, us"] < 1000


def test_how_late_a_delay_is(benchmark):
    """One request after the other, with the delay and without: what is over the delay is late."""
    ports = {faults: free_port() for faults in ("", f"{{latency: {DELAY_MS}ms}}")}
    running = [
        subprocess.Popen(
            edge_command(port, "builtin:echo", faults),
            preexec_fn=lambda: pinned(0),  # noqa: PLW1509 - there is one thread here
        )
        for faults, port in ports.items()
    ]
    try:
        with ThreadPoolExecutor(1, initializer=pinned, initargs=(1,)) as client:
            plain, delayed = benchmark.pedantic(
                lambda: list(client.map(_taken, ports.values())), rounds=1
            )
    finally:
        for one in running:
            one.terminate()
            one.wait()
    usual = statistics.median(plain)
    late = sorted((taken - usual) / MILLISECOND - DELAY_MS for taken in delayed)
    told(benchmark, p50=late[len(late) // 2], p99=late[len(late) * 99 // 100], earliest=late[0])
    assert min(delayed) >= DELAY_MS * MILLISECOND
    assert late[len(late) // 2] < 2


def _taken(port: int, count: int = 500) -> list[int]:
    """How long each of so many requests took, in nanoseconds."""
    until = time.monotonic() + 30
    while True:
        try:
            client = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < until
    times = []
    with client:
        for _ in range(count):
            # Both after a rest, which cools caches and cores.
            time.sleep(DELAY_MS / 1_000)  # noqa: TID251 - real time is what is measured
            began = time.monotonic_ns()
            client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
            answer = client.recv(4096)
            times.append(time.monotonic_ns() - began)
            assert answer.startswith(b"HTTP/1.1 200")
    return times
