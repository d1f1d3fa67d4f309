"""Every code is explained, and its examples show what it says."""

import re
from pathlib import Path

import pytest

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.across import check_across
from squall.core.playbook.codes import CODES, EVERY, may_be_suppressed
from squall.core.playbook.load import Loaded, load
from squall.worktree import catalogue_texts, schema_text

SHOWN = [code for code, about in CODES.items() if about.bad]
TOO_LARGE_TO_SHOW = {"SQ002"}


def linted(example: str) -> Loaded:
    """The example as a whole playbook."""
    text = f"name: example\nsteps:\n{example}" if _are_steps(example) else example
    return load(text.encode(), "example.yaml", schema_text(), catalogue=catalogue_texts())


def findings(loaded: Loaded) -> list[Diagnostic]:
    return [*loaded.diagnostics, *check_across([loaded])]


def _are_steps(example: str) -> bool:
    said = [line for line in example.splitlines() if not line.startswith("#")]
    return bool(said) and said[0].startswith("- ")


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_it_means_and_what_to_do(code: str) -> None:
    about = CODES[code]
    assert about.title
    assert about.why.endswith(".")
    assert about.advice.endswith(".")
    assert bool(about.bad) == bool(about.good)
    assert about.bad or about.across_files or code in TOO_LARGE_TO_SHOW


def test_every_code_in_the_source_is_explained() -> None:
    source = Path(__file__).parents[3] / "engine"
    named = {
        code
        for path in source.rglob("*.py")
        for code in re.findall(r"\bSQ\d{3}\b", path.read_text(encoding="utf-8"))
    }
    assert named - set(EVERY) == set()
    assert all(EVERY[code].advice.endswith(".") for code in EVERY)


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_example_of_a_code_has_it(code: str) -> None:
    found = [each for each in findings(linted(CODES[code].bad)) if each.code == code]
    assert found
    assert found[0].severity is CODES[code].severity


@pytest.mark.parametrize("code", SHOWN)
def test_the_good_example_of_a_code_is_clean(code: str) -> None:
    loaded = linted(CODES[code].good)
    found = {each.code for each in findings(loaded)}
    assert code not in found
    assert all(CODES[each].severity is Severity.NOTE for each in found)
    assert loaded.playbooks


@pytest.mark.parametrize("code", SHOWN)
def test_what_is_said_to_be_fixable_is(code: str) -> None:
    found = [each for each in findings(linted(CODES[code].bad)) if each.code == code]
    assert bool(found[0].fix) == CODES[code].fixable


def test_only_safety_and_what_is_no_error_may_be_suppressed() -> None:
    assert may_be_suppressed("SQ301")
    assert may_be_suppressed("SQ304")
    assert may_be_suppressed("SQ210")
    assert not may_be_suppressed("SQ101")
    assert not may_be_suppressed("SQ201")
    assert not may_be_suppressed("SQ012")
