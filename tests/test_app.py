"""Everything wired together, in this process and with a real edge beside it."""

import asyncio

import pytest

from squall import app
from squall.core.diagnostics import Refused
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import Address, Group, Playbook, Step, Target, Wait
from squall.core.run.facts import RunEnded
from squall.core.timing import MILLISECOND, MINUTE


def plan(*steps: Step):
    shop = Target(name="shop", listen=Address(host="127.0.0.1", port=0), upstream=None)
    return compile_plan(Playbook(name="p", body=Group(steps=steps), targets=(shop,)))


SHORT = plan(Step(name="a", action=Wait(duration=MILLISECOND)))
LONG = plan(Step(name="a", action=Wait(duration=MINUTE)))


async def test_a_run_from_beginning_to_end(tmp_path):
    async with app.engine(tmp_path / ".squall") as operations:
        running = await operations.start(SHORT, seed=1, record=tmp_path / "x.sqr")
        seen = [update async for update in running.updates()]
        outcome = await running.outcome()
    assert isinstance(seen[-1], RunEnded)
    assert outcome.run.verdict == "passed"
    with app.archive(tmp_path / ".squall") as archive:
        assert archive.runs() == (outcome.run,)
        assert archive.outcome(1) == outcome
        assert archive.faults() == ()
    assert (tmp_path / "x.sqr").stat().st_size > 0


async def test_an_engine_that_does_nothing_leaves_nothing_running(tmp_path):
    async with app.engine(tmp_path):
        pass
    assert list((tmp_path / "engines").iterdir()) == []


async def test_runs_side_by_side_have_an_edge_each(tmp_path):
    async with app.engine(tmp_path) as operations:
        runs = [await operations.start(SHORT, seed=n) for n in range(3)]
        outcomes = [await running.outcome() for running in runs]
    assert [outcome.run.id for outcome in outcomes] == [1, 2, 3]


async def test_leaving_ends_what_goes_on(tmp_path):
    async with app.engine(tmp_path) as operations:
        running = await operations.start(LONG, seed=1)
    outcome = await asyncio.wait_for(running.outcome(), 10)
    assert outcome.run.verdict == "cancelled"


async def test_a_recording_that_cannot_be_written_is_refused(tmp_path):
    async with app.engine(tmp_path) as operations:
        with pytest.raises(Refused, match="cannot be written") as refused:
            await operations.start(SHORT, seed=1, record=tmp_path / "nowhere" / "x.sqr")
    assert refused.value.code == "SQ424"
    with app.archive(tmp_path) as archive:
        assert archive.runs() == ()


def test_an_archive_of_nothing_is_empty(tmp_path):
    with app.archive(tmp_path / "nowhere") as archive:
        assert archive.runs() == ()
        assert archive.faults() == ()
