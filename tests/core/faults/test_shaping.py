"""Laws of bytes on their way: none lost, none early, none overtaken, and free when a lease ends."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from squall.core.faults.kinds import EVERY, Corruption, Share, Slicer
from squall.core.faults.shaping import Stream
from squall.core.faults.stages import (
    Budget,
    Corrupt,
    Cut,
    Delay,
    Linger,
    Losses,
    Pace,
    Slices,
    Truncate,
)
from squall.core.timing import MILLISECOND, SECOND, Duration

TICK = 20 * MILLISECOND
START = 1_000 * SECOND


def ms(count):
    return Duration(round(count * MILLISECOND))


@dataclass
class Told:
    """What a stage said."""

    begun: int = 0
    counted: list[bool] = field(default_factory=list)
    ended: list[tuple[int, int, int]] = field(default_factory=list)

    def begin(self):
        self.begun += 1

    def count(self, *, touched):
        self.counted.append(touched)

    def end(self, *, delay, amount, over):
        self.ended.append((delay, amount, over))


def stream(*stages):
    made = Stream()
    made.add(stages)
    return made


def delay(by, lease="a"):
    return Delay(lease, Told(), by)


def slices(size, lease="a", **more):
    return Slices(lease, Told(), Slicer(size=size, **more), 5)


def pace(limit, lease="a"):
    return Pace(lease, Told(), limit)


def corrupt(kind="random_bytes", key=11, length=0, lease="a"):
    return Corrupt(lease, Told(), Corruption(rate=EVERY, kind=kind), key, length)


def drain(found, now, *, until=None):
    """Ask when told to, to the end or for so long; when what came, in order."""
    went = []
    for _ in range(200_000):
        data = found.take(now)
        if data:
            went.append((now, data))
        due = found.due()
        if found.over(now) != "open" or due is None or (until is not None and due > until):
            return went, now
        assert due > now, "it must never ask to be asked again at once"
        now = due
    raise AssertionError("it never ends")


def text(went):
    return b"".join(data for _, data in went)


PUSHES = st.lists(
    st.tuples(st.integers(0, 60 * MILLISECOND), st.binary(min_size=1, max_size=400)),
    min_size=1,
    max_size=8,
)
HOLDING = st.sampled_from(
    [
        lambda lease: delay(ms(35), lease),
        lambda lease: delay(ms(1), lease),
        lambda lease: slices(7, lease, delay=ms(2), variation=3),
        lambda lease: slices(1, lease),
        lambda lease: pace(5_000, lease),
        lambda lease: pace(10.0**9, lease),
        lambda lease: Losses(lease, Told(), Share(0.3), 3),
    ]
)
STACKS = st.lists(HOLDING, min_size=1, max_size=4)


def made(stack):
    return [make(f"lease {number}") for number, make in enumerate(stack)]


def feed(found, pushes, now=START):
    """Push and take in turn; everything that went meanwhile, and the time."""
    went = []
    for gap, data in pushes:
        more, _ = drain(found, now, until=now + gap)
        went += more
        now += gap
        found.push(data, now)
    return went, now


@given(PUSHES, STACKS)
def test_what_is_pushed_is_what_comes_out_in_order(pushes, stack):
    found = stream(*made(stack))
    went, now = feed(found, pushes)
    found.end(now)
    more, now = drain(found, now)
    assert text(went + more) == b"".join(data for _, data in pushes)
    assert found.over(now) == "ended"
    assert found.held == 0


@given(PUSHES, STACKS)
def test_what_is_held_is_what_has_not_gone(pushes, stack):
    found, pushed, gone, now = stream(*made(stack)), 0, 0, START
    for gap, data in pushes:
        now += gap
        gone += len(found.take(now))
        assert found.held == pushed - gone
        found.push(data, now)
        pushed += len(data)
        assert found.held == pushed - gone


@given(PUSHES, st.lists(st.integers(0, 200), min_size=1, max_size=4))
def test_delays_add_up_and_nothing_is_early(pushes, delays):
    found = stream(*(delay(ms(each)) for each in delays))
    went, now = feed(found, pushes)
    went += drain(found, now)[0]
    due, position = START, 0
    arrived = [at for at, data in went for _ in data]
    for gap, data in pushes:
        due += gap
        for at in arrived[position : position + len(data)]:
            assert at == due + ms(sum(delays))
        position += len(data)


@given(PUSHES, st.integers(0, 200))
def test_a_message_that_is_delayed_whole_begins_late_and_then_keeps_up(pushes, late):
    found = stream(Delay("a", Told(), ms(late), whole=True))
    went, now = feed(found, pushes)
    went += drain(found, now)[0]
    begins = START + pushes[0][0] + ms(late)
    due, position = START, 0
    arrived = [at for at, data in went for _ in data]
    for gap, data in pushes:
        due += gap
        assert set(arrived[position : position + len(data)]) == {max(due, begins)}
        position += len(data)


@pytest.mark.parametrize(
    ("stage", "room"),
    [
        (slices(9, delay=ms(9)), 64 * 1024),
        (pace(1_000), 64 * 1024),
        (pace(10**8), 2_000_000),
        (pace(10**10), 4 * 1024 * 1024),
        (delay(ms(9)), 1024 * 1024),
    ],
)
def test_a_stream_is_full_when_a_stage_holds_more_than_it_needs(stage, room):
    found = stream(stage)
    found.push(b"x" * room, START)
    assert not found.full
    found.push(b"x", START)
    assert found.full
    found.lift((), START)
    assert not found.full


@given(PUSHES, st.sampled_from([100.0, 5_000.0, 333_333.3, 10.0**8]))
def test_no_window_carries_more_than_the_limit_and_one_tick(pushes, limit):
    found = stream(pace(limit))
    went, now = feed(found, pushes)
    went += drain(found, now)[0]
    tick = max(16, limit * TICK / SECOND)
    for first in range(len(went)):
        carried = 0
        for at, data in went[first:]:
            carried += len(data)
            assert carried <= limit * (at - went[first][0]) / SECOND + tick + 1


@given(st.integers(1, 20_000), st.sampled_from([1.0, 100.0, 5_000.0, 10.0**6]))
def test_a_paced_body_takes_as_long_as_its_size_says(size, limit):
    found = stream(pace(limit))
    found.push(b"x" * size, START)
    went, now = drain(found, START)
    parts = -(-size // max(16, round(limit * TICK / SECOND)))
    assert 0 <= (now - START) - size * SECOND / limit <= parts
    assert text(went) == b"x" * size


def test_a_paced_stream_makes_up_for_no_pause():
    found = stream(pace(1_000))
    found.push(b"x" * 100, START)
    drain(found, START)
    found.push(b"y" * 100, START + 10 * SECOND)
    _, now = drain(found, START + 10 * SECOND)
    assert now == START + 10 * SECOND + ms(100)


@given(PUSHES, st.integers(1, 40), st.integers(0, 40))
def test_slices_are_as_long_and_as_far_apart_as_asked(pushes, size, variation):
    assume(variation <= size)
    stage = slices(size, variation=variation, delay=ms(3))
    found = stream(stage)
    went, now = feed(found, pushes)
    went += drain(found, now)[0]
    for (before, _), (after, _) in itertools.pairwise(went):
        assert after - before >= ms(3)
    assert all(len(data) <= max(1, size + variation) for _, data in went)


@given(PUSHES, STACKS)
def test_lifting_all_leases_frees_everything_at_once(pushes, stack):
    found = stream(*made(stack))
    went, now = feed(found, pushes)
    found.lift((), now)
    went.append((now, found.take(now)))
    assert text(went) == b"".join(data for _, data in pushes)
    assert (found.held, found.due(), found.stages) == (0, None, ())
    found.push(b"more", now)
    assert found.take(now) == b"more"


@given(PUSHES, STACKS, st.data())
def test_lifting_one_lease_changes_no_byte_and_no_order(pushes, stack, data):
    found = stream(*made(stack))
    went, now = feed(found, pushes)
    kept = data.draw(st.sets(st.sampled_from([stage.lease for stage in found.stages])))
    found.lift(kept, now)
    found.end(now)
    went += drain(found, now)[0]
    assert text(went) == b"".join(piece for _, piece in pushes)


def test_lifting_one_lease_leaves_what_another_holds_back():
    found = stream(delay(ms(60_000), "long"), delay(ms(100), "short"), pace(1_000, "slow"))
    found.push(b"x" * 50, START)
    found.lift({"short", "slow"}, START + ms(10))
    assert found.take(START + ms(109)) == b""
    went, now = drain(found, START + ms(10))
    assert now == START + ms(10 + 100 + 50)
    assert text(went) == b"x" * 50


def test_lifting_a_stage_that_holds_nothing_hurries_nobody():
    found = stream(delay(ms(100), "kept"), pace(10.0**9, "gone"))
    found.push(b"x", START)
    found.lift({"kept"}, START + ms(50))
    assert found.take(START + ms(99)) == b""
    assert found.take(START + ms(100)) == b"x"


def test_a_fault_that_is_added_acts_on_what_comes_after_it():
    found = stream()
    found.push(b"a", START)
    found.add((delay(ms(10)),))
    found.push(b"b", START)
    assert found.take(START) == b"a"
    assert found.take(START + ms(10)) == b"b"


# -- what changes bytes

PAYLOADS = st.binary(min_size=1, max_size=700)
KINDS = st.sampled_from(["random_bytes", "bit_flip"])


def corrupted(stage, parts):
    found = stream(stage)
    for part in parts:
        found.push(part, START)
    return found.take(START)


@st.composite
def chunkings(draw):
    whole = draw(PAYLOADS)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    places = [0, *cuts, len(whole)]
    return whole, [whole[a:b] for a, b in itertools.pairwise(places)]


@given(chunkings(), KINDS, st.integers(0, 2**64 - 1), st.booleans())
def test_corruption_is_the_same_however_the_bytes_come(chunking, kind, key, known):
    whole, parts = chunking
    length = len(whole) if known else 0
    once = corrupted(corrupt(kind, key, length), [whole])
    assert len(once) == len(whole)
    assert once != whole
    assert corrupted(corrupt(kind, key, length), parts) == once


@given(PAYLOADS, st.integers(0, 2**64 - 1))
def test_a_flipped_bit_is_one_bit(payload, key):
    found = corrupted(corrupt("bit_flip", key, len(payload)), [payload])
    assert all((a ^ b).bit_count() <= 1 for a, b in zip(payload, found, strict=True))


@pytest.mark.parametrize("kind", ["random_bytes", "bit_flip"])
def test_about_one_byte_in_ten_is_another(kind):
    stage = corrupt(kind)
    found = corrupted(stage, [bytes(20_000)])
    changed = len(found) - found.count(0)
    assert stage.amount == changed
    assert 1_700 <= changed <= 2_300
    assert len(set(found)) > (20 if kind == "random_bytes" else 7)


def test_corruption_leaves_what_is_no_payload_alone():
    stage = corrupt()
    found = stream(stage)
    found.push(b"HEAD" * 20, START, ())
    assert (found.take(START), stage.mark.begun) == (b"HEAD" * 20, 0)
    found.push(b"5\r\nabcde\r\n", START, ((3, 8),))
    out = found.take(START)
    assert (out[:3], out[8:]) == (b"5\r\n", b"\r\n")
    assert out[3:8] != b"abcde"


@given(chunkings(), st.floats(0, 1, exclude_max=True))
def test_a_truncated_message_keeps_its_beginning(chunking, share):
    whole, parts = chunking
    stage = Truncate("a", Told(), share, len(whole))
    kept = [stage.kept(len(part)) for part in parts]
    assert sum(kept) == int(share * len(whole)) < len(whole)
    # Once less is kept than comes, nothing more is.
    short = [number for number, part in enumerate(parts) if kept[number] < len(part)]
    assert not any(kept[number] for number in range(short[0] + 1, len(parts)))
    assert stage.amount == len(whole) - sum(kept)
    assert stage.mark.begun == 1


# -- what cuts bytes off


@given(chunkings(), st.integers(0, 800), st.sampled_from(["close", "reset"]))
def test_a_cut_passes_exactly_its_budget(chunking, budget, kind):
    whole, parts = chunking
    stage = Cut("a", Told(), kind, Budget(budget))
    found = stream(stage)
    for part in parts:
        found.push(part, START)
    found.end(START)
    assert found.take(START) == whole[:budget]
    cut = budget < len(whole)
    assert found.over(START) == (kind if cut else "ended")
    found.finish()
    assert stage.mark.ended == ([(0, budget, 0)] if cut else [])


@given(chunkings(), st.integers(0, 200))
def test_of_payload_alone_a_cut_counts_the_payload(chunking, budget):
    _whole, parts = chunking
    found = stream(Cut("a", Told(), "close", Budget(budget), payload_only=True))
    found.push(b"head\r\n", START, ())
    for part in parts:
        if part:
            found.push(b"%x\r\n" % len(part) + part + b"\r\n", START, payload_of(part))
    left, expected = budget, b"head\r\n"
    for part in filter(None, parts):
        chunk = b"%x\r\n" % len(part) + part + b"\r\n"
        if len(part) > left:
            expected += chunk[: payload_of(part)[0][0] + left]
            break
        left -= len(part)
        expected += chunk
    assert found.take(START) == expected


def payload_of(part):
    opening = len(b"%x\r\n" % len(part))
    return ((opening, opening + len(part)),)


def test_streams_that_follow_share_a_budget():
    budget = Budget(10)
    for number in range(3):
        found = stream(Cut("a", Told(), "close", budget))
        found.push(b"12345", START)
        assert found.take(START) == (b"12345" if number < 2 else b"")
        assert found.over(START) == ("open" if number < 2 else "close")


def test_a_cut_comes_behind_what_passed_before_it():
    found = stream(Cut("a", Told(), "reset", Budget(3)), delay(ms(40)))
    found.push(b"12345", START)
    assert (found.take(START), found.over(START)) == (b"", "open")
    assert found.due() == START + ms(40)
    assert found.take(START + ms(40)) == b"123"
    assert found.over(START + ms(40)) == "reset"


def test_what_comes_after_a_cut_is_dropped():
    found = stream(Cut("a", Told(), "close", Budget(3)))
    found.push(b"12345", START)
    found.push(b"678", START)
    assert (found.take(START), found.held) == (b"123", 0)


def test_the_middle_of_bytes_of_unknown_length_is_that_of_the_first():
    found = stream(Cut("a", Told(), "reset", Budget(0), payload_only=True, part=Share(0.5)))
    found.push(b"head", START, ())
    found.push(b"1234", START)
    assert found.take(START) == b"head12"


# -- losses


@given(st.integers(0, 2**32), st.sampled_from([0.2, 0.5, 0.9]))
def test_a_segment_lost_too_often_never_comes_and_breaks_the_connection(key, rate):
    stage = Losses("a", Told(), Share(rate), key)
    found = stream(stage)
    for number in range(30):
        found.push(bytes([number]), START)
    went, now = drain(found, START)
    came = text(went)
    assert came == bytes(range(len(came)))
    assert found.held == 0
    if stage.doom is None:
        assert (len(came), found.over(now)) == (30, "open")
    else:
        assert len(came) < 30
        assert found.over(now) == "reset"
        assert now >= START + ms(200 * 255)


def test_all_lost_can_still_be_lifted():
    found = stream(Losses("a", Told(), EVERY, 1))
    found.push(b"x", START)
    found.lift((), START + ms(10))
    assert found.take(START + ms(10)) == b"x"
    assert found.over(START + ms(10)) == "open"


def test_nothing_is_lost_at_a_rate_of_nothing():
    stage = Losses("a", Told(), Share(0.0), 1)
    found = stream(stage)
    for _ in range(200):
        found.push(b"x", START)
        assert found.take(START) == b"x"
    assert stage.mark.begun == 0


# -- the end


@given(PUSHES, STACKS)
def test_the_end_lingers_after_the_last_byte_and_is_lifted_too(pushes, stack):
    found = stream(*made(stack), Linger("slow", Told(), ms(500)))
    _, now = feed(found, pushes)
    found.end(now)
    went, closed = drain(found, now)
    assert closed - (went[-1][0] if went else now) >= ms(500)
    assert found.over(closed) == "ended"
    other = stream(Linger("slow", Told(), ms(500)))
    other.push(b"x", START)
    other.end(START)
    assert (other.take(START), other.over(START + ms(499))) == (b"x", "open")
    other.lift((), START + ms(100))
    assert other.over(START + ms(100)) == "ended"


def test_a_cut_does_not_linger():
    found = stream(Cut("a", Told(), "close", Budget(1)), Linger("b", Told(), ms(500)))
    found.push(b"xy", START)
    found.end(START)
    assert (found.take(START), found.over(START)) == (b"x", "close")


# -- what is told


def test_each_stage_tells_once_what_it_did():
    stages = (delay(ms(5), "a"), slices(4, "b", delay=ms(2)), pace(1_000, "c"))
    found = stream(*stages)
    found.push(b"x" * 10, START)
    drain(found, START)
    found.finish()
    found.finish()
    assert [stage.mark.begun for stage in stages] == [1, 1, 1]
    told = [stage.mark.ended for stage in stages]
    assert told == [[(ms(5), 10, 0)], [(ms(4), 10, 0)], [(ms(6), 10, ms(10))]]


def test_a_stage_that_met_nothing_tells_nothing():
    stages = (delay(ms(5)), slices(4), pace(1_000), corrupt(), Linger("a", Told(), ms(5)))
    found = stream(*stages)
    found.finish()
    assert [(stage.mark.begun, stage.mark.ended) for stage in stages] == [(0, [])] * 5
