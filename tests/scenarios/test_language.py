"""What the language says, felt by real clients: values, calls, the steady state, guards."""

import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.running import Squall, free_port
from squall.core.timing import MILLISECOND

STEADY = """
name: x
targets: {{shop: {{http: {{listen: 127.0.0.1:{port}, upstream: builtin:echo}}}}}}
steady_state:
  every: 200ms
  recover_within: 5s
  checks:
    - name: quick
      http: {{get: "http://127.0.0.1:{port}/"}}
      expect: latency < duration('{limit}')
steps: [{{name: slow, duration: 30s, scenario: {{latency: 2500ms}}}}]
"""


def run(folder: Path, playbook: str, *options: str) -> tuple[int, dict, list[dict]]:
    """A run to its end: its exit code, its last line, and all it told."""
    squall = Squall(folder, playbook, *options, target=False)
    code, finished, _ = squall.end()
    return code, finished, [fact for _, fact in squall.facts]


def test_a_broken_steady_state_takes_the_faults_off_within_100_ms(tmp_path: Path) -> None:
    took = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        code, finished, facts = run(folder, STEADY.format(port=free_port(), limit="2s"))
        assert (code, finished["verdict"]) == (3, "aborted")
        seen = [fact for fact in facts if fact["type"] == "steady_state_seen"]
        assert [(fact["stage"], fact["holds"]) for fact in seen] == [
            ("before", True), ("during", False), ("after", True),
        ]  # fmt: skip
        [off] = [f for f in facts if f["type"] == "step_ended" and f["path"] == "main/slow"]
        took.append(off["at"] - seen[1]["at"])
    assert min(took) <= 100 * MILLISECOND


def test_nothing_is_touched_where_the_steady_state_does_not_hold(tmp_path: Path) -> None:
    code, finished, facts = run(tmp_path, STEADY.format(port=free_port(), limit="1us"))
    assert (code, finished["verdict"]) == (4, "inconclusive")
    assert not finished["faults"]
    assert not [f for f in facts if f["type"] == "step_entered" and f["phase"] == "active"]


def test_a_guard_over_what_clients_feel_aborts(tmp_path: Path) -> None:
    port = free_port()
    code, finished, _ = run(tmp_path, f"""
name: x
targets: {{shop: {{http: {{listen: 127.0.0.1:{port}, upstream: builtin:echo}}}}}}
abort_if: measured.error_rate > 0.5
parallel:
  - {{name: users, duration: 20s, load: {{requests: 50/s}}}}
  - {{name: bad, duration: 20s, scenario: {{errors: 100%}}}}
""")  # fmt: skip
    assert (code, finished["verdict"]) == (3, "aborted")
    assert "measured.error_rate was" in finished["reason"]


def test_values_go_from_step_to_step_and_into_called_playbooks(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "inner.yaml").write_text("""
name: inner
inputs: {delay: {type: duration}}
outputs: {p50: steps.both.outcome}
steps:
  - name: both
    parallel:
      - {name: slow, duration: 900ms, scenario: {latency: "${{ inputs.delay }}"}}
      - {name: users, duration: 900ms, load: {requests: 40/s},
         expect: "measured.p50 >= inputs.delay"}
""")
    code, finished, _ = run(tmp_path, f"""
name: outer
inputs: {{stages: {{type: list, default: [20ms]}}}}
targets: {{shop: {{http: {{listen: 127.0.0.1:{port}, upstream: builtin:echo}}}}}}
steps:
  - name: look
    http: {{get: "http://127.0.0.1:{port}/first"}}
    expect: json.path == '/first'
  - name: again
    http: {{get: "http://127.0.0.1:{port}${{{{ steps.look.json.path }}}}/again"}}
    expect: json.path == '/first/again'
  - name: stages
    loop: {{each: "${{{{ inputs.stages }}}}"}}
    playbook: {{path: ./inner.yaml, inputs: {{delay: "${{{{ loop.item }}}}"}}}}
  - {{name: told, when: "steps.stages.outputs.p50 == 'succeeded'", wait: 1ms}}
""", "--set", "stages=[200ms, 300ms]")  # fmt: skip
    assert (code, finished["reason"]) == (0, "")
    ended = {step["path"]: step["outcome"] for step in finished["steps"]}
    assert ended["stages[2]/both/users"] == ended["told"] == "succeeded"


@pytest.mark.parametrize(
    ("playbook", "options", "said"),
    [
        ("inputs: {a: {type: duration}}\nsteps: [{name: w, wait: '${{ inputs.a }}'}]", [],
         "SQ428 input 'a' has no value"),
        ("inputs: {a: {type: duration}}\nsteps: [{name: w, wait: '${{ inputs.a }}'}]",
         ["--set", "a=soon"], "'soon' is no duration"),
        ("steps: [{name: w, wait: 1s}]", ["--set", "b=1"], "there is no input 'b'"),
        ("steps: [{name: ask, approve: {}}]", [], "SQ429 step 'ask' waits for a person"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_before_anything_is_touched(
    tmp_path: Path, playbook: str, options: list[str], said: str
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"name: x\n{playbook}\n")
    command = [sys.executable, "-m", "squall", "run", str(file), "--state", str(tmp_path / "s")]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert not (tmp_path / "s").exists()
