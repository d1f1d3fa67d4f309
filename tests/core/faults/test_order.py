"""Faults act in one order, and what is behind an ending is neither seen nor touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults.active import ActiveLease, ActiveLeases
from squall.core.faults.candidate import _ORDER, kind_of
from squall.core.faults.counters import Counters
from squall.core.faults.decision import decide
from squall.core.faults.effects import Inject
from squall.core.faults.exchange import Answer, Exchange
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Errors,
    Fixed,
    Latency,
    LimitData,
    Match,
    PacketLoss,
    PartialResponses,
    RateLimit,
    Resets,
    Scenario,
    Sequence,
    Share,
    Slicer,
    SlowClose,
    Timeouts,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


def ms(count):
    return Duration(count * MILLISECOND)


def lease(*faults, name="lease", match=None, counters=None, seed=1):
    return ActiveLease(
        Inject(
            lease=name, seq=1, run="1", path=f"main/{name}#1", place=f"main/{name}", target="shop",
            scenarios=(Scenario(faults=faults, match=match or Match()),), seed=seed,
            ttl=Duration(SECOND),
        ),
        counters or Counters(),
    )  # fmt: skip


def ask(*leases, now=1, connection=1, told=None, path="/", client="", headers=(), body=4):
    exchange = Exchange(
        target="shop", method="POST", path=path, client=client, headers=headers, body=body,
        connection=connection, now=now, at=now,
    )  # fmt: skip
    return decide(ActiveLeases(leases), exchange, (told if told is not None else []).append)


def seen(active):
    return {found.kind: found.seen for found in active.deliveries()}


MOCKFORGES = (
    "circuit_breaker", "bulkhead", "rate_limit", "connections", "packet_loss", "latency", "errors",
    "resets", "timeouts", "partial_responses", "corruption",
)  # fmt: skip


def test_the_order_is_mockforges():
    assert tuple(kind for kind in _ORDER if kind in MOCKFORGES) == MOCKFORGES


ENDING = (
    RateLimit(limit=0.001, burst=1),
    PacketLoss(rate=EVERY),
    Errors(rate=EVERY),
    Resets(rate=EVERY),
    Timeouts(rate=EVERY),
)
PASSING = (
    CircuitBreaker(),
    Bulkhead(),
    Connections(max=9),
    Latency(delay=Fixed(value=ms(1))),
    Latency(delay=Fixed(value=ms(1)), direction="both"),
    PartialResponses(rate=EVERY),
    Corruption(rate=EVERY, direction="both"),
    LimitData(bytes=99, direction="both"),
    Slicer(size=1, direction="request"),
    Bandwidth(limit=1),
    SlowClose(delay=ms(1)),
)


@given(st.permutations((*ENDING, *PASSING)), st.integers(1, 16), st.integers(0, 2))
def test_what_is_behind_an_ending_is_neither_seen_nor_touched(order, count, split):
    faults = order[:count]
    # The first request of a rate limit passes, and all it meets is what this is about.
    limited = [fault for fault in faults if isinstance(fault, RateLimit)]
    one, two = lease(*faults[split:], name="one"), lease(*faults[:split], name="two")
    told = []
    decision = ask(one, two, told=told)
    rank = {kind: number for number, kind in enumerate(_ORDER)}
    ends = [rank[kind_of(f)] for f in faults if f in ENDING and f not in limited]
    last = min(ends, default=99)
    assert (decision.ending is not None) is bool(ends)
    for active in (one, two):
        for found in active.deliveries():
            assert not (rank[found.kind] > last and (found.seen or found.touched))
            if rank[found.kind] < last and found.kind in rank_of_requests:
                assert found.seen == 1
    assert all(rank[event.kind] <= last for event in told)
    assert [rank[event.kind] for event in told] == sorted(rank[event.kind] for event in told)


rank_of_requests = {
    "circuit_breaker", "bulkhead", "rate_limit", "connections", "packet_loss", "latency", "errors",
    "resets", "timeouts",
}  # fmt: skip


# -- what is behind a place is decided when the place is had


def queued(*faults, name="bulkhead"):
    """A bulkhead with one place, which is taken, before these faults; and its second request."""
    active = lease(Bulkhead(max=1, queue=5, timeout=ms(100)), *faults, name=name)
    first = ask(active, connection=1)
    told = []
    second = ask(active, connection=2, now=ms(10), told=told)
    return active, first, second, told


BEHIND = (Latency(delay=Fixed(value=ms(7))), Bandwidth(limit=9), RateLimit(limit=1, burst=2))


def test_who_waits_for_a_place_meets_nothing_behind_it():
    active, _, waiting, told = queued(*BEHIND)
    assert (waiting.delay, waiting.ending, waiting.onward, told) == (0, None, [], [])
    assert seen(active) == {"bulkhead": 2, "latency": 1, "bandwidth": 1, "rate_limit": 1}


def test_who_gets_its_place_meets_what_is_behind_it_then():
    active, first, waiting, told = queued(*BEHIND)
    for settle in first.after:
        settle(ms(60), False)
    assert waiting.wait.slot.state == "in"
    waiting.wait.entered(ms(60))
    waiting.go_on(ms(60), {"bulkhead"})
    assert waiting.wait is None
    assert waiting.delay == ms(7)
    assert len(waiting.onward) == 1
    assert [(event.kind, event.detail, event.delay) for event in told] == [
        ("bulkhead", "queued", ms(50)),
        ("latency", "", ms(7)),
    ]
    assert told[1].at == ms(60)
    assert seen(active) == {"bulkhead": 2, "latency": 2, "bandwidth": 2, "rate_limit": 2}


def test_who_is_turned_away_meets_nothing_behind_it():
    active, _, waiting, told = queued(*BEHIND)
    ending = waiting.wait.turned_away(ms(110))
    assert ending == Answer(503, "bulkhead")
    assert [(event.kind, event.detail, event.delay) for event in told] == [
        ("bulkhead", "full", ms(100))
    ]
    assert seen(active)["latency"] == 1
    # Its place in the queue is free, and its end changes nothing more.
    for settle in waiting.after:
        settle(ms(110), True)
    assert ask(active, connection=3).wait is not None


def test_behind_a_place_only_leases_that_are_still_on_are_met():
    counters = Counters()
    gate = lease(Bulkhead(max=1, queue=5, timeout=ms(100)), name="gate", counters=counters)
    kept = lease(Latency(delay=Fixed(value=ms(7))), name="kept", counters=counters)
    gone = lease(Errors(rate=EVERY), name="gone", counters=counters)
    ask(gate)
    waiting = ask(gate, kept, gone)
    waiting.go_on(ms(20), {"kept"})
    assert (waiting.delay, waiting.ending) == (ms(7), None)
    assert (seen(kept), seen(gone)) == ({"latency": 1}, {"errors": 0})


def test_dice_behind_a_queue_stay_in_step():
    def fates(*before):
        bad = lease(Errors(rate=Share(0.5)), name="bad")
        return [bool(ask(*before, bad, connection=turn).ending) for turn in range(40)]

    full = lease(Bulkhead(max=1, queue=500, timeout=ms(100)), name="full")
    alone, behind = fates(), fates(full)
    assert behind[0] is alone[0]
    assert not any(behind[1:])
    bad = lease(Errors(rate=Share(0.5)), name="bad")
    waiting = []
    for turn in range(40):
        decision = ask(full, bad, connection=turn)
        decision.go_on(5, {"bad"})
        waiting.append(bool(decision.ending))
    assert waiting == alone


def test_a_connection_keeps_its_place_until_it_is_gone():
    active = lease(Connections(max=2))
    leases = ActiveLeases((active,))
    assert [bool(ask(active, connection=c).ending) for c in (1, 2, 1, 3, 2)] == [
        False, False, False, True, False,
    ]  # fmt: skip
    assert ask(active, connection=3).ending == Answer(503, "connections", last=True)
    leases.forget(1)
    assert not ask(active, connection=3).ending
    assert active.deliveries()[0].amount == 2


def test_a_connection_that_waited_in_vain_waits_again():
    active = lease(Connections(max=1, timeout=ms(50)))
    ask(active, connection=1)
    for _ in range(3):
        waiting = ask(active, connection=2)
        assert waiting.wait.turned_away(ms(60)).last
    ActiveLeases((active,)).forget(1)
    assert ask(active, connection=2).wait is None


def test_a_connection_that_leaves_while_it_waits_frees_its_turn():
    active = lease(Connections(max=1, timeout=ms(50)))
    ask(active, connection=1)
    second, third = ask(active, connection=2), ask(active, connection=3)
    leases = ActiveLeases((active,))
    leases.forget(2)
    leases.forget(1)
    assert (second.wait.slot.state, third.wait.slot.state) == ("refused", "in")


# -- patterns of errors


def hits(active, count, **facts):
    return [bool(ask(active, connection=n, **facts).ending) for n in range(count)]


def test_a_burst_is_the_first_of_every_so_many_requests_of_an_endpoint():
    active = lease(Errors(rate=EVERY, pattern=Burst(count=2, per=5)))
    assert hits(active, 10) == [True, True, False, False, False] * 2
    assert hits(active, 5, path="/b") == [True, True, False, False, False]


def test_a_burst_by_time_is_the_first_of_every_stretch_since_the_first_request():
    active = lease(Errors(rate=EVERY, pattern=Burst(count=2, interval=ms(100))))
    times = [1000, 1001, 1002, 1099, 1100, 1150, 1199, 1200, 1650, 1699, 1700]
    found = [bool(ask(active, now=ms(at)).ending) for at in times]
    assert found == [True, True, False, False, True, True, False, True, True, True, True]


def test_a_sequence_is_met_in_turn_and_passes_below_400():
    active = lease(Errors(rate=EVERY, pattern=Sequence(codes=(503, 200, 404, 399))))
    endings = [ask(active).ending for _ in range(8)]
    assert [found.status if found else None for found in endings] == [503, None, 404, None] * 2


def test_an_error_says_what_it_was_told_to():
    fault = Errors(rate=EVERY, codes=(418,), body="no", headers=(("x-a", "b"),))
    assert ask(lease(fault)).ending == Answer(418, "errors", "no", (("x-a", "b"),))


# -- limits


def test_a_rate_limit_says_when_to_come_again():
    active = lease(RateLimit(limit=0.4, burst=1, answer=503))
    assert ask(active, now=SECOND).ending is None
    ending = ask(active, now=SECOND).ending
    assert ending == Answer(503, "rate_limit", headers=(("Retry-After", "3"),))
    assert ask(active, now=int(3.5 * SECOND)).ending is None


@pytest.mark.parametrize(
    ("by", "facts"),
    [
        ("client", [{"client": "10.0.0.1"}, {"client": "10.0.0.2"}]),
        ("endpoint", [{"path": "/a"}, {"path": "/b"}]),
        ("header:x-tenant", [{"headers": (("x-tenant", "a"),)}, {"headers": ()}]),
    ],
)
def test_a_rate_limit_is_shared_by_who_it_says(by, facts):
    active = lease(RateLimit(limit=0.1, burst=1, by=by))
    found = [ask(active, **facts[which]).ending is not None for which in (0, 0, 1, 1)]
    assert found == [False, True, False, True]
    everyone = lease(RateLimit(limit=0.1, burst=1))
    assert [ask(everyone, **facts[which]).ending is not None for which in (0, 1)] == [False, True]


def test_what_passed_a_limit_is_its_amount():
    active = lease(RateLimit(limit=10, burst=5))
    for turn in range(50):
        ask(active, now=SECOND + ms(10) * turn)
    (found,) = active.deliveries()
    assert (found.seen, found.touched + found.amount, found.over) == (50, 50, ms(490))
    assert 5 <= found.amount <= 5 + 4.9


def test_a_breaker_learns_how_what_it_let_in_has_ended():
    active = lease(CircuitBreaker(failures=2, timeout=ms(100)))
    for _ in range(2):
        for settle in ask(active).after:
            settle(ms(5), True)
    told = []
    refused = ask(active, now=ms(6), told=told)
    assert refused.ending == Answer(503, "circuit_breaker")
    assert refused.after == []
    assert [(event.kind, event.detail) for event in told] == [("circuit_breaker", "open")]
    assert ask(active, now=ms(106)).ending is None
