"""Whatever ends first under a fault, lease, client, upstream or edge: nothing is left of it."""

import asyncio
import contextlib

import h11
import pytest

from proxy import speaking
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    CircuitBreaker,
    Connections,
    Corruption,
    Errors,
    Fixed,
    Latency,
    LimitData,
    PartialResponses,
    Resets,
    Slicer,
    SlowClose,
    Timeouts,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


PAYLOAD = bytes(range(256)) * 200
FOREVER = Duration(3600 * SECOND)


def ms(count):
    return Duration(round(count * MILLISECOND))


HOLDING = [
    Latency(delay=Fixed(value=FOREVER)),
    Latency(delay=Fixed(value=FOREVER), direction="response"),
    Latency(delay=Fixed(value=FOREVER), direction="both"),
    Timeouts(rate=EVERY, after=FOREVER),
    Bandwidth(limit=10),
    Bandwidth(limit=10, direction="request"),
    Bandwidth(limit=10, direction="response"),
    Slicer(size=100, delay=FOREVER),
    Slicer(size=100, delay=FOREVER, direction="request"),
]
ALSO = [
    Bulkhead(max=9),
    Connections(max=9),
    CircuitBreaker(failures=99),
    Corruption(rate=EVERY, direction="both"),
]


def settled(stage):
    route = stage.plane._routes["shop"]
    return not (stage.plane.in_flight() or route.waiting)


@pytest.fixture
async def held(stage):
    """Start an exchange that is held by a fault; at the end nothing may be left of it."""

    async def start(fault, *others, framing="sized", asked=None):
        answer = speaking.FRAMINGS[framing]
        address = await stage.before(speaking.serving(lambda _: answer(PAYLOAD), asked))
        peer = speaking.client(await stage.dial(address))
        stage.put_on(stage.lease(fault, name="held"), *others)
        peer.request("POST", "/", b"y" * 5000)
        await stage.until(lambda: stage.plane.in_flight() == 1)
        await stage.pause(0.03)
        return address, peer

    yield start
    stage.put_on()
    for wire in stage.wires:
        await wire.close()
    await stage.until(lambda: settled(stage))


@pytest.mark.parametrize("framing", speaking.FRAMINGS)
@pytest.mark.parametrize("fault", HOLDING, ids=repr)
async def test_a_lifted_lease_lets_go_at_once(stage, held, fault, framing):
    asked = []
    _, peer = await held(fault, framing=framing, asked=asked)
    began = stage.now()
    stage.put_on()
    answer = await peer.message()
    assert stage.now() - began < 0.5
    assert answer.body == PAYLOAD
    assert asked[0].body == b"y" * 5000
    if framing != "closing":
        peer.parser.start_next_cycle()
        assert (await peer.ask()).body == PAYLOAD


@pytest.mark.parametrize("leave", ["reset", "close"])
@pytest.mark.parametrize("fault", HOLDING, ids=repr)
async def test_a_client_that_goes_away_leaves_nothing_behind(stage, held, fault, leave):
    also = stage.lease(*ALSO, name="also")
    address, peer = await held(fault, also)
    if leave == "reset":
        peer.wire.reset()
    else:
        # It has only said that it sends no more: it may still wait, as long as the fault is on.
        await peer.wire.close()
        await stage.pause(0.02)
        assert stage.plane.in_flight() == 1
        stage.put_on(also)
    await stage.until(lambda: settled(stage))
    await stage.until(lambda: not any(found.places for found in also.faults))
    assert all(found.gate is None or found.gate._inside == 0 for found in also.faults)
    stage.put_on()
    assert (await speaking.client(await stage.dial(address)).ask()).body == PAYLOAD


@pytest.mark.parametrize("fault", HOLDING, ids=repr)
async def test_an_edge_that_closes_waits_for_no_fault(stage, held, fault):
    await held(fault)
    began = stage.now()
    await stage.plane.close(ms(100))
    assert stage.now() - began < 2
    assert stage.plane.in_flight() == 0


