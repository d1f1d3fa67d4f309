"""Faults on connections that carry bytes alone: on new ones, on live ones, and gone when lifted."""

import asyncio

import pytest

from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Connections,
    Corruption,
    Down,
    Fixed,
    Latency,
    LimitData,
    Match,
    PacketLoss,
    RateLimit,
    Resets,
    Share,
    Slicer,
    SlowClose,
    Timeouts,
)
from squall.core.timing import MILLISECOND, SECOND, Duration

FAR = Duration(60 * SECOND)
SOON = 2.0
"""Seconds: far below any wait that a fault here would cause, far above what a turn takes."""


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


def ms(count):
    return Duration(round(count * MILLISECOND))


def fixed(delay, **more):
    return Latency(delay=Fixed(value=delay), **more)


async def echo(wire):
    while data := await wire.some():
        wire.send(data)
        await wire.drain()
    wire.end()


async def talking(stage, count=1):
    """Live connections to an echo, each of which has said something."""
    address = await stage.before(echo, "tcp")
    wires = [await stage.dial(address) for _ in range(count)]
    for wire in wires:
        await turn(wire)
    return (address, *wires)


async def turn(wire, said=b"hello"):
    wire.send(said)
    assert await wire.receive(len(said)) == said


async def timed(stage, wire, said=b"hello"):
    began = stage.now()
    await turn(wire, said)
    return stage.now() - began


def done(lease):
    return [(found.kind, found.seen, found.touched) for found in lease.deliveries()]


# -- what delays bytes


@pytest.mark.parametrize(
    ("direction", "delay"), [("request", 0.05), ("response", 0.05), ("both", 0.1)]
)
async def test_latency_is_felt_on_a_live_connection_and_gone_when_lifted(stage, direction, delay):
    _, wire = await talking(stage)
    lease = stage.lease(fixed(ms(50), direction=direction))
    stage.put_on(lease)
    waits = [await timed(stage, wire) for _ in range(5)]
    assert min(waits) >= delay
    assert sorted(waits)[2] < delay + 0.05
    felt = lease.felt(SECOND)
    assert felt.requests == 5
    assert felt.p50 >= delay * SECOND * 0.99
    stage.put_on()
    assert await timed(stage, wire) < 0.05
    assert done(lease) == [("latency", 1, 1)]
    assert {event.delay for event in stage.events} == {ms(50)}


async def test_latency_is_drawn_for_each_connection(stage):
    address = await stage.before(echo, "tcp")
    lease = stage.lease(fixed(ms(100), rate=Share(0.5)))
    stage.put_on(lease)
    waits = [await timed(stage, await stage.dial(address)) for _ in range(20)]
    slow = sum(wait >= 0.1 for wait in waits)
    assert 3 <= slow <= 17
    assert done(lease) == [("latency", 20, slow)]


async def test_what_is_held_back_goes_on_at_once_when_its_lease_is_lifted(stage):
    _, wire = await talking(stage)
    stage.put_on(stage.lease(fixed(FAR)))
    wire.send(b"held")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    await stage.pause(0.05)
    began = stage.now()
    stage.put_on()
    assert await wire.receive(4) == b"held"
    assert stage.now() - began < SOON


async def test_an_undo_takes_off_only_its_own(stage):
    _, wire = await talking(stage)
    one, two = stage.lease(fixed(ms(30))), stage.lease(fixed(ms(60)), name="two")
    stage.put_on(one)
    assert await timed(stage, wire) >= 0.03
    stage.put_on(one, two)
    assert await timed(stage, wire) >= 0.09
    stage.put_on(two)
    assert 0.06 <= await timed(stage, wire) < 0.09
    stage.put_on()
    assert await timed(stage, wire) < 0.03


async def test_a_lease_of_the_same_name_with_other_faults_takes_the_place_of_the_first(stage):
    _, wire = await talking(stage)
    stage.put_on(stage.lease(fixed(FAR)))
    wire.send(b"held")
    await stage.until(lambda: stage.plane.in_flight() == 1)
    stage.put_on(stage.lease(fixed(ms(20))))
    assert await wire.receive(4) == b"held"
    assert 0.02 <= await timed(stage, wire) < SOON


