"""Requests of which some faults are lifted and others stay, or of which half is over."""

import pytest

from squall.core.faults.kinds import EVERY, Errors, Fixed, Latency, LimitData, Resets
from squall.core.timing import MILLISECOND, SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


def latency(duration, **more):
    return Latency(delay=Fixed(value=Duration(duration)), **more)


async def test_what_stands_behind_a_lifted_ending_is_met(stage):
    address = await stage.target(None)
    first = stage.lease(latency(30 * SECOND), Errors(rate=EVERY), name="first")
    second = stage.lease(Resets(rate=EVERY, kind="http_503"), name="second")
    stage.put_on(first, second)
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    stage.put_on(second)
    assert (await wire.until()).startswith(b"HTTP/1.1 503")
    assert [(found.seen, found.touched) for found in second.deliveries()] == [(1, 1)]


async def test_an_upstream_that_answers_early_and_leaves_ends_the_exchange(stage):
    async def early(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await wire.drain()

    address = await stage.before(early)
    stage.put_on(stage.lease(latency(MILLISECOND, direction="response")))
    wire = await stage.dial(address)
    wire.send(b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nhalf")
    assert (await wire.rest()).endswith(b"no")
    await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_an_exchange_that_its_last_bytes_end_is_over_once(stage):
    go_on = stage.gate()

    async def early(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await go_on.wait()

    address = await stage.before(early)
    stage.put_on(stage.lease(LimitData(bytes=100, direction="request")))
    wire = await stage.dial(address)
    wire.send(b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 200\r\n\r\nx")
    assert (await wire.until(b"ok")).endswith(b"ok")
    wire.send(b"x" * 199)
    await stage.until(lambda: stage.plane.in_flight() <= 0)
    await stage.still(stage.plane.in_flight)
    assert stage.plane.in_flight() == 0
    go_on.set()


async def test_data_is_limited_and_counted_over_all_answers_of_a_connection(stage):
    async def answering(wire):
        while True:
            await wire.until()
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000)

    address = await stage.before(answering)
    lease = stage.lease(LimitData(bytes=10_000))
    stage.put_on(lease)
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n" * 4)
    assert len(await wire.rest()) == 10_000
    [found] = lease.deliveries()
    assert (found.touched, found.amount) == (1, 10_000)
