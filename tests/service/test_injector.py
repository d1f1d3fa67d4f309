"""Faults held without a run: answers awaited, leases renewed, the edge's troubles told."""

import asyncio

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import (
    Counted,
    Delivery,
    EdgeLost,
    Felt,
    Inject,
    Lapsed,
    Rejected,
    Renew,
)
from squall.core.faults.kinds import Fixed, Latency, Scenario
from squall.core.run.leases import LEASE_TTL
from squall.core.timing import MILLISECOND
from squall.service.injector import Injector

SLOW = (Scenario(faults=(Latency(delay=Fixed(value=MILLISECOND)),)),)


@pytest.fixture
async def holding(world):
    """An injector on an edge that does as told."""
    edge = world.make_edge()
    injector = Injector(edge, world.clock, "shop", seed=7)
    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(injector.listen())
        yield injector, edge
        injector.close()
        listening.cancel()


async def test_faults_are_on_when_inject_returns(holding):
    injector, edge = holding
    await injector.inject(SLOW)
    [inject] = edge.sent(Inject)
    assert (inject.target, inject.scenarios, inject.seed) == ("shop", SLOW, 7)


async def test_numbers_only_grow(holding):
    injector, edge = holding
    await injector.inject(SLOW)
    await injector.lift()
    await injector.inject(SLOW)
    numbers = [effect.seq for effect in edge.effects if not isinstance(effect, Renew)]
    assert numbers == sorted(set(numbers))


async def test_a_lease_is_renewed_as_long_as_it_is_held(holding, world):
    injector, edge = holding
    await injector.inject(SLOW)
    before = len(edge.sent(Renew))
    await world.clock.run(world.clock.sleep_until(world.clock.monotonic() + LEASE_TTL))
    assert len(edge.sent(Renew)) >= before + 3


async def test_an_edge_that_refuses_is_quoted(holding, world):
    injector, edge = holding
    edge.silent = {"Inject"}
    waiting = asyncio.ensure_future(injector.inject(SLOW))
    await world.clock.settle()
    [inject] = edge.sent(Inject)
    edge.say(Rejected(lease=inject.lease, seq=inject.seq, reason="no room"))
    with pytest.raises(Refused, match="no room"):
        await waiting


async def test_faults_that_ran_out_while_their_owner_slept_come_back(holding):
    injector, edge = holding
    await injector.inject(SLOW)
    [inject] = edge.sent(Inject)
    edge.say(Lapsed(lease=inject.lease))
    await injector.events()
    assert [again.scenarios for again in edge.sent(Inject)] == [SLOW, SLOW]


async def test_faults_that_were_lifted_do_not(holding):
    injector, edge = holding
    await injector.inject(SLOW)
    [inject] = edge.sent(Inject)
    await injector.lift()
    edge.say(Lapsed(lease=inject.lease))
    await injector.events()
    assert len(edge.sent(Inject)) == 1


async def test_who_waits_for_an_edge_that_dies_is_told(holding, world):
    injector, edge = holding
    edge.silent = {"Revert"}
    waiting = asyncio.ensure_future(injector.lift())
    await world.clock.settle()
    edge.say(EdgeLost(reason="the edge process was killed (SIGKILL)"))
    with pytest.raises(Refused, match="SIGKILL"):
        await waiting
    with pytest.raises(Refused, match="SIGKILL"):
        await injector.inject(SLOW)


async def test_deliveries_are_those_of_a_picture_taken_after_the_question(holding, world):
    injector, edge = holding
    await injector.inject(SLOW)
    [inject] = edge.sent(Inject)

    def picture(seen: int) -> Counted:
        delivery = Delivery(scenario=0, fault=0, kind="latency", asked=1.0, seen=seen)
        return Counted(target="shop", felt=Felt(), deliveries=((inject.lease, (delivery,)),))

    edge.say(picture(1))
    waiting = asyncio.ensure_future(injector.deliveries())
    await world.clock.settle()
    assert not waiting.done()
    edge.say(picture(2))
    [delivery] = await waiting
    assert delivery.seen == 2


async def test_an_edge_that_does_not_answer_is_given_up(holding, world):
    injector, edge = holding
    edge.silent = {"Inject"}
    with pytest.raises(Refused, match="did not answer within 5s"):
        await world.clock.run(injector.inject(SLOW))
