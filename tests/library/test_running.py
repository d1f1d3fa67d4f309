"""Runs begun from a program: what they say, how they end, and that they are always undone."""

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import squall
from squall import app

SHOP = {"shop": {"http": {"listen": "127.0.0.1:0", "upstream": "builtin:echo"}}}
SHORT = squall.Playbook("short", targets=SHOP).step("rest", wait="10ms")


def storm(upstream: str, duration: str = "30s") -> squall.Playbook:
    """Errors for everybody, and a request to the service itself at the end."""
    return squall.Playbook(
        "storm",
        targets={"shop": {"http": {"listen": "127.0.0.1:0", "upstream": upstream}}},
        finally_=[squall.step("look", http={"get": f"{upstream}/finally"})],
    ).step("hit", scenario={"errors": {"rate": "100%", "codes": [503]}}, duration=duration)


async def active(running: squall.Running) -> None:
    """Until a fault is on."""
    async for event in running:
        if event.phase == "active" and event.step == "hit":
            return


async def test_an_outcome_says_what_was_asked_delivered_and_felt(tmp_path: Path) -> None:
    playbook = squall.Playbook("p", targets=SHOP).step(
        "both",
        parallel=[
            squall.step("clients", load={"requests": "100/s"}, duration="500ms"),
            squall.step("slow", scenario={"latency": "30ms"}, duration="500ms"),
        ],
    )
    outcome = await squall.run(playbook, seed=7, state=tmp_path)
    assert (outcome.verdict, outcome.exit_code, outcome.run, outcome.seed) == ("passed", 0, 1, 7)
    assert list(outcome.steps) == ["both/slow", "both/clients", "both"]
    slow = outcome.steps["both/slow"]
    assert slow.measured.p50 >= 0.029  # from a sketch, exact to 1 %
    assert slow.measured.requests > 10
    assert slow.took is not None
    assert slow.took >= 0.5
    [fault] = outcome.faults
    assert (fault.step, fault.fault, fault.asked, fault.delivered) == ("both/slow", "latency", 1, 1)
    assert fault.touched == fault.seen > 10
    assert fault.delay_p50 == pytest.approx(0.03, rel=0.02)  # from a sketch, exact to 1 %


async def test_failures_of_a_load_are_told_apart(tmp_path: Path) -> None:
    playbook = squall.Playbook("p", targets=SHOP).step(
        "both",
        parallel=[
            squall.step("broken", scenario={"resets": "100%"}, duration="600ms"),
            squall.step("clients", load={"requests": "50/s"}, duration="300ms", delay="200ms"),
        ],
    )
    outcome = await squall.run(playbook, state=tmp_path)
    measured = outcome.steps["both/clients"].measured
    assert measured.failures == {"reset": measured.errors}
    assert measured.errors > 5
    assert measured.late >= 0


async def test_where_nothing_was_measured_no_claim_holds(tmp_path: Path) -> None:
    outcome = await squall.run(SHORT, state=tmp_path)
    measured = outcome.steps["rest"].measured
    assert measured.requests == 0
    assert math.isnan(measured.p99)
    assert not measured.p99 < 1
    assert not measured.error_rate <= 1


async def test_a_step_that_is_not_there_is_a_key_error_with_a_hint(tmp_path: Path) -> None:
    outcome = await squall.run(SHORT, state=tmp_path)
    with pytest.raises(KeyError, match="did you mean 'rest'"):
        outcome.steps["rset"]


async def test_steps_of_finally_have_paths_of_their_own(tmp_path: Path) -> None:
    last = squall.step("rest", wait="1ms")
    playbook = squall.Playbook("p", targets=SHOP, finally_=[last]).step("rest", wait="20ms")
    outcome = await squall.run(playbook, state=tmp_path)
    assert list(outcome.steps) == ["rest", "finally/rest"]


