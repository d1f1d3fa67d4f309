"""What faults do to bodies, and that every message stays one: read by h11 on both sides."""

import asyncio

import h11
import pytest

from proxy import speaking
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Corruption,
    Fixed,
    Latency,
    LimitData,
    Match,
    PartialResponses,
    Resets,
    Share,
    Slicer,
    SlowClose,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


PAYLOAD = bytes(range(256)) * 20


def ms(count):
    return Duration(round(count * MILLISECOND))


async def prepared(stage, framing="sized", payload=PAYLOAD, asked=None):
    """A target before an upstream that answers so, and a client of it."""

    def answer(request):
        if request.start.startswith("HEAD "):
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(payload)
        if request.start.endswith("/204"):
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if request.start.endswith("/304"):
            return b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5120\r\n\r\n"
        if request.start.endswith("/103"):
            return b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + speaking.sized(payload)
        if request.start.endswith("/plain"):
            return speaking.sized(b"plain")
        return speaking.FRAMINGS[framing](payload)

    address = await stage.before(speaking.serving(answer, asked))
    return address, speaking.client(await stage.dial(address))


HARMLESS = [
    Latency(delay=Fixed(value=ms(5)), direction="response"),
    Latency(delay=Fixed(value=ms(5)), direction="both"),
    Bandwidth(limit=1_000_000),
    Bandwidth(limit=10**9, direction="response"),
    Slicer(size=700, variation=300, delay=ms(1), direction="both"),
    SlowClose(delay=ms(5)),
    LimitData(bytes=10**6, direction="both"),
    PartialResponses(rate=EVERY, keep=10**6),
    Corruption(rate=Share(0.0), direction="both"),
]
ALL = pytest.mark.parametrize("framing", speaking.FRAMINGS)


@ALL
@pytest.mark.parametrize("fault", HARMLESS, ids=repr)
async def test_what_holds_bytes_back_changes_none(stage, fault, framing):
    asked = []
    address, peer = await prepared(stage, framing, asked=asked)
    stage.put_on(stage.lease(fault))
    for method, path, body in (("GET", "/", b""), ("POST", "/", PAYLOAD), ("PUT", "/", b"x")):
        answer = await peer.ask(method, path, body, chunked=method == "PUT")
        assert (answer.status, answer.body) == (200, PAYLOAD)
        assert asked[-1].body == body
        if framing == "closing":
            assert await peer.wire.rest() == b""
            peer = speaking.client(await stage.dial(address))
        if framing == "chunked":
            assert answer.trailers == [(b"X-Sum", b"1")]
    stage.put_on()
    assert (await peer.ask("GET", "/plain")).body == b"plain"


CHANGING = ["random_bytes", "bit_flip"]


@ALL
@pytest.mark.parametrize("kind", CHANGING)
async def test_a_corrupted_answer_is_as_long_as_before_and_another(stage, kind, framing):
    address, peer = await prepared(stage, framing)
    stage.put_on(stage.lease(Corruption(rate=EVERY, kind=kind)))
    answer = await peer.ask()
    assert answer.status == 200
    assert len(answer.body) == len(PAYLOAD)
    assert answer.body != PAYLOAD
    assert answer.trailers == ([(b"X-Sum", b"1")] if framing == "chunked" else [])
    stage.put_on()
    if framing == "closing":
        peer = speaking.client(await stage.dial(address))
    assert (await peer.ask("GET", "/plain")).body == b"plain"
    (event,) = stage.events
    assert (event.kind, event.detail) == ("corruption", kind)
    assert event.size == sum(a != b for a, b in zip(PAYLOAD, answer.body, strict=True))


@pytest.mark.parametrize("kind", CHANGING)
async def test_corruption_is_the_same_for_the_same_seed_however_the_answer_comes(stage, kind):
    sizes = iter((50, 1000, 10**6))
    script = speaking.serving(lambda _: speaking.chunked(PAYLOAD, next(sizes)))
    peer = speaking.client(await stage.dial(await stage.before(script)))
    found = []
    for _ in range(3):
        stage.counters = type(stage.counters)()
        stage.put_on(stage.lease(Corruption(rate=EVERY, kind=kind)))
        found.append((await peer.ask()).body)
    assert found[0] == found[1] == found[2] != PAYLOAD


