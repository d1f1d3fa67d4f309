"""Answers are kept by digest; whatever happens to the file, none is wrong and none an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from squall.store.answers import Answers

KEPT = {number.to_bytes(32): f"answer {number} ".encode() * 20 for number in range(100)}
MISSING = b"\xff" * 32


def keep(folder: Path, kept: dict[bytes, bytes] = KEPT, **how) -> None:
    with Answers(folder, **how) as answers:
        for digest, answer in kept.items():
            answers.put(digest, answer)


def found(folder: Path) -> dict[bytes, bytes]:
    with Answers(folder) as answers:
        pairs = ((digest, answers.get(digest)) for digest in (*KEPT, MISSING))
        return {digest: answer for digest, answer in pairs if answer is not None}


def test_what_was_put_is_found_the_next_time_and_nothing_else(tmp_path: Path) -> None:
    keep(tmp_path)
    assert found(tmp_path) == KEPT


def test_an_answer_can_be_had_before_it_is_written(tmp_path: Path) -> None:
    with Answers(tmp_path) as answers:
        answers.put(b"digest", b"answer")
        assert answers.get(b"digest") == b"answer"


def test_an_answer_that_is_very_large_is_not_kept(tmp_path: Path) -> None:
    keep(tmp_path, {b"large": b"a" * 100_000})
    with Answers(tmp_path) as answers:
        assert answers.get(b"large") is None


def test_a_file_that_has_grown_too_large_is_begun_anew(tmp_path: Path) -> None:
    keep(tmp_path, most=10_000)
    assert list(tmp_path.iterdir()) == []
    keep(tmp_path)
    assert found(tmp_path) == KEPT


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answers.db").write_bytes(content)
    assert found(tmp_path) == {}
    keep(tmp_path)
    keep(tmp_path)
    assert found(tmp_path) == KEPT


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
    byte=st.binary(min_size=1, max_size=40),
)
def test_bytes_that_are_overwritten_lose_answers_and_change_none(
    tmp_path: Path, places: list[float], byte: bytes
) -> None:
    file = tmp_path / "answers.db"
    file.unlink(missing_ok=True)
    keep(tmp_path)
    data = bytearray(file.read_bytes())
    for place in places:
        at = int(place * len(data))
        data[at : at + len(byte)] = byte
    file.write_bytes(data)
    assert found(tmp_path).items() <= KEPT.items()
    keep(tmp_path)
    assert found(tmp_path).items() <= KEPT.items()


def test_where_nothing_can_be_written_there_is_no_cache_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    keep(tmp_path / "file")
    keep(tmp_path / "file" / "deeper")
    (tmp_path / "answers.db").mkdir()
    keep(tmp_path)
    assert found(tmp_path) == {}


def test_a_cache_that_goes_away_meanwhile_is_no_error(tmp_path: Path) -> None:
    keep(tmp_path)
    with Answers(tmp_path) as answers:
        (tmp_path / "answers.db").unlink()
        tmp_path.rmdir()
        answers.get(MISSING)
        answers.put(MISSING, b"new")


PROGRAM = """
import sys
from pathlib import Path
from squall.store.answers import Answers
for turn in range(20):
    with Answers(Path(sys.argv[1])) as answers:
        for number in range(50):
            digest = number.to_bytes(32)
            answer = answers.get(digest)
            assert answer in {None, b"%d" % number}, answer
            answers.put(digest, b"%d" % number)
"""


def test_several_processes_share_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    processes = [subprocess.Popen(command, env=os.environ) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    with Answers(tmp_path) as answers:
        assert answers.get((7).to_bytes(32)) == b"7"
