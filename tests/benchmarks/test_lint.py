"""What checking costs: a playbook of 60 lines, and the command as scripts call it.

Asked for: at most 5 ms for 60 lines once imported; ``squall --version`` within 8 and ``squall
lint`` of a file within 25 times the start of a bare interpreter. Starts are medians of 15 in turn.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from squall.core.playbook.load import load
from squall.worktree import schema_text

PLAYBOOK = Path(__file__).parents[2] / "playbooks/retry_storm.yaml"
MORE = """
  - name: more {}
    duration: 3s
    scenario: {{latency: 10ms, errors: 5%}}
"""


def test_loading_sixty_lines(benchmark) -> None:
    text = PLAYBOOK.read_text() + "".join(MORE.format(number) for number in range(6))
    assert 58 <= len(text.splitlines()) <= 64
    data, schema = text.encode(), schema_text()
    loaded = benchmark(lambda: load(data, "f", schema))
    assert len(loaded.playbooks) == 1
    assert benchmark.stats.stats.median < 0.005


def test_starting(benchmark) -> None:
    module = [sys.executable, "-m", "squall"]
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "version": [*module, "--version"],
        "lint": [*module, "lint", str(PLAYBOOK)],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}

    def once() -> None:
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - began)

    benchmark.pedantic(once, rounds=15)
    median = {name: statistics.median(times) for name, times in taken.items()}
    benchmark.extra_info.update({name: median[name] / median["bare"] for name in median})
    assert median["version"] <= 8 * median["bare"]
    assert median["lint"] <= 25 * median["bare"]
