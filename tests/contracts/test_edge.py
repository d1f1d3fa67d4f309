"""What every edge promises, in this process or in another: the `Edge` port as its users see it."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import (
    Applied,
    Counted,
    EdgeLost,
    Happened,
    Lapsed,
    Lifted,
    Rejected,
    Renew,
    Revert,
)
from squall.core.faults.kinds import EVERY, Errors, Fixed, Latency, Share, Timeouts
from squall.core.playbook.model import Address, Target
from squall.core.timing import MILLISECOND, SECOND, Duration

BROKEN = Errors(rate=EVERY, codes=(503,))
STUCK = Latency(delay=Fixed(value=Duration(60 * SECOND)))
NEVER = Timeouts(rate=EVERY, after=Duration(0), answer=None)
SOON = Duration(200 * MILLISECOND)
AT_ONCE = 5
"""Seconds: far below any wait that a fault here would cause."""


async def test_it_listens_where_it_says_and_forwards_untouched(rig: Any) -> None:
    await rig.open("shop", "bank")
    assert all(address.port for address in rig.addresses.values())
    assert await rig.get("shop") == 200
    assert await rig.get("bank") == 200
    assert rig.events() == []


async def test_it_listens_for_all_targets_or_for_none(rig: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = Address(host="127.0.0.1", port=free.getsockname()[1])
        there = Address(host="127.0.0.1", port=taken.getsockname()[1])
        free.close()
        with pytest.raises(Refused) as refused:
            await rig.edge.open(
                [
                    Target(name="shop", listen=here, upstream=None),
                    Target(name="bank", listen=there, upstream=None),
                ]
            )
    assert refused.value.code == "SQ410"
    assert refused.value.message == f"target 'bank' cannot listen: {there} is already in use"
    assert f"--target bank=HOST:PORT={'builtin:echo'}" in refused.value.hint
    rig.addresses = {"shop": here}
    assert not await rig.accepts()
    await rig.open("shop")
    assert await rig.get() == 200


async def test_an_address_of_another_machine_is_refused_by_name(rig: Any) -> None:
    elsewhere = Address(host="192.0.2.1", port=0)
    with pytest.raises(Refused) as refused:
        await rig.edge.open([Target(name="shop", listen=elsewhere, upstream=None)])
    assert refused.value.code == "SQ413"
    assert "target 'shop' cannot listen at 192.0.2.1:0" in refused.value.message


async def test_a_target_is_not_its_own_upstream(rig: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        here = Address(host="127.0.0.1", port=free.getsockname()[1])
    with pytest.raises(Refused) as refused:
        await rig.edge.open([Target(name="shop", listen=here, upstream=here)])
    assert refused.value.code == "SQ412"


async def test_a_fault_is_felt_from_its_answer_on_and_until_the_next(rig: Any) -> None:
    await rig.open("shop")
    hit = rig.inject(BROKEN)
    await rig.hear(Applied, lease=hit.lease, seq=hit.seq)
    assert [await rig.get(path="/a") for _ in range(3)] == [503, 503, 503]
    rig.edge.send(Revert(lease=hit.lease, seq=rig.number()))
    lifted = await rig.hear(Lifted, lease=hit.lease)
    assert await rig.get() == 200
    assert [(d.kind, d.seen, d.touched) for d in lifted.deliveries] == [("errors", 3, 3)]
    assert (lifted.felt.requests, lifted.felt.errors) == (3, 3)


async def test_every_fault_is_told_before_its_lease_is_over(rig: Any) -> None:
    await rig.open("shop")
    hit = rig.inject(BROKEN)
    await rig.hear(Applied)
    await rig.get(path="/a?secret=1")
    rig.edge.send(Revert(lease=hit.lease, seq=rig.number()))
    await rig.hear(Lifted)
    kinds = [type(report) for report in rig.heard if not isinstance(report, Counted)]
    assert kinds == [Applied, Happened, Lifted]
    (event,) = rig.events()
    assert (event.lease, event.kind, event.target) == (hit.lease, "errors", "shop")
    assert (event.method, event.path, event.ordinal, event.detail) == ("GET", "/a", 0, "503")


async def test_events_are_told_without_anything_else_happening(rig: Any) -> None:
    await rig.open("shop")
    rig.inject(BROKEN)
    await rig.hear(Applied)
    await rig.get()
    await rig.hear(Happened)
    assert len(rig.events()) == 1


async def test_effects_are_performed_in_the_order_they_are_sent(rig: Any) -> None:
    await rig.open("shop")
    expected: list[tuple[type, int]] = []
    for _ in range(50):
        hit = rig.inject(BROKEN)
        revert = Revert(lease=hit.lease, seq=rig.number())
        rig.edge.send(revert)
        expected += [(Applied, hit.seq), (Lifted, revert.seq)]
    await rig.hear(Lifted, seq=expected[-1][1])
    answers = [report for report in rig.heard if isinstance(report, Applied | Lifted)]
    assert [(type(answer), answer.seq) for answer in answers] == expected
    assert await rig.get() == 200


async def test_faults_stay_on_their_target(rig: Any) -> None:
    await rig.open("shop", "bank")
    rig.inject(BROKEN, target="bank")
    await rig.hear(Applied)
    assert await rig.get("shop") == 200
    assert await rig.get("bank") == 503


async def test_an_undo_takes_off_only_its_own(rig: Any) -> None:
    await rig.open("shop")
    first = rig.inject(Errors(rate=EVERY, codes=(500,)), name="first")
    second = rig.inject(Errors(rate=EVERY, codes=(503,)), name="second")
    await rig.hear(Applied, lease=second.lease)
    assert await rig.get() == 500
    rig.edge.send(Revert(lease=first.lease, seq=rig.number()))
    await rig.hear(Lifted, lease=first.lease)
    assert await rig.get() == 503


async def test_a_target_that_is_not_there_is_rejected_with_a_sentence(rig: Any) -> None:
    await rig.open("shop")
    rig.inject(BROKEN, target="bank")
    rejected = await rig.hear(Rejected)
    assert rejected.reason == "there is no target 'bank' at this edge; it has: shop"
    assert await rig.get() == 200


async def test_a_revert_is_answered_though_nothing_is_on_and_fences_what_is_late(rig: Any) -> None:
    await rig.open("shop")
    late = rig.effect(BROKEN)
    rig.edge.send(Revert(lease=late.lease, seq=rig.number()))
    assert (await rig.hear(Lifted)).deliveries == ()
    rig.edge.send(late)
    await rig.hear(Rejected, lease=late.lease, seq=late.seq)
    assert await rig.get() == 200


async def test_who_is_held_back_goes_on_when_the_fault_is_lifted(rig: Any) -> None:
    await rig.open("shop")
    hit = rig.inject(STUCK)
    await rig.hear(Applied)
    waiting = await rig.in_flight(3)
    began = rig.now()
    rig.edge.send(Revert(lease=hit.lease, seq=rig.number()))
    assert [await request for request in waiting] == [200, 200, 200]
    assert rig.now() - began < AT_ONCE


async def test_who_was_silenced_is_let_go_when_the_fault_is_lifted(rig: Any) -> None:
    await rig.open("shop")
    hit = rig.inject(NEVER)
    await rig.hear(Applied)
    (waiting,) = await rig.in_flight()
    rig.edge.send(Revert(lease=hit.lease, seq=rig.number()))
    assert await waiting is None


async def test_a_lease_ends_by_itself_unless_it_is_renewed(rig: Any) -> None:
    await rig.open("shop")
    kept = rig.inject(Errors(rate=EVERY, codes=(500,)), name="kept", ttl=SOON)
    rig.edge.send(Renew(leases=(kept.lease,), ttl=Duration(30 * SECOND)))
    # The second one is the clock: when it ends, the time of the first would have been up too.
    other = rig.inject(STUCK, name="other", ttl=SOON)
    lapsed = await rig.hear(Lapsed)
    assert lapsed.lease == other.lease
    assert [delivery.kind for delivery in lapsed.deliveries] == ["latency"]
    assert await rig.get() == 500


async def test_a_lease_that_has_ended_releases_who_it_held(rig: Any) -> None:
    await rig.open("shop")
    rig.inject(STUCK, ttl=SOON)
    await rig.hear(Applied)
    (waiting,) = await rig.in_flight()
    assert await waiting == 200
    await rig.hear(Lapsed)


async def test_pictures_come_by_themselves(rig: Any) -> None:
    await rig.open("shop", "bank")
    hit = rig.inject(Errors(rate=Share(0.5), codes=(503,)))
    await rig.hear(Applied)
    for _ in range(4):
        await rig.get()

    def seen() -> bool:
        return any(
            isinstance(picture, Counted)
            and picture.target == "shop"
            and picture.felt.requests == 4
            and [(lease, [d.seen for d in done]) for lease, done in picture.deliveries]
            == [(hit.lease, [4])]
            for picture in rig.heard
        )

    await rig.until(seen)
    assert (await rig.hear(Counted, target="bank")).deliveries == ()


async def test_effects_do_not_wait_for_a_client_that_never_stops_asking(rig: Any) -> None:
    await rig.open("shop")
    rig.inject(BROKEN)
    await rig.hear(Applied)
    rig.spawn(rig.flood())
    await rig.hear(Happened)
    began = rig.now()
    for _ in range(10):
        revert = Revert(lease="1:main/other#1@shop", seq=rig.number())
        rig.edge.send(revert)
        await rig.hear(Lifted, seq=revert.seq)
        await rig.get("shop")
    assert rig.now() - began < AT_ONCE


async def test_closing_lifts_and_answers_who_is_in_flight(rig: Any) -> None:
    await rig.open("shop")
    rig.inject(STUCK)
    await rig.hear(Applied)
    waiting = await rig.in_flight(2)
    began = rig.now()
    await rig.edge.close(drain=Duration(20 * SECOND))
    assert rig.now() - began < AT_ONCE
    assert [await request for request in waiting] == [200, 200]
    assert not await rig.accepts()
    await rig.until(lambda: rig.ended)
    assert not any(isinstance(report, EdgeLost) for report in rig.heard)


async def test_closing_waits_no_longer_than_the_drain(rig: Any) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read(-1)
        writer.close()

    asked = asyncio.Event()
    upstream = await asyncio.start_server(mute, "127.0.0.1", 0)
    host, port = upstream.sockets[0].getsockname()
    await rig.open("shop", upstream=Address(host=host, port=port))
    waiting = rig.spawn(rig.get())
    await asked.wait()
    began = rig.now()
    await rig.edge.close(drain=SOON)
    assert rig.now() - began < AT_ONCE
    await waiting
    upstream.close()


async def test_closing_again_and_sending_afterwards_is_harmless(rig: Any) -> None:
    await rig.open("shop")
    await rig.edge.close(drain=Duration(0))
    await rig.edge.close(drain=Duration(0))
    rig.inject(BROKEN)
    rig.edge.send(Revert(lease="1:main/hit#1@shop", seq=rig.number()))
    await rig.until(lambda: rig.ended)


async def test_an_edge_that_was_never_opened_can_be_closed(rig: Any) -> None:
    await rig.edge.close(drain=Duration(0))


async def test_over_a_bad_channel_a_revert_still_wins(unruly: Any) -> None:
    await unruly.open("shop")
    names = ("a", "b", "c")
    leases = {unruly.inject(BROKEN, name=name).lease: name for name in names}
    for _ in range(8):
        for lease, name in leases.items():
            unruly.edge.send(Revert(lease=lease, seq=unruly.number()))
            unruly.inject(BROKEN, name=name)
        await unruly.get()
    last: dict[str, int] = {}
    unruly.edge.reliable = True
    for lease in leases:
        last[lease] = unruly.number()
        unruly.edge.send(Revert(lease=lease, seq=last[lease]))
    for lease, seq in last.items():
        await unruly.hear(Lifted, lease=lease, seq=seq)
    assert await unruly.get() == 200
    while not unruly.edge.quiet:
        assert await unruly.get() == 200
    assert await unruly.get() == 200


async def test_over_a_bad_channel_what_is_not_renewed_ends(unruly: Any) -> None:
    await unruly.open("shop")
    leases = [unruly.inject(BROKEN, name=f"s{n}", ttl=SOON).lease for n in range(10)]
    unruly.edge.send(Renew(leases=tuple(leases[:5]), ttl=SOON))
    await unruly.until(
        lambda: (
            unruly.edge.quiet
            and {report.lease for report in unruly.heard if isinstance(report, Applied)}
            == {report.lease for report in unruly.heard if isinstance(report, Lapsed)}
        )
    )
    assert any(isinstance(report, Lapsed) for report in unruly.heard)
    assert await unruly.get() == 200
