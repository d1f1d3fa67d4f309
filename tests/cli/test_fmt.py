"""``squall fmt`` over files and folders: what it writes, what it leaves, how it ends."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

UGLY = "name:   a\nsteps:\n-  {name: a,   wait: 1s}   # c\n"
GOOD = "name: a\nsteps:\n  - {name: a, wait: 1s}  # c\n"


def fmt(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["fmt", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(UGLY)
    return tmp_path / "a.yaml"


def test_a_file_is_rewritten_once(file: Path) -> None:
    done = fmt(file)
    assert (done.exit_code, done.stdout) == (0, f"{file}\n")
    assert done.stderr == "1 file changed, 0 as they should be\n"
    assert file.read_text() == GOOD
    assert fmt(file).stderr == "0 files changed, 1 as they should be\n"


def test_a_check_writes_nothing_and_fails(file: Path) -> None:
    done = fmt("--check", file)
    assert (done.exit_code, done.stdout) == (1, f"{file}\n")
    assert done.stderr == "1 file would be changed, 0 as they should be\n"
    assert file.read_text() == UGLY
    fmt(file)
    assert fmt("--check", file).exit_code == 0


def test_a_diff_writes_nothing_and_shows_what_would_change(file: Path) -> None:
    done = fmt("--diff", file)
    assert done.exit_code == 0
    assert done.stdout == (
        f"--- {file}\n+++ {file} (formatted)\n@@ -1,3 +1,3 @@\n"
        "-name:   a\n+name: a\n steps:\n-"
        "-  {name: a,   wait: 1s}   # c\n+  - {name: a, wait: 1s}  # c\n"
    )
    assert fmt("--diff", "--check", file).exit_code == 1
    assert file.read_text() == UGLY


def test_in_a_folder_only_playbooks_and_project_files_are_touched(file: Path) -> None:
    folder = file.parent
    (folder / "squall.yaml").write_text("limits:   {targets: 3}\n")
    (folder / "pod.yaml").write_text("kind:   Pod\n")
    (folder / "template.yaml").write_text("kind: Pod\n  a: b\n")
    done = fmt(folder)
    assert done.exit_code == 0
    assert done.stderr == "2 files changed, 0 as they should be\n"
    assert (folder / "squall.yaml").read_text() == "limits: {targets: 3}\n"
    assert (folder / "pod.yaml").read_text() == "kind:   Pod\n"
    assert fmt(folder / "pod.yaml").stderr == "1 file changed, 0 as they should be\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a\nname: b\nsteps: []\n", ":2:1: SQ003 key 'name' stands twice"),
        ("name: a\nsteps: [\n", "SQ001 a value or a closing bracket is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_and_said(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    done = fmt(file.parent)
    assert done.exit_code == 2
    assert said in done.stderr
    assert f"{file} is left as it is\n" in done.stderr
    assert done.stderr.endswith("0 files changed, 0 as they should be, 1 left alone\n")
    assert file.read_text() == text


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = fmt(tmp_path / "none.yaml")
    assert done.exit_code == 2
    assert "none.yaml cannot be read: No such file or directory" in done.stderr


def test_what_cannot_be_kept_is_not_rewritten(file: Path) -> None:
    file.write_text("%YAML 1.2\n---\n" + UGLY)
    done = fmt(file)
    assert done.exit_code == 2
    assert f"{file} is left as it is: it has a line that begins with %" in done.stderr
    assert file.read_text().startswith("%YAML")


def test_a_link_stays_a_link_and_permissions_stay(file: Path) -> None:
    file.chmod(0o640)
    link = file.with_name("link.yaml")
    link.symlink_to(file.name)
    assert fmt(link).exit_code == 0
    assert link.is_symlink()
    assert file.read_text() == GOOD
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["a.yaml", "link.yaml"]


def test_windows_line_ends_and_json_stay(file: Path) -> None:
    file.write_bytes(UGLY.replace("\n", "\r\n").encode())
    other = file.with_name("b.json")
    other.write_text('{"name": "b", "steps": [{"name": "a", "wait": 1.50}]}')
    assert fmt(file.parent).exit_code == 0
    assert file.read_bytes() == GOOD.replace("\n", "\r\n").encode()
    assert '\n      "wait": 1.50\n' in other.read_text()