async def test_inputs_are_given_and_recovery_is_told(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("""
name: p
inputs: {long: {type: duration}}
targets: {shop: {http: {listen: 127.0.0.1:0, upstream: builtin:echo}}}
steady_state: {checks: [{name: up, exec: {run: ["true"]}}]}
steps: [{name: rest, wait: "${{ inputs.long }}"}]
""")
    outcome = await squall.run(file, inputs={"long": "20ms"}, state=tmp_path)
    assert outcome.verdict == "passed", outcome.reason
    assert outcome.recovered_after is not None
    with pytest.raises(squall.Refused, match="'long' has no value"):
        await squall.run(file, state=tmp_path)


async def test_a_file_can_be_run_as_it_is_with_other_targets(tmp_path: Path, service, ask) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("name: p\nsteps: [{name: a, wait: 30s}]\n")
    shop = {"http": {"listen": "127.0.0.1:0", "upstream": service.url}}
    async with squall.start(file, targets={"shop": shop}, state=tmp_path) as running:
        assert await asyncio.to_thread(ask, running.urls["shop"], "/here") == 200
    assert service.asked == ["GET /here"]


async def test_events_come_in_order_and_end_with_the_verdict(tmp_path: Path) -> None:
    async with squall.start(SHORT, state=tmp_path) as running:
        events = [event async for event in running]
    told = [(event.type, event.step) for event in events if event.at is not None]
    assert told == [
        ("run_entered", ""),
        ("step_entered", "main"),
        ("step_entered", "rest"),
        ("step_ended", "rest"),
        ("step_ended", "main"),
        ("run_ended", ""),
    ]
    assert events[-1].verdict == "passed"
    ended = next(event for event in events if event.step == "rest" and event.outcome)
    assert ended.outcome is not None
    assert ended.outcome.conclusion == "succeeded"


async def test_a_pause_lifts_the_faults_until_it_ends(tmp_path: Path, service, ask) -> None:
    async with squall.start(storm(service.url), state=tmp_path) as running:
        await active(running)
        assert await asyncio.to_thread(ask, running.urls["shop"]) == 503
        running.pause()
        async for event in running:
            if event.phase == "paused":
                break
        assert await asyncio.to_thread(ask, running.urls["shop"]) == 200
        running.resume()
        await active(running)
        assert await asyncio.to_thread(ask, running.urls["shop"]) == 503
        running.stop("seen enough")
        outcome = await running.outcome()
    assert (outcome.verdict, outcome.reason) == ("cancelled", "seen enough")


async def test_leaving_the_block_stops_the_run_and_undoes_it(tmp_path: Path, service, ask) -> None:
    async with squall.start(storm(service.url), state=tmp_path) as running:
        await active(running)
        url = running.urls["shop"]
    with pytest.raises(ConnectionRefusedError):
        ask(url)
    assert service.asked == ["GET /finally"]
    with app.archive(tmp_path) as archive:
        assert archive.runs()[0].verdict == "cancelled"
        assert archive.faults() == ()


async def test_an_error_in_the_block_comes_out_as_it_is(tmp_path: Path, service) -> None:
    async def broken() -> None:
        async with squall.start(storm(service.url), state=tmp_path) as running:
            await active(running)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert service.asked == ["GET /finally"]


async def test_cancelling_a_run_undoes_it_before_letting_go(tmp_path: Path, service) -> None:
    begun = asyncio.Event()

    async def watch() -> None:
        async with squall.start(storm(service.url), state=tmp_path) as running:
            await active(running)
            begun.set()
            await running.outcome()

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        await begun.wait()
        watching.cancel()
    assert watching.cancelled()
    assert service.asked == ["GET /finally"]
    with app.archive(tmp_path) as archive:
        assert archive.runs()[0].verdict == "cancelled"
        assert archive.faults() == ()


async def test_cancelling_twice_skips_finally(tmp_path: Path, service) -> None:
    begun = asyncio.Event()
    last = [squall.step("ask", http={"get": f"{service.url}/finally"}),
            squall.step("linger", wait="50s")]  # fmt: skip
    playbook = squall.Playbook("p", targets=SHOP, finally_=last).step(
        "hit", scenario={"latency": "1s"}, duration="50s"
    )

    async def watch() -> None:
        async with squall.start(playbook, state=tmp_path) as running:
            await active(running)
            begun.set()
            await running.outcome()

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        await begun.wait()
        watching.cancel()
        await asyncio.to_thread(service.wait_for, "GET /finally")
        watching.cancel()
    with app.archive(tmp_path) as archive:
        [run] = archive.runs()
        assert run.verdict == "cancelled"
        assert archive.faults() == ()


async def test_a_time_out_around_a_run_stops_it(tmp_path: Path, service) -> None:
    async def impatient() -> None:
        async with squall.start(storm(service.url), state=tmp_path) as running:
            await active(running)
            async with asyncio.timeout(0.05):
                await running.outcome()

    with pytest.raises(TimeoutError):
        await impatient()
    assert service.asked == ["GET /finally"]


async def test_the_time_out_of_a_run_is_its_own(tmp_path: Path, service) -> None:
    outcome = await squall.run(storm(service.url), timeout="300ms", state=tmp_path)
    assert outcome.verdict == "failed"
    assert outcome.exit_code == 1
    with pytest.raises(ValueError, match="'5 apples' is not a duration"):
        await squall.run(SHORT, timeout="5 apples", state=tmp_path)
    with pytest.raises(ValueError, match="out of range"):
        await squall.run(SHORT, seed=-1, state=tmp_path)


async def test_a_run_that_cannot_begin_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        targets = {"shop": {"http": {"listen": listen, "upstream": "builtin:echo"}}}
        with pytest.raises(squall.Refused, match="already in use") as refused:
            await squall.run(SHORT, targets=targets, state=tmp_path)
    assert refused.value.code == "SQ410"
    assert "choose another" in str(refused.value)


async def test_a_target_that_the_playbook_does_not_know_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(squall.Invalid, match="targets here: shop"):
        await squall.run(SHORT, targets={"shp": SHOP["shop"]}, state=tmp_path)
    with pytest.raises(squall.Invalid, match="is not an address"):
        await squall.run(
            SHORT, targets={"shop": {"http": {"listen": "x", "upstream": "builtin:echo"}}}
        )


async def test_a_recording_is_kept_where_asked(tmp_path: Path) -> None:
    outcome = await squall.run(SHORT, record=tmp_path / "x.sqr", state=tmp_path)
    assert outcome.recording_problem is None
    assert (tmp_path / "x.sqr").stat().st_size > 0


def test_a_program_without_a_loop_runs_a_playbook(tmp_path: Path) -> None:
    assert squall.run_sync(SHORT, state=tmp_path).verdict == "passed"


def test_state_is_where_the_command_line_keeps_it(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "squall.yaml").touch()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("SQUALL_STATE", raising=False)
    squall.run_sync(SHORT)
    with app.archive(tmp_path / ".squall") as archive:
        assert [run.playbook for run in archive.runs()] == ["short"]


PROGRAM = """
import sys, squall
upstream, state = sys.argv[1:]
target = {"http": {"listen": "127.0.0.1:0", "upstream": upstream}}
look = squall.step("look", http={"get": f"{upstream}/finally"})
begin = squall.step("begin", http={"get": f"{upstream}/begun"})
playbook = squall.Playbook("p", targets={"shop": target}, finally_=[look]).step(
    "all", parallel=[begin, squall.step("hit", scenario={"errors": "100%"}, duration="30s")]
)
squall.run_sync(playbook, state=state)
"""


def test_ctrl_c_undoes_the_run_and_still_interrupts_the_program(tmp_path: Path, service) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, service.url, tmp_path], stderr=subprocess.PIPE, text=True
    )
    service.wait_for("GET /begun")
    os.kill(program.pid, signal.SIGINT)
    _, stderr = program.communicate(timeout=30)
    assert stderr.strip().endswith("KeyboardInterrupt")
    assert service.asked == ["GET /begun", "GET /finally"]
    with app.archive(tmp_path) as archive:
        assert archive.runs()[0].verdict == "cancelled"
        assert archive.faults() == ()
