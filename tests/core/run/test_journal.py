"""What a turn of the machine does to the lease rows."""

import pytest
from msgspec.structs import replace

from squall.core.faults.effects import Applied, EdgeLost, Inject, Lapsed, Lifted, Rejected, Revert
from squall.core.faults.kinds import Errors, Fixed, Latency, Scenario
from squall.core.run.commands import Announce
from squall.core.run.events import EdgeReported, PauseRequested
from squall.core.run.facts import LeaseLeaked, RunEnded, RunEntered
from squall.core.run.journal import Owner, phase_of, project
from squall.core.timing import MILLISECOND, SECOND

OWNER = Owner(run=3, engine="me", edge="me/3")
NAME = "3:main/hit#1@shop"
NOTHING = PauseRequested(at=0, by="nobody")


def inject(seq=1):
    faults = (Latency(delay=Fixed(value=MILLISECOND)), Errors(rate=0.5))
    return Inject(
        lease=NAME,
        seq=seq,
        run="3",
        path="main/hit#1",
        place="main/hit",
        target="shop",
        scenarios=(Scenario(faults=faults),),
        seed=0,
        ttl=10 * SECOND,
    )


def turn(rows, event=NOTHING, *commands, wall=1000):
    """The rows after a turn."""
    put, gone = project(rows, event, commands, OWNER, wall)
    after = {**rows, **{row.lease: row for row in put}}
    return {name: row for name, row in after.items() if name not in gone}


def heard(report):
    return EdgeReported(at=0, report=report)


@pytest.fixture
def asked():
    return turn({}, NOTHING, inject())


@pytest.fixture
def live(asked):
    return turn(asked, heard(Applied(lease=NAME, seq=1)), wall=2000)


def test_asked_for_is_already_owed(asked):
    row = asked[NAME]
    assert (row.run, row.engine, row.edge, row.target) == (3, "me", "me/3", "shop")
    assert row.faults == ("latency", "errors")
    assert (row.state, row.since, row.expires) == ("asked", 1000, 1000 + 10 * SECOND)


def test_its_time_counts_from_when_the_edge_confirmed(live):
    assert live[NAME].state == "live"
    assert live[NAME].expires == 2000 + 10 * SECOND


def test_it_is_owed_until_it_is_lifted(live):
    undoing = turn(live, NOTHING, Revert(lease=NAME, seq=2))
    assert (undoing[NAME].state, undoing[NAME].seq) == ("undoing", 2)
    assert turn(undoing, heard(Lifted(lease=NAME, seq=2))) == {}


def test_a_leaked_one_stays_until_the_edge_says_it_is_off(live):
    leaked = turn(live, NOTHING, Announce(fact=LeaseLeaked(at=0, lease=NAME, target="shop")))
    assert leaked[NAME].state == "leaked"
    assert turn(leaked, heard(Lifted(lease=NAME, seq=5))) == {}


@pytest.mark.parametrize(
    "report", [Rejected(lease=NAME, seq=1, reason="no"), Lapsed(lease=NAME), EdgeLost(reason="x")]
)
def test_what_is_not_on_is_not_owed(asked, report):
    assert turn(asked, heard(report)) == {}


@pytest.mark.parametrize(
    "report",
    [
        Applied(lease=NAME, seq=1),
        Rejected(lease=NAME, seq=1, reason="late"),
        Lifted(lease=NAME, seq=2),
        Lapsed(lease="3:main/other#1@shop"),
    ],
)
def test_an_answer_to_an_older_effect_changes_nothing(live, report):
    undoing = turn(live, NOTHING, Revert(lease=NAME, seq=2))
    again = turn(undoing, NOTHING, inject(seq=3))
    assert turn(again, heard(report)) == again


def test_asked_for_again_in_the_turn_it_was_lifted_in(live):
    undoing = turn(live, NOTHING, Revert(lease=NAME, seq=2))
    again = turn(undoing, heard(Lifted(lease=NAME, seq=2)), inject(seq=3))
    assert again[NAME] == replace(turn({}, NOTHING, inject(seq=3))[NAME])


def test_the_phase_a_turn_ends_in():
    entered = Announce(fact=RunEntered(at=0, phase="stopping", reason="why"))
    ended = Announce(fact=RunEnded(at=0, verdict="failed", reason="broken"))
    assert phase_of(()) == (None, "")
    assert phase_of((entered,)) == ("stopping", "why")
    assert phase_of((entered, ended)) == ("finished", "broken")