async def test_bandwidth_is_kept_to_in_each_direction(stage):
    _, wire = await talking(stage)
    lease = stage.lease(Bandwidth(limit=400_000, direction="response"))
    stage.put_on(lease)
    took = await timed(stage, wire, b"x" * 200_000)
    assert 0.45 <= took < 1
    stage.put_on()
    (delivery,) = lease.deliveries()
    assert delivery.amount == 200_000
    assert 350_000 <= delivery.amount * SECOND / delivery.over <= 410_000


async def test_bulk_that_flows_through_the_kernel_is_caught_by_a_fault(stage):
    data = bytes(range(256)) * 4096 * 8

    async def pour(wire):
        await wire.receive(5)
        while True:
            wire.send(data)
            await wire.drain()

    wire = await stage.dial(await stage.before(pour, "tcp"))
    wire.send(b"hello")
    assert await wire.receive(len(data)) == data
    stage.put_on(stage.lease(Bandwidth(limit=10_000, direction="response")))
    # What had been handed to the kernel before still comes, and then a little now and then.
    found, trickles = bytearray(), 0
    while trickles < 5:
        part = await wire.some()
        found += part
        trickles = trickles + 1 if len(part) <= 1_000 else 0
    stage.put_on()
    began = stage.now()
    found += await wire.receive(2 * len(data) - len(found) % len(data))
    assert stage.now() - began < SOON
    assert found == data * (len(found) // len(data))


async def test_a_slicer_sends_small_pieces_apart(stage):
    _, wire = await talking(stage)
    lease = stage.lease(Slicer(size=10, delay=ms(10)))
    stage.put_on(lease)
    wire.send(b"x" * 60)
    times, found = [], b""
    while len(found) < 60:
        part = await wire.some()
        times += [stage.now()] * (len(part) // 10)
        found += part
    assert times[-1] - times[0] >= 0.045
    assert len(set(times)) >= 3  # a busy machine reads several at once
    assert done(lease) == [("slicer", 1, 1)]


async def test_lost_segments_come_later_and_in_order(stage):
    _, wire = await talking(stage)
    lease = stage.lease(PacketLoss(rate=Share(0.5)))
    stage.put_on(lease)
    waits = [await timed(stage, wire, b"%d" % number) for number in range(4)]
    stage.put_on()
    lost = [wait for wait in waits if wait >= 0.19]
    assert lost
    (delivery,) = lease.deliveries()
    assert (delivery.seen, len(lost) <= delivery.touched <= 8) == (8, True)  # there and back
    assert delivery.delay >= 0.19 * SECOND * len(lost)


async def test_the_end_comes_late(stage):
    _, wire = await talking(stage)
    lease = stage.lease(SlowClose(delay=ms(150)))
    stage.put_on(lease)
    began = stage.now()
    wire.end()
    assert await wire.rest() == b""
    assert stage.now() - began >= 0.15
    assert done(lease) == [("slow_close", 1, 1)]


# -- what changes bytes and cuts them off


async def test_corruption_changes_bytes_and_not_their_number(stage):
    _, wire = await talking(stage)
    lease = stage.lease(Corruption(rate=EVERY))
    stage.put_on(lease)
    said = b"x" * 10_000
    wire.send(said)
    heard = await wire.receive(10_000)
    wrong = sum(one != other for one, other in zip(said, heard, strict=True))
    assert 500 < wrong < 2_000
    stage.put_on()
    await turn(wire)
    (delivery,) = lease.deliveries()
    assert (delivery.touched, delivery.amount) == (1, wrong)


async def test_a_connection_ends_when_its_bytes_are_used_up(stage):
    address, wire = await talking(stage)
    lease = stage.lease(LimitData(bytes=1_000))
    stage.put_on(lease)
    await turn(wire, b"x" * 600)
    wire.send(b"y" * 600)
    assert await wire.rest() == b"y" * 400
    other = await stage.dial(address)
    await turn(other, b"x" * 900)
    assert done(lease) == [("limit_data", 2, 1)]


@pytest.mark.parametrize("at", ["request", "response"])
async def test_a_reset_comes_in_the_middle_of_the_first_bytes(stage, at):
    heard = []

    async def listen(wire):
        await wire.receive(5)
        wire.send(b"hello")
        while data := await wire.some():
            heard.append(data)
            if at == "response":
                wire.send(data)

    wire = await stage.dial(await stage.before(listen, "tcp"))
    await turn(wire)
    lease = stage.lease(Resets(rate=EVERY, at=at))
    stage.put_on(lease)
    wire.send(b"x" * 100)
    if at == "response":
        assert await wire.receive(50) == b"x" * 50
    with pytest.raises(ConnectionResetError):
        await wire.rest()
    if at == "request":
        assert sum(map(len, heard)) <= 50
    assert done(lease) == [("resets", 1, 1)]
    assert stage.events[-1].detail == "reset"
    assert stage.plane.felt("shop").errors == 1


async def test_a_close_is_an_end_and_not_a_reset(stage):
    _, wire = await talking(stage)
    stage.put_on(stage.lease(Resets(rate=EVERY, kind="close", at="response")))
    wire.send(b"x" * 100)
    assert await wire.rest() == b"x" * 50


# -- what happens to connections as such


async def test_down_resets_live_connections_and_refuses_new_ones(stage):
    address, *wires = await talking(stage, 3)
    lease = stage.lease(Down())
    stage.put_on(lease)
    for wire in wires:
        with pytest.raises(ConnectionResetError):
            await wire.rest()
    with pytest.raises(ConnectionRefusedError):
        await stage.dial(address)
    # The target itself, and the three.
    assert done(lease) == [("down", 4, 4)]
    assert stage.plane.felt("shop").errors == 3
    stage.put_on()
    await turn(await until_dialled(stage, address))


async def until_dialled(stage, address):
    async with asyncio.timeout(10):
        while True:
            try:
                return await stage.dial(address)
            except ConnectionRefusedError:
                await stage.turn()


async def test_a_reset_at_connect_leaves_live_connections_alone(stage):
    address, wire = await talking(stage)
    lease = stage.lease(Resets(rate=EVERY, at="connect"))
    stage.put_on(lease)
    await turn(wire)
    with pytest.raises(ConnectionResetError):
        await (await stage.dial(address)).rest()
    await turn(wire)
    assert stage.accepted == 1
    assert done(lease) == [("resets", 1, 1)]


async def test_beyond_the_rate_connections_are_reset(stage):
    address, live = await talking(stage)
    lease = stage.lease(RateLimit(limit=0.01, burst=2))
    stage.put_on(lease)
    for _ in range(2):
        await turn(await stage.dial(address))
    with pytest.raises(ConnectionResetError):
        await (await stage.dial(address)).rest()
    await turn(live)
    assert done(lease) == [("rate_limit", 3, 1)]


async def test_live_connections_count_and_stay_where_places_are_limited(stage):
    address, *wires = await talking(stage, 3)
    lease = stage.lease(Connections(max=2))
    stage.put_on(lease)
    for wire in wires:
        await turn(wire)
    with pytest.raises(ConnectionResetError):
        await (await stage.dial(address)).rest()
    await wires[0].close()
    await gone(stage, 2)
    with pytest.raises(ConnectionResetError):
        await (await stage.dial(address)).rest()
    await wires[1].close()
    await gone(stage, 1)
    await turn(await stage.dial(address))
    (delivery,) = lease.deliveries()
    assert (delivery.touched, delivery.amount) == (2, 3)


async def gone(stage, left):
    await stage.until(lambda: len(stage.plane._routes["shop"].clients) == left)


async def test_a_connection_waits_for_a_place_and_gets_it(stage):
    address, first = await talking(stage)
    lease = stage.lease(Connections(max=1, timeout=FAR))
    stage.put_on(lease)
    second = await stage.dial(address)
    second.send(b"patience")
    await gone(stage, 2)
    await stage.pause(0.1)
    assert stage.accepted == 1
    await first.close()
    assert await second.receive(8) == b"patience"
    (delivery,) = lease.deliveries()
    assert (delivery.touched, delivery.amount) == (1, 1)
    assert delivery.delay >= 0.09 * SECOND


async def test_a_connection_that_has_waited_in_vain_is_reset(stage):
    address, _ = await talking(stage)
    stage.put_on(stage.lease(Connections(max=1, timeout=ms(80))))
    began = stage.now()
    with pytest.raises(ConnectionResetError):
        await (await stage.dial(address)).rest()
    assert stage.now() - began >= 0.08
    assert stage.accepted == 1


async def test_who_stops_waiting_for_a_place_leaves_it_to_others(stage):
    address, first = await talking(stage)
    stage.put_on(stage.lease(Connections(max=1, timeout=FAR)))
    second = await stage.dial(address)
    await gone(stage, 2)
    third = await stage.dial(address)
    await gone(stage, 3)
    second.reset()
    await gone(stage, 2)
    await first.close()
    await turn(third)


@pytest.mark.parametrize("live", [True, False])
async def test_a_time_out_lets_nothing_pass_and_then_closes(stage, live):
    address, wire = await talking(stage)
    lease = stage.lease(Timeouts(rate=EVERY, after=ms(150)))
    began = stage.now()
    stage.put_on(lease)
    if not live:
        wire = await stage.dial(address)
    wire.send(b"anybody?")
    assert await wire.rest() == b""
    assert stage.now() - began >= 0.15
    assert stage.accepted == 1
    assert lease.deliveries()[0].touched == 1 + (not live)


@pytest.mark.parametrize("answer", [504, None])
@pytest.mark.parametrize("live", [True, False])
async def test_a_time_out_that_is_lifted_has_lost_nothing(stage, live, answer):
    address, wire = await talking(stage)
    after = Duration(0) if answer is None else FAR
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=after, answer=answer)))
    if not live:
        wire = await stage.dial(address)
    wire.send(b"x" * 500_000)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wire.reader.read(1), 0.1)
    stage.put_on()
    assert await wire.receive(500_000) == b"x" * 500_000
    await turn(wire)


