"""Which faults act on bytes, in which direction, and what becomes of their parameters."""

import pytest

from squall.core.faults.active import ActiveLease, ActiveLeases
from squall.core.faults.candidate import _ORDER, kind_of
from squall.core.faults.counters import Counters
from squall.core.faults.decision import decide, decide_answer, decide_connection
from squall.core.faults.effects import Inject
from squall.core.faults.exchange import UNKNOWN, Exchange
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    CircuitBreaker,
    Connections,
    Corruption,
    Down,
    Errors,
    Fixed,
    Latency,
    LimitData,
    PacketLoss,
    PartialResponses,
    RateLimit,
    Resets,
    Scenario,
    Share,
    Slicer,
    SlowClose,
    Timeouts,
    possible,
)
from squall.core.faults.shaping import Stream
from squall.core.faults.ways import ways
from squall.core.timing import MILLISECOND, SECOND, Duration


def ms(count):
    return Duration(count * MILLISECOND)


def lease(*faults, seed=1):
    return ActiveLease(
        Inject(
            lease="lease", seq=1, run="1", path="main/a#1", place="main/a", target="shop",
            scenarios=(Scenario(faults=faults),), seed=seed, ttl=Duration(SECOND),
        ),
        Counters(),
    )  # fmt: skip


ACTING = [
    # a fault · at HTTP on the bytes of · at a connection on the bytes of
    (Latency(delay=Fixed(value=ms(1))), "", "request"),
    (Latency(delay=Fixed(value=ms(1)), direction="response"), "response", "response"),
    (Latency(delay=Fixed(value=ms(1)), direction="both"), "response", "request response"),
    (Errors(rate=EVERY), "", ""),
    (Timeouts(rate=EVERY), "", ""),
    (Resets(rate=EVERY), "", "request"),
    (Resets(rate=EVERY, at="connect"), "", ""),
    (Resets(rate=EVERY, at="response"), "response", "response"),
    (PartialResponses(rate=EVERY), "response", "response"),
    (Corruption(rate=EVERY), "response", "response"),
    (Corruption(rate=EVERY, direction="request"), "request", "request"),
    (Corruption(rate=EVERY, direction="both"), "request response", "request response"),
    (RateLimit(limit=1), "", ""),
    (Bandwidth(limit=1), "request response", "request response"),
    (Bandwidth(limit=1, direction="request"), "request", "request"),
    (PacketLoss(rate=EVERY), "", "request response"),
    (Connections(max=1), "", ""),
    (Slicer(size=1), "response", "response"),
    (Slicer(size=1, direction="both"), "request response", "request response"),
    (SlowClose(delay=ms(1)), "response", "response"),
    (SlowClose(delay=ms(1), direction="request"), "", "request"),
    (SlowClose(delay=ms(1), direction="both"), "response", "request response"),
    (LimitData(bytes=1), "response", "response"),
    (LimitData(bytes=1, direction="both"), "request response", "request response"),
    (Down(), "", ""),
    (CircuitBreaker(), "", ""),
    (Bulkhead(), "", ""),
]


@pytest.mark.parametrize(("fault", "http", "connection"), ACTING)
def test_each_fault_acts_on_the_bytes_it_is_about(fault, http, connection):
    assert ways(fault, connection=False) == set(http.split())
    assert ways(fault, connection=True) == set(connection.split())


def test_every_kind_has_its_turn():
    assert {kind_of(fault) for fault, _, _ in ACTING} == set(_ORDER)
    assert len(_ORDER) == 16


def request_stages(*faults, body=0, **facts):
    exchange = Exchange(target="shop", method="POST", path="/", body=body, **facts)
    return decide(ActiveLeases((lease(*faults),)), exchange)


def answer_stages(active, body, *, last=False, told=None):
    leases = ActiveLeases((active,))
    exchange = Exchange(target="shop", method="GET", path="/", now=5)
    decision = decide(leases, exchange)
    tell = (told if told is not None else []).append
    return decide_answer(
        decision.answering, leases, exchange, body=body, last=last, tell=tell
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["random_bytes", "bit_flip", "truncate"])
def test_what_acts_on_payload_is_not_met_by_a_message_without(kind):
    fault = Corruption(rate=EVERY, kind=kind, direction="both")
    active = lease(fault)
    assert answer_stages(active, 0) == ()
    assert active.deliveries()[0].seen == 0
    assert not request_stages(fault).onward
    assert len(request_stages(fault, body=9).onward) == 1
    assert len(request_stages(fault, body=UNKNOWN).onward) == 1


def test_a_slow_close_needs_a_connection_that_closes():
    active = lease(SlowClose(delay=ms(9)))
    assert answer_stages(active, 5) == ()
    (stage,) = answer_stages(active, 5, last=True)
    assert stage.linger() == ms(9)
    assert active.deliveries()[0].seen == 1


def push(stages, data, spans=None):
    found = Stream()
    found.add(stages)
    found.push(data, 0, spans)
    return found.take(0), found.over(0)


