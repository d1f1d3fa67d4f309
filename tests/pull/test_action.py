"""The lint action in a pull request: annotations, SARIF, a comment, and how it ends."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pull.runner import ACTION, BAD, GOOD, ROOT

NO_FILES = {"sarif": "", "comment": "false"}
TEMPLATES = ROOT / "engine/squall/templates"


def test_a_bad_playbook_is_annotated_at_its_line_and_fails(runner, pull) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    done = runner.step("lint", NO_FILES)
    assert done.exit_code == 1
    [(where, message)] = [each[1:] for each in done.annotations if each[0] == "error"]
    assert (where["file"], where["line"], where["col"]) == ("playbooks/bad.yaml", "4", "48")
    assert "unknown key 'latencey'" in message
    assert "SQ101" in where.get("title", "") + message
    assert done.outputs["findings"] == str(sum(each[0] != "notice" for each in done.annotations))


def test_code_scanning_is_told_the_same(runner, pull, shop: Path) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    done = runner.step("lint", {"comment": "false"})
    [run] = json.loads((shop / done.outputs["sarif"]).read_text())["runs"]
    [result] = [each for each in run["results"] if each["ruleId"] == "SQ101"]
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "playbooks/bad.yaml"
    assert (place["region"]["startLine"], place["region"]["startColumn"]) == (4, 48)


def test_code_scanning_is_not_told_what_a_playbook_suppresses(runner, pull, shop: Path) -> None:
    short = "  - {name: short, wait: 2s, timeout: 1s}"
    reason = "# squall: ignore[SQ304] we want to see it time out"
    steps = f"steps:\n{short} {reason}\n{short.replace('short', 'shorter')}\n"
    pull({"playbooks/late.yaml": f"name: late\n{steps}"})
    done = runner.step("lint", {"comment": "false"})
    [run] = json.loads((shop / done.outputs["sarif"]).read_text())["runs"]
    [result] = [each for each in run["results"] if each["ruleId"] == "SQ304"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_the_comment_shows_the_line_and_is_the_summary_of_the_job(runner, pull) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    done = runner.step("lint", {"sarif": ""})
    comment = Path(done.outputs["comment"]).read_text()
    assert comment == done.summary
    assert comment.startswith("<!-- squall lint -->\n### squall: 1 error")
    assert "playbooks/bad.yaml:4:48: SQ101 unknown key 'latencey'" in comment
    assert "did you mean 'latency'?" in comment


def test_good_playbooks_pass_and_the_comment_says_so(runner, pull) -> None:
    pull({"playbooks/good.yaml": GOOD.format(name="good")})
    done = runner.step("lint", {"sarif": "", "select": "SQ101 SQ211"})
    assert (done.exit_code, done.annotations) == (0, [])
    assert done.outputs["findings"] == "0"
    assert "nothing to say" in done.summary


def test_only_what_was_asked_for_is_written(runner, pull, shop: Path) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    done = runner.step("lint", NO_FILES)
    assert set(done.outputs) == {"findings"}
    assert done.summary == ""
    assert not (shop / "squall.sarif").exists()


def test_paths_and_codes_narrow_it(runner, pull, shop: Path) -> None:
    bad = BAD.format(name="bad")
    pull({"playbooks/bad.yaml": bad, "other/worse.yaml": bad.replace("bad", "worse")})
    done = runner.step("lint", NO_FILES)
    files = {each[1]["file"] for each in done.annotations if each[0] == "error"}
    assert files == {"playbooks/bad.yaml", "other/worse.yaml"}
    within = runner.step("lint", NO_FILES | {"paths": f"{shop}/other\n"})
    assert {each[1]["file"] for each in within.annotations} == {"other/worse.yaml"}
    assert runner.step("lint", NO_FILES | {"ignore": "SQ101"}).exit_code == 0
    assert runner.step("lint", NO_FILES | {"select": "SQ211,SQ201"}).exit_code == 0


def test_what_is_no_path_of_the_repository_is_refused(runner, pull) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    for path in ("/etc", "..", "../other"):
        done = runner.step("lint", {"paths": path})
        assert done.exit_code == 2
        assert f"'{path}' is outside of the repository" in done.log
    assert runner.step("lint", NO_FILES | {"paths": "nowhere"}).exit_code == 2


def test_a_code_that_there_is_not_is_a_sentence(runner) -> None:
    done = runner.step("lint", {"select": "SQ999"})
    assert done.exit_code == 2
    assert "squall: Error: There is no code 'SQ999'." in done.log
    assert "Traceback" not in done.log
    assert "sarif" not in done.outputs


def test_changed_only_says_what_the_base_does_not_have(runner, pull, shop: Path, git) -> None:
    (shop / "playbooks/old.yaml").write_text(BAD.format(name="old"))
    git("add", ".")
    git("commit", "--quiet", "--message", "Leave a mistake behind")
    base = pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    everything = runner.step("lint", NO_FILES | {"base": base})
    assert {each[1]["file"] for each in everything.annotations if each[0] == "error"} == {
        "playbooks/old.yaml", "playbooks/bad.yaml",
    }  # fmt: skip
    ours = runner.step("lint", {"base": base, "changed-only": "true"})
    assert ours.exit_code == 1
    assert {each[1]["file"] for each in ours.annotations} == {"playbooks/bad.yaml"}
    assert "old.yaml" not in ours.summary
    scanned = (shop / ours.outputs["sarif"]).read_text()
    assert "old.yaml" in scanned


def test_changed_only_hears_what_a_change_does_to_other_files(runner, pull) -> None:
    base = pull({"playbooks/a_copy.yaml": GOOD.format(name="checkout")})
    done = runner.step("lint", NO_FILES | {"base": base, "changed-only": "true"})
    [(_, where, message)] = [each for each in done.annotations if each[0] == "error"]
    assert where["file"] == "playbooks/checkout.yaml"
    assert "stands in playbooks/a_copy.yaml:1 too" in message


def test_a_mistake_that_only_moves_is_not_a_new_one(runner, pull, shop: Path, git) -> None:
    old = BAD.format(name="old")
    (shop / "playbooks/old.yaml").write_text(old)
    git("add", ".")
    git("commit", "--quiet", "--message", "Leave a mistake behind")
    base = pull({"playbooks/old.yaml": f"# checked by hand\n\n{old}"})
    assert runner.step("lint", NO_FILES | {"base": base}).exit_code == 1
    assert runner.step("lint", NO_FILES | {"base": base, "changed-only": "true"}).exit_code == 0


@pytest.mark.parametrize("base", ["", "f" * 40, "--output=pwned", "$(touch pwned)"])
def test_without_a_base_everything_is_said(base: str, runner, pull, shop: Path) -> None:
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    done = runner.step("lint", NO_FILES | {"changed-only": "true"}, BASE=base)
    assert done.exit_code == 1
    assert [each[1]["file"] for each in done.annotations if each[0] == "error"] == [
        "playbooks/bad.yaml"
    ]
    assert ("the base is not in this clone" in done.log) == bool(base)
    assert not (shop / "pwned").exists()


@pytest.mark.timeout(300)
def test_squall_is_installed_as_it_is_at_the_ref_of_the_action(runner) -> None:
    (runner.temp / "squall").unlink()
    done = runner.step("install", PYTHON=sys.executable, PYTHONPATH="")
    if done.exit_code and re.search("No matching distribution|connection", done.log):
        pytest.skip("pip cannot reach a package index")
    assert done.exit_code == 0, done.log
    where = [runner.temp / "squall/bin/python", "-Ic", "import squall; print(squall.__file__)"]
    found = subprocess.run(where, check=True, capture_output=True, text=True)
    package = Path(found.stdout.strip()).parent
    assert package.is_relative_to(runner.temp)
    subprocess.run([runner.temp / "squall/bin/squall", "--version"], check=True)
    for file in ("schemas/playbook.draft-07.schema.json", "templates/github.yml"):
        assert (package / file).read_bytes() == (ROOT / "engine/squall" / file).read_bytes()


EVIL = "playbooks/$(touch pwned)`touch pwned`\n::add-mask::a\n##[add-mask]b.yaml"


def test_names_and_texts_of_a_pull_request_are_never_obeyed(runner, pull, shop: Path) -> None:
    fence = "`" * 40
    text = f'name: "x\\n{fence}\\n@everyone ##[error]"\nlatencey: "::error::{fence}"\nsteps: []\n'
    base = pull({EVIL: text})
    done = runner.step("lint", {"sarif": "", "changed-only": "true", "base": base})
    assert done.exit_code == 1
    assert not list(shop.rglob("pwned"))
    commands = [line for line in done.log.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == len(done.annotations) > 0
    others = [line for line in done.log.splitlines() if line not in commands]
    assert not [line for line in others if "##[" in line]
    lines = done.summary.splitlines()
    [start, end] = [index for index, line in enumerate(lines) if re.match(r"`{41,}", line)]
    assert not [line for line in lines[:start] + lines[end + 1 :] if "@everyone" in line]


@pytest.mark.parametrize("file", [ACTION / "action.yml", TEMPLATES / "github.yml"])
def test_scripts_hold_no_expressions_and_what_others_wrote_is_pinned(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    steps = (document.get("runs") or document["jobs"]["lint"])["steps"]
    assert steps
    for step in steps:
        assert "${{" not in step.get("run", "")
        used = step.get("uses", "OWNER/squall")
        assert used.startswith("OWNER/squall") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used)


def test_the_workflow_that_init_writes_may_read_and_comment_and_nothing_else() -> None:
    workflow = yaml.safe_load((TEMPLATES / "github.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    [job] = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert list(workflow[True]) == ["pull_request"]  # YAML 1.1 reads 'on' so


def test_every_input_is_used_and_explained() -> None:
    document = yaml.safe_load((ACTION / "action.yml").read_text())
    page = (ACTION / "README.md").read_text()
    text = (ACTION / "action.yml").read_text()
    for name, each in document["inputs"].items():
        assert each["description"]
        assert f"inputs.{name} }}}}" in text
        assert f"| `{name}` |" in page
    for name in document["outputs"]:
        assert f"`{name}`" in page