async def test_what_acts_on_bytes_does_so_once_a_time_out_beside_it_is_lifted(stage):
    address = await stage.before(echo, "tcp")
    silence = stage.lease(Timeouts(rate=EVERY, after=Duration(0), answer=None), name="silence")
    slow = stage.lease(Bandwidth(limit=100_000, direction="response"), name="slow")
    stage.put_on(silence, slow)
    wire = await stage.dial(address)
    await gone(stage, 1)
    stage.put_on(slow)
    assert await timed(stage, wire, b"x" * 30_000) >= 0.25


async def test_a_client_that_leaves_in_a_time_out_is_gone(stage):
    _, wire = await talking(stage)
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=Duration(0), answer=None)))
    wire.reset()
    await gone(stage, 0)
    assert stage.plane.in_flight() == 0


async def test_a_match_of_clients_chooses_connections(stage):
    _, wire = await talking(stage)
    here = Match(client=("127.0.0.0/8",))
    elsewhere = Match(client=("10.0.0.0/8",))
    spared = stage.lease(fixed(FAR), match=elsewhere, name="spared")
    met = stage.lease(fixed(ms(40)), match=here, name="met")
    stage.put_on(spared, met)
    assert 0.04 <= await timed(stage, wire) < SOON
    assert done(spared) == [("latency", 0, 0)]


