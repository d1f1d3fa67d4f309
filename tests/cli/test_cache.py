"""What the linter remembers is what it would find: with and without, whatever is edited between."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.cli.main import squall

GOOD = "name: {}\nsteps: [{{name: a, duration: 1s, scenario: {{errors: 1%}}}}]\n"


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["lint", *map(str, arguments)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "squall.yaml").write_text("limits: {error_share: 50%}\n")
    (tmp_path / "a.yaml").write_text(GOOD.format("a"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_lies_in_the_state_folder_which_nobody_commits(project: Path) -> None:
    assert lint(".").exit_code == 0
    assert (project / ".squall/cache/answers.db").is_file()
    assert (project / ".squall/.gitignore").read_text().endswith("*\n")


def test_a_folder_without_a_project_file_is_left_as_it_was(project: Path) -> None:
    (project / "squall.yaml").unlink()
    assert lint(".").exit_code == 0
    assert [path.name for path in project.iterdir()] == ["a.yaml"]


def test_where_there_is_a_state_folder_it_is_used(project: Path) -> None:
    (project / "squall.yaml").unlink()
    (project / ".squall").mkdir()
    assert lint(".").exit_code == 0
    assert (project / ".squall/cache/answers.db").is_file()


def test_no_cache_neither_asks_nor_keeps(project: Path) -> None:
    assert lint("--no-cache", ".").exit_code == 0
    assert not (project / ".squall").exists()


def test_what_has_not_changed_is_not_even_parsed(project: Path) -> None:
    program = (
        "import sys; from squall.cli.main import squall\n"
        "try: squall(['lint', '.'])\n"
        "except SystemExit as end: print(end.code, 'yaml' in sys.modules)"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [one.stdout.splitlines()[-1] for one in said] == ["0 True", "0 False"]
    assert said[0].stderr == said[1].stderr


def test_a_cache_that_is_broken_is_none(project: Path) -> None:
    (project / "a.yaml").write_text("name: a\nsteps: []\n")
    first = lint(".")
    (project / ".squall/cache/answers.db").write_bytes(b"no database")
    assert lint(".").output == first.output


def test_findings_are_remembered_with_their_lines_and_fixes(project: Path) -> None:
    (project / "a.yaml").write_text(
        "# squall: ignore-file[SQ210] as it is meant\n"
        "name: a\nsteps: [{name: a, duraton: 1s, scenario: {errors: 1%}}]\n"
    )
    for arguments in (["--color", "always"], ["--json"], ["--format", "sarif"], ["--diff"]):
        first, second = lint(*arguments, "."), lint(*arguments, ".")
        assert "duration" in second.stdout
        assert (second.output, second.exit_code) == (first.output, first.exit_code)
    assert "1 fixed" in lint("--fix", ".").stderr
    assert lint(".").exit_code == 0


FILES = ["a.yaml", "b.yaml", "team/c.yaml", "squall.yaml", "team/squall.yaml"]
TEXTS = [
    GOOD.format("a"),
    GOOD.format("b"),
    GOOD.format("c") + "depends_on: [a]\n",
    "name: [\n",
    "kind: Pod\n",
    "",
    "name: calls\nsteps: [{name: a, playbook: b}]\n",
    "name: calls\nsteps: [{name: a, playbook: {path: ./team/c.yaml, inputs: {x: 1}}}]\n",
    "name: b\ninputs: {x: {type: integer, default: 1}}\nsteps: [{name: a, playbook: {name: c}}]\n",
    "name: c\nsteps: [{name: a, duration: 1s, targets: shop, scenario: slow}]\n",
    "name: c # squall: ignore[SQ211] as it is meant\nsteps: [{name: a, wait: 1s}]\n",
    GOOD.format("a") + "schedule: {cron: 0 2 * * *, timezone: UTC}\n",
    GOOD.format("b") + "schedule: {cron: 0 2 * * *, timezone: UTC}\n",
]
PROJECTS = [
    "targets: {shop: {http: {listen: 127.0.0.1:9001, upstream: builtin:echo}}}\n",
    "scenarios: {slow: {latency: 1s}}\nlimits: {duration: 1m}\n",
    "playbooks: ['*.yaml']\n",
    "limts: {}\n",
    "limits: [\n",
    "",
]
EDITS = st.one_of(
    st.tuples(st.sampled_from(FILES[:3]), st.sampled_from(TEXTS)),
    st.tuples(st.sampled_from(FILES[3:]), st.sampled_from(PROJECTS)),
    st.tuples(st.sampled_from(FILES), st.none()),
)


def everything(*arguments: str) -> tuple[int, object, str]:
    done = lint("--json", *arguments, ".")
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, json.loads(done.stdout), lint(*arguments, ".", "b.yaml").output


@settings(max_examples=25)
@given(st.lists(st.lists(EDITS, min_size=1, max_size=3), min_size=2, max_size=5))
def test_with_and_without_it_the_same_is_said(rounds) -> None:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.chdir(folder)
            Path("team").mkdir()
            Path(".squall").mkdir()
            for edits in rounds:
                for name, text in edits:
                    if text is None:
                        Path(name).unlink(missing_ok=True)
                    else:
                        Path(name).write_text(text)
                said = everything()
                assert said == everything("--no-cache")
                assert said == everything()
        finally:
            os.chdir(before)
