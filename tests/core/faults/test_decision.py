"""What happens to a request follows from the seed, the faults and its turn alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults import candidate as module
from squall.core.faults import counters as counting
from squall.core.faults import dice, endpoint
from squall.core.faults.active import ActiveLease, ActiveLeases, fault_keys
from squall.core.faults.counters import Counters
from squall.core.faults.decision import decide, decide_connection
from squall.core.faults.effects import Inject
from squall.core.faults.exchange import Answer, Break, Exchange, Silence
from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Connections,
    Errors,
    Fixed,
    Latency,
    Match,
    PacketLoss,
    RateLimit,
    Resets,
    Scenario,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.timing import MILLISECOND, SECOND, Duration


def ms(count):
    return Duration(count * MILLISECOND)


def inject(*faults, match=None, **changes):
    facts = {
        "lease": "lease",
        "seq": 1,
        "run": "1",
        "path": "main/a#1",
        "place": "main/a",
        "target": "shop",
        "scenarios": (Scenario(faults=faults, match=match or Match()),),
        "seed": 42,
        "ttl": Duration(SECOND),
    }
    return Inject(**{**facts, **changes})


def lease(*faults, counters=None, **changes):
    return ActiveLease(inject(*faults, **changes), counters or Counters())


def ask(*leases, method="GET", path="/", **facts):
    exchange = Exchange(target="shop", method=method, path=path, **facts)
    return decide(ActiveLeases(leases), exchange)


def fixed(delay, **more):
    return Latency(delay=Fixed(value=delay), **more)


def test_without_faults_nothing_happens():
    decision = ask()
    assert (decision.delay, decision.ending, decision.touches) == (0, None, [])


@pytest.mark.parametrize(
    ("fault", "delay", "ending", "detail"),
    [
        (fixed(ms(30)), ms(30), None, ""),
        (Errors(rate=EVERY, codes=(502,)), 0, Answer(502, "errors"), "502"),
        (Timeouts(rate=EVERY), ms(5000), Answer(504, "timeouts"), "504"),
        (Timeouts(rate=EVERY, after=ms(9), answer=None), ms(9), Silence(), "none"),
        (Resets(rate=EVERY), 0, Break("reset"), "reset"),
        (Resets(rate=EVERY, kind="close"), 0, Break("close"), "close"),
        (Resets(rate=EVERY, kind="http_503"), 0, Answer(503, "resets"), "http_503"),
        (PacketLoss(rate=EVERY), ms(200 * 255), Break("reset"), "8 lost"),
    ],
)
def test_each_fault_does_what_it_says(fault, delay, ending, detail):
    decision = ask(lease(fault), at=5, client="10.0.0.1", path="/a/1?secret=x")
    assert (decision.delay, decision.ending) == (delay, ending)
    (touch,) = decision.touches
    event = touch.event
    assert (event.delay, event.detail, event.kind) == (delay, detail, module.kind_of(fault))
    assert (event.at, event.client, event.lease) == (5, "10.0.0.1", "lease")
    assert (event.path, event.endpoint, event.ordinal) == ("/a/1", "GET /a/*", 0)


@pytest.mark.parametrize(
    "fault", [fixed(ms(1), rate=Share(0)), Errors(rate=Share(0)), PacketLoss(rate=Share(0))]
)
def test_a_share_of_nothing_touches_nothing(fault):
    active = lease(fault)
    assert all(not ask(active).touches for _ in range(200))
    assert active.deliveries()[0].seen == 200


def test_delays_add_up_over_faults_and_leases():
    one, two = lease(fixed(ms(10)), fixed(ms(20))), lease(fixed(ms(40)), lease="two", place="b")
    assert ask(one, two).delay == ms(70)


def test_the_first_to_end_a_request_ends_it_whatever_the_order_written():
    faults = (
        Timeouts(rate=EVERY),
        Resets(rate=EVERY),
        Errors(rate=EVERY, codes=(500,)),
        fixed(ms(3)),
    )
    active = lease(*faults)
    decision = ask(active)
    assert decision.ending == Answer(500, "errors")
    assert [touch.event.kind for touch in decision.touches] == ["latency", "errors"]
    assert [(found.seen, found.touched) for found in active.deliveries()] == [
        (0, 0),
        (0, 0),
        (1, 1),
        (1, 1),
    ]


def test_a_fault_that_another_forestalls_keeps_its_dice_in_step():
    alone = lease(Resets(rate=Share(0.5)))
    expected = [bool(ask(alone).touches) for _ in range(100)]
    behind = lease(Resets(rate=Share(0.5)))
    blocker = lease(Errors(rate=EVERY), lease="blocker", place="main/b")
    found = [
        any(
            touch.event.kind == "resets"
            for touch in ask(*((blocker, behind) if turn % 3 else (behind,))).touches
        )
        for turn in range(100)
    ]
    assert [hit for turn, hit in enumerate(found) if turn % 3 == 0] == expected[::3]


def test_a_match_decides_who_is_seen():
    active = lease(Errors(rate=EVERY), match=Match(path="/orders/**", method=("POST",)))
    assert not ask(active, path="/orders/1").touches
    assert not ask(active, method="POST", path="/").touches
    assert ask(active, method="POST", path="/orders/1?x").touches
    assert active.deliveries()[0].seen == 1


def test_ordinals_are_counted_per_endpoint():
    active = lease(Errors(rate=EVERY))
    events = [ask(active, path=path).touches[0].event for path in ("/1", "/a", "/2", "/a", "/3")]
    assert [(event.endpoint, event.ordinal) for event in events] == [
        ("GET /*", 0),
        ("GET /a", 0),
        ("GET /*", 1),
        ("GET /a", 1),
        ("GET /*", 2),
    ]


@given(st.permutations(["/a"] * 20 + ["/b"] * 20 + ["/1"] * 20), st.integers(0, 2**63))
def test_the_order_between_endpoints_does_not_matter(order, seed):
    def fates(paths):
        active = lease(Errors(rate=Share(0.4)), fixed(ms(5), rate=Share(0.3)), seed=seed)
        told = {}
        for path in paths:
            decision = ask(active, path=path)
            told.setdefault(path, []).append((decision.delay, decision.ending))
        return told

    assert fates(order) == fates(sorted(order))


def test_a_step_that_comes_again_goes_on_with_the_next_draw():
    counters = Counters()
    whole = lease(Errors(rate=Share(0.5)))
    expected = [bool(ask(whole).touches) for _ in range(60)]
    found = []
    for turn in range(3):
        again = lease(Errors(rate=Share(0.5)), counters=counters, path=f"main/a#{turn}")
        found += [bool(ask(again).touches) for _ in range(20)]
    assert found == expected


def test_other_runs_seeds_places_and_targets_draw_otherwise():
    def fates(**changes):
        active = lease(Errors(rate=Share(0.5)), **changes)
        return [bool(ask(active).touches) for _ in range(64)]

    base = fates()
    assert fates(run="2", path="main/a#2", lease="x") == base
    assert len({tuple(fates(**c)) for c in ({"seed": 1}, {"place": "b"}, {"target": "c"})}) == 3
    assert all(fates(**c) != base for c in ({"seed": 1}, {"place": "b"}, {"target": "c"}))


def test_two_faults_of_a_kind_have_dice_of_their_own():
    keys = fault_keys(inject(Errors(rate=EVERY), fixed(ms(1)), Errors(rate=EVERY)))
    assert keys == ("main/a@shop/errors", "main/a@shop/latency", "main/a@shop/errors#2")


def test_what_is_decided_can_be_computed_from_what_an_event_says():
    active = lease(Latency(delay=Uniform(min=ms(0), max=ms(100))))
    (key,) = fault_keys(active.inject)
    for _ in range(20):
        event = ask(active, path="/x/7").touches[0].event
        drawn = dice.draw(42, key, event.endpoint, event.ordinal, 1)
        assert event.delay == round(drawn * ms(100))


@given(st.integers(0, 10_000))
def test_jitter_stays_within_its_bounds(seed):
    by_share = lease(fixed(ms(100), jitter_share=Share(0.2)), seed=seed)
    by_time = lease(fixed(ms(5), jitter=ms(10)), seed=seed)
    assert ms(80) <= ask(by_share).delay <= ms(120)
    assert 0 <= ask(by_time).delay <= ms(15)


def test_losses_are_geometric():
    active = lease(PacketLoss(rate=Share(0.5)))
    lost = [0] * 9
    for _ in range(4000):
        touches = ask(active).touches
        count = int(touches[0].event.detail.split()[0]) if touches else 0
        lost[count] += 1
        if touches:
            assert touches[0].event.delay == ms(200 * (2**count - 1))
            assert (touches[0].ending is not None) == (count == 8)
    for count in range(5):
        assert lost[count] == pytest.approx(4000 * 0.5 ** (count + 1), rel=0.25)


def test_deliveries_add_up():
    active = lease(Latency(delay=Uniform(min=ms(10), max=ms(30)), rate=Share(0.5)))
    events = [touch.event for _ in range(400) for touch in ask(active).touches]
    (found,) = active.deliveries()
    assert (found.seen, found.touched, found.asked) == (400, len(events), 0.5)
    assert found.delay == sum(event.delay for event in events)
    assert ms(10) <= found.delay_p50 <= found.delay_p99 <= ms(30)


def test_what_is_owed_shrinks_with_its_leases():
    one = lease(fixed(ms(10)), lease="one")
    two = lease(fixed(ms(20)), Errors(rate=EVERY, codes=(500,)), lease="two", place="b")
    decision = ask(one, two)
    assert decision.owed_to({"one", "two"}) == (ms(30), Answer(500, "errors"))
    assert decision.owed_to({"one"}) == (ms(10), None)
    assert decision.owed_to(set()) == (0, None)


def test_counters_forget_the_step_not_used_for_longest(monkeypatch):
    monkeypatch.setattr(counting, "MOST_PLACES", 2)
    counters = Counters()

    def ordinal(place):
        active = lease(Errors(rate=EVERY), counters=counters, place=place)
        return ask(active).touches[0].event.ordinal

    assert [ordinal(place) for place in ("a", "b", "a", "c", "a", "b")] == [0, 0, 1, 0, 2, 0]


def test_a_pattern_that_cannot_be_used_is_refused_when_the_lease_is_made():
    with pytest.raises(ValueError, match="repetition"):
        lease(Errors(rate=EVERY), match=Match(path="~(a+)+"))


def test_an_event_keeps_a_long_path_short():
    event = ask(lease(Errors(rate=EVERY)), path="/" + "x" * 9000).touches[0].event
    assert len(event.path) == module.LONGEST_PATH_TOLD


def connect(*leases, live=False, besides=()):
    exchange = Exchange(target="db", client="10.0.0.1", connection=1, live=live)
    return decide_connection(ActiveLeases(leases), exchange, whole=True, besides=besides)


def test_a_live_connection_is_not_made_again():
    active = lease(RateLimit(limit=0.001, burst=1), Resets(rate=EVERY, at="connect"))
    assert connect(active).ending == Break("reset")
    assert connect(active, live=True).ending is None
    assert [found.seen for found in active.deliveries()] == [1, 1]


def test_a_live_connection_has_its_place_and_leaves_none_for_others():
    active = lease(Connections(max=1))
    for number in range(3):
        exchange = Exchange(target="db", connection=number + 1, live=True)
        assert decide_connection(ActiveLeases((active,)), exchange, whole=True).ending is None
    new = Exchange(target="db", connection=9)
    leases = ActiveLeases((active,))
    for number in range(3):
        assert decide_connection(leases, new, whole=True).ending
        leases.forget(number + 1)
    assert decide_connection(leases, new, whole=True).ending is None


def test_leases_that_a_connection_has_met_are_not_met_again():
    one, two = lease(Timeouts(rate=EVERY)), lease(Timeouts(rate=EVERY), lease="two", place="b")
    connect(one)
    connect(one, two, live=True, besides={"lease"})
    assert [found.deliveries()[0].seen for found in (one, two)] == [1, 1]


def test_what_stands_behind_a_time_out_is_decided_when_that_is_lifted():
    silent = lease(Timeouts(rate=EVERY, answer=None), lease="silent", place="b")
    narrow = lease(Bandwidth(limit=1000.0))
    decision = connect(silent, narrow)
    assert decision.ending == Silence()
    assert not decision.back
    decision.go_on(SECOND, {"lease"})
    assert decision.ending is None
    assert len(decision.back) == len(decision.onward) == 1


def test_requests_beyond_the_endpoints_told_apart_are_counted(monkeypatch):
    monkeypatch.setattr(endpoint, "MOST", 2)
    active = lease(Errors(rate=EVERY))
    for path in ("/a", "/b", "/c", "/a", "/d"):
        ask(active, path=path)
    assert [found.others for found in active.deliveries()] == [2]
