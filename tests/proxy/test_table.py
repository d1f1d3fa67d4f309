"""Leases at the edge: the fence, the end by itself, and that mercy wins over what comes late."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults.active import ActiveLease, ActiveLeases
from squall.core.faults.decision import decide
from squall.core.faults.effects import (
    Applied,
    Effect,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
    Renew,
    Revert,
)
from squall.core.faults.exchange import Exchange
from squall.core.faults.kinds import (
    EVERY,
    Errors,
    Fault,
    Fixed,
    Latency,
    Match,
    Protocol,
    Scenario,
    Share,
)
from squall.core.timing import SECOND, Duration
from squall.proxy.table import LeaseTable

TTL = Duration(10 * SECOND)
DELAY = Latency(delay=Fixed(value=Duration(SECOND)))


class Shown:
    """What was last put in place, per target."""

    def __init__(self) -> None:
        self.active: dict[str, tuple[ActiveLease, ...]] = {}
        self.swaps = 0

    def swap(self, target: str, leases: tuple[ActiveLease, ...]) -> None:
        self.active[target] = leases
        self.swaps += 1

    def on(self, target: str = "shop") -> list[str]:
        return [active.inject.lease for active in self.active.get(target, ())]

    def everything(self) -> set[str]:
        return {lease for target in self.active for lease in self.on(target)}


def inject(name: str, seq: int, fault: Fault | None = None, **changes: Any) -> Inject:
    target = changes.get("target", "shop")
    fields: dict[str, Any] = {
        "lease": f"1:main/{name}#1@{target}",
        "seq": seq,
        "run": "1",
        "path": f"main/{name}#1",
        "place": f"main/{name}",
        "target": target,
        "scenarios": (Scenario(faults=(fault or Errors(rate=EVERY),)),),
        "seed": 0,
        "ttl": TTL,
    }
    return Inject(**(fields | changes))


def table(*targets: str, **settings: int) -> tuple[LeaseTable, Shown]:
    shown = Shown()
    protocols: dict[str, Protocol] = dict.fromkeys(targets or ("shop",), "http")
    return LeaseTable(protocols, shown.swap, **settings), shown


HIT = "1:main/hit#1@shop"


def test_an_inject_is_on_until_its_revert() -> None:
    leases, shown = table()
    assert leases.perform(inject("hit", 1), 0) == Applied(lease=HIT, seq=1)
    assert shown.on() == [HIT]
    answer = leases.perform(Revert(lease=HIT, seq=2), 1)
    assert isinstance(answer, Lifted)
    assert (answer.lease, answer.seq) == (HIT, 2)
    assert shown.on() == []


def test_leases_on_one_target_stand_side_by_side() -> None:
    leases, shown = table("shop", "bank")
    for name, target in (("hit", "shop"), ("too", "shop"), ("other", "bank")):
        leases.perform(inject(name, 1, target=target), 0)
    leases.perform(Revert(lease=HIT, seq=2), 0)
    assert shown.on("shop") == ["1:main/too#1@shop"]
    assert shown.on("bank") == ["1:main/other#1@bank"]


def test_what_was_done_and_felt_comes_with_the_answer() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    active = ActiveLeases(shown.active["shop"])
    decide(active, Exchange(target="shop", method="GET", path="/"))
    active.epoch.record(Duration(5), failed=True)
    answer = leases.perform(Revert(lease=HIT, seq=2), 2 * SECOND)
    assert isinstance(answer, Lifted)
    assert [(d.kind, d.seen, d.touched) for d in answer.deliveries] == [("errors", 1, 1)]
    assert (answer.felt.requests, answer.felt.errors, answer.felt.rate) == (1, 1, 0.5)


def test_the_same_inject_again_is_confirmed_and_lives_no_longer() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    before = shown.active["shop"]
    assert leases.perform(inject("hit", 1), TTL - 1) == Applied(lease=HIT, seq=1)
    assert shown.active["shop"] is before
    assert [lapsed.lease for lapsed in leases.expire(TTL)] == [HIT]


def test_another_inject_under_the_same_number_is_rejected_and_changes_nothing() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    before = shown.active["shop"]
    answer = leases.perform(inject("hit", 1, Errors(rate=EVERY, codes=(418,))), 0)
    assert isinstance(answer, Rejected)
    assert shown.active["shop"] is before


def test_a_higher_number_replaces_what_was_on() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    assert leases.perform(inject("hit", 3, seed=9), SECOND) == Applied(lease=HIT, seq=3)
    assert [active.inject.seed for active in shown.active["shop"]] == [9]
    assert leases.next_expiry() == SECOND + TTL


def test_an_inject_that_comes_after_its_revert_is_rejected() -> None:
    leases, shown = table()
    lifted = leases.perform(Revert(lease=HIT, seq=2), 0)
    assert lifted == Lifted(lease=HIT, seq=2)
    answer = leases.perform(inject("hit", 1), 0)
    assert answer == Rejected(
        lease=HIT, seq=1, reason="overtaken: number 1 came when number 2 had already been seen"
    )
    assert shown.everything() == set()


def test_a_lease_that_was_lifted_can_be_put_on_again_with_a_higher_number() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    leases.perform(Revert(lease=HIT, seq=2), 0)
    assert leases.perform(inject("hit", 3), 0) == Applied(lease=HIT, seq=3)
    assert shown.on() == [HIT]


def test_a_revert_that_was_overtaken_is_left_alone() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 3), 0)
    assert leases.perform(Revert(lease=HIT, seq=2), 0) is None
    assert shown.on() == [HIT]


def test_repeating_a_revert_is_answered_again() -> None:
    leases, _ = table()
    leases.perform(inject("hit", 1), 0)
    leases.perform(Revert(lease=HIT, seq=2), 0)
    assert leases.perform(Revert(lease=HIT, seq=3), 0) == Lifted(lease=HIT, seq=3)
    assert leases.perform(Revert(lease=HIT, seq=2), 0) == Lifted(lease=HIT, seq=2)


def test_a_target_that_is_not_there_is_named_with_those_that_are() -> None:
    leases, shown = table("shop", "bank")
    answer = leases.perform(inject("hit", 1, target="shpo"), 0)
    assert isinstance(answer, Rejected)
    assert answer.reason == "there is no target 'shpo' at this edge; it has: bank, shop"
    assert shown.swaps == 0


@pytest.mark.parametrize(
    ("scenario", "what"),
    [
        (Scenario(faults=(DELAY, Errors(rate=Share(0.1)))), "'10 % errors'"),
        (Scenario(faults=(DELAY,), match=Match(path="/a")), "a match of requests"),
        (Scenario(faults=(DELAY,), match=Match(max_body=9)), "a match of bodies"),
    ],
)
def test_what_means_nothing_for_bytes_alone_is_rejected_at_their_target(
    scenario: Scenario, what: str
) -> None:
    shown = Shown()
    leases = LeaseTable({"db": "tcp", "shop": "http"}, shown.swap)
    answer = leases.perform(inject("hit", 1, scenarios=(scenario,), target="db"), 0)
    assert isinstance(answer, Rejected)
    assert answer.reason == f"{what} has no meaning at 'db', which carries bytes alone"
    assert shown.everything() == set()
    assert isinstance(leases.perform(inject("hit", 1, scenarios=(scenario,)), 0), Applied)
    bare = Scenario(faults=(DELAY,), match=Match(client=("10.0.0.0/8",)))
    other = inject("other", 1, scenarios=(bare,), target="db")
    assert isinstance(leases.perform(other, 0), Applied)


def test_a_match_that_cannot_be_used_is_rejected_with_a_sentence() -> None:
    leases, shown = table()
    scenario = Scenario(faults=(Errors(rate=EVERY),), match=Match(path="~("))
    answer = leases.perform(inject("hit", 1, scenarios=(scenario,)), 0)
    assert isinstance(answer, Rejected)
    assert "(" in answer.reason
    assert shown.everything() == set()


def test_a_rejected_successor_takes_its_predecessor_off() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    scenario = Scenario(faults=(Errors(rate=EVERY),), match=Match(path="~("))
    assert isinstance(leases.perform(inject("hit", 2, scenarios=(scenario,)), 0), Rejected)
    assert shown.on() == []


def test_a_lease_that_nobody_renews_ends_by_itself() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    assert leases.next_expiry() == TTL
    assert leases.expire(TTL - 1) == ()
    (lapsed,) = leases.expire(TTL)
    assert isinstance(lapsed, Lapsed)
    assert lapsed.lease == HIT
    assert [delivery.kind for delivery in lapsed.deliveries] == ["errors"]
    assert shown.on() == []
    assert leases.next_expiry() is None


def test_what_has_lapsed_does_not_come_back_by_a_late_copy() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    leases.expire(TTL)
    assert isinstance(leases.perform(inject("hit", 1), TTL), Rejected)
    assert shown.on() == []


def test_a_renewal_keeps_those_it_names_and_passes_over_the_unknown() -> None:
    leases, shown = table()
    leases.perform(inject("hit", 1), 0)
    leases.perform(inject("too", 2), 0)
    assert leases.perform(Renew(leases=(HIT, "1:gone@shop"), ttl=TTL), TTL - 1) is None
    assert [lapsed.lease for lapsed in leases.expire(TTL)] == ["1:main/too#1@shop"]
    assert shown.on() == [HIT]


def test_a_renewal_never_shortens_a_life() -> None:
    leases, _ = table()
    leases.perform(inject("hit", 1), 0)
    leases.perform(Renew(leases=(HIT,), ttl=Duration(1)), 0)
    assert leases.next_expiry() == TTL


def test_clear_takes_everything_off_and_remembers_it() -> None:
    leases, shown = table("shop", "bank")
    leases.perform(inject("hit", 1), 0)
    leases.perform(inject("hit", 2, target="bank"), 0)
    leases.clear()
    assert shown.everything() == set()
    assert isinstance(leases.perform(inject("hit", 1), 0), Rejected)


def test_deliveries_are_told_by_target_and_lease() -> None:
    leases, _ = table("shop", "bank")
    leases.perform(inject("hit", 1), 0)
    leases.perform(inject("hit", 2, target="bank"), 0)
    ((lease, deliveries),) = leases.deliveries("bank")
    assert lease == "1:main/hit#1@bank"
    assert [delivery.asked for delivery in deliveries] == [EVERY]


def test_numbers_that_were_forgotten_one_by_one_still_fence_their_run() -> None:
    leases, shown = table(remembered=2)
    for number in range(5):
        leases.perform(Revert(lease=f"1:main/s{number}#1@shop", seq=10 + number), 0)
    assert isinstance(leases.perform(inject("s0", 9), 0), Rejected)
    assert isinstance(leases.perform(inject("s0", 15), 0), Applied)
    other = inject("s0", 1, lease="2:main/s0#1@shop", run="2")
    assert isinstance(leases.perform(other, 0), Applied)
    assert len(shown.on()) == 2


NAMES = ("a", "b", "c")
Sent = list[Effect]


@st.composite
def histories(draw: st.DrawFn) -> Sent:
    """What one run sends, in order, its numbers growing."""
    sent: Sent = []
    kinds = st.sampled_from(["inject", "inject", "revert", "renew"])
    for seq in range(1, draw(st.integers(1, 12)) + 1):
        name = draw(st.sampled_from(NAMES))
        lease = inject(name, seq).lease
        match draw(kinds):
            case "inject":
                sent.append(inject(name, seq, ttl=Duration(draw(st.integers(1, 20)))))
            case "revert":
                sent.append(Revert(lease=lease, seq=seq))
            case _:
                sent.append(Renew(leases=(lease,), ttl=Duration(draw(st.integers(1, 20)))))
    return sent


@given(st.data(), histories(), st.integers(0, 3))
def test_a_revert_wins_over_all_that_was_sent_before_it(
    data: st.DataObject, sent: Sent, remembered: int
) -> None:
    """Effects delayed, reordered, doubled and lost: on is only what nothing later took off."""
    leases, shown = table(remembered=remembered)
    arriving = data.draw(st.lists(st.sampled_from(sent), max_size=30))
    now = 0
    reverted: dict[str, int] = {}
    ends: dict[str, int] = {}
    for effect in arriving:
        now += data.draw(st.integers(0, 5))
        leases.expire(now)
        leases.perform(effect, now)
        match effect:
            case Inject():
                ends[effect.lease] = max(ends.get(effect.lease, 0), now + effect.ttl)
            case Revert():
                reverted[effect.lease] = max(reverted.get(effect.lease, 0), effect.seq)
            case Renew():
                (lease,) = effect.leases
                ends[lease] = max(ends.get(lease, 0), now + effect.ttl)
        for active in shown.active.get("shop", ()):
            assert active.inject.seq > reverted.get(active.inject.lease, 0)
            assert now < ends[active.inject.lease]
    leases.expire(now + 100)
    assert shown.everything() == set()


@given(histories())
def test_in_order_the_last_word_on_a_lease_decides(sent: Sent) -> None:
    leases, shown = table(remembered=1)
    last: dict[str, Effect] = {}
    for effect in sent:
        answer = leases.perform(effect, 0)
        if not isinstance(effect, Renew):
            assert answer is not None
            assert not isinstance(answer, Rejected)
            last[effect.lease] = effect
    assert shown.everything() == {
        lease for lease, effect in last.items() if isinstance(effect, Inject)
    }
