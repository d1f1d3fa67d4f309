"""``squall import`` and ``squall export``: files in, files out, and what is said of them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

ORCHESTRATION = """\
name: wave
description: null
parallel: false
loop_orchestration: false
max_iterations: 1
tags: []
steps:
- name: hit
  delay_before_seconds: 1
  continue_on_failure: false
  duration_seconds: 5
  scenario:
    name: lag
    start_time: "2026-01-01T00:00:00Z"
    duration_seconds: 0
    tags: []
    config:
      enabled: true
      latency: {enabled: true, fixed_delay_ms: 80, jitter_percent: 0.0, probability: 1.0}
"""

PLAYBOOK = """\
# yaml-language-server: $schema=playbook.schema.json
name: wave
scenarios:
  lag:
    latency: 80ms
steps:
  - name: hit
    delay: 1s
    duration: 5s
    scenario: lag
"""


def squalled(*arguments: object) -> Result:
    return CliRunner().invoke(squall, [*map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "wave.yaml").write_text(ORCHESTRATION)
    return tmp_path / "wave.yaml"


def test_an_orchestration_becomes_a_playbook(file: Path) -> None:
    done = squalled("import", file)
    assert (done.exit_code, done.stdout) == (0, PLAYBOOK)
    assert f"{file}:14:5: SQ501 warning: 'start_time' has no counterpart" in done.stderr
    assert done.stderr.endswith("a MockForge orchestration: 1 warning\n")


def test_what_is_written_lints_clean_is_formatted_and_can_be_rehearsed(file: Path) -> None:
    out = file.with_name("playbook.yaml")
    assert squalled("import", file, "-o", out).exit_code == 0
    assert squalled("lint", "--strict", out).exit_code == 0
    assert squalled("fmt", "--check", out).exit_code == 0
    assert squalled("rehearse", out).exit_code == 0


def test_a_playbook_goes_out_and_comes_in_the_same(file: Path) -> None:
    out, back, again = (file.with_name(name) for name in ("p.yaml", "m.json", "q.yaml"))
    squalled("import", file, "-o", out)
    done = squalled("export", out, "--to", "mockforge", "-o", back)
    assert (done.exit_code, done.stderr) == (0, "a MockForge orchestration: nothing got lost\n")
    assert json.loads(back.read_text())["steps"][0]["scenario"]["chaos_config"]["latency"] == {
        "enabled": True,
        "fixed_delay_ms": 80,
        "random_delay_range_ms": None,
        "jitter_percent": 0.0,
        "probability": 1.0,
    }
    squalled("import", back, "-o", again)
    assert again.read_text() == out.read_text()


def test_what_mockforge_cannot_say_is_told_where_it_stands(file: Path) -> None:
    file.write_text(
        "name: a\nseed: 7\nsteps:\n"
        "  - {name: a, duration: 1500ms, scenario: {down: true, errors: 5%}, on_timeout: fail}\n"
        "  - {name: b, http: {get: 'http://127.0.0.1/'}}\n"
    )
    done = squalled("export", file, "--to", "mockforge")
    assert done.exit_code == 0
    said = [line.split(":", 1)[1] for line in done.stderr.splitlines() if "SQ" in line]
    why = "not exported as it stands"
    assert said == [
        f"2:1: SQ506 note: {why}: its dice cannot be fixed",
        f"4:15: SQ506 warning: {why}: MockForge counts whole seconds; 1s500ms is rounded up",
        f"4:44: SQ506 warning: {why}: MockForge has no 'down'",
        f"4:69: SQ506 warning: {why}: MockForge has nothing like 'on_timeout'",
        f"5:6: SQ506 warning: {why}: 'b' neither injects nor waits: it is left out",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x\nmethod: []\n", "seems to be a Chaos Toolkit experiment"),
        ("apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\n", "a Chaos Mesh NetworkChaos"),
        ("[1, 2]", "seems to be a list"),
        ("", "is empty"),
        (
            ORCHESTRATION + "---\nkraken: {}\n",
            "not all are MockForge's: on line 21 a krkn scenario",
        ),
    ],
)
def test_anything_else_is_refused_by_its_name(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    done = squalled("import", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"SQ430 {file} ")
    assert said in done.stderr


def test_wrong_content_is_an_error_at_its_place(file: Path) -> None:
    file.write_text(ORCHESTRATION.replace("fixed_delay_ms: 80", "fixed_delay_ms: fast"))
    done = squalled("import", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{file}:19:48: SQ505 'fixed_delay_ms' takes a whole number" in done.stderr


def test_what_is_no_yaml_is_an_error_too(file: Path) -> None:
    file.write_text("name: [\n")
    assert squalled("import", file).exit_code == 2


def test_several_become_one_file_of_several(file: Path) -> None:
    file.write_text(ORCHESTRATION + "---\n" + ORCHESTRATION)
    done = squalled("import", file)
    assert done.stdout.count("\n---\n") == 1
    assert "'wave' is written as 'wave 2'" in done.stderr
    assert squalled("import", file, "-o", file.with_name("x.json")).exit_code == 2


def test_the_announcements_own_yaml_keeps_its_comments(file: Path) -> None:
    file.write_text(
        "name: progressive\nsteps:\n# first\n- name: light\n  duration: 60\n"
        "  scenario:\n    latency: 100ms\n    errors: 10%\n"
    )
    done = squalled("import", file)
    assert done.exit_code == 0
    assert done.stdout == (
        "# yaml-language-server: $schema=playbook.schema.json\n"
        "name: progressive\nsteps:\n  # first\n  - name: light\n    duration: 60\n"
        "    scenario:\n      latency: 100ms\n      errors: 10%\n"
    )


def test_where_to_must_be_another_file_of_a_known_kind(file: Path) -> None:
    assert "must end in" in squalled("import", file, "-o", "x.txt").stderr
    assert "is the file itself" in squalled("import", file, "-o", file).stderr
    assert "cannot be read" in squalled("import", file.with_name("none")).stderr