@ALL
async def test_a_truncated_answer_is_a_whole_message_with_less_in_it(stage, framing):
    address, peer = await prepared(stage, framing)
    stage.put_on(stage.lease(Corruption(rate=EVERY, kind="truncate")))
    answer = await peer.ask()
    assert answer.status == 200
    assert len(answer.body) < len(PAYLOAD)
    assert answer.body == PAYLOAD[: len(answer.body)]
    stage.put_on()
    if framing == "closing":
        peer = speaking.client(await stage.dial(address))
    assert (await peer.ask("GET", "/plain")).body == b"plain"
    assert stage.events[0].size == len(PAYLOAD) - len(answer.body)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("kind", [*CHANGING, "truncate"])
async def test_a_corrupted_request_is_a_whole_request(stage, kind, chunked):
    asked = []
    _, peer = await prepared(stage, asked=asked)
    stage.put_on(stage.lease(Corruption(rate=EVERY, kind=kind, direction="request")))
    for _ in range(3):
        answer = await peer.ask("POST", "/", PAYLOAD, chunked=chunked)
        assert (answer.status, answer.body) == (200, PAYLOAD)
        came = asked[-1].body
        assert came != PAYLOAD
        if kind == "truncate":
            assert came == PAYLOAD[: len(came)]
        else:
            assert len(came) == len(PAYLOAD)
    assert len(stage.events) == 3


WITHOUT = [("HEAD", "/"), ("GET", "/204"), ("GET", "/304")]
ON_ANSWERS = [
    Corruption(rate=EVERY),
    Corruption(rate=EVERY, kind="truncate"),
    PartialResponses(rate=EVERY),
    Resets(rate=EVERY, at="response"),
]


@pytest.mark.parametrize(("method", "path"), WITHOUT)
@pytest.mark.parametrize("fault", [*ON_ANSWERS, *HARMLESS], ids=repr)
async def test_an_answer_without_a_body_has_none_to_act_on(stage, fault, method, path):
    _, peer = await prepared(stage)
    lease = stage.lease(fault)
    stage.put_on(lease)
    for _ in range(2):
        answer = await peer.ask(method, path)
        assert answer.body == b""
        assert answer.status in {200, 204, 304}
    if fault in ON_ANSWERS:
        assert lease.deliveries()[0].touched == 0
    stage.put_on()
    assert (await peer.ask("GET", "/plain")).body == b"plain"


@pytest.mark.parametrize("fault", [*ON_ANSWERS[:2], *HARMLESS], ids=repr)
async def test_interim_answers_pass_untouched(stage, fault):
    _, peer = await prepared(stage)
    stage.put_on(stage.lease(fault))
    answer = await peer.ask("GET", "/103")
    assert (answer.interim, answer.status) == ([103], 200)
    assert (await peer.ask("GET", "/plain")).status == 200


BREAKING = [
    (PartialResponses(rate=EVERY), 0.5),
    (PartialResponses(rate=EVERY, keep=100), 100),
    (PartialResponses(rate=EVERY, keep=0), 0),
    (Resets(rate=EVERY, at="response"), 0.5),
    (Resets(rate=EVERY, at="response", kind="close"), 0.5),
    (LimitData(bytes=1000), None),
]


@ALL
@pytest.mark.parametrize(("fault", "kept"), BREAKING, ids=repr)
async def test_a_broken_answer_breaks_off_where_it_should(stage, fault, kept, framing):
    address, peer = await prepared(stage, framing)
    stage.put_on(stage.lease(fault))
    peer.request()
    if framing == "closing" and not isinstance(fault, Resets):
        # Nothing but the end of the connection says where such an answer ends.
        assert await peer.message() is not None
    elif isinstance(fault, Resets) and fault.kind == "reset":
        with pytest.raises(ConnectionResetError):
            await peer.message()
    elif framing != "closing":
        with pytest.raises(h11.RemoteProtocolError, match="closed connection"):
            await peer.message()
    else:
        await peer.message()
    assert peer.body == PAYLOAD[: len(peer.body)]
    assert len(peer.body) < len(PAYLOAD)
    if kept == 0.5 and framing == "sized":
        assert len(peer.body) <= len(PAYLOAD) / 2
    elif isinstance(kept, int):
        assert len(peer.body) == kept
    assert stage.plane.felt("shop").errors == 1
    stage.put_on()
    fresh = speaking.client(await stage.dial(address))
    assert (await fresh.ask("GET", "/plain")).body == b"plain"
    (event,) = stage.events
    assert event.size <= 1000 if isinstance(fault, LimitData) else event.size == len(peer.body)


