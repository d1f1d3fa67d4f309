"""What checking costs: one playbook, a folder of a thousand, and the command as scripts call it.

Asked for: at most 5 ms for 60 lines once imported; ``squall --version`` within 8 and ``squall
lint`` of a file within 25 times the start of a bare interpreter. Starts are medians of 15 in turn.
A thousand playbooks of 60 lines take at most 3 seconds of processor time, half a second when none
has changed, on a core that adds ten million numbers in half a second: others share it, and what it
does meanwhile is measured too. Ten thousand take hardly more memory than one thousand. Beside them
check-jsonschema reads the same files, where it is installed: it asks about their shape alone.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.many import many
from squall.core.playbook.load import load
from squall.worktree import schema_text

PLAYBOOK = Path(__file__).parents[2] / "playbooks/retry_storm.yaml"
DRAFT_07 = Path(__file__).parents[2] / "schemas/playbook.draft-07.schema.json"
MORE = """
  - name: more {}
    duration: 3s
    scenario: {{latency: 10ms, errors: 5%}}
"""
SQUALL = [sys.executable, "-m", "squall"]
PEER = shutil.which("check-jsonschema")
ADDING = """
def add():
    total = 0
    for number in range(10_000_000):
        total += number

add()
"""
ROUNDS = 3


def test_loading_sixty_lines(benchmark) -> None:
    text = PLAYBOOK.read_text() + "".join(MORE.format(number) for number in range(6))
    assert 58 <= len(text.splitlines()) <= 64
    data, schema = text.encode(), schema_text()
    loaded = benchmark(lambda: load(data, "f", schema))
    assert len(loaded.playbooks) == 1
    assert benchmark.stats.stats.median < 0.005


def test_starting(benchmark) -> None:
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "version": [*SQUALL, "--version"],
        "lint": [*SQUALL, "lint", str(PLAYBOOK)],
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "squall.yaml").write_text("limits: {targets: 5}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path / ".pyc"))
    many(tmp_path / "playbooks")
    run([*SQUALL, "lint", "--no-cache", "playbooks/team_000"])
    return tmp_path


def run(command: list[str]) -> tuple[float, int]:
    """How much processor time a command takes, in seconds, and how much memory, in bytes."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as done:
        _, status, used = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
    assert done.returncode == 0
    return used.ru_utime + used.ru_stime, _bytes(used)


def _bytes(used: resource.struct_rusage) -> int:
    return used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss * 1024


@pytest.mark.timeout(900)  # check-jsonschema takes half a minute when nothing else is running
def test_a_thousand_playbooks(benchmark, folder: Path) -> None:
    commands = {
        "cold": [*SQUALL, "lint", "--no-cache", "playbooks"],
        "filling": [*SQUALL, "lint", "playbooks"],
        "warm": [*SQUALL, "lint", "playbooks"],
        "adding": [sys.executable, "-c", ADDING],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}

    def once() -> None:
        shutil.rmtree(folder / ".squall", ignore_errors=True)
        for name, command in commands.items():
            taken[name].append(run(command)[0])

    benchmark.pedantic(once, rounds=ROUNDS)
    best = {name: min(times) for name, times in taken.items()}
    slow = best["adding"] / 0.5
    benchmark.extra_info.update(best)
    if PEER:
        files = [str(file) for file in sorted((folder / "playbooks").rglob("*.yaml"))]
        theirs, _ = run([PEER, "--schemafile", str(DRAFT_07), *files])
        benchmark.extra_info["check-jsonschema"] = theirs
        for name in ("cold", "warm"):
            benchmark.extra_info[f"check-jsonschema/{name}"] = theirs / best[name]
    assert best["cold"] <= 3 * slow
    assert best["warm"] <= 0.5 * slow


@pytest.mark.timeout(900)
def test_memory_does_not_grow_with_files(benchmark, folder: Path) -> None:
    many(folder / "more", 10_000)
    few = run([*SQUALL, "lint", "--no-cache", "playbooks"])[1]
    lots = benchmark.pedantic(lambda: run([*SQUALL, "lint", "--no-cache", "more"])[1], rounds=1)
    benchmark.extra_info["bytes a file"] = each = (lots - few) / 9_000
    assert each < 4_000
