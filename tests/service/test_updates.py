"""A run never waits for who watches it, and what matters is not lost."""

import asyncio

from squall.core.faults.effects import Counted, Felt
from squall.core.run.facts import RunEnded, RunEntered
from squall.core.run.records import Progress
from squall.service.updates import MOST_FACTS, Updates

END = RunEnded(at=9, verdict="passed")


def entered(at):
    return RunEntered(at=at, phase="running")


async def test_nothing_from_before_the_reader_came_is_lost():
    updates = Updates()
    updates.fact(entered(1))
    updates.fact(END)
    assert [update async for update in updates.read()] == [entered(1), END]
    assert [update async for update in updates.read()] == []


async def test_the_reader_waits_for_what_comes():
    updates = Updates()
    reading = updates.read()
    loop = asyncio.get_running_loop()
    loop.call_later(0.001, updates.fact, entered(1))
    assert await asyncio.wait_for(anext(reading), 10) == entered(1)
    picture = Counted(target="shop", felt=Felt())
    loop.call_later(0.001, updates.picture, picture)
    assert await asyncio.wait_for(anext(reading), 10) == picture


async def test_of_each_picture_the_latest_is_kept():
    updates = Updates()
    for n in range(1000):
        updates.picture(Counted(target="shop", felt=Felt(requests=n)))
        updates.picture(Progress(path="shop", felt=Felt(requests=n)))
    reading = updates.read()
    assert await anext(reading) == Counted(target="shop", felt=Felt(requests=999))
    assert await anext(reading) == Progress(path="shop", felt=Felt(requests=999))


async def test_of_too_many_facts_the_latest_are_kept():
    updates = Updates()
    for n in range(MOST_FACTS + 10):
        updates.fact(entered(n))
    updates.fact(END)
    seen = [update async for update in updates.read()]
    assert len(seen) == MOST_FACTS
    assert seen[-1] == END
