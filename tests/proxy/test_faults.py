"""Each fault as a client meets it: what was asked is what is delivered, and nothing after."""

import asyncio
import math

import pytest

from squall.core.faults.kinds import (
    EVERY,
    Errors,
    Exponential,
    Fixed,
    Latency,
    Match,
    Normal,
    PacketLoss,
    Resets,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


GET = b"GET /orders/17 HTTP/1.1\r\nHost: shop\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def ms(count):
    return Duration(round(count * MILLISECOND))


def fixed(delay, **more):
    return Latency(delay=Fixed(value=delay), **more)


async def answering(wire):
    while await wire.until():
        wire.send(OK)


async def answer_of(wire):
    """One answer with a length: its status."""
    head = await wire.until()
    await wire.receive(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
    return int(head.split()[1])


async def timed(stage, wire, request=GET):
    began = stage.now()
    wire.send(request)
    status = await answer_of(wire)
    return status, stage.now() - began


async def statuses(stage, address, count, connections=8):
    async def some(number):
        wire = await stage.dial(address)
        found = []
        for _ in range(number):
            wire.send(GET)
            found.append(await answer_of(wire))
        return found

    groups = await asyncio.gather(*(some(count // connections) for _ in range(connections)))
    return [status for group in groups for status in group]


@pytest.mark.parametrize("delay", [1, 7, 40, 100])
async def test_latency_is_never_early_and_hardly_late(stage, delay):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(fixed(ms(delay))))
    waits = [(await timed(stage, wire))[1] for _ in range(12)]
    assert min(waits) >= delay / 1000
    late = sorted(wait - delay / 1000 for wait in waits)
    # Not the latest of them, because a test machine has other things to do now and then.
    assert late[2] <= max(0.005, 0.05 * delay / 1000)
    assert [event.delay for event in stage.events] == [ms(delay)] * 12


@pytest.mark.parametrize(
    "distribution",
    [
        Uniform(min=ms(5), max=ms(25)),
        Normal(mean=ms(15), stddev=ms(4)),
        Exponential(mean=ms(10)),
    ],
    ids=lambda found: type(found).__name__,
)
async def test_what_the_dice_say_is_what_a_client_waits(stage, distribution):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Latency(delay=distribution)))
    for _ in range(15):
        _, waited = await timed(stage, wire)
        assert waited >= stage.events[-1].delay / SECOND
    assert len({event.delay for event in stage.events}) == 15


async def test_many_can_wait_at_once(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(fixed(ms(150))))
    wires = [await stage.dial(address) for _ in range(100)]
    results = await asyncio.gather(*(timed(stage, wire) for wire in wires))
    assert min(waited for _, waited in results) >= 0.15
    assert max(waited for _, waited in results) < 1.0


ASKED = [
    (Errors(rate=Share(0.3), codes=(503,)), {503}),
    (Resets(rate=Share(0.1), kind="http_503"), {503}),
    (Timeouts(rate=Share(0.2), after=ms(1)), {504}),
]


@pytest.mark.parametrize(("fault", "codes"), ASKED, ids=lambda value: type(value).__name__)
async def test_the_share_asked_for_is_delivered(stage, fault, codes):
    address = await stage.before(answering)
    lease = stage.lease(fault)
    stage.put_on(lease)
    count = 1000
    found = await statuses(stage, address, count)
    hit = sum(status in codes for status in found)
    assert set(found) == codes | {200}
    assert abs(hit - count * fault.rate) <= 4 * math.sqrt(count * fault.rate * (1 - fault.rate))
    (delivery,) = lease.deliveries()
    assert (delivery.seen, delivery.touched) == (count, hit)
    assert len(stage.events) == hit
    assert lease.felt(SECOND).errors == hit
    stage.put_on()
    assert set(await statuses(stage, address, 80)) == {200}
    assert len(stage.events) == hit


async def test_all_codes_come(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(418, 500, 599))))
    assert set(await statuses(stage, address, 80)) == {418, 500, 599}


@pytest.mark.parametrize("code", [204, 304])
async def test_an_injected_status_without_a_body_has_none(stage, code):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(code,))))
    for _ in range(2):
        wire.send(GET)
        assert b"Content-Length" not in await wire.until()


async def test_an_injected_answer_to_head_has_no_body(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(500,))))
    for _ in range(2):
        wire.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await wire.until()).startswith(b"HTTP/1.1 500 ")


async def test_the_body_of_a_failed_upload_is_dropped_and_the_connection_stays(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(500,)), match=Match(method=("PUT",))))
    body = b"x" * 500_000
    wire.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert await answer_of(wire) == 500
    wire.send(body)
    wire.send(GET)
    assert await answer_of(wire) == 200


async def test_a_failed_expectation_closes_the_connection(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(500,))))
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    assert b"Connection: close" in await stage.ask(address, head)
    assert stage.accepted == 0


async def test_a_reset_is_an_rst_and_a_close_is_an_end(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Resets(rate=EVERY)))
    with pytest.raises(ConnectionResetError):
        await stage.ask(address, GET)
    stage.put_on(stage.lease(Resets(rate=EVERY, kind="close")))
    assert await stage.ask(address, GET) == b""
    assert [event.detail for event in stage.events] == ["reset", "close"]
    assert stage.accepted == 0
    assert stage.plane.felt("shop").errors == 2


