"""``squall lint --baseline``: what was found before is left out, and nothing else."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

TEXT = """name: x
targets: {t: {http: {listen: "127.0.0.1:1", upstream: "builtin:echo"}}}
steps:
  - {name: a, duration: 1m, scenario: {latensy: 1s}}
"""


def lint(*arguments: str) -> Result:
    return CliRunner().invoke(squall, ["lint", *arguments])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A playbook with a mistake that `before.json` knows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(TEXT)
    (tmp_path / "before.json").write_text(lint("--json", "x.yaml").stdout)
    return tmp_path / "x.yaml"


def test_what_is_known_is_not_reported_and_does_not_fail(file: Path) -> None:
    done = lint("--baseline", "before.json", "x.yaml")
    assert (done.exit_code, done.stdout) == (0, "")
    file.write_text(f"# looked at\n\n{TEXT}")
    assert lint("--baseline", "before.json", "x.yaml").exit_code == 0


def test_the_same_mistake_once_more_is_a_new_one(file: Path) -> None:
    file.write_text(f"{TEXT}  - {{name: b, duration: 1m, scenario: {{latensy: 1s}}}}\n")
    done = lint("--baseline", "before.json", "x.yaml")
    assert done.exit_code == 1
    assert done.stdout.count("SQ101") == 1


def test_the_same_mistake_in_another_file_is_a_new_one(file: Path) -> None:
    file.rename(file.with_name("y.yaml"))
    done = lint("--baseline", "before.json", "y.yaml")
    assert done.exit_code == 1
    assert "y.yaml:4:40: SQ101" in done.stdout


def test_every_format_leaves_it_out(file: Path) -> None:
    file.write_text(f"{TEXT}  - {{name: b, wait: 1s, delya: 1s}}\n")
    for form in ("json", "github", "sarif", "junit", "gitlab", "rdjson", "markdown"):
        done = lint("--format", form, "--baseline", "before.json", "x.yaml")
        assert done.exit_code == 1
        assert "delya" in done.stdout
        assert "latensy" not in done.stdout


def test_what_is_no_baseline_is_refused_in_a_sentence(file: Path) -> None:
    done = lint("--baseline", "nowhere.json", "x.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "nowhere.json cannot be read: No such file or directory" in done.stderr
    for text in ("", "[]", '{"findings": [1]}'):
        file.with_name("empty.json").write_text(text)
        done = lint("--baseline", "empty.json", "x.yaml")
        assert done.exit_code == 2
        assert "empty.json is no baseline: " in done.stderr
        assert "'squall lint --json PATH' writes one" in done.stderr
