"""What the `exec` step sees of a program, and that nothing of it stays behind."""

import asyncio
import contextlib
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from squall.core.playbook.model import ExecProbe
from squall.core.run.events import CUT, MOST_SEEN, Saw
from squall.core.timing import SECOND
from squall.probes.exec import ExecProber

OPEN = Path("/proc/self/fd")
USUAL = {"PATH": os.environ["PATH"]}


def sh(script: str, **fields) -> ExecProbe:
    return ExecProbe(run=("sh", "-c", script), **fields)


def python(script: str) -> ExecProbe:
    return ExecProbe(run=(sys.executable, "-c", script))


async def seen(probe: ExecProbe, folder: Path = Path("/")) -> dict[str, object]:
    saw = await ExecProber(USUAL)(probe, folder)
    assert isinstance(saw, Saw), saw
    return saw.named()


async def why_not(probe: ExecProbe, folder: Path = Path("/")) -> str:
    saw = await ExecProber(USUAL)(probe, folder)
    assert isinstance(saw, str)
    return saw


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[0] == "Z"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - other processes have no events
            await asyncio.sleep(0.01)  # noqa: TID251


def numbers(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


@pytest.fixture(autouse=True)
def nothing_stays_open():
    before = len(list(OPEN.iterdir()))
    yield
    assert len(list(OPEN.iterdir())) <= before
    assert no_children()


async def test_exit_code_output_and_time_are_seen() -> None:
    saw = await seen(sh("echo out; echo err >&2; exit 3"))
    assert saw["exit_code"] == 3
    assert (saw["stdout"], saw["stderr"]) == ("out\n", "err\n")
    assert 0 < saw["latency"] < 5 * SECOND
    assert "json" not in saw


async def test_json_on_stdout_is_read() -> None:
    assert (await seen(sh("""echo '{"lag": 7}'""")))["json"] == {"lag": 7}


async def test_there_is_no_shell() -> None:
    probe = ExecProbe(run=("echo", "$HOME", "*", "a b", "; exit 3", ""))
    assert (await seen(probe))["stdout"] == "$HOME * a b ; exit 3 \n"


async def test_a_signal_is_told_as_a_shell_tells_it() -> None:
    assert (await seen(sh("kill -KILL $$")))["exit_code"] == 128 + signal.SIGKILL


async def test_it_runs_where_the_step_says_seen_from_the_playbook(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    script = tools / "check"
    script.write_text("#!/bin/sh\npwd\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert (await seen(sh("pwd"), tmp_path))["stdout"] == f"{tmp_path}\n"
    assert (await seen(sh("pwd", cwd="tools"), tmp_path))["stdout"] == f"{tools}\n"
    probe = ExecProbe(run=("./check",), cwd="tools")
    assert (await seen(probe, tmp_path))["stdout"] == f"{tools}\n"


async def test_its_environment_is_the_usual_and_what_the_step_says(monkeypatch) -> None:
    monkeypatch.setenv("SQUALL_SECRET_TOKEN", "hunter2")
    saw = await seen(ExecProbe(run=("env",), env=(("WHO", "grüße"),)))
    lines = set(str(saw["stdout"]).splitlines())
    assert lines == {f"PATH={os.environ['PATH']}", "WHO=grüße"}


async def test_its_stdin_is_empty() -> None:
    assert (await seen(sh("cat; echo over")))["stdout"] == "over\n"


async def test_it_is_told_of_a_reader_that_left_as_anywhere_else() -> None:
    """Python ignores SIGPIPE; what it starts should not."""
    saw = await seen(sh("(sh -c 'kill -PIPE $$; echo lives' || true)"))
    assert saw["stdout"] == ""


async def test_output_is_kept_up_to_a_limit_and_read_to_the_end() -> None:
    script = "import sys; sys.stdout.write('o' * 5_000_000); sys.stderr.write('e' * 65_536)"
    saw = await seen(python(script))
    assert saw["exit_code"] == 0
    assert saw["stdout"] == "o" * MOST_SEEN + CUT
    assert saw["stderr"] == "e" * MOST_SEEN


async def test_output_that_is_no_text_is_seen_all_the_same() -> None:
    assert (await seen(sh(r"printf 'a\377b'")))["stdout"] == "a\N{REPLACEMENT CHARACTER}b"


async def test_what_a_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; (trap '' TERM; sleep 600) & echo $! > {pids}; exit 0"
    async with asyncio.timeout(5):
        assert (await seen(sh(script)))["exit_code"] == 0
    [left] = numbers(pids)
    await until(lambda: gone(left))


async def test_many_at_once_do_not_get_in_each_others_way() -> None:
    saw = await asyncio.gather(*(seen(sh(f"echo {n}; exit {n}")) for n in range(12)))
    assert [one["exit_code"] for one in saw] == list(range(12))
    assert [one["stdout"] for one in saw] == [f"{n}\n" for n in range(12)]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep 600 & echo $$ $! > {pids}; sleep 600", id="a tree"),
        pytest.param(
            "trap '' TERM; (trap '' TERM; sleep 600 & echo $$ $! > {pids}; wait; wait) & "
            "while true; do sleep 1; done",
            id="deaf to SIGTERM",
        ),
        pytest.param("echo $$ $$ > {pids}; yes; true", id="a flood"),
        pytest.param("echo $$ $$ > {pids}; exec sleep 600", id="only itself"),
    ],
)
async def test_cancelling_ends_the_program_and_all_its_children(tmp_path, script: str) -> None:
    pids = tmp_path / "pids"
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        probe = sh(script.format(pids=pids))
        task = tasks.create_task(ExecProber(USUAL)(probe, tmp_path))
        await until(lambda: len(numbers(pids)) == 2)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert all(gone(pid) for pid in numbers(pids))
    assert task.cancelled()


async def test_a_program_that_tidies_up_when_told_to_end_has_a_moment_for_it(tmp_path) -> None:
    ready, tidied = tmp_path / "ready", tmp_path / "tidied"
    script = f"trap 'sleep 0.2; echo 1 > {tidied}; exit' TERM; echo 1 > {ready}; sleep 600 & wait"
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ExecProber(USUAL)(sh(script), tmp_path))
        await until(lambda: numbers(ready) == [1])
        task.cancel()
    assert numbers(tidied) == [1]


