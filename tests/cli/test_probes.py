"""How steps that ask are shown: drawn, rehearsed, and in the lines of a run."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from squall.cli.main import squall

PLAYBOOK = """\
name: asking
steps:
  - {name: store, tcp: {connect: "127.0.0.1:6379", send: "AUTH ${{ secrets.REDIS }}\\r\\n"}}
  - {name: mail, tcp: {connect: "mail.example:465", tls: true}}
  - {name: lag, exec: {run: [./lag.sh, -n, 5 s], env: {KEY: "${{ secrets.KEY }}"}}, timeout: 1s}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "asking.yaml"
    path.write_text(PLAYBOOK)
    return str(path)


def said(*arguments: str) -> str:
    result = CliRunner().invoke(squall, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_drawing_says_whom_and_what(file: str) -> None:
    drawn = said("graph", file)
    assert "1. store: tcp 127.0.0.1:6379" in drawn
    assert "2. mail: tls mail.example:465" in drawn
    assert "3. lag: exec ./lag.sh -n '5 s' · at most 1 s" in drawn


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg", "json"])
def test_every_form_draws_them_and_no_form_what_is_sent(file: str, form: str) -> None:
    drawn = said("graph", file, "--format", form)
    assert "127.0.0.1:6379" in drawn
    assert "secrets." not in drawn


def test_a_rehearsal_needs_neither_the_service_nor_the_secrets(file: str) -> None:
    shown = said("rehearse", file)
    assert "00:00.000  store: tcp 127.0.0.1:6379" in shown
    assert "store#1: tcp 127.0.0.1:6379 answers well" in shown
    assert "lag#1: exec ./lag.sh -n '5 s' ends well" in shown
