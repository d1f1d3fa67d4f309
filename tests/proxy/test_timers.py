"""Timers are late if they must, never early."""

import asyncio
import time

import pytest

from squall.core.timing import MILLISECOND
from squall.proxy import alarm
from squall.proxy.timers import Timers


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


async def fired(timers, delays):
    """How late each of these timers, started together at odd moments, fired."""
    done = asyncio.Event()
    errors = []

    def start(delay):
        due = time.monotonic_ns() + delay

        def ring():
            errors.append(time.monotonic_ns() - due)
            if len(errors) == len(delays):
                done.set()

        timers.at(due, ring)

    for delay in delays:
        start(delay)
    await asyncio.wait_for(done.wait(), 10)
    return errors


async def test_no_timer_is_early():
    timers = Timers(asyncio.get_running_loop())
    for round_ in range(20):
        delays = [n * MILLISECOND + round_ * 49_999 for n in (0, 1, 1, 2, 3, 5)]
        errors = await fired(timers, delays)
        assert min(errors) >= 0
    timers.close()


async def test_timers_fire_in_the_order_they_are_due():
    timers = Timers(asyncio.get_running_loop())
    order = []
    done = asyncio.Event()
    now = time.monotonic_ns()
    timers.at(now + 30 * MILLISECOND, done.set)
    timers.at(now + 20 * MILLISECOND, lambda: order.append("b"))
    timers.at(now + 10 * MILLISECOND, lambda: order.append("a"))
    timers.at(now - 1, lambda: order.append("past"))
    await asyncio.wait_for(done.wait(), 10)
    assert order == ["past", "a", "b"]
    timers.close()


async def test_a_cancelled_timer_does_not_fire_and_thousands_leave_no_trace():
    timers = Timers(asyncio.get_running_loop())
    rung = []
    soon = time.monotonic_ns() + 5 * MILLISECOND
    for _ in range(5000):
        timers.at(soon + 3600 * 10**9, lambda: rung.append(1)).cancel()
    timers.at(soon, lambda: rung.append(2)).cancel()
    done = asyncio.Event()
    timers.at(soon + MILLISECOND, done.set)
    await asyncio.wait_for(done.wait(), 10)
    assert rung == []
    assert len(timers._heap) < 2500
    timers.close()


async def test_a_timer_may_start_and_cancel_others():
    timers = Timers(asyncio.get_running_loop())
    done = asyncio.Event()
    now = time.monotonic_ns()
    victim = timers.at(now + 3 * MILLISECOND, lambda: pytest.fail("was cancelled"))

    def first():
        victim.cancel()
        timers.at(time.monotonic_ns() + 4 * MILLISECOND, done.set)

    timers.at(now + MILLISECOND, first)
    await asyncio.wait_for(done.wait(), 10)
    timers.close()


async def test_closed_timers_ring_no_more():
    timers = Timers(asyncio.get_running_loop())
    timers.at(time.monotonic_ns() + MILLISECOND, lambda: pytest.fail("was closed"))
    timers.close()
    other = Timers(asyncio.get_running_loop())
    await fired(other, [5 * MILLISECOND])
    other.close()


async def test_without_alarms_that_are_files_the_loops_own_are_no_earlier(monkeypatch):
    monkeypatch.setattr(alarm.sys, "platform", "elsewhere")
    timers = Timers(asyncio.get_running_loop())
    delays = [round(step * 0.37 * MILLISECOND) for step in range(1, 30)]
    assert min(await fired(timers, delays)) >= 0
    timers.close()