@pytest.mark.parametrize(
    ("fault", "length", "passed"),
    [
        (PartialResponses(rate=EVERY), 10, 5),
        (PartialResponses(rate=EVERY, keep_share=Share(0.25)), 10, 2),
        (PartialResponses(rate=EVERY, keep_share=Share(0.0)), 10, 0),
        (PartialResponses(rate=EVERY, keep=3), 10, 3),
        (PartialResponses(rate=EVERY, keep=0), 10, 0),
        (PartialResponses(rate=EVERY, keep=3), UNKNOWN, 3),
        (PartialResponses(rate=EVERY, keep_share=Share(0.3)), UNKNOWN, 3),
        (Resets(rate=EVERY, at="response"), 10, 5),
        (Resets(rate=EVERY, at="response"), UNKNOWN, 5),
    ],
)
def test_an_answer_is_broken_off_where_it_should_be(fault, length, passed):
    assert push(answer_stages(lease(fault), length), b"0123456789") == (
        b"0123456789"[:passed],
        "reset" if isinstance(fault, Resets) else "close",
    )


@pytest.mark.parametrize("fault", [PartialResponses(rate=EVERY, keep=10)])
def test_an_answer_that_is_not_longer_is_left_whole(fault):
    active = lease(fault)
    assert push(answer_stages(active, 10), b"0123456789") == (b"0123456789", "open")
    (found,) = active.deliveries()
    assert (found.seen, found.touched) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Latency(delay=Fixed(value=ms(1)), direction="both"),
        Bandwidth(limit=1000),
        Corruption(rate=EVERY, direction="both"),
        Slicer(size=1, direction="both"),
    ],
    ids=kind_of,
)
def test_a_fault_of_both_ways_sees_and_touches_an_exchange_once_and_tells_of_each_way(fault):
    active, told = lease(fault), []
    leases = ActiveLeases((active,))
    exchange = Exchange(target="shop", method="POST", path="/", body=4, now=5)
    decision = decide(leases, exchange, told.append)
    found = decide_answer(
        decision.answering, leases, exchange, body=4, last=False, tell=told.append
    )
    for stages in (decision.onward, found):
        stream = Stream()
        stream.add(stages)
        stream.push(b"abcd", 0)
        stream.finish()
    (delivery,) = active.deliveries()
    assert (delivery.seen, delivery.touched, len(told)) == (1, 1, 2)
    details = [event.detail for event in told]
    assert details in (["request", "response"], ["", "response"], ["random_bytes"] * 2)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_a_share_of_exchanges_is_slowed(rate):
    active = lease(Bandwidth(limit=1000, direction="response", rate=Share(rate)))
    hits = sum(len(answer_stages(active, 5)) for _ in range(600))
    assert abs(hits - 600 * rate) <= 4 * (600 * rate * (1 - rate)) ** 0.5


@pytest.mark.parametrize("fault", [fault for fault, _, _ in ACTING], ids=kind_of)
def test_at_a_connection_only_what_has_a_meaning_there_is_met(fault):
    active = lease(fault)
    exchange = Exchange(target="shop", client="10.0.0.1", connection=3, now=5)
    decision = decide_connection(ActiveLeases((active,)), exchange, whole=True)
    by_pieces = isinstance(fault, PacketLoss)
    assert active.deliveries()[0].seen == (possible(fault, "tcp") and not by_pieces)
    expected = ways(fault, connection=True) if possible(fault, "tcp") else ()
    assert (len(decision.onward), len(decision.back)) == (
        "request" in expected,
        "response" in expected,
    )


@pytest.mark.parametrize("fault", [fault for fault, _, _ in ACTING], ids=kind_of)
def test_before_a_request_only_what_strikes_connections_is_met(fault):
    active = lease(fault)
    decision = decide_connection(
        ActiveLeases((active,)), Exchange(target="shop", now=5), whole=False
    )
    strikes = isinstance(fault, Down) or (isinstance(fault, Resets) and fault.at == "connect")
    assert bool(decision.ending) is strikes
    assert active.deliveries()[0].seen == strikes


@pytest.mark.parametrize(
    "fault",
    [
        Corruption(rate=EVERY, kind="truncate"),
        Resets(rate=EVERY, kind="http_503"),
        RateLimit(limit=1, by="endpoint"),
    ],
    ids=kind_of,
)
def test_what_only_messages_have_is_left_to_them(fault):
    active = lease(fault)
    decision = decide_connection(ActiveLeases((active,)), Exchange(target="shop"), whole=True)
    assert not (decision.onward)
    assert not (decision.back)
    assert not decision.touches
    assert active.deliveries()[0].seen == 0


def test_a_live_connection_meets_only_leases_it_has_not_met():
    leases = ActiveLeases((lease(Bandwidth(limit=1)),))
    exchange = Exchange(target="shop", now=5)
    assert decide_connection(leases, exchange, whole=True).back
    assert not decide_connection(leases, exchange, whole=True, besides={"lease"}).back


def test_a_budget_lasts_as_long_as_its_connection():
    active = lease(LimitData(bytes=8))
    leases = ActiveLeases((active,))

    def asked(connection):
        exchange = Exchange(target="shop", method="GET", path="/", connection=connection, now=5)
        decision = decide(leases, exchange)
        stages = decide_answer(decision.answering, leases, exchange, body=5, last=False)
        return push(stages, b"12345")

    assert [asked(1), asked(1), asked(2)] == [
        (b"12345", "open"),
        (b"123", "close"),
        (b"12345", "open"),
    ]
    leases.forget(1)
    assert asked(1) == (b"12345", "open")
