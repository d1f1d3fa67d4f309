"""``squall explain``: every code, one by one and all of them, for people and for programs."""

import json

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall
from squall.core.playbook.codes import EVERY


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(squall, ["explain", *arguments])


@pytest.mark.parametrize("code", EVERY)
def test_every_code_has_a_page_that_fits_a_terminal(code: str) -> None:
    done = explain(code)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{code} {EVERY[code].title}\n")
    prose, _, _ = done.stdout.partition("\nwrong:\n")
    assert max(map(len, prose.splitlines())) <= 80


def test_a_page_says_why_what_to_do_and_shows_it() -> None:
    assert explain("sq101").stdout == (
        "SQ101 unknown key\n"
        "error · --fix sets it right where that is certain · cannot be suppressed\n\n"
        "A misspelt key would be ignored, and its fault would never be injected.\n\n"
        "Spell it as the schema does; the finding names the nearest key, or all there\nare.\n\n"
        "wrong:\n    - {name: slow, duration: 1m, scenario: {latencey: 1s}}\n\n"
        "right:\n    - {name: slow, duration: 1m, scenario: {latency: 1s}}\n"
    )


def test_without_a_code_all_are_listed() -> None:
    lines = explain().stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(EVERY)
    assert "SQ304  warning  timeout too short" in lines


def test_programs_read_the_same() -> None:
    one = json.loads(explain("SQ304", "--json").stdout)
    assert one["severity"] == "warning"
    assert one["suppressible"] is True
    assert one["bad"] == EVERY["SQ304"].bad
    every = json.loads(explain("--json").stdout)["codes"]
    assert [each["code"] for each in every] == list(EVERY)
    assert one in every


def test_a_code_there_is_not_is_a_mistake() -> None:
    done = explain("SQ3044")
    assert done.exit_code == 2
    assert "there is no code 'SQ3044'; did you mean 'SQ304'?" in done.stderr


@pytest.mark.parametrize("code", ["SQ999", "SQ4", "nonsense"])
def test_nothing_is_suggested_that_is_not_near(code: str) -> None:
    assert f"there is no code '{code}'; 'squall explain' lists them" in explain(code).stderr
