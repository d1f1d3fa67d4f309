"""What an edge has to say: answers always, events in batches, nothing without bound."""

from squall.core.faults.effects import Applied, Counted, FaultEvent, Felt, Happened, Report
from squall.proxy.outbox import Outbox


def event(ordinal: int) -> FaultEvent:
    return FaultEvent(
        at=0,
        lease="l",
        scenario=0,
        fault=0,
        kind="errors",
        target="shop",
        client="",
        method="GET",
        path="/",
        endpoint="GET /",
        ordinal=ordinal,
    )


async def everything(outbox: Outbox) -> list[Report]:
    outbox.close()
    return [report async for report in outbox.reports()]


async def test_events_come_in_batches_before_the_answer_that_follows_them() -> None:
    asked: list[None] = []
    outbox = Outbox(lambda: asked.append(None))
    for ordinal in range(3):
        outbox.happened(event(ordinal))
    assert len(asked) == 1
    outbox.say(Applied(lease="l", seq=1))
    outbox.happened(event(3))
    assert len(asked) == 2
    assert await everything(outbox) == [
        Happened(events=(event(0), event(1), event(2))),
        Applied(lease="l", seq=1),
        Happened(events=(event(3),)),
    ]


async def test_events_beyond_the_bound_are_counted_and_answers_still_come() -> None:
    outbox = Outbox(lambda: None, most_events=2)
    for ordinal in range(5):
        outbox.happened(event(ordinal))
    outbox.say(Applied(lease="l", seq=1))
    first, second, *rest = await everything(outbox)
    assert first == Happened(events=(event(0), event(1)), dropped=3)
    assert second == Applied(lease="l", seq=1)
    assert rest == []


async def test_a_loss_after_the_last_batch_is_told_at_the_end() -> None:
    outbox = Outbox(lambda: None, most_events=1)
    outbox.happened(event(0))
    outbox.flush()
    outbox.happened(event(1))
    assert await everything(outbox) == [
        Happened(events=(event(0),)),
        Happened(events=(), dropped=1),
    ]


async def test_reading_makes_room_again() -> None:
    outbox = Outbox(lambda: None, most_events=1)
    outbox.happened(event(0))
    outbox.flush()
    reports = outbox.reports()
    assert await anext(reports) == Happened(events=(event(0),))
    outbox.happened(event(1))
    outbox.flush()
    assert await anext(reports) == Happened(events=(event(1),))


async def test_only_the_newest_picture_of_a_target_waits() -> None:
    outbox = Outbox(lambda: None)
    for requests in range(10):
        outbox.counted(Counted(target="shop", felt=Felt(requests=requests)))
        outbox.counted(Counted(target="bank", felt=Felt(requests=requests)))
    assert len(outbox) == 2
    assert await everything(outbox) == [
        Counted(target="shop", felt=Felt(requests=9)),
        Counted(target="bank", felt=Felt(requests=9)),
    ]