@pytest.mark.parametrize("error", [False, True])
@pytest.mark.parametrize(
    "fault",
    [Latency(delay=Fixed(value=ms(30)), direction="response"), Bandwidth(limit=100_000)],
    ids=repr,
)
async def test_an_upstream_that_goes_in_the_middle_of_a_held_answer(stage, fault, error):
    async def breaking(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nbegun")
        await wire.drain()
        if error:
            wire.reset()

    address = await stage.before(breaking)
    stage.put_on(stage.lease(fault))
    peer = speaking.client(await stage.dial(address))
    peer.request()
    with pytest.raises((h11.RemoteProtocolError, ConnectionResetError)):
        await peer.message()
    # What came before the end was held back, and came all the same.
    assert peer.body == b"begun"
    await stage.until(lambda: settled(stage))
    assert stage.plane.felt("shop").errors == 1


async def test_an_upstream_that_goes_before_it_answers_a_slow_upload(stage):
    async def leaving(wire):
        await wire.receive(100)

    address = await stage.before(leaving)
    stage.put_on(stage.lease(Bandwidth(limit=20_000, direction="request")))
    peer = speaking.client(await stage.dial(address))
    answer = await peer.ask("POST", "/", b"y" * 3000)
    assert answer.status == 502
    stage.put_on()
    assert (await peer.ask("POST", "/", b"y" * 3000)).status == 502


async def test_an_early_answer_that_is_held_survives_the_end_of_its_request(stage):
    """Upstream answers before the request is whole; the rest comes while the answer is held."""

    async def early(wire):
        while head := await wire.until():
            wire.send(speaking.sized(b"no need"))
            await wire.receive(10 if head.startswith(b"POST") else 0)

    address = await stage.before(early)
    stage.put_on(stage.lease(Latency(delay=Fixed(value=ms(100)), direction="response")))
    wire = await stage.dial(address)
    peer = speaking.client(wire)
    peer.send(
        h11.Request(method="POST", target="/", headers=[("Host", "a"), ("Content-Length", "10")])
    )
    await stage.until(lambda: len(stage.plane._routes["shop"].waiting) == 1)
    peer.send(h11.Data(data=b"x" * 10), h11.EndOfMessage())
    answer = await peer.message()
    assert (answer.status, answer.body) == (200, b"no need")
    await stage.until(lambda: settled(stage))
    peer.parser.start_next_cycle()
    assert (await peer.ask()).body == b"no need"


async def test_an_early_answer_leaves_no_half_sent_request_to_the_next_one(stage):
    """The edge has the whole request, upstream has not, and has answered: it is of no more use."""
    heads = []

    async def early(wire):
        while head := await wire.until():
            heads.append(head)
            wire.send(speaking.sized(b"early"))
            await wire.receive(5000 if head.startswith(b"POST") else 0)

    address = await stage.before(early)
    stage.put_on(stage.lease(Slicer(size=200, delay=FOREVER, direction="request")))
    peer = speaking.client(await stage.dial(address))
    assert (await peer.ask("POST", "/", b"z" * 5000)).body == b"early"
    stage.put_on()
    for _ in range(3):
        assert (await peer.ask()).body == b"early"
    assert all(head.startswith((b"POST / ", b"GET / ")) for head in heads)
    assert len(heads) == 4


async def test_a_nonsensical_answer_under_a_fault_breaks_the_exchange_off(stage):
    async def nonsense(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX\r\n")
        await wire.rest()

    address = await stage.before(nonsense)
    stage.put_on(stage.lease(Slicer(size=3, delay=ms(1))))
    peer = speaking.client(await stage.dial(address))
    peer.request()
    with pytest.raises((h11.RemoteProtocolError, ConnectionResetError)):
        await peer.message()
    await stage.until(lambda: settled(stage))


async def test_an_answer_with_more_than_itself_costs_only_its_connection(stage):
    async def chatty(wire):
        while await wire.until():
            wire.send(speaking.sized(b"one") + b"HTTP/1.1 200 OK\r\n\r\n")

    address = await stage.before(chatty)
    stage.put_on(stage.lease(Latency(delay=Fixed(value=ms(5)), direction="response")))
    peer = speaking.client(await stage.dial(address))
    for _ in range(3):
        assert (await peer.ask()).body == b"one"
    assert stage.accepted == 3


@pytest.mark.parametrize("fault", [*HOLDING, *ALSO, Resets(rate=EVERY)], ids=repr)
async def test_a_request_that_makes_no_sense_is_refused_as_ever(stage, fault):
    address = await stage.before(speaking.serving(lambda _: speaking.sized(b"ok")))
    stage.put_on(stage.lease(fault))
    for head in (b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"):
        assert (await stage.ask(address, head))[:10] in {b"HTTP/1.1 4", b"HTTP/1.1 5"}
    assert stage.events == []
    assert settled(stage)


@pytest.mark.parametrize("fault", [*HOLDING, *ALSO, Errors(rate=EVERY)], ids=repr)
async def test_a_body_that_makes_no_sense_leaves_nothing_behind(stage, fault):
    address = await stage.before(speaking.serving(lambda _: speaking.sized(b"ok")))
    lease = stage.lease(fault)
    stage.put_on(lease)
    wire = await stage.dial(address)
    wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
    await stage.until(lambda: stage.plane.in_flight() == 1 or settled(stage))
    await stage.pause(0.02)
    wire.send(b"cdeXX")
    await wire.rest()
    await stage.until(lambda: settled(stage))
    await stage.until(lambda: not any(found.places for found in lease.faults))


# -- several leases


async def test_lifting_one_of_two_leases_on_bytes_leaves_the_others_pace(stage, held):
    slow = stage.lease(Bandwidth(limit=100_000, direction="response"), name="slow")
    _, peer = await held(Latency(delay=Fixed(value=FOREVER), direction="response"), slow)
    began = stage.now()
    stage.put_on(slow)
    assert (await peer.message()).body == PAYLOAD
    assert len(PAYLOAD) / 100_000 <= stage.now() - began < 3


async def test_a_lease_that_comes_on_later_leaves_what_is_under_way_alone(stage, held):
    kept = Latency(delay=Fixed(value=ms(100)))
    _, peer = await held(kept)
    lease = stage.lease(kept, name="held")
    stage.put_on(lease, stage.lease(Errors(rate=EVERY), name="later"))
    assert (await peer.message()).status == 200


async def test_leases_that_come_and_go_lose_no_byte_of_an_answer(stage):
    payload = bytes(range(256)) * 4000
    address = await stage.before(speaking.serving(lambda _: speaking.chunked(payload)))
    slow = stage.lease(Bandwidth(limit=500_000, direction="response"), name="slow")
    thin = stage.lease(Slicer(size=5_000, delay=ms(2)), name="thin")
    stage.put_on(slow, thin)
    peer = speaking.client(await stage.dial(address))
    peer.request()

    async def swaps():
        for leases in ((slow,), (slow, thin), (thin,), (slow, thin), ()):
            await stage.pause(0.05)
            stage.put_on(*leases)

    stage.run(swaps())
    answer = await peer.message()
    assert answer.body == payload
    await stage.until(lambda: settled(stage))
    assert sorted(event.lease for event in stage.events) == ["slow", "thin"]


# -- the end of connections


@pytest.mark.parametrize("framing", ["sized", "closing"])
async def test_a_slow_close_closes_late(stage, framing):
    answer = speaking.FRAMINGS[framing](b"bye")
    if framing == "sized":
        answer = answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    address = await stage.before(speaking.serving(lambda _: answer))
    stage.put_on(stage.lease(SlowClose(delay=ms(150))))
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await wire.until(b"bye")
    came = stage.now()
    assert await wire.rest() == b""
    assert 0.15 <= stage.now() - came < 1
    (event,) = stage.events
    assert (event.kind, event.delay) == ("slow_close", ms(150))


async def test_a_slow_close_is_lifted_like_everything_else(stage):
    address = await stage.before(speaking.serving(lambda _: speaking.closing(b"bye")))
    stage.put_on(stage.lease(SlowClose(delay=FOREVER)))
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await wire.until(b"bye")
    began = stage.now()
    stage.put_on()
    assert await wire.rest() == b""
    assert stage.now() - began < 0.5


async def test_a_switch_of_protocols_works_under_faults(stage):
    async def switching(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        while data := await wire.some():
            wire.send(data.upper())

    address = await stage.before(switching)
    stage.put_on(
        stage.lease(
            Bandwidth(limit=100_000),
            Latency(delay=Fixed(value=ms(5)), direction="both"),
            Corruption(rate=EVERY),
            LimitData(bytes=10**6),
            PartialResponses(rate=EVERY),
            Bulkhead(max=1),
        )
    )
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    assert b" 101 " in await wire.until()
    wire.send(b"hello")
    assert await wire.receive(5) == b"HELLO"
    stage.put_on()
    wire.send(b"again")
    assert await wire.receive(5) == b"AGAIN"
    await wire.close()
    await stage.until(lambda: settled(stage))


async def test_every_end_is_told_to_a_breaker_once(stage):
    """However exchanges end, a half open breaker's tries come back to it."""
    address = await stage.before(speaking.serving(lambda _: speaking.sized(b"ok")))
    breaker = CircuitBreaker(failures=1, timeout=ms(1), half_open=1, successes=1)
    lease = stage.lease(breaker, name="breaker")
    endings = [
        Resets(rate=EVERY),
        Resets(rate=EVERY, kind="close"),
        Resets(rate=EVERY, at="response"),
        Timeouts(rate=EVERY, after=ms(1)),
        Errors(rate=EVERY),
        PartialResponses(rate=EVERY),
        LimitData(bytes=3),
        LimitData(bytes=3, direction="request"),
        Latency(delay=Fixed(value=ms(3)), direction="both"),
    ]
    for fault in endings:
        stage.put_on(lease, stage.lease(fault, name="other"))
        peer = speaking.client(await stage.dial(address))
        peer.request("POST", "/", b"body")
        with contextlib.suppress(ConnectionResetError):
            await speaking.whole(peer)
        await stage.until(lambda: settled(stage))
        await asyncio.wait_for(well(stage, address, lease), 5)


async def well(stage, address, lease):
    stage.put_on(lease)
    while (await speaking.client(await stage.dial(address)).ask()).status != 200:
        await stage.pause(0.002)