async def test_the_limit_of_data_holds_for_a_connection_and_not_for_an_answer(stage):
    address, peer = await prepared(stage, payload=b"x" * 400)
    stage.put_on(stage.lease(LimitData(bytes=1000)))
    assert (await peer.ask()).status == 200
    assert (await peer.ask()).status == 200
    peer.request()
    with pytest.raises(h11.RemoteProtocolError):
        await peer.message()
    other = speaking.client(await stage.dial(address))
    assert (await other.ask()).status == 200


async def test_a_limit_of_data_upwards_ends_an_upload(stage):
    asked = []
    _, peer = await prepared(stage, asked=asked)
    stage.put_on(stage.lease(LimitData(bytes=1000, direction="request")))
    peer.request("POST", "/", PAYLOAD)
    with pytest.raises((h11.RemoteProtocolError, ConnectionResetError)):
        await peer.message()
    assert asked == []
    assert [event.kind for event in stage.events] == ["limit_data"]


async def test_pipelined_answers_keep_their_order_and_framing(stage):
    _, peer = await prepared(stage, "chunked")
    stage.put_on(
        stage.lease(
            Slicer(size=2000, delay=ms(1)),
            Corruption(rate=Share(0.5), kind="truncate"),
            Latency(delay=Fixed(value=ms(2)), direction="both"),
        )
    )
    peer.wire.send(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n" * 10)
    peer.parser.send(h11.Request(method="GET", target="/a", headers=[("Host", "shop")]))
    peer.parser.send(h11.EndOfMessage())
    lengths = set()
    for _ in range(10):
        answer = await peer.message()
        assert answer.status == 200
        assert answer.body == PAYLOAD[: len(answer.body)]
        lengths.add(len(answer.body))
        peer.parser.start_next_cycle()
        peer.parser.send(h11.Request(method="GET", target="/a", headers=[("Host", "shop")]))
        peer.parser.send(h11.EndOfMessage())
    assert len(lengths) > 2
    assert len(PAYLOAD) in lengths


async def test_a_match_decides_which_messages_of_a_connection_are_touched(stage):
    _, peer = await prepared(stage)
    stage.put_on(stage.lease(Corruption(rate=EVERY), match=Match(path="/bad")))
    for path in ("/good", "/bad", "/good", "/bad"):
        assert ((await peer.ask("GET", path)).body == PAYLOAD) is (path == "/good")


async def test_expectations_are_met_before_a_shaped_body_is_sent(stage):
    asked = []

    async def continuing(wire):
        await wire.until()
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.append(await wire.receive(1000))
        wire.send(speaking.sized(b"ok"))
        await wire.rest()

    address = await stage.before(continuing)
    stage.put_on(stage.lease(Corruption(rate=EVERY, direction="request"), Bandwidth(limit=100_000)))
    peer = speaking.client(await stage.dial(address))
    fields = [("Host", "shop"), ("Expect", "100-continue"), ("Content-Length", "1000")]
    peer.send(h11.Request(method="PUT", target="/", headers=fields))
    assert (await peer.event()).status_code == 100
    peer.send(h11.Data(data=b"x" * 1000), h11.EndOfMessage())
    assert (await peer.message()).body == b"ok"
    assert asked[0] != b"x" * 1000


async def test_a_truncated_expectation_is_answered_at_once(stage):
    """Upstream is told of less than the client means to send, perhaps of nothing at all."""
    asked = []
    address, peer = await prepared(stage, asked=asked)
    stage.put_on(stage.lease(Corruption(rate=EVERY, kind="truncate", direction="request")))
    for _ in range(5):
        peer = speaking.client(await stage.dial(address))
        fields = [("Host", "shop"), ("Expect", "100-continue"), ("Content-Length", "1")]
        peer.send(h11.Request(method="PUT", target="/", headers=fields))
        answer = await peer.message()
        assert answer.status == 200
        assert asked[-1].body == b""
    assert stage.plane.in_flight() == 0


async def test_a_paced_answer_takes_as_long_as_its_size_says(stage):
    _, peer = await prepared(stage)
    lease = stage.lease(Bandwidth(limit=20_000, direction="response"))
    stage.put_on(lease)
    began = stage.now()
    assert (await peer.ask()).body == PAYLOAD
    assert 0.25 <= stage.now() - began < 1
    (delivery,) = lease.deliveries()
    assert delivery.amount * SECOND / delivery.over == pytest.approx(20_000, rel=0.01)
    (event,) = stage.events
    assert ms(255) < event.delay < ms(300)


async def test_slow_clients_of_sliced_answers_hold_upstream_back(stage):
    sent = 0

    async def generous(wire):
        nonlocal sent
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while sent < 100_000_000:
            wire.send(b"x" * 100_000)
            sent += 100_000
            await wire.drain()

    address = await stage.before(generous)
    stage.put_on(stage.lease(Slicer(size=50_000), Corruption(rate=EVERY)))
    wire = await stage.dial(address)
    wire.writer.transport.pause_reading()
    wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    await stage.until(lambda: sent > 0)
    await stage.still(lambda: sent)
    assert sent < 20_000_000


async def test_a_very_slow_line_holds_upstream_back(stage):
    sent = 0

    async def generous(wire):
        nonlocal sent
        await wire.until()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while sent < 100_000_000:
            wire.send(b"x" * 100_000)
            sent += 100_000
            await wire.drain()

    address = await stage.before(generous)
    stage.put_on(stage.lease(Bandwidth(limit=1, direction="response")))
    wire = await stage.dial(address)
    wire.send(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
    await stage.until(lambda: sent > 0)
    await stage.still(lambda: sent)
    assert sent < 20_000_000
    # And what it held is there as soon as it is lifted, and then all the rest.
    began = stage.now()
    stage.put_on()
    await wire.until()
    await wire.receive(1_000_000)
    assert stage.now() - began < 2


async def test_a_very_slow_upload_holds_the_client_back(stage):
    _address, peer = await prepared(stage)
    stage.put_on(stage.lease(Bandwidth(limit=1, direction="request")))
    wire = peer.wire
    wire.send(b"POST /plain HTTP/1.1\r\nHost: shop\r\nContent-Length: 30000000\r\n\r\n")
    wire.send(b"x" * 30_000_000)
    left = wire.writer.transport.get_write_buffer_size
    await stage.still(left)
    assert left() > 0
    stage.put_on()
    peer.parser.send(h11.Request(method="GET", target="/", headers=[("Host", "shop")]))
    peer.parser.send(h11.EndOfMessage())
    assert (await peer.message()).body == b"plain"


async def test_different_faults_on_both_ways_of_one_exchange(stage):
    asked = []
    _, peer = await prepared(stage, "chunked", asked=asked)
    stage.put_on(
        stage.lease(Bandwidth(limit=200_000), name="slow"),
        stage.lease(Corruption(rate=EVERY, direction="both"), name="bad"),
        stage.lease(Slicer(size=300, direction="both"), name="thin"),
        stage.lease(Latency(delay=Fixed(value=ms(20)), direction="both"), name="late"),
    )
    began = stage.now()
    answer = await peer.ask("POST", "/", PAYLOAD, chunked=True)
    assert stage.now() - began >= 2 * (0.02 + len(PAYLOAD) / 200_000)
    assert len(answer.body) == len(asked[0].body) == len(PAYLOAD)
    assert PAYLOAD not in (answer.body, asked[0].body)
    told = sorted((event.lease, event.detail) for event in stage.events)
    assert told == [
        ("bad", "random_bytes"), ("bad", "random_bytes"),
        ("late", ""), ("late", "response"),
        ("slow", "request"), ("slow", "response"),
        ("thin", "request"), ("thin", "response"),
    ]  # fmt: skip


async def test_many_exchanges_share_a_paced_target_and_none_waits_for_another(stage):
    address, _ = await prepared(stage)
    stage.put_on(stage.lease(Bandwidth(limit=20_000, direction="response")))

    async def one():
        return await speaking.client(await stage.dial(address)).ask()

    began = stage.now()
    answers = await asyncio.gather(*(one() for _ in range(20)))
    assert all(answer.body == PAYLOAD for answer in answers)
    assert 0.25 <= stage.now() - began < 2
