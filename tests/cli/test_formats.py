"""``squall lint --format``: what those programs look for that read it, also in odd names."""

import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

WRONG = """name: x
targets: {t: {http: {listen: "127.0.0.1:1", upstream: "builtin:echo"}}}
steps:
  - {name: "é🌪", duration: 1m, scenario: {latencey: 1s}}
  - {name: 1, wait: 2s}
  - {name: c, wait: 2s, timeout: 1s}
"""
SHORT = """name: y
targets: {t: {http: {listen: "127.0.0.1:1", upstream: "builtin:echo"}}}
steps:
  # squall: ignore[SQ304] we want to see it time out
  - {name: a, wait: 2s, timeout: 1s}
"""
EVIL = "%0A::error::,:]\n<&>'\" é🌪 $(x).yaml"
"""The name of a file that means something to every format."""
SAID = "unknown key 'latencey'; did you mean 'latency'?"


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["lint", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A repository whose files are linted from a folder in it."""
    (tmp_path / "books").mkdir()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "books/a.yaml").write_text(WRONG)
    (tmp_path / "books/b.yaml").write_text(SHORT)
    monkeypatch.chdir(tmp_path / "books")
    return tmp_path / "books"


@pytest.fixture
def evil(folder: Path) -> str:
    (folder / EVIL).write_text(WRONG)
    return EVIL


# GitHub


def parsed(command: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it."""
    form = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", command)
    assert form, command
    properties = dict(each.split("=", 1) for each in form[2].split(","))
    return form[1], {key: _raw(value) for key, value in properties.items()}, _raw(form[3])


def _raw(escaped: str) -> str:
    for code, mark in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        escaped = escaped.replace(code, mark)
    return escaped


def test_github_shows_each_finding_at_its_line_from_the_root_of_the_repository(folder) -> None:
    done = lint("--format", "github", "a.yaml")
    assert done.exit_code == 1
    assert done.stderr == ""
    kind, about, text = parsed(done.stdout.splitlines()[0])
    assert kind == "error"
    assert about == {
        "title": "SQ101 unknown key", "file": "books/a.yaml",
        "line": "4", "endLine": "4", "col": "43", "endColumn": "50",
    }  # fmt: skip
    assert text == f"books/a.yaml:4:43: SQ101 {SAID}"
    kinds = [parsed(line)[0] for line in done.stdout.splitlines()]
    assert kinds == ["error", "error", "warning"]


def test_github_reads_odd_names_as_they_are(evil: str) -> None:
    first, *_ = lint("--format", "github", evil).stdout.splitlines()
    _, about, text = parsed(first)
    assert about["file"] == f"books/{evil}"
    assert text.startswith(f"books/{evil}:4:43: SQ101 ")


def test_github_hears_when_there_are_more_than_it_shows(folder) -> None:
    steps = "".join(f"  - {{name: s{number}, wiat: 1s}}\n" for number in range(12))
    Path("many.yaml").write_text("name: many\nsteps:\n" + steps)
    lines = lint("--format", "github", "--ignore", "SQ2", "many.yaml").stdout.splitlines()
    assert lines[-1] == "GitHub shows 10 of these 12 errors; all are above."
    assert len(lines) == 13


# SARIF


def official_schema() -> str:
    """SARIF's own schema, which is not ours to hand on.

    From a file that is named, or from an npm package with commands on the PATH beside it.
    """
    inside = "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    beside = [Path(folder).parent / inside for folder in os.environ["PATH"].split(os.pathsep)]
    for path in [Path(os.environ.get("SQUALL_SARIF_SCHEMA", "")), *beside]:
        if path.is_file():
            return path.read_text(encoding="utf-8")
    pytest.skip("neither SQUALL_SARIF_SCHEMA nor npm install @microsoft/jest-sarif")


def sarif(*arguments: object) -> dict:
    return json.loads(lint("--format", "sarif", *arguments).stdout)


def test_sarif_is_valid_by_the_official_schema(evil: str) -> None:
    schema = json.loads(official_schema())
    schema.pop("$schema", None)
    validator = jsonschema_rs.validator_for(schema)
    for files in (["a.yaml"], ["b.yaml"], [evil], ["."], ["/dev/null"]):
        assert [str(error) for error in validator.iter_errors(sarif(*files))] == []


def test_sarif_has_what_code_scanning_reads(folder) -> None:
    log = sarif("a.yaml", "b.yaml")
    [run] = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    driver = run["tool"]["driver"]
    assert driver["name"] == "squall"
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert {result["ruleId"] for result in run["results"]} == set(rules)
    unknown = rules["SQ101"]
    assert unknown["shortDescription"]["text"] == "unknown key"
    assert unknown["fullDescription"]["text"].startswith("A misspelt key")
    assert "```yaml\n- {name: slow" in unknown["help"]["markdown"]
    assert unknown["defaultConfiguration"]["level"] == "error"
    assert unknown["properties"]["problem.severity"] == "error"
    first = run["results"][0]
    assert first["message"]["text"] == SAID
    assert driver["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "SQ101"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "books/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 4, "startColumn": 43, "endLine": 4, "endColumn": 51}
    [change] = first["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {"deletedRegion": place["region"], "insertedContent": {"text": "latency"}}
    ]


def test_sarif_marks_what_comments_suppress(folder) -> None:
    [result] = sarif("b.yaml")["runs"][0]["results"]
    assert result["ruleId"] == "SQ304"
    assert result["suppressions"] == [
        {"kind": "inSource", "justification": "we want to see it time out"}
    ]
    assert [each["suppressions"] for each in sarif("a.yaml")["runs"][0]["results"]] == [[], [], []]


def test_sarif_names_files_as_uris(evil: str) -> None:
    place = sarif(evil)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    uri = place["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9%/._~-]+", uri)
    assert unquote(uri) == f"books/{evil}"


def test_sarif_names_a_file_outside_the_repository_in_full(folder, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "c.yaml"
    outside.write_text(WRONG)
    place = sarif(outside)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": outside.as_uri()}


def fingerprints(results: list[dict]) -> list[str]:
    return [result["partialFingerprints"]["squall/v1"] for result in results]


def test_fingerprints_stay_while_lines_move_and_are_never_the_same(folder) -> None:
    line = "  - {name: a, wiat: 1s, wiat2: 1s}\n"
    Path("c.yaml").write_text("name: c\nsteps:\n" + line + line)
    before = fingerprints(sarif("c.yaml")["runs"][0]["results"])
    Path("c.yaml").write_text("# more\n\nname: c\nsteps:\n  - {name: z, wait: 1s}\n" + line + line)
    after = fingerprints(sarif("c.yaml")["runs"][0]["results"])
    assert before == after
    assert len(set(before)) == len(before) >= 4


# JUnit


def test_junit_has_a_case_a_file_that_fails_as_the_linter_does(folder) -> None:
    suite = ET.fromstring(lint("--format", "junit", "a.yaml", "b.yaml").stdout)
    assert (suite.tag, suite.get("tests"), suite.get("failures")) == ("testsuite", "2", "1")
    broken, good = suite.findall("testcase")
    assert broken.get("name") == broken.get("file") == "books/a.yaml"
    [failure] = broken.findall("failure")
    assert failure.get("message") == "2 errors"
    assert "a.yaml:4:43: SQ101 unknown key 'latencey'\n    4 | " in failure.text
    assert "SQ304 warning" in broken.findtext("system-out")
    assert (good.get("name"), list(good)) == ("books/b.yaml", [])


def test_junit_fails_for_a_warning_where_the_linter_does(folder) -> None:
    Path("c.yaml").write_text("name: c\nsteps: [{name: a, wait: 2s, timeout: 1s}]\n")
    for strict, failures in ((), "0"), (("--strict",), "1"):
        done = lint("--format", "junit", *strict, "c.yaml")
        assert ET.fromstring(done.stdout).get("failures") == failures
        assert done.exit_code == int(failures)


def test_junit_is_xml_whatever_a_name_or_a_text_holds(evil: str) -> None:
    Path("\x01.yaml").write_text('name: "]]>\\u0007<&"\nsteps: [{name: a, wiat: "\ufffe"}]\n')
    suite = ET.fromstring(lint("--format", "junit", evil, "\x01.yaml").stdout)
    assert [case.get("name") for case in suite] == [f"books/{evil}", "books/\ufffd.yaml"]


# GitLab


def test_gitlab_has_the_fields_of_a_code_quality_report(evil: str) -> None:
    issues = json.loads(lint("--format", "gitlab", "a.yaml", evil).stdout)
    assert issues[0] == {
        "description": f"SQ101: {SAID}",
        "check_name": "SQ101",
        "fingerprint": issues[0]["fingerprint"],
        "severity": "major",
        "location": {"path": "books/a.yaml", "lines": {"begin": 4, "end": 4}},
    }
    assert [each["severity"] for each in issues[:3]] == ["major", "major", "minor"]
    assert {each["location"]["path"] for each in issues} == {"books/a.yaml", f"books/{evil}"}
    assert len({each["fingerprint"] for each in issues}) == len(issues)


# reviewdog


def test_rdjson_counts_bytes_and_suggests_the_fix(folder) -> None:
    result = json.loads(lint("--format", "rdjson", "a.yaml").stdout)
    assert result["source"] == {"name": "squall"}
    by_code = {each["code"]["value"]: each for each in result["diagnostics"]}
    unknown = by_code["SQ101"]
    shift = len("é🌪".encode()) - 2
    where = {
        "start": {"line": 4, "column": 43 + shift}, "end": {"line": 4, "column": 51 + shift},
    }  # fmt: skip
    assert unknown["message"] == SAID
    assert unknown["severity"] == "ERROR"
    assert unknown["location"] == {"path": "a.yaml", "range": where}
    assert unknown["suggestions"] == [{"range": where, "text": "latency"}]
    assert by_code["SQ103"]["suggestions"] == [
        {"range": {"start": {"line": 5, "column": 12}, "end": {"line": 5, "column": 13}},
         "text": '"1"'}
    ]  # fmt: skip


# all of them


@pytest.mark.parametrize("form", ["json", "github", "sarif", "junit", "gitlab", "rdjson"])
def test_a_clean_file_and_a_broken_one_are_reported_in_every_format(folder, form: str) -> None:
    Path("clean.yaml").write_text("name: clean\nsteps: [{name: a, wait: 1s}]\n")
    Path("broken.yaml").write_bytes(b"name: \xff\n")
    assert lint("--format", form, "clean.yaml").exit_code == 0
    done = lint("--format", form, "clean.yaml", "broken.yaml", "b.yaml")
    assert done.exit_code == 1
    assert "SQ001" in done.stdout
    assert done.stderr == ""


def test_json_carries_the_fix_and_counts_what_is_suppressed(folder) -> None:
    schema = json.loads((Path(__file__).parents[2] / "schemas/finding.schema.json").read_text())
    document = json.loads(lint("--json", "a.yaml", "b.yaml").stdout)
    assert list(jsonschema_rs.validator_for(schema).iter_errors(document)) == []
    assert (document["files"], document["suppressed"]) == (2, 1)
    assert document["findings"][0]["fix"] == [
        {"line": 4, "column": 43, "end_line": 4, "end_column": 51, "text": "latency"}
    ]
    assert document["findings"][2]["fix"] == []
