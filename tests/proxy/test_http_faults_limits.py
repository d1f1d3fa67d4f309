"""Faults that depend on what else goes on, as clients meet them: places, limits, breakers, down."""

import asyncio
import errno

import pytest

from proxy import speaking
from squall.core.faults.kinds import (
    EVERY,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Down,
    Errors,
    Fixed,
    Latency,
    Match,
    PacketLoss,
    RateLimit,
    Resets,
    Sequence,
    Share,
    Timeouts,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


def ms(count):
    return Duration(round(count * MILLISECOND))


class Doors:
    """An upstream whose answers to /held wait until a door is opened, and that can be ill."""

    def __init__(self):
        self.open = asyncio.Event()
        self.held = 0
        self.ill = False

    async def script(self, wire):
        peer = speaking.Peer(wire, speaking.h11.SERVER)
        while (request := await speaking.whole(peer)) is not None:
            if request.start.endswith("/held"):
                self.held += 1
                await self.open.wait()
                self.held -= 1
            if request.start.endswith("/break"):
                return
            wire.send(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % (500 if self.ill else 200))
            peer.parser.send(speaking.h11.Response(status_code=204, headers=[]))
            peer.parser.send(speaking.h11.EndOfMessage())
            if peer.parser.our_state is not speaking.h11.DONE:
                return
            peer.parser.start_next_cycle()


@pytest.fixture
async def shop(stage):
    """The stage, a target on it, and the upstream behind it; nothing may be left at the end."""
    doors = Doors()
    address = await stage.before(doors.script)
    yield stage, address, doors
    doors.open.set()
    for wire in stage.wires:
        await wire.close()
    route = stage.plane._routes["shop"]
    await stage.until(lambda: not (stage.plane.in_flight() or route.waiting or route.clients))
    for lease in route.leases.leases:
        for fault in lease.faults:
            assert not fault.places
            assert not fault.budgets
            if fault.gate is not None:
                assert fault.gate._inside == 0
                assert not fault.gate._waiting


async def caller(stage, address):
    return speaking.client(await stage.dial(address))


def kinds(stage):
    return [(event.kind, event.detail) for event in stage.events]


# -- connections


async def test_a_connection_too_many_is_answered_503_and_closed(shop):
    stage, address, _ = shop
    stage.put_on(stage.lease(Connections(max=2)))
    one, two, three = [await caller(stage, address) for _ in range(3)]
    assert (await one.ask()).status == (await two.ask()).status == 200
    answer = await three.ask()
    assert (answer.status, dict(answer.headers)[b"Connection"]) == (503, b"close")
    assert await three.wire.rest() == b""
    assert (await one.ask()).status == 200
    assert kinds(stage) == [("connections", "full")]
    await one.wire.close()
    four = await caller(stage, address)
    await stage.until(lambda: len(stage.plane._routes["shop"].clients) <= 2)
    assert (await four.ask()).status == 200


async def test_a_connection_waits_for_a_place_and_has_it_when_another_leaves(shop):
    stage, address, _ = shop
    lease = stage.lease(Connections(max=1, timeout=ms(5_000)))
    stage.put_on(lease)
    one, two = await caller(stage, address), await caller(stage, address)
    assert (await one.ask()).status == 200
    two.request()
    await stage.until(lambda: stage.plane.in_flight() == 1)
    began = stage.now()
    await stage.pause(0.05)
    await one.wire.close()
    assert (await two.message()).status == 200
    assert 0.05 <= stage.now() - began < 2
    (event,) = stage.events
    assert (event.detail, event.delay >= ms(50)) == ("queued", True)
    assert lease.deliveries()[0].amount == 1


async def test_a_connection_that_waits_in_vain_is_turned_away_when_its_time_is_up(shop):
    stage, address, _ = shop
    stage.put_on(stage.lease(Connections(max=1, timeout=ms(80))))
    one, two = await caller(stage, address), await caller(stage, address)
    await one.ask()
    began = stage.now()
    assert (await two.ask()).status == 503
    assert 0.08 <= stage.now() - began < 1
    assert [event.delay >= ms(80) for event in stage.events] == [True]


# -- bulkhead


async def test_a_bulkhead_lets_so_many_in_queues_some_and_turns_the_others_away(shop):
    stage, address, doors = shop
    lease = stage.lease(Bulkhead(max=2, queue=1, timeout=ms(5_000)))
    stage.put_on(lease)
    peers = [await caller(stage, address) for _ in range(4)]
    for number, peer in enumerate(peers[:3]):
        peer.request("GET", "/held")
        await stage.until(lambda count=number: stage.plane.in_flight() == count + 1)
    await stage.until(lambda: doors.held == 2)
    assert (await peers[3].ask()).status == 503
    # A bulkhead is about requests: the connection stays, and may come again.
    doors.open.set()
    assert [(await peer.message()).status for peer in peers[:3]] == [200] * 3
    assert (await peers[3].ask()).status == 200
    assert kinds(stage) == [("bulkhead", "full"), ("bulkhead", "queued")]
    (delivery,) = lease.deliveries()
    assert (delivery.seen, delivery.touched, delivery.amount) == (5, 2, 2)


async def test_the_queue_of_a_bulkhead_is_served_in_order(shop):
    stage, address, _ = shop
    stage.put_on(
        stage.lease(
            Bulkhead(max=1, queue=100, timeout=ms(5_000)), Latency(delay=Fixed(value=ms(10)))
        )
    )
    order = []

    async def one(number):
        peer = await caller(stage, address)
        peer.request("GET", f"/{number}x")
        await stage.until(lambda: stage.plane.in_flight() > 0)
        await peer.message()
        order.append(number)

    tasks = []
    for number in range(8):
        tasks.append(stage.run(one(number)))
        await stage.until(lambda count=number: stage.plane.in_flight() + len(order) > count)
    await asyncio.gather(*tasks)
    assert order == sorted(order)


async def test_who_gives_up_leaves_the_queue_and_the_place(shop):
    stage, address, doors = shop
    stage.put_on(stage.lease(Bulkhead(max=1, queue=2, timeout=ms(60_000))))
    inside, leaving, staying = [await caller(stage, address) for _ in range(3)]
    for number, peer in enumerate((inside, leaving, staying)):
        peer.request("GET", "/held")
        await stage.until(lambda count=number: stage.plane.in_flight() == count + 1)
    leaving.wire.reset()
    await stage.until(lambda: stage.plane.in_flight() == 2)
    inside.wire.reset()
    await stage.until(lambda: stage.plane.in_flight() == 1 and doors.held >= 1)
    doors.open.set()
    assert (await staying.message()).status == 200


async def test_who_is_turned_away_from_a_queue_is_touched_by_nothing_behind_it(shop):
    stage, address, _ = shop
    late = Latency(delay=Fixed(value=ms(1)))
    lease = stage.lease(Bulkhead(max=1, queue=1, timeout=ms(30)), late)
    stage.put_on(lease)
    inside, outside = await caller(stage, address), await caller(stage, address)
    inside.request("GET", "/held")
    await stage.until(lambda: len(stage.events) == 1)
    assert (await outside.ask()).status == 503
    assert kinds(stage) == [("latency", ""), ("bulkhead", "full")]
    assert [found.seen for found in lease.deliveries()] == [2, 1]


@pytest.mark.parametrize("fault", [Bulkhead(max=1, queue=50), Connections(max=1, timeout=ms(9e4))])
async def test_lifting_lets_all_who_wait_for_a_place_in_at_once(shop, fault):
    stage, address, doors = shop
    stage.put_on(stage.lease(fault))
    peers = [await caller(stage, address) for _ in range(20)]
    for peer in peers:
        peer.request("GET", "/held")
    await stage.until(lambda: stage.plane.in_flight() == 20)
    began = stage.now()
    stage.put_on()
    await stage.until(lambda: doors.held == 20)
    assert stage.now() - began < 1
    doors.open.set()
    assert [(await peer.message()).status for peer in peers] == [200] * 20


# -- breakers


async def test_a_breaker_opens_on_what_upstream_does_and_closes_again(shop):
    stage, address, doors = shop
    breaker = CircuitBreaker(failures=3, timeout=ms(150), half_open=1, successes=2)
    stage.put_on(stage.lease(breaker))
    peer = await caller(stage, address)
    doors.ill = True
    assert [(await peer.ask()).status for _ in range(5)] == [500, 500, 500, 503, 503]
    doors.ill = False
    assert (await peer.ask()).status == 503
    await stage.pause(0.15)
    assert [(await peer.ask()).status for _ in range(5)] == [200] * 5
    assert kinds(stage) == [("circuit_breaker", "open")] * 3


async def test_a_breaker_counts_exchanges_that_break_and_errors_of_other_faults(shop):
    stage, address, _ = shop
    stage.put_on(
        stage.lease(CircuitBreaker(failures=2, timeout=ms(60_000)), name="breaker"),
        stage.lease(Errors(rate=EVERY), match=Match(path="/bad"), name="errors"),
    )
    peer = await caller(stage, address)
    assert (await peer.ask("GET", "/break")).status == 502
    assert (await peer.ask("GET", "/bad")).status in {500, 502, 503, 504}
    answer = await peer.ask("GET", "/")
    assert (answer.status, b"circuit_breaker" in answer.body) == (503, True)


async def test_a_half_open_breaker_lets_so_many_through_at_once(shop):
    stage, address, doors = shop
    breaker = CircuitBreaker(failures=1, timeout=ms(50), half_open=2, successes=3)
    stage.put_on(stage.lease(breaker))
    peer = await caller(stage, address)
    doors.ill = True
    assert (await peer.ask()).status == 500
    doors.ill = False
    await stage.pause(0.06)
    trying = [await caller(stage, address) for _ in range(2)]
    for one in trying:
        one.request("GET", "/held")
    await stage.until(lambda: doors.held == 2)
    assert (await peer.ask()).status == 503
    doors.open.set()
    assert [(await one.message()).status for one in trying] == [200, 200]
    assert (await peer.ask()).status == 200


# -- rate limits


@pytest.mark.parametrize(("by", "others"), [("header:x-tenant", 200), ("all", 429)])
async def test_a_rate_limit_is_shared_by_who_it_says(shop, by, others):
    stage, address, _ = shop
    stage.put_on(stage.lease(RateLimit(limit=0.5, burst=2, by=by)))
    peer = await caller(stage, address)
    asked = [(await peer.ask(headers=[("X-Tenant", "a")])) for _ in range(3)]
    assert [answer.status for answer in asked] == [200, 200, 429]
    assert dict(asked[2].headers)[b"Retry-After"] == b"2"
    assert (await peer.ask(headers=[("X-Tenant", "b")])).status == others
    assert (await peer.ask(headers=[])).status == others


async def test_a_rate_limit_by_endpoint_counts_like_endpoints(shop):
    stage, address, _ = shop
    stage.put_on(stage.lease(RateLimit(limit=0.5, burst=1, by="endpoint", answer=503)))
    peer = await caller(stage, address)
    paths = ("/orders/1", "/orders/2", "/carts/1", "/orders/3?x=1")
    assert [(await peer.ask("GET", path)).status for path in paths] == [200, 503, 200, 503]


async def test_no_more_pass_a_rate_limit_than_it_says(shop):
    stage, address, _ = shop
    lease = stage.lease(RateLimit(limit=100, burst=5))
    stage.put_on(lease)
    peers = [await caller(stage, address) for _ in range(4)]
    began = stage.now()

    async def insist(peer):
        passed = 0
        while stage.now() - began < 0.5:
            passed += (await peer.ask()).status == 200
        return passed

    passed = sum(await asyncio.gather(*(insist(peer) for peer in peers)))
    assert passed <= 5 + 100 * (stage.now() - began)
    (delivery,) = lease.deliveries()
    assert delivery.amount == passed
    assert delivery.seen == passed + delivery.touched


# -- patterns


async def test_bursts_and_sequences_come_as_written(shop):
    stage, address, _ = shop
    peer = await caller(stage, address)
    for pattern, expected in (
        (Burst(count=2, per=4), [503, 503, 200, 200] * 2),
        (Sequence(codes=(500, 200, 429)), [500, 200, 429] * 2),
        (Burst(count=1, interval=ms(60_000)), [503, 200, 200]),
    ):
        stage.counters = type(stage.counters)()
        stage.put_on(stage.lease(Errors(rate=EVERY, codes=(503,), pattern=pattern)))
        assert [(await peer.ask()).status for _ in expected] == expected


async def test_an_error_has_the_body_and_the_headers_asked_for(shop):
    stage, address, _ = shop
    fault = Errors(
        rate=EVERY,
        codes=(503,),
        body='{"é": 1}',
        headers=(
            ("content-type", "application/json"),
            ("content-length", "7"),
            ("retry-after", "9"),
        ),
    )
    stage.put_on(stage.lease(fault))
    peer = await caller(stage, address)
    for _ in range(2):
        answer = await peer.ask()
        assert answer.body.decode() == '{"é": 1}'
        fields = [(name.lower(), value) for name, value in answer.headers]
        assert (b"content-type", b"application/json") in fields
        assert (b"retry-after", b"9") in fields
        assert [value for name, value in fields if name == b"content-length"] == [b"9"]


# -- shares


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("kind", ["close", "http_503", "timeouts", "loss"])
async def test_the_share_asked_for_is_delivered(shop, kind, rate):
    stage, address, _ = shop
    share, count = Share(rate), 80
    fault = {
        "close": Resets(rate=share, kind="close"),
        "http_503": Resets(rate=share, kind="http_503"),
        "timeouts": Timeouts(rate=share, after=ms(1)),
        "loss": PacketLoss(rate=Share(rate if rate < 1 else 0.1)),
    }[kind]
    lease = stage.lease(fault)
    stage.put_on(lease)

    async def one():
        peer = await caller(stage, address)
        await speaking.whole(peer) if peer.request() else None
        await peer.wire.some()

    await asyncio.gather(*(one() for _ in range(count)))
    (delivery,) = lease.deliveries()
    expected = count * fault.rate
    assert delivery.seen == count
    assert abs(delivery.touched - expected) <= 4 * (expected * (1 - fault.rate)) ** 0.5
    assert len(stage.events) == delivery.touched


# -- down


async def refused(address):
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    writer.close()
    return False


async def test_a_target_that_is_down_refuses_and_comes_back(shop):
    stage, address, _ = shop
    peer = await caller(stage, address)
    assert (await peer.ask()).status == 200
    lease = stage.lease(Down())
    for _ in range(3):
        stage.put_on(lease)
        assert await refused(address)
        stage.put_on()
        assert (await (await caller(stage, address)).ask()).status == 200
    with pytest.raises(ConnectionResetError):
        await peer.wire.rest()


async def test_going_down_breaks_idle_waiting_and_answering_connections_at_once(shop):
    stage, address, doors = shop
    slow = stage.lease(Latency(delay=Fixed(value=ms(60_000))), match=Match(path="/slow"), name="a")
    stage.put_on(slow)
    idle, waiting, held = [await caller(stage, address) for _ in range(3)]
    await idle.ask()
    waiting.request("GET", "/slow")
    held.request("GET", "/held")
    await stage.until(lambda: doors.held == 1 and stage.plane.in_flight() == 2)
    stage.put_on(slow, stage.lease(Down(), name="b"))
    for peer in (idle, waiting, held):
        with pytest.raises(ConnectionResetError):
            await peer.wire.rest()
    assert stage.plane.in_flight() == 0
    assert await refused(address)


async def test_a_client_that_reads_nothing_cannot_keep_a_target_up(shop):
    stage, _, _ = shop

    async def endless(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 20_000_000)
        await wire.rest()

    upstream = await stage.upstream(endless)
    address = await stage.target(upstream, "big")
    wire = await stage.dial(address)
    wire.writer.transport.pause_reading()
    wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    route = stage.plane._routes["big"]
    await stage.until(lambda: stage.plane.in_flight() == 1)
    await stage.pause(0.1)
    stage.plane.swap("big", (stage.lease(Down()),))
    await stage.until(lambda: not route.clients)
    assert await refused(address)


async def test_what_was_asked_last_is_what_a_target_is(shop):
    """Orders that come together are carried out together, in a single turn of the loop."""
    stage, address, _ = shop
    down = stage.lease(Down())
    for swaps in ((1, 0), (1, 0, 1), (1, 0, 1, 0), (1, 1), (0, 0), (1, 0, 1, 0, 1), (0,)):
        for on in swaps:
            stage.put_on(*([down] if on else []))
        await stage.pause(0.02)
        if swaps[-1]:
            assert await refused(address)
        else:
            assert (await (await caller(stage, address)).ask()).status == 200


async def test_down_twice_is_down_until_both_are_lifted_and_both_did_it(shop):
    stage, address, _ = shop
    one, two = stage.lease(Down(), name="one"), stage.lease(Down(), name="two")
    stage.put_on(one)
    stage.put_on(one, two)
    stage.put_on(two)
    assert await refused(address)
    stage.put_on()
    assert not await refused(address)
    assert [lease.deliveries()[0].touched for lease in (one, two)] == [1, 1]
    assert [event.lease for event in stage.events] == ["one", "two"]


async def test_another_may_take_the_address_of_a_target_that_is_down(shop):
    stage, address, _ = shop
    stage.put_on(stage.lease(Down()))

    async def other(reader, writer):
        writer.close()

    server = await asyncio.start_server(other, address.host, address.port)
    stage.put_on()
    await stage.pause(0.15)
    stage.put_on(stage.lease(Down()))
    server.close()
    await server.wait_closed()
    await stage.pause(0.15)
    assert await refused(address)
    stage.put_on()
    await stage.pause(0.02)
    assert (await (await caller(stage, address)).ask()).status == 200


@pytest.mark.parametrize("kind", ["reset", "close"])
async def test_a_connection_is_struck_before_it_says_anything(shop, kind):
    stage, address, _ = shop
    stage.put_on(stage.lease(Resets(rate=EVERY, kind=kind, at="connect")))
    wire = await stage.dial(address)
    if kind == "reset":
        with pytest.raises(ConnectionResetError):
            await wire.rest()
    else:
        assert await wire.rest() == b""
    stage.put_on()
    assert (await (await caller(stage, address)).ask()).status == 200
    (event,) = stage.events
    assert (event.kind, event.endpoint, event.method) == ("resets", "connection", "")


async def test_a_share_of_connections_is_struck(shop):
    stage, address, _ = shop
    lease = stage.lease(Resets(rate=Share(0.3), at="connect"))
    stage.put_on(lease)
    struck = 0
    for _ in range(100):
        wire = await stage.dial(address)
        wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        try:
            await wire.rest()
        except ConnectionResetError:
            struck += 1
    (delivery,) = lease.deliveries()
    assert (delivery.seen, delivery.touched) == (100, struck)
    assert 12 <= struck <= 48
    assert lease.felt(SECOND).requests == 100 - struck
