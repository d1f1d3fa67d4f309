"""Events, leases and recordings as Hypothesis draws them."""

import pytest
from hypothesis import strategies as st

from squall.core.faults.candidate import kind_of
from squall.core.faults.effects import FaultEvent, Inject
from squall.core.faults.kinds import (
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Down,
    Errors,
    Fault,
    Fixed,
    Latency,
    LimitData,
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
    Uniform,
)
from squall.core.recording.interchange import Recording
from squall.core.recording.model import Event, Head, Lease, Tail, Transitions
from squall.core.timing import MILLISECOND, Duration

FAULTS: tuple[Fault, ...] = (
    Latency(delay=Fixed(value=Duration(120 * MILLISECOND))),
    Latency(delay=Uniform(min=Duration(0), max=Duration(9 * MILLISECOND)), rate=Share(0.3)),
    Errors(rate=Share(0.1), codes=(503,)),
    Timeouts(rate=Share(0.05)),
    Resets(rate=Share(0.01)),
    PacketLoss(rate=Share(0.2)),
    Errors(rate=Share(0.5), pattern=Burst(count=1, per=2), headers=(("x-a", "é"),), body="no"),
    Errors(rate=Share(0.5), pattern=Sequence(codes=(500, 200))),
    PartialResponses(rate=Share(0.2), keep=7),
    Corruption(rate=Share(0.2), kind="truncate", direction="both"),
    RateLimit(limit=9.5, burst=3, by="header:x-tenant", answer=503),
    Bandwidth(limit=1e5, direction="request"),
    Connections(max=3, timeout=Duration(5)),
    Slicer(size=9, variation=3, delay=Duration(7)),
    SlowClose(delay=Duration(9)),
    LimitData(bytes=0),
    Down(),
    CircuitBreaker(failures=2),
    Bulkhead(max=1, queue=0),
)
DETAILS = {"errors": "503", "timeouts": "504", "resets": "reset"}
NOW = 1_767_225_600_000_000_000


def inject() -> Inject:
    return Inject(
        lease="7:main/a#1@shop", seq=3, run="7", path="main/a#1", place="main/a", target="shop",
        scenarios=(Scenario(faults=FAULTS),), seed=42, ttl=Duration(10**10),
    )  # fmt: skip


def fault_event(number: int = 0, **fields: object) -> FaultEvent:
    known: dict[str, object] = {
        "at": NOW,
        "lease": "7:main/a#1@shop",
        "scenario": 0,
        "fault": number,
        "kind": kind_of(FAULTS[number]),
        "target": "shop",
        "client": "127.0.0.1:40000",
        "method": "GET",
        "path": "/orders/17",
        "endpoint": "GET /orders/*",
        "ordinal": 5,
    }
    known["detail"] = DETAILS.get(str(known["kind"]), "")
    return FaultEvent(**{**known, **fields})  # type: ignore[arg-type]


times = st.integers(0, 4_000_000_000).map(lambda s: s * 10**9 + 123_456_000)


@st.composite
def events(draw: st.DrawFn) -> Event:
    if draw(st.booleans()):
        transition = Transitions("7").began(draw(st.text(max_size=9)), draw(times))
        assert transition is not None
        return transition
    return Lease(inject()).event(
        fault_event(
            draw(st.integers(0, len(FAULTS) - 1)),
            at=draw(times),
            delay=Duration(draw(st.integers(0, 10**12))),
            path=draw(st.text(alphabet=st.characters(), max_size=20)),
            ordinal=draw(st.integers(0, 2**40)),
        )
    )


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    head = Head(
        run=draw(st.text(max_size=5)),
        playbook=draw(st.text(max_size=20)),
        seed=draw(st.integers(0, 2**63 - 1)),
        started=draw(times),
        digest=draw(st.text(max_size=9)),
    )
    tails = st.builds(Tail, ended=times, dropped=st.integers(0, 2**40))
    return Recording(
        head=head,
        events=tuple(draw(st.lists(events(), max_size=8))),
        tail=draw(st.none() | tails),
    )


class Made:
    """What the tests draw from, handed over by a fixture."""

    inject = staticmethod(inject)
    fault_event = staticmethod(fault_event)
    faults = FAULTS
    now = NOW


@pytest.fixture
def made() -> type[Made]:
    return Made


@pytest.fixture(scope="session")
def any_recording() -> st.SearchStrategy[Recording]:
    return recordings()