async def test_a_close_with_a_body_still_coming_is_an_end_too(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Resets(rate=EVERY, kind="close")))
    wire = await stage.dial(address)
    wire.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000)
    assert await wire.rest() == b""


async def test_a_fault_keeps_its_place_among_pipelined_requests(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Resets(rate=EVERY), match=Match(path="/break")))
    wire = await stage.dial(address)
    wire.send(GET * 20 + b"GET /break HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
    assert await wire.receive(20 * len(OK)) == OK * 20
    with pytest.raises(ConnectionResetError):
        await wire.rest()


async def test_one_request_of_a_connection_can_be_touched_and_the_others_not(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Errors(rate=EVERY, codes=(500,)), match=Match(path="/orders/*")))
    found = []
    for path in (b"/orders/1", b"/", b"/orders/2?x=/", b"/orders/2/items"):
        wire.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
        found.append(await answer_of(wire))
    assert found == [500, 200, 500, 200]
    assert [event.path for event in stage.events] == ["/orders/1", "/orders/2"]
    assert {event.endpoint for event in stage.events} == {"GET /orders/*"}
    assert [event.ordinal for event in stage.events] == [0, 1]


async def test_a_timeout_holds_and_then_answers(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=ms(60))))
    status, waited = await timed(stage, wire)
    assert status == 504
    assert waited >= 0.06
    assert stage.accepted == 0


async def test_a_silent_timeout_never_answers(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=ms(1), answer=None)))
    wire.send(GET)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.reader.read(1), 0.2)
    assert stage.plane.in_flight() == 1
    stage.put_on()
    assert await wire.rest() == b""
    assert stage.plane.in_flight() == 0


async def test_a_client_that_tires_of_silence_is_forgotten(stage):
    address = await stage.before(answering)
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=ms(1), answer=None)))
    for leave in ("end", "reset"):
        wire = await stage.dial(address)
        wire.send(GET)
        await stage.until(lambda: stage.plane.in_flight() == 1)
        await stage.pause(0.01)
        getattr(wire, leave)()
        await stage.until(lambda: stage.plane.in_flight() == 0)


async def test_lost_segments_cost_retransmission_timeouts(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(PacketLoss(rate=Share(0.3))))
    delays = set()
    for _ in range(12):
        status, waited = await timed(stage, wire)
        assert status == 200
        if waited >= 0.2:
            event = stage.events[-1]
            assert waited >= event.delay / SECOND
            delays.add(event.delay)
    assert delays
    assert delays <= {ms(200 * (2**n - 1)) for n in range(1, 6)}


async def test_faults_of_two_leases_add_up_and_each_is_told(stage):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(
        stage.lease(fixed(ms(30)), name="slow"),
        stage.lease(fixed(ms(40)), Errors(rate=EVERY, codes=(500,)), name="bad"),
    )
    status, waited = await timed(stage, wire)
    assert status == 500
    assert waited >= 0.07
    assert [(event.lease, event.kind) for event in stage.events] == [
        ("slow", "latency"),
        ("bad", "latency"),
        ("bad", "errors"),
    ]


LIFTED = [
    fixed(ms(60_000)),
    Timeouts(rate=EVERY, after=ms(60_000)),
    Timeouts(rate=EVERY, after=ms(60_000), answer=None),
]


@pytest.mark.parametrize("fault", LIFTED, ids=lambda fault: type(fault).__name__)
async def test_lifting_a_lease_releases_who_waits_for_it_at_once(stage, fault):
    wire = await stage.dial(await stage.before(answering))
    stage.put_on(stage.lease(fault))
    wire.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    began = stage.now()
    stage.put_on()
    assert await answer_of(wire) == 200
    assert stage.now() - began < 1


async def test_lifting_one_of_two_leases_leaves_what_is_owed_to_the_other(stage):
    wire = await stage.dial(await stage.before(answering))
    kept, gone = stage.lease(fixed(ms(150)), name="kept"), stage.lease(fixed(ms(60_000)))
    stage.put_on(kept, gone)
    began = stage.now()
    wire.send(GET)
    await stage.until(lambda: stage.plane.in_flight() == 1)
    stage.put_on(kept)
    assert await answer_of(wire) == 200
    assert 0.15 <= stage.now() - began < 2


async def test_the_same_seed_gives_the_same_faults_at_any_concurrency(stage):
    address = await stage.before(answering)

    async def told(connections):
        stage.events.clear()
        stage.counters = type(stage.counters)()
        stage.put_on(stage.lease(Errors(rate=Share(0.2))))
        await statuses(stage, address, 240, connections)
        return sorted((event.endpoint, event.ordinal, event.detail) for event in stage.events)

    assert await told(1) == await told(12)


async def test_a_lease_measures_only_while_it_is_on(stage):
    wire = await stage.dial(await stage.before(answering))
    await timed(stage, wire)
    lease = stage.lease(fixed(ms(20)), match=Match(path="/never"))
    stage.put_on(lease)
    await timed(stage, wire)
    stage.put_on()
    await timed(stage, wire)
    assert lease.felt(SECOND).requests == 1
    assert stage.plane.felt("shop").requests == 3
