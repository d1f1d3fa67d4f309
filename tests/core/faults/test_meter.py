"""What is measured is what happened, within one per cent, in memory that does not grow."""

import random

import pytest

from squall.core.faults.meter import ACCURACY, Meter, Window
from squall.core.timing import MILLISECOND, SECOND, Duration


def test_nothing_measured_is_nothing_felt():
    felt = Meter().felt(Duration(SECOND))
    assert (felt.requests, felt.rate, felt.p99, felt.max, felt.error_rate) == (0, 0, 0, 0, 0)


def test_percentiles_are_close_to_the_exact_ones():
    meter = Meter()
    dice = random.Random(5)
    values = [round(dice.lognormvariate(17, 1)) for _ in range(5000)]
    for value in values:
        meter.record(Duration(value), failed=value % 4 == 0)
    values.sort()
    felt = meter.felt(Duration(2 * SECOND))
    assert felt.requests == 5000
    assert felt.rate == 2500
    assert felt.errors == sum(value % 4 == 0 for value in values)
    assert felt.max == values[-1]
    for share, found in ((0.5, felt.p50), (0.95, felt.p95), (0.99, felt.p99)):
        exact = values[int(share * 4999)]
        assert exact <= found <= exact * (1 + 3 * ACCURACY)


def test_a_percentile_never_exceeds_the_longest():
    meter = Meter()
    meter.record(Duration(1_000_003), failed=False)
    felt = meter.felt(Duration(SECOND))
    assert felt.p99 <= felt.max == 1_000_003


def test_of_few_the_slowest_is_the_last_percentile():
    meter = Meter()
    for value in (200, 600):
        meter.record(Duration(value * MILLISECOND), failed=False)
    felt = meter.felt(Duration(SECOND))
    assert (felt.p50 < 205 * MILLISECOND, felt.p95, felt.p99) == (True, felt.max, felt.max)


def test_merging_is_measuring_together():
    one, other, both = Meter(), Meter(), Meter()
    for meter, value in ((one, 10), (one, 500), (other, 90_000)):
        meter.record(Duration(value), failed=value == 500)
        both.record(Duration(value), failed=value == 500)
    one.merge(other)
    assert one.felt(Duration(SECOND)) == both.felt(Duration(SECOND))
    assert other.requests == 1


def test_a_window_forgets_what_is_older_than_a_second():
    window = Window()
    for number in range(1000):
        window.record(number * 10 * MILLISECOND, Duration(number), failed=False)
    now = 999 * 10 * MILLISECOND
    felt = window.felt(now)
    assert 90 <= felt.requests <= 100
    assert felt.max == 999
    assert felt.rate == pytest.approx(100, rel=0.05)
    assert window.felt(now + 2 * SECOND).requests == 0


def test_a_window_keeps_a_bounded_number_of_slices():
    window = Window()
    for number in range(10_000):
        window.record(number * 50 * MILLISECOND, Duration(1), failed=True)
    assert len(window._slices) <= 11
