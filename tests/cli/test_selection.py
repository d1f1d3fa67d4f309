"""``squall lint --select`` and ``--ignore``: by whole codes and by their beginnings."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

TEXT = """name: x
steps:
  - {name: a, duration: 2s, timeout: 1s, scenario: {latency: 1s}}
  - {name: b, loop: {forever: true}, steps: [{name: c, wait: 1s}]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_text(TEXT)
    return path


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["lint", *map(str, arguments)])


def codes(done: Result) -> list[str]:
    return re.findall(r"^\S+: (SQ\d+)", done.stdout, re.MULTILINE)


def test_a_code_or_its_beginning_selects(file: Path) -> None:
    assert sorted(codes(lint(file))) == ["SQ210", "SQ301", "SQ304"]
    assert codes(lint("--select", "SQ304", file)) == ["SQ304"]
    assert sorted(codes(lint("--select", "SQ3", file))) == ["SQ301", "SQ304"]
    assert sorted(codes(lint("--select", "SQ304,SQ2", file))) == ["SQ210", "SQ304"]
    assert codes(lint("--select", "SQ3", "--ignore", "SQ301", file)) == ["SQ304"]
    assert codes(lint("--ignore", "SQ2", "--ignore", "SQ304", file)) == ["SQ301"]


def test_what_is_not_spoken_of_does_not_fail(file: Path) -> None:
    assert lint(file).exit_code == 1
    assert lint("--ignore", "SQ301", file).exit_code == 0
    assert lint("--ignore", "SQ301", "--strict", file).exit_code == 1
    assert lint("--select", "SQ210", "--strict", file).exit_code == 0


@pytest.mark.parametrize(
    ("written", "said"),
    [("SQ3044", "There is no code 'SQ3044'. Did you mean 'SQ304'?"),
     ("sq304", "Did you mean 'SQ304'?"),
     ("E501", "'squall explain' lists them.")],
)  # fmt: skip
def test_a_code_there_is_not_is_a_mistake(file: Path, written: str, said: str) -> None:
    for option in ("--select", "--ignore"):
        done = lint(option, written, file)
        assert done.exit_code == 2
        assert said in done.stderr
