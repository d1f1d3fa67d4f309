"""The plane as its control sees it: targets, what was felt, whether anything is going on."""

import pytest

from squall.core.faults.kinds import EVERY, Errors
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration

GET = b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"


async def test_port_0_becomes_a_real_one(stage):
    here = Address(host="127.0.0.1", port=0)
    address = await stage.plane.listen(Target(name="shop", listen=here, upstream=None))
    assert address.host == "127.0.0.1"
    assert address.port > 0


async def test_a_name_is_resolved(stage):
    here = Address(host="localhost", port=0)
    address = await stage.plane.listen(Target(name="shop", listen=here, upstream=None))
    assert (await stage.ask(address, GET)).startswith(b"HTTP/1.1 200 ")


async def test_a_host_that_does_not_exist_is_an_os_error(stage):
    here = Address(host="no.such.host.invalid", port=0)
    with pytest.raises(OSError):
        await stage.plane.listen(Target(name="shop", listen=here, upstream=None))


async def test_what_is_felt_is_the_last_second(stage):
    address = await stage.target(None)
    for _ in range(5):
        await stage.ask(address, GET)
    felt = stage.plane.felt("shop")
    assert felt.requests == 5
    assert 0 < felt.p50 <= felt.p99 <= felt.max < SECOND
    await stage.until(lambda: stage.plane.felt("shop").requests == 0)


async def test_targets_do_not_share_faults_or_figures(stage):
    shop, other = await stage.target(None), await stage.target(None, "other")
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(500,))))
    assert (await stage.ask(shop, GET)).startswith(b"HTTP/1.1 500 ")
    assert (await stage.ask(other, GET)).startswith(b"HTTP/1.1 200 ")
    assert stage.plane.felt("shop").errors == 1
    assert stage.plane.felt("other").errors == 0


async def test_idleness_is_counted_from_the_last_request(stage):
    address = await stage.target(None)
    await stage.pause(0.1)
    assert stage.plane.idle_for() >= 0.1 * SECOND
    await stage.ask(address, GET)
    assert stage.plane.idle_for() < 0.1 * SECOND
    await stage.pause(0.1)
    assert stage.plane.idle_for() >= 0.1 * SECOND


async def test_a_request_in_flight_is_not_idleness(stage):
    async def silent(wire):
        await wire.rest()

    wire = await stage.dial(await stage.before(silent))
    wire.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    await stage.pause(0.05)
    assert stage.plane.idle_for() == 0


async def test_closing_twice_or_without_targets_is_fine(stage):
    await stage.plane.close(Duration(0))
    await stage.target(None)
    await stage.plane.close(Duration(SECOND))
    await stage.plane.close(Duration(SECOND))
