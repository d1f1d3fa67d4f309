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
