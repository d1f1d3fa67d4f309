"""When requests are due and in which order: laws for every load, not examples of some."""

import math
from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.arrivals import LONGEST_ROUND, arrivals, due_times, picks
from squall.core.playbook.model import EVEN, Load, Poisson, Ramp, Request
from squall.core.timing import SECOND, Duration

KEYS = st.integers(0, 2**64 - 1)
RATES = st.floats(0.01, 1000)
STARTS = st.just(0.0) | RATES
SHAPES = st.just(EVEN) | st.just(Poisson()) | st.builds(Ramp, start=STARTS)
LOADS = st.builds(Load, rate=RATES, shape=SHAPES)
DURATIONS = st.integers(1, 5 * SECOND).map(Duration)
WEIGHTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)


@given(LOADS, DURATIONS, KEYS)
def test_due_times_never_decrease_and_lie_within_the_load(load, duration, key) -> None:
    due = list(due_times(load, duration, key))
    assert all(earlier <= later for earlier, later in pairwise(due))
    assert all(0 <= each < duration for each in due)


@given(RATES, STARTS, DURATIONS, KEYS)
def test_a_ramp_sends_its_integral_to_the_nearest_request(rate, start, duration, key) -> None:
    load = Load(rate=rate, shape=Ramp(start=start))
    many = len(list(due_times(load, duration, key)))
    assert many == max(1, round((start + rate) / 2 * duration / SECOND))


@given(RATES, STARTS, DURATIONS, KEYS)
def test_at_any_time_as_many_of_a_ramp_were_due_as_its_integral_says(
    rate, start, duration, key
) -> None:
    load = Load(rate=rate, shape=Ramp(start=start))
    for n, due in enumerate(due_times(load, duration, key)):
        seconds = due / SECOND
        reached = start * seconds + (rate - start) * seconds**2 / (2 * duration / SECOND)
        # A due time is a whole nanosecond, and a rate of 1,000/s reaches a millionth in one.
        assert math.isclose(reached, n, rel_tol=1e-6, abs_tol=1e-5)


@given(RATES, DURATIONS, KEYS)
def test_a_constant_load_is_a_ramp_from_its_own_rate(rate, duration, key) -> None:
    even = due_times(Load(rate=rate), duration, key)
    level = due_times(Load(rate=rate, shape=Ramp(start=rate)), duration, key)
    assert list(even) == list(level)


@given(st.floats(50, 500), KEYS)
def test_poisson_sends_as_many_as_independent_users(rate, key) -> None:
    load = Load(rate=rate, shape=Poisson())
    many = len(list(due_times(load, Duration(10 * SECOND), key)))
    assert abs(many - 10 * rate) < 6 * math.sqrt(10 * rate)


def test_the_gaps_of_poisson_are_exponential() -> None:
    """As many as e to the -x are longer than x mean gaps; 20,000 of them, within a hundredth."""
    due = list(due_times(Load(rate=1000, shape=Poisson()), Duration(20 * SECOND), 7))
    gaps = [(later - earlier) * 1000 / SECOND for earlier, later in pairwise(due)]
    for x in (0.1, 0.5, 1, 2, 4):
        longer = sum(gap > x for gap in gaps) / len(gaps)
        assert longer == pytest.approx(math.exp(-x), abs=0.01)


@given(LOADS, DURATIONS, KEYS)
def test_the_same_key_sends_the_same(load, duration, key) -> None:
    assert list(arrivals(load, duration, key)) == list(arrivals(load, duration, key))


def test_another_key_sends_at_other_times() -> None:
    load = Load(rate=10, shape=Poisson())
    one, other = (list(due_times(load, Duration(5 * SECOND), key)) for key in (1, 2))
    assert one != other


@given(WEIGHTS, KEYS, st.integers(1, 3))
def test_every_round_of_a_mix_holds_each_as_often_as_its_weight(weights, key, rounds) -> None:
    divisor = math.gcd(*weights)
    length = sum(weights) // divisor
    dealt = list(islice(picks([float(weight) for weight in weights], key), rounds * length))
    for first in range(0, len(dealt), length):
        counted = Counter(dealt[first : first + length])
        assert [counted[n] * divisor for n in range(len(weights))] == weights


@given(WEIGHTS, KEYS, st.sampled_from([0.1, 0.5, 3.0, 1000.0]))
def test_only_the_proportion_of_weights_matters(weights, key, factor) -> None:
    # As a person would write it: 0.3, not the nearest binary fraction times 3.
    scaled = [float(f"{weight * factor:.6g}") for weight in weights]
    plain = [float(weight) for weight in weights]
    assert list(islice(picks(scaled, key), 50)) == list(islice(picks(plain, key), 50))


def test_a_mix_has_no_fixed_order() -> None:
    rounds = list(islice(picks([3.0, 1.0], 7), 400))
    places = {tuple(rounds[first : first + 4]).index(1) for first in range(0, 400, 4)}
    assert places == {0, 1, 2, 3}


@given(KEYS)
def test_weights_without_a_short_round_are_drawn(key) -> None:
    weights = [float(LONGEST_ROUND), 1.0, math.pi]
    drawn = Counter(islice(picks(weights, key), 5000))
    assert set(drawn) <= {0, 1, 2}
    assert drawn[0] > 4900


def test_a_request_is_named_by_its_place_in_the_mix() -> None:
    mix = (Request(method="GET", path="/", weight=2), Request(method="POST", path="/o"))
    which = [index for _, index in arrivals(Load(rate=30, mix=mix), Duration(SECOND), 0)]
    assert Counter(which) == {0: 20, 1: 10}
