"""Waiting, and timers on top of it."""

import asyncio

from squall.core.timing import MILLISECOND, SECOND
from squall.service.clock import SystemClock, event_loop
from squall.service.timers import Timers


async def test_never_early():
    clock = SystemClock()
    for wait in (0, 1, 700_000, 3 * MILLISECOND):
        due = clock.monotonic() + wait
        await clock.sleep_until(due)
        assert clock.monotonic() >= due


async def test_an_appointment_is_never_early_and_can_be_taken_back():
    clock = SystemClock()
    rung: asyncio.Queue[int] = asyncio.Queue()
    start = clock.monotonic()
    take_back = clock.call_at(start + 2 * MILLISECOND, lambda: rung.put_nowait(-1))
    clock.call_at(start + 5 * MILLISECOND, lambda: rung.put_nowait(clock.monotonic()))
    take_back()
    assert await asyncio.wait_for(rung.get(), 10) >= start + 5 * MILLISECOND
    assert rung.empty()


def test_the_loop_of_an_engine_can_wait_for_less_than_a_millisecond():
    clock = SystemClock()

    async def lateness() -> int:
        due = clock.monotonic() + 200_000
        await clock.sleep_until(due)
        return clock.monotonic() - due

    with asyncio.Runner(loop_factory=event_loop) as runner:
        late = [runner.run(lateness()) for _ in range(100)]
    assert 0 <= min(late) < MILLISECOND // 2


async def test_the_wall_clock_is_for_people():
    assert SystemClock().wall() > 1_700_000_000 * SECOND


async def test_timers_ring_in_order_and_once(clock):
    rung: list[tuple[str, int]] = []
    timers = Timers(clock, lambda name: rung.append((name, clock.now)))
    for name, due in (("c", 30), ("a", 10), ("b", 20), ("gone", 15), ("moved", 12)):
        timers.start(name, due)
    timers.cancel("gone")
    timers.cancel("never was")
    timers.start("moved", 25)
    await clock.until(lambda: len(rung) == 4)
    assert rung == [("a", 10), ("b", 20), ("moved", 25), ("c", 30)]


async def test_a_timer_started_while_one_rings(clock):
    rung: list[str] = []
    timers = Timers(clock, rung.append)
    clock.call_at(10, lambda: timers.start("late", 5))
    timers.start("first", 10)
    await clock.until(lambda: len(rung) == 2)
    assert sorted(rung) == ["first", "late"]


async def test_what_was_cancelled_takes_no_room(clock):
    timers = Timers(clock, lambda _: None)
    timers.start("end", 10**9)
    for n in range(10_000):
        timers.start("again", 1000 + n)
    for n in range(10_000):
        timers.start(f"t{n}", 2000 + n)
        timers.cancel(f"t{n}")
    assert len(timers._heap) < 200


async def test_closed_timers_are_silent(clock):
    rung: list[str] = []
    timers = Timers(clock, rung.append)
    timers.start("a", 10)
    timers.close()
    clock.call_at(20, lambda: rung.append("end"))
    await clock.until(lambda: bool(rung))
    assert rung == ["end"]
