"""Laws of what depends on time and on what else goes on: rate limits, places, breakers."""

from collections import deque
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults import limits
from squall.core.faults.kinds import CircuitBreaker, RateLimit, Share
from squall.core.faults.limits import Breaker, Gate, RateLimiter
from squall.core.timing import MILLISECOND, SECOND, Duration

GAPS = st.lists(st.integers(0, 400 * MILLISECOND), max_size=120)


def ms(count):
    return Duration(count * MILLISECOND)


def at_times(gaps):
    now, found = 5 * SECOND, []
    for gap in gaps:
        now += gap
        found.append(now)
    return found


# -- rate limits


@given(GAPS, st.integers(1, 12), st.sampled_from([1.0, 7.0, 10.0, 300.0]))
def test_no_window_holds_more_than_the_burst_and_what_the_limit_allows(gaps, burst, limit):
    limiter = RateLimiter(RateLimit(limit=limit, burst=burst))
    passed = [now for now in at_times(gaps) if not limiter.admit("", now)]
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            window = (passed[last] - begin) / SECOND
            assert last - first + 1 <= burst + limit * window + 1e-6


@given(GAPS, st.integers(1, 12))
def test_who_waits_as_long_as_is_said_passes_and_not_a_nanosecond_before(gaps, burst):
    limiter = RateLimiter(RateLimit(limit=10, burst=burst))
    for now in at_times(gaps):
        left = limiter.admit("", now)
        if left:
            assert limiter.admit("", now + left - 1)
            assert not limiter.admit("", now + left)
            return


@given(st.integers(1, 50))
def test_after_a_pause_the_whole_burst_is_there_again_and_no_more(burst):
    limiter = RateLimiter(RateLimit(limit=10, burst=burst))
    for now in (0, 3_600 * SECOND):
        assert [limiter.admit("", now) > 0 for _ in range(burst + 1)] == [False] * burst + [True]


def test_a_steady_stream_at_the_limit_is_never_turned_away():
    limiter = RateLimiter(RateLimit(limit=100, burst=1))
    assert not any(limiter.admit("", ms(10) * turn) for turn in range(1000))


def test_each_key_has_a_limit_of_its_own():
    limiter = RateLimiter(RateLimit(limit=1, burst=1))
    assert [bool(limiter.admit(key, 0)) for key in "abab"] == [False, False, True, True]


def test_the_idlest_key_is_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(limits, "MOST_KEYS", 3)
    limiter = RateLimiter(RateLimit(limit=0.001, burst=2))
    for key in ("a", "b", "c", "a", "d"):
        assert not limiter.admit(key, 0)
    assert limiter.admit("a", 0)
    assert not limiter.admit("b", 0)
    assert len(limiter._theirs) <= 3


# -- places


class Model:
    """A gate as one would describe it: who is in, who waits, in order."""

    def __init__(self, places, queue):
        self.places, self.queue = places, queue
        self.inside, self.waiting = set(), deque()

    def enter(self, who):
        if len(self.inside) < self.places:
            self.inside.add(who)
            return "in"
        if self.queue is not None and len(self.waiting) >= self.queue:
            return "refused"
        self.waiting.append(who)
        return "queued"

    def leave(self, who):
        if who in self.waiting:
            self.waiting.remove(who)
        elif who in self.inside:
            self.inside.remove(who)
            if self.waiting:
                self.inside.add(self.waiting.popleft())


@given(
    st.integers(1, 4),
    st.none() | st.integers(0, 4),
    st.lists(st.none() | st.integers(0, 30), max_size=60),
)
def test_a_gate_holds_so_many_in_order_of_coming(places, queue, moves):
    gate, model = Gate(places, queue, ms(50)), Model(places, queue)
    slots, called = [], []
    for move in moves:
        if move is None:
            slot = gate.enter(0)
            assert slot.state == model.enter(len(slots))
            slot.called = partial(called.append, len(slots))
            slots.append(slot)
        elif move < len(slots):
            gate.leave(slots[move])
            model.leave(move)
        inside = {number for number, slot in enumerate(slots) if slot.state == "in"}
        waiting = {number for number, slot in enumerate(slots) if slot.state == "queued"}
        assert inside == model.inside
        assert waiting == set(model.waiting)
        assert len(inside) <= places
        assert not waiting or len(inside) == places
        assert gate.peak <= places
    assert len(called) == len(set(called))


def test_who_moves_up_is_called_once_and_who_gives_up_never():
    gate = Gate(1, None, ms(50))
    first, second, third = (gate.enter(number) for number in range(3))
    called = []
    second.called = lambda: called.append("second")
    third.called = lambda: called.append("third")
    gate.leave(second)
    gate.leave(first)
    assert called == ["third"]
    gate.leave(first)
    gate.leave(second)
    assert (third.state, called) == ("in", ["third"])
    gate.leave(third)
    assert gate.enter(9).state == "in"


def test_the_deadline_is_the_time_out_after_coming():
    gate = Gate(1, 2, ms(50))
    assert gate.enter(7).state == "in"
    slot = gate.enter(ms(10))
    assert (slot.since, slot.deadline) == (ms(10), ms(60))


