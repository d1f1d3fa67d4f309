"""Nothing a folder holds breaks the linter: ``python tests/campaign lint`` asks for longer."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.linting import trouble
from squall.cli.main import squall


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_no_folder_breaks_lint_fix_or_fmt(random) -> None:
    told, files = trouble(random)
    assert not told, (told, files)


@pytest.mark.parametrize("text", ['"${{ inputs.a }}"', "${{", "- ${{ a }}"])
def test_a_document_that_is_no_mapping_is_no_playbook(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    done = CliRunner().invoke(squall, ["lint", str(tmp_path / "a.yaml")])
    assert isinstance(done.exception, SystemExit), done.exception
    assert "SQ103" in done.stdout


def test_hundreds_of_findings_in_one_long_line_are_shown_at_once(tmp_path: Path) -> None:
    steps = '{"name": "a", "wiat": "1s"}, ' * 3_000
    (tmp_path / "a.json").write_text('{"name": "a", "steps": [' + steps + "]}")
    began = time.process_time()
    done = CliRunner().invoke(squall, ["lint", "--color", "always", str(tmp_path)])
    assert done.stdout.count("'wait'") >= 3_000
    assert time.process_time() - began < 10


def test_a_list_may_hold_a_fault_beside_one_that_only_a_run_knows(tmp_path: Path) -> None:
    later = '{latency: "${{ steps.a.latency }}"}'
    (tmp_path / "a.yaml").write_text(
        'name: a\nsteps:\n- {name: a, http: {get: "http://127.0.0.1:1/"}}\n'
        f"- {{name: b, duration: 1s, scenario: [slow_3g, {{errors: 1%}}, {later}]}}\n"
    )
    done = CliRunner().invoke(squall, ["lint", str(tmp_path)])
    assert done.exit_code == 0, done.exception or done.stdout


def test_a_called_playbook_may_declare_inputs_of_no_kind(tmp_path: Path) -> None:
    (tmp_path / "calls.yaml").write_text("name: calls\nsteps: [{name: a, playbook: slow}]\n")
    for kind in ("{a: b}", "[duration]", "durations", "1"):
        (tmp_path / "slow.yaml").write_text(
            f"name: slow\ninputs: {{by: {{type: {kind}}}}}\nsteps: [{{name: a, wait: 1s}}]\n"
        )
        done = CliRunner().invoke(squall, ["lint", str(tmp_path)])
        assert isinstance(done.exception, SystemExit), done.exception
        assert "needs 'by', a value, and is not given it" in done.stdout


@pytest.mark.parametrize(
    "glob", ["a" * 5_000, "\\0", "**/" * 200, "[", "a/" * 3_000, "***", "a\\n"]
)
def test_a_glob_may_name_what_cannot_be(tmp_path: Path, glob: str) -> None:
    (tmp_path / "squall.yaml").write_text(f'playbooks: ["{glob}"]\n')
    (tmp_path / "a.yaml").write_text("name: a\nsteps: [{name: a, wait: 1s}]\n")
    done = CliRunner().invoke(squall, ["lint", str(tmp_path)])
    assert done.exit_code in {0, 1}, done.exception
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_thousands_of_suppressions_are_read_at_once(tmp_path: Path) -> None:
    text = "# squall: ignore[SQ101] as it is meant\n" * 20_000
    steps = "- {name: a, wiat: 1s}\n" * 300
    (tmp_path / "a.yaml").write_text(f"{text}name: a\nsteps:\n{steps}")
    began = time.process_time()
    done = CliRunner().invoke(squall, ["lint", "--select", "SQ101", str(tmp_path)])
    assert done.stdout.count("did you mean 'wait'?") == 300
    assert time.process_time() - began < 10
