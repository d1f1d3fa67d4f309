"""Who is alive, told by locks that the kernel lets go."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from squall.core.diagnostics import Refused
from squall.store.engines import FileEngines, is_alive, keep_trace, may_harm, prepare

LIVE = """
import sys
from pathlib import Path
from squall.store.engines import FileEngines, prepare
engines = FileEngines(prepare(Path(sys.argv[1])))
print(engines.me, flush=True)
sys.stdin.read()
"""


def another(state: Path) -> tuple[subprocess.Popen[str], str]:
    """An engine in a process of its own, and its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_the_state_folder_ignores_itself(tmp_path):
    state = prepare(tmp_path / "deep" / ".squall")
    assert (state / ".gitignore").read_text().endswith("\n*\n")
    (state / ".gitignore").write_text("mine")
    prepare(state)
    assert (state / ".gitignore").read_text() == "mine"


def test_an_engine_lives_as_long_as_its_lock(tmp_path):
    state = prepare(tmp_path)
    with FileEngines(state) as one, FileEngines(state) as two:
        assert one.me != two.me
        assert one.alive(one.me)
        assert one.alive(two.me)
        assert is_alive(state, one.me)
        name = one.me
    assert not is_alive(state, name)
    assert list((state / "engines").iterdir()) == []


def test_an_engine_nobody_knows_is_dead(tmp_path):
    assert not is_alive(tmp_path, "00000000")


def test_a_killed_engine_is_dead_at_once(tmp_path):
    state = prepare(tmp_path)
    process, name = another(state)
    with process, FileEngines(state) as engines:
        assert engines.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert not engines.alive(name)
        assert (state / "engines" / f"{name}.lock").exists()
        with FileEngines(state) as next_one:
            assert not (state / "engines" / f"{name}.lock").exists()
            assert next_one.alive(engines.me)
            assert not next_one.alive(name)


def test_children_do_not_keep_an_engine_alive(tmp_path):
    state = prepare(tmp_path)
    engines = FileEngines(state)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        os.close(engines._lock)
        assert not is_alive(state, engines.me)
        child.communicate(b"\n", timeout=10)


def test_an_edge_that_outlives_its_engine_may_do_harm_until_it_lets_go(tmp_path):
    state = prepare(tmp_path)
    engines = FileEngines(state)
    assert may_harm(state, engines.me)
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, pass_fds=(engines.edges,)) as edge:
        os.close(engines._lock)
        os.close(engines.edges)
        assert not is_alive(state, engines.me)
        assert may_harm(state, engines.me)
        with FileEngines(state):
            assert may_harm(state, engines.me)
        edge.communicate(b"\n", timeout=10)
    assert not may_harm(state, engines.me)
    with FileEngines(state):
        assert not (state / "engines" / f"{engines.me}.edges").exists()


def test_a_folder_that_cannot_be_used_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as refused:
        prepare(tmp_path / "file" / ".squall")
    assert refused.value.code == "SQ420"
    assert "not a directory" in refused.value.message
    assert "--state" in refused.value.hint
    with pytest.raises(Refused):
        FileEngines(tmp_path / "nowhere")


def test_a_trace_is_kept_beside_the_rest(tmp_path):
    where = keep_trace(tmp_path, 7, "Traceback")
    assert Path(where).read_text() == "Traceback"
    assert stat.S_ISREG(Path(where).stat().st_mode)
    assert "no file" in keep_trace(tmp_path / "nowhere", 7, "Traceback")
