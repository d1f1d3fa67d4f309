"""The page that describes the language says what is so.

The page is kept beside the project, in ``../shared/design``, or where SQUALL_DESIGN says; where it
is not, there is nothing to compare. Its examples are run with seconds as milliseconds.
"""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from squall.core.playbook.faults import FAULTS
from squall.core.playbook.load import load
from squall.worktree import catalogue_texts, schema_text

BESIDE = Path(__file__).parents[4] / "shared" / "design"
PAGE = Path(os.environ.get("SQUALL_DESIGN", BESIDE)) / "LANGUAGE.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SCHEMA = json.loads(schema_text())

pytestmark = pytest.mark.skipif(not TEXT, reason=f"there is no {PAGE.name} beside the project")


def rows(heading: str) -> list[list[str]]:
    """The cells of all tables below a heading, without what is marked as later."""
    section = TEXT.split(f"\n## {heading}\n", 1)[-1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    cells = [row for row in cells if not row[0].endswith("(later)")]
    return [[re.sub(r"\(later [^)]*\)", "", row[0]), *row[1:]] for row in cells]


def keys(heading: str) -> set[str]:
    return {key for row in rows(heading) for key in re.findall(r"`([a-z_]+)`", row[0])}


def test_the_page_and_the_schema_have_the_same_keys() -> None:
    assert keys("Top-level keys") == set(SCHEMA["properties"])
    assert keys("Step keys") | {"name"} == set(SCHEMA["$defs"]["step"]["properties"])
    assert keys("Faults") == set(FAULTS)


def shorthands() -> list[tuple[str, str]]:
    return [
        (row[0].strip("`"), row[1].strip("`")) for row in (rows("Faults") if TEXT else ()) if row[1]
    ]


@pytest.mark.parametrize(("fault", "written"), shorthands())
def test_every_shorthand_is_one(fault: str, written: str) -> None:
    playbook = f"name: x\nsteps: [{{name: a, duration: 1s, scenario: {{{fault}: {written}}}}}]\n"
    found = load(playbook.encode(), "x.yaml", schema_text()).diagnostics
    assert [finding.code for finding in found] == ["SQ210"]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_has_nothing_said_of_it(example: str) -> None:
    loaded = load(example.encode(), "x.yaml", schema_text(), catalogue=catalogue_texts())
    assert loaded.diagnostics == ()
    assert loaded.playbooks


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_rehearses_and_runs(example: str, tmp_path: Path) -> None:
    targets = []
    text = re.sub(r"\b(\d+)s\b", r"\1ms", example).replace("every: 5ms", "every: 50ms")
    for name, port in re.findall(
        r"^  (\w+):\n    http: \{listen: 127\.0\.0\.1:(\d+)", text, re.MULTILINE
    ):
        free = free_port()
        text = text.replace(f":{port}", f":{free}")
        targets += ["--target", f"{name}=127.0.0.1:{free}=builtin:echo"]
    (tmp_path / "example.yaml").write_text(text)
    rehearsed = squall(tmp_path, "rehearse", "example.yaml")
    assert (rehearsed.returncode, rehearsed.stderr) == (0, "")
    ran = squall(tmp_path, "run", "example.yaml", "--plain", "--seed", "1", *targets)
    # Its own steady state may find that too much was lost: then it says so.
    assert ran.returncode in {0, 3}, ran.stdout + ran.stderr
    assert "back to normal" in ran.stdout


def squall(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "squall", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
