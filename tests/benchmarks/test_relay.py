"""The edge beside HAProxy and Envoy as relays of bytes, in one run.

What is relayed is HTTP, as wrk speaks it, but no relay knows. `peers` says how it is set up. By
hand, on a quiet machine: ``pytest tests/benchmarks/test_relay.py --benchmark-only -s``.
"""

from collections.abc import Iterator

import pytest

from benchmarks.peers import in_turn, median, needs_peers, ratio, ways_to_nginx

pytestmark = needs_peers


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    here = tmp_path_factory.mktemp("relay")
    with ways_to_nginx(here, "haproxy tcp", "envoy tcp", "edge tcp") as found:
        yield found


@pytest.mark.parametrize(("path", "connections", "least"), [("small", 32, 0.5), ("large", 8, 0.8)])
def test_turns_and_bulk(benchmark, ways, path, connections, least):
    """Answers of 1 KiB on 32 connections, and of 1 MiB on 8."""
    rounds = benchmark.pedantic(in_turn, args=(ways, path, connections), rounds=1)
    speeds = {f"{name}, 1/s": median(rounds, name) for name in rounds}
    ratios = {f"to {name}": ratio(rounds, "edge tcp", name) for name in rounds}
    benchmark.extra_info.update(speeds | ratios)
    print("".join(f"\n  {name}: {value:.4g}" for name, value in (speeds | ratios).items()))
    assert ratios["to haproxy tcp"] > least