async def test_cancelling_twice_does_not_wait_for_anybody(tmp_path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; echo $$ > {pids}; while true; do sleep 1; done"
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ExecProber(USUAL)(sh(script), tmp_path))
        await until(lambda: len(numbers(pids)) == 1)
        loop = asyncio.get_running_loop()
        began = loop.time()
        task.cancel()
        loop.call_later(0.05, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert loop.time() - began < 0.8
        await until(lambda: gone(numbers(pids)[0]))
        await until(no_children)


def no_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


async def test_cancelling_at_any_moment_leaves_nothing(tmp_path) -> None:
    for turns in range(40):
        task = asyncio.ensure_future(ExecProber(USUAL)(sh("exec sleep 600"), tmp_path))
        for _ in range(turns):
            await asyncio.sleep(0)  # noqa: TID251 - one turn of the loop
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_killed_keeper_takes_its_program_with_it(tmp_path) -> None:
    pids = tmp_path / "pids"
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        probe = sh(f"echo $$ $PPID > {pids}; exec sleep 600")
        task = tasks.create_task(ExecProber(USUAL)(probe, tmp_path))
        await until(lambda: len(numbers(pids)) == 2)
        program, keeper = numbers(pids)
        os.kill(keeper, signal.SIGKILL)
        saw = await task
    assert isinstance(saw, str)
    assert saw.endswith("whatever watched over it was killed")
    await until(lambda: gone(program))


async def test_what_cannot_be_run_is_named(tmp_path) -> None:
    assert await why_not(ExecProbe(run=("no-such-program",)), tmp_path) == (
        "exec no-such-program: there is no program 'no-such-program' on the PATH"
    )
    assert await why_not(ExecProbe(run=("./nope", "-v")), tmp_path) == (
        f"exec ./nope -v: there is no program './nope' in {tmp_path}"
    )
    assert await why_not(sh("true", cwd="nowhere"), tmp_path) == (
        f"exec sh -c true: there is no folder {tmp_path}/nowhere"
    )
    (tmp_path / "notes").write_text("not a program\n")
    assert await why_not(ExecProbe(run=("./notes",)), tmp_path) == (
        "exec ./notes: './notes' may not be executed"
    )
    (tmp_path / "notes").chmod(0o755)
    assert await why_not(ExecProbe(run=("./notes",)), tmp_path) == (
        "exec ./notes: './notes' is no program; a script begins with a line like #!/bin/sh"
    )
