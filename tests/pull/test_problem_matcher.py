"""The problem matcher finds in what ``squall lint`` prints what a person should be shown."""

import json
import re
import subprocess
import sys
from pathlib import Path

from pull.runner import BAD, ROOT

[MATCHER] = json.loads((ROOT / ".github/problem-matcher.json").read_text())["problemMatcher"]
[PATTERN] = MATCHER["pattern"]


def lint(folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "squall", "lint", *options, "."]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
    return done.stdout


def matched(folder: Path, *options: str) -> list[dict[str, str | None]]:
    lines = lint(folder, *options).splitlines()
    found = [re.match(PATTERN["regexp"], line, re.ASCII) for line in lines]
    groups = {name: group for name, group in PATTERN.items() if name != "regexp"}
    return [{name: each[group] for name, group in groups.items()} for each in found if each]


def test_errors_and_warnings_are_found_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a b:c.yaml").write_text(BAD.format(name="bad"))
    (tmp_path / "template.yaml").write_text("kind: Pod\n  a: b\n")
    found = {each["code"]: each for each in matched(tmp_path) if each["code"] in {"SQ001", "SQ101"}}
    assert found["SQ101"] == {
        "file": "a b:c.yaml", "line": "4", "column": "48", "code": "SQ101", "severity": None,
        "message": "unknown key 'latencey'",
    }  # fmt: skip
    assert MATCHER["severity"] == "error"
    assert (found["SQ001"]["file"], found["SQ001"]["severity"]) == ("template.yaml", "warning")


def test_the_lines_around_a_finding_make_no_more_of_it(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD.format(name="bad"))
    findings = json.loads(lint(tmp_path, "--json"))["findings"]
    assert len(matched(tmp_path)) == len(findings) == 1


def test_notes_are_left_to_those_who_read_them(tmp_path: Path) -> None:
    text = "name: quiet\nsteps: [{name: a, duration: 1s, scenario: {errors: 1%}}]\n"
    (tmp_path / "quiet.yaml").write_text(text)
    severities = {each["severity"] for each in json.loads(lint(tmp_path, "--json"))["findings"]}
    assert "note" in severities
    assert "SQ210" not in {each["code"] for each in matched(tmp_path)}
