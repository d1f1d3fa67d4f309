"""Frames: whatever the pieces, the same messages; anything else is refused."""

import struct
from contextlib import suppress
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults.effects import (
    Applied,
    Counted,
    Delivery,
    EdgeLost,
    FaultEvent,
    Felt,
    Happened,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
    Renew,
    Revert,
)
from squall.core.faults.kinds import (
    EVERY,
    Errors,
    Fixed,
    Latency,
    LogNormal,
    Match,
    PacketLoss,
    Resets,
    Scenario,
    Share,
    Timeouts,
)
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.control import (
    LONGEST_FRAME,
    Broken,
    Close,
    NotOpened,
    Open,
    Opened,
    Order,
    Word,
    frame,
    orders,
    words,
)

HOME = Address(host="127.0.0.1", port=7070)
ORDERS: list[Order] = [
    Open(targets=(Target(name="shop", listen=HOME, upstream=None),)),
    Open(targets=(Target(name="shop", listen=HOME, upstream=Address(host="::1", port=1)),)),
    Close(drain=SECOND),
    Inject(
        lease="1:main/hit#1@shop",
        seq=2**63 - 1,
        run="1",
        path="main/hit#1",
        place="main/hit",
        target="shop",
        scenarios=(
            Scenario(
                faults=(
                    Latency(delay=Fixed(value=Duration(1)), jitter_share=Share(0.5)),
                    Latency(delay=LogNormal(median=Duration(5), sigma=0.25), rate=Share(0.1)),
                    Errors(rate=Share(0.3), codes=(500, 418)),
                    Timeouts(rate=EVERY, answer=None),
                    Resets(rate=EVERY, kind="close"),
                    PacketLoss(rate=Share(0.02)),
                ),
                match=Match(method=("GET",), path="/a/*", headers=(("x-user", "ä"),)),
            ),
        ),
        seed=2**64 - 1,
        ttl=SECOND,
    ),
    Revert(lease="1:main/hit#1@shop", seq=4),
    Renew(leases=("a", "b"), ttl=SECOND),
]
EVENT = FaultEvent(
    at=1,
    lease="l",
    scenario=0,
    fault=1,
    kind="errors",
    target="shop",
    client="127.0.0.1",
    method="GET",
    path="/a",
    endpoint="GET /a",
    ordinal=3,
    detail="503",
)
DELIVERY = Delivery(scenario=0, fault=0, kind="errors", asked=Share(0.5), seen=2, touched=1)
WORDS: list[Word] = [
    Opened(addresses={"shop": HOME}),
    NotOpened(code="SQ410", message="no", hint="other"),
    Applied(lease="l", seq=1),
    Rejected(lease="l", seq=1, reason="no"),
    Lifted(lease="l", seq=1, deliveries=(DELIVERY,), felt=Felt(requests=1, p50=Duration(4))),
    Lapsed(lease="l"),
    Happened(events=(EVENT, EVENT), dropped=2),
    Counted(target="shop", felt=Felt(), deliveries=(("l", (DELIVERY,)),)),
    EdgeLost(reason="gone"),
]


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.sampled_from(ORDERS)), st.lists(st.integers(0, 10_000)))
def test_orders_arrive_whole_in_whatever_pieces(sent: list[Order], places: list[int]) -> None:
    reader = orders()
    pieces = _cut(b"".join(map(frame, sent)), places)
    assert [order for piece in pieces for order in reader.feed(piece)] == sent


@given(st.lists(st.sampled_from(WORDS)), st.lists(st.integers(0, 10_000)))
def test_words_arrive_whole_in_whatever_pieces(sent: list[Word], places: list[int]) -> None:
    reader = words()
    pieces = _cut(b"".join(map(frame, sent)), places)
    assert [word for piece in pieces for word in reader.feed(piece)] == sent


def test_a_frame_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(Broken, match=str(LONGEST_FRAME + 1)):
        orders().feed(struct.pack(">I", LONGEST_FRAME + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"GET / HTTP/1.1\r\n",
        msgspec.msgpack.encode({"type": "erase"}),
        msgspec.msgpack.encode({"type": "revert", "lease": "l"}),
        msgspec.msgpack.encode({"type": "revert", "lease": "l", "seq": "1"}),
        msgspec.msgpack.encode({"type": "revert", "lease": "l", "seq": 1, "more": 1}),
        msgspec.msgpack.encode({"type": "applied", "lease": "l", "seq": 1}),
        b"\x82\xa4type\xa6revert\xa5lease\xa1\xff",
    ],
)
def test_what_is_no_order_is_refused(body: bytes) -> None:
    with pytest.raises(Broken, match="cannot be read"):
        orders().feed(struct.pack(">I", len(body)) + body)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_waited_for_and_never_obeyed(noise: bytes) -> None:
    obeyed: list[Order] = []
    with suppress(Broken):
        obeyed = orders().feed(noise)
    assert obeyed == []
