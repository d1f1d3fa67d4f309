"""The command line as a person types it: real processes, their output and exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import jsonschema_rs
import pytest

from squall.cli.main import VERBS
from squall.cli.main import squall as cli

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"


def squall(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "squall", *map(str, arguments)],
        capture_output=True, text=True, timeout=30, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_the_shipped_playbooks_are_clean() -> None:
    done = squall("lint", "--strict", PLAYBOOKS)
    assert done.returncode == 0
    assert "SQ210 note" in done.stdout


def test_findings_have_places_and_exit_with_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nsteps:\n  - name: a\n    duration: 1s\n    scenario: {latencey: 1s}\n")
    done = squall("lint", tmp_path)
    assert done.returncode == 1
    assert f"{bad}:5:16: SQ101 unknown key 'latencey'" in done.stdout
    assert "did you mean 'latency'?" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_findings_fit_their_schema(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: x\nname: y\nsteps: 5\n")
    document = json.loads(squall("lint", "--json", tmp_path).stdout)
    schema = json.loads((ROOT / "schemas/finding.schema.json").read_text())
    jsonschema_rs.validator_for(schema).validate(document)
    assert {finding["code"] for finding in document["findings"]} == {"SQ003", "SQ103"}


def test_a_named_path_that_cannot_be_read_exits_with_2(tmp_path: Path) -> None:
    done = squall("lint", tmp_path / "nothing.yaml")
    assert done.returncode == 2
    assert "nothing.yaml cannot be read: No such file or directory" in done.stderr


def test_one_name_in_two_files_is_a_finding(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("name: same\nsteps: [{name: a, wait: 1s}]\n")
    done = squall("lint", tmp_path)
    assert done.returncode == 1
    assert f"SQ211 playbook 'same' stands in {tmp_path / 'a.yaml'}:1 too" in done.stdout


def test_colour_is_asked_for_or_left_out() -> None:
    shown = squall("lint", PLAYBOOKS, "--color", "always").stdout
    assert "\x1b[" in shown
    assert "^^^^" in shown
    assert "\x1b[" not in squall("lint", PLAYBOOKS, NO_COLOR="1").stdout


def test_a_rehearsal_is_a_timeline_with_its_assumptions() -> None:
    done = squall("rehearse", PLAYBOOKS / "retry_storm.yaml")
    assert done.returncode == 0
    assert "00:03.000  waves[2]/hit: 50 % errors (503) + 5 % resets on for 2s" in done.stdout
    assert "would take 12s; assumed:" in done.stdout


def test_an_assumed_failure_changes_verdict_and_exit_code() -> None:
    done = squall("rehearse", PLAYBOOKS / "retry_storm.yaml", "--assume", "waves[2]/hit=failed")
    assert done.returncode == 1
    assert "failed: waves[2]: hit: assumed to fail" in done.stdout


@pytest.mark.parametrize(
    ("assumed", "exit_code", "said"),
    [
        ("look.status=503", 1, "look failed: expected status == 200; status was 503"),
        ("look.latency=2s", 0, "sees latency 2s"),
        ("users.measured.p99=2s", 1, "measured.p99 was 2 s"),
        ("steady/up.status=500", 4, "inconclusive: the steady state does not hold"),
        ("look.statu=503", 2, "'look' sees no 'statu'; did you mean 'status'?"),
        ("lok.status=503", 2, "there is no step 'lok.status'; did you mean 'look'?"),
        ("look.status=many", 2, "'many' is no integer; for example 3"),
        ("rest.status=503", 2, "'rest' sees nothing"),
    ],
)
def test_what_a_step_sees_can_be_assumed(
    tmp_path: Path, assumed: str, exit_code: int, said: str
) -> None:
    playbook = tmp_path / "x.yaml"
    playbook.write_text("""
name: x
steady_state: {checks: [{name: up, http: {get: "http://127.0.0.1:1/"}}]}
steps:
  - {name: look, http: {get: "http://127.0.0.1:1/"}, expect: status == 200}
  - {name: rest, wait: 1s}
  - name: users
    load: {requests: 10/s}
    duration: 2s
    expect: "measured.error_rate < 0.5 && measured.p99 < duration('1s')"
""")
    done = squall("rehearse", playbook, "--assume", assumed)
    assert done.returncode == exit_code
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lnt"], "Did you mean 'lint'?"),
        (["run", PLAYBOOKS / "retry_storm.yaml", "--seed", 2**63], "is not in the range"),
        (["rehearse", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["rehearse", PLAYBOOKS / "retry_storm.yaml", "--assume", "lok=failed"], "mean 'look'?"),
        (["rehearse", PLAYBOOKS / "retry_storm.yaml", "--assume", "look=maybe"], "choices: failed"),
        (["rehearse", f"{PLAYBOOKS / 'retry_storm.yaml'}#storm"], "did you mean 'retry_storm'?"),
    ],
)
def test_bad_usage_exits_with_2_and_says_what_would_be_right(arguments, said: str) -> None:
    done = squall(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_verb_that_is_interrupted_exits_with_130_and_says_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "squall", "lint", str(pipe)]
    # The pipe opens once the verb has it open, and waits for what comes.
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, pipe.open("w"):
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, said) == (130, "")


@pytest.mark.parametrize("verb", [["runs", "list"], ["runs", "show", "1"], ["faults"]])
def test_a_state_that_cannot_be_read_exits_with_2(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "state.db").write_text("no database")
    done = squall(*verb, "--state", tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"SQ420 {tmp_path / 'state.db'}: it is not a database\n"
        "    move it away: a new one is made\n"
    )


def test_a_file_without_end_is_too_large_and_does_not_fill_the_memory() -> None:
    for verb, code in (("lint", 1), ("graph", 2)):
        done = squall(verb, "/dev/zero")
        assert done.returncode == code
        assert "larger than a playbook may be" in done.stdout + done.stderr


def every_help() -> Iterator[tuple[str, str]]:
    """Each command's name and its help, as a terminal of 80 columns shows it."""
    for verb in VERBS:
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None
        below = command.commands if isinstance(command, click.Group) else {}
        for name, one in {"": command, **below}.items():
            with click.Context(one, info_name=f"squall {verb} {name}", terminal_width=80) as ctx:
                yield f"{verb} {name}".strip(), one.get_help(ctx)


@pytest.mark.parametrize(("name", "text"), list(every_help()), ids=lambda each: each[:12])
def test_examples_in_a_help_stand_on_lines_of_their_own(name: str, text: str) -> None:
    assert "\\b" not in text
    lines = text.splitlines()
    first = lines.index("  Example:") + 1
    examples = lines[first : lines.index("", first)]
    assert examples
    assert all(line.startswith("    squall ") for line in examples)
    assert any(line.startswith(f"    squall {name.split(maxsplit=1)[0]}") for line in examples)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_help_with_an_example(verb: str) -> None:
    done = squall(verb, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout
    assert f"squall {verb} " in done.stdout


def test_the_version_is_one_line() -> None:
    assert squall("--version").stdout.startswith("squall 0.")


def test_a_run_that_may_take_no_time_is_refused() -> None:
    refused = squall("run", PLAYBOOKS / "three_phases.yaml", "--timeout", "0")
    assert refused.returncode == 2
    assert "--timeout: a run takes some time" in refused.stderr
