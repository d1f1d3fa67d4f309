"""``squall lint --fix`` and ``--diff`` on files as they lie on disk."""

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall

WRONG = "name: x\nsteps: # all\n- {name: a, duration: 1 s, scenario: {latencey: 1s}}\n"
RIGHT = "name: x\nsteps: # all\n- {name: a, duration: 1s, scenario: {latency: 1s}}\n"
BEYOND = "name: y\nsteps: [{name: a, duration: 1s, scenario: {delays: 1s}}]\n"


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(squall, ["lint", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.yaml"
    path.write_bytes(WRONG.encode())
    return path


def test_what_is_certain_is_fixed_and_the_rest_is_reported(file: Path) -> None:
    beyond = file.with_name("b.yaml")
    beyond.write_text(BEYOND)
    assert "2 errors, 1 note; 2 can be fixed with --fix" in lint(file).stderr
    done = lint("--fix", file.parent)
    assert file.read_text() == RIGHT
    assert beyond.read_text() == BEYOND
    assert done.exit_code == 1
    assert "unknown key 'delays'" in done.stdout
    assert "1 error, 2 notes; 2 fixed\n" in done.stderr
    assert lint("--fix", file).exit_code == 0


def test_fixing_keeps_permissions_and_leaves_nothing_behind(file: Path) -> None:
    file.chmod(0o640)
    lint("--fix", file)
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.with_name("link.yaml")
    link.symlink_to(file.name)
    lint("--fix", link)
    assert link.is_symlink()
    assert file.read_text() == RIGHT


def test_a_file_that_is_right_is_not_written(file: Path) -> None:
    file.write_text(RIGHT)
    before = file.stat()
    lint("--fix", file)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_told_of(file: Path) -> None:
    file.parent.chmod(0o500)
    try:
        done = lint("--fix", file)
    finally:
        file.parent.chmod(0o700)
    assert done.exit_code == 2
    assert "a.yaml cannot be written: Permission denied" in done.stderr


def test_the_diff_is_a_patch_and_nothing_is_written(file: Path) -> None:
    done = lint("--diff", file)
    assert file.read_text() == WRONG
    assert done.exit_code == 1
    assert done.stderr == "2 findings in 1 file would be fixed\n"
    assert f"--- {file}\n+++ {file}\n@@ -1,3 +1,3 @@\n" in done.stdout
    subprocess.run(["patch", "-p0", "-d/"], input=done.stdout.encode(), check=True)
    assert file.read_text() == RIGHT
    done = lint("--diff", file)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "nothing to fix\n")


def test_the_diff_of_a_file_with_other_line_ends_applies_too(file: Path) -> None:
    file.write_bytes(WRONG.replace("\n", "\r\n").rstrip().encode())
    done = CliRunner().invoke(squall, ["lint", "--diff", str(file)])
    patch = ["patch", "--binary", "-p0", "-d/"]
    subprocess.run(patch, input=done.stdout_bytes, check=True)
    assert file.read_bytes() == RIGHT.replace("\n", "\r\n").rstrip().encode()


def test_only_selected_codes_are_fixed(file: Path) -> None:
    lint("--fix", "--select", "SQ105", file)
    assert file.read_text() == WRONG.replace("1 s", "1s")