def test_without_a_time_out_nobody_waits():
    gate = Gate(1, 10, Duration(0))
    gate.enter(0)
    assert gate.enter(0).state == "refused"


# -- breakers


def breaker(**changes):
    usual = {"failures": 3, "successes": 2, "timeout": ms(1000), "half_open": 2, "min_requests": 10}
    return Breaker(CircuitBreaker(**{**usual, **changes}))


def one(found, now, *, failed):
    """A request and its end at once; False: it was turned away."""
    era = found.admit(now)
    if era is None:
        return False
    found.record(era, now, failed=failed)
    return True


def test_it_opens_after_so_many_failures_in_a_row():
    found = breaker()
    for failed in (True, True, False, True, True):
        assert one(found, 0, failed=failed)
    assert one(found, 0, failed=True)
    assert not one(found, 999 * MILLISECOND, failed=False)


@given(st.lists(st.booleans(), max_size=60))
def test_it_opens_by_the_rate_of_a_window_with_enough_in_it(outcomes):
    found = breaker(failures=10**6, failure_rate=Share(0.5), min_requests=10)
    seen = []
    for failed in outcomes:
        opened = len(seen) >= 10 and sum(seen) * 2 >= len(seen)
        assert one(found, 0, failed=failed) is not opened
        if opened:
            break
        seen.append(failed)


def test_failures_count_for_the_rate_only_as_long_as_the_window():
    found = breaker(failures=10**6, min_requests=4, window=ms(1000))
    for _ in range(3):
        one(found, 0, failed=True)
    # A tenth of the window passes at a time, and takes what it holds with it.
    assert one(found, ms(1101), failed=True)
    assert one(found, ms(1101), failed=False)
    assert one(found, ms(1102), failed=True)
    assert one(found, ms(1102), failed=True)
    assert not one(found, ms(1103), failed=True)


@pytest.mark.parametrize("rate", [0.0, 0.01])
def test_without_a_failure_it_never_opens(rate):
    found = breaker(failure_rate=Share(rate))
    assert all(one(found, turn, failed=False) for turn in range(100))


def opened(**changes):
    found = breaker(**changes)
    for _ in range(3):
        one(found, 0, failed=True)
    return found


def test_half_open_it_lets_a_few_through_at_once():
    found = opened()
    assert found.admit(ms(999)) is None
    tries = [found.admit(ms(1000)) for _ in range(3)]
    assert tries[0] is not None
    assert tries == [tries[0], tries[0], None]
    found.record(tries[0], ms(1001), failed=False)
    assert found.admit(ms(1001)) is not None


def test_it_closes_after_so_many_successes():
    found = opened()
    assert one(found, ms(1000), failed=False)
    assert one(found, ms(1001), failed=False)
    assert all(found.admit(ms(1002)) is not None for _ in range(100))


def test_one_failed_try_opens_it_for_another_time_out():
    found = opened()
    assert one(found, ms(1000), failed=False)
    assert one(found, ms(1500), failed=True)
    assert found.admit(ms(2499)) is None
    assert found.admit(ms(2500)) is not None


def test_what_was_let_in_before_says_nothing_after():
    found = breaker()
    late = [found.admit(0) for _ in range(20)]
    for era in late[:3]:
        found.record(era, 0, failed=True)
    for era in late[3:]:
        found.record(era, ms(1), failed=False)
    assert found.admit(ms(2)) is None
    tried = found.admit(ms(1000))
    for era in late:
        found.record(era, ms(1000), failed=True)
    found.record(tried, ms(1001), failed=False)
    assert one(found, ms(1002), failed=False)
    assert one(found, ms(1003), failed=False)


@given(
    st.lists(
        st.tuples(st.integers(0, 700 * MILLISECOND), st.sampled_from(["ask", "well", "ill"])),
        max_size=80,
    )
)
def test_whatever_happens_it_lets_someone_in_again_once_all_have_ended(moves):
    found, now, inside = breaker(), 0, []
    for gap, move in moves:
        now += gap
        if move == "ask":
            era = found.admit(now)
            inside += [] if era is None else [era]
        elif inside:
            found.record(inside.pop(0), now, failed=move == "ill")
    for era in inside:
        found.record(era, now, failed=True)
    now += SECOND
    assert found.admit(now) is not None


def test_who_was_there_before_has_a_place_beyond_all_others():
    gate = Gate(2, None, ms(100))
    there = [gate.enter(0, there=True) for _ in range(4)]
    assert {slot.state for slot in there} == {"in"}
    waiting = [gate.enter(0) for _ in range(2)]
    assert [slot.state for slot in waiting] == ["queued", "queued"]
    states = []
    for slot in there:
        gate.leave(slot)
        states.append([one.state for one in waiting])
    assert states == [
        ["queued", "queued"],
        ["queued", "queued"],
        ["in", "queued"],
        ["in", "in"],
    ]
    assert gate.peak == 4