async def test_faults_come_and_go_under_traffic_and_every_byte_arrives(stage):
    _, *wires = await talking(stage, 4)
    data = bytes(range(256)) * 4096 * 4

    async def pour(wire):
        wire.send(data)
        wire.end()

    async def hear(wire):
        return await wire.rest()

    leases = [
        stage.lease(fixed(ms(5), direction="both"), name="a"),
        stage.lease(Slicer(size=20_000, variation=10_000, direction="both"), name="b"),
        stage.lease(Bandwidth(limit=30_000_000), name="c"),
    ]
    for wire in wires:
        stage.run(pour(wire))
    heard = asyncio.gather(*map(hear, wires))
    turns = 0
    while not heard.done():
        stage.put_on(*(lease for bit, lease in enumerate(leases) if turns >> bit & 1))
        turns += 1
        await stage.turn()
    assert all(found == data for found in await heard)
    assert turns > 5


async def test_a_lease_whose_time_out_is_replaced_under_its_name_holds_nobody_any_more(stage):
    _, wire = await talking(stage)
    stage.put_on(stage.lease(Timeouts(rate=EVERY, after=Duration(0), answer=None)))
    wire.send(b"held")
    await stage.pause(0.05)
    stage.put_on(stage.lease(fixed(ms(30))))
    assert await wire.receive(4) == b"held"
    assert 0.03 <= await timed(stage, wire) < SOON


async def test_faults_behind_a_place_are_met_once_it_is_had(stage):
    address, first = await talking(stage)
    lease = stage.lease(Connections(max=1, timeout=FAR), fixed(ms(50)))
    stage.put_on(lease)
    second = await stage.dial(address)
    await gone(stage, 2)
    await first.close()
    waits = [await timed(stage, second) for _ in range(2)]
    assert waits[1] >= 0.05
    assert [found.kind for found in lease.deliveries() if found.touched] == [
        "connections",
        "latency",
    ]
