"""Who may have which target."""

import pytest
from msgspec.structs import replace

from squall.core.admission import Admit, Queue, Refuse, Request, TargetLock, World, admit
from squall.core.playbook.model import Address


def held(address, **changes):
    return TargetLock(
        **{
            "claim": "old/1",
            "address": address,
            "target": "shop",
            "playbook": "friday",
            "engine": "old",
            "since": 1,
            "run": 7,
            **changes,
        }
    )


def wanted(*addresses, patient=False):
    targets = tuple((f"t{n}", address) for n, address in enumerate(addresses))
    return Request(
        claim="new/1", playbook="mine", engine="new", targets=targets, since=2, patient=patient
    )


def at(host, port):
    return Address(host=host, port=port)


HERE = at("127.0.0.1", 7070)


def test_a_free_target_is_given():
    decision = admit(World(), wanted(HERE))
    assert decision == Admit(
        locks=(
            TargetLock(
                claim="new/1", address=HERE, target="t0", playbook="mine", engine="new", since=2
            ),
        )
    )


def test_all_or_none_are_given():
    world = World(locks=(held(HERE),))
    assert isinstance(admit(world, wanted(at("127.0.0.1", 7071), HERE)), Refuse)


def test_the_refusal_says_who_holds_what():
    decision = admit(World(locks=(held(HERE),)), wanted(HERE))
    assert isinstance(decision, Refuse)
    assert decision.code == "SQ401"
    assert decision.reason == (
        "target 't0' (127.0.0.1:7070) is held by run 7 of 'friday' (engine old)"
    )
    assert decision.raised().hint == decision.hint


def test_a_run_that_is_only_beginning_holds_too():
    decision = admit(World(locks=(held(HERE, run=None),)), wanted(HERE))
    assert isinstance(decision, Refuse)
    assert "a run that is just beginning" in decision.reason


def test_what_is_owed_keeps_the_target_closed():
    decision = admit(World(locks=(held(HERE, owed=True),)), wanted(HERE))
    assert isinstance(decision, Refuse)
    assert "has not ended yet" in decision.reason
    assert "--wait 15s" in decision.hint


def test_who_is_patient_waits():
    decision = admit(World(locks=(held(HERE),)), wanted(HERE, patient=True))
    assert isinstance(decision, Queue)
    assert "run 7" in decision.reason


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (at("127.0.0.1", 80), at("127.0.0.1", 81), False),
        (at("127.0.0.1", 80), at("127.0.0.2", 80), False),
        (at("127.0.0.1", 80), at("localhost", 80), True),
        (at("::1", 80), at("localhost", 80), True),
        (at("0.0.0.0", 80), at("10.0.0.1", 80), True),
        (at("10.0.0.1", 80), at("::", 80), True),
        (at("127.0.0.1", 0), at("127.0.0.1", 0), False),
    ],
)
def test_two_listeners_in_each_others_way(one, other, clash):
    decision = admit(World(locks=(held(one),)), wanted(other))
    assert isinstance(decision, Refuse) == clash


def test_whatever_port_is_free_is_in_nobodys_way():
    free = at("127.0.0.1", 0)
    decision = admit(World(locks=(held(free), held(HERE))), wanted(free))
    assert isinstance(decision, Admit)
    assert [lock.address for lock in decision.locks] == [free]


def counted(*locks, most=2, patient=False):
    request = replace(wanted(at("127.0.0.1", 9999), patient=patient), most=most)
    return admit(World(locks=locks), request)


def test_no_more_runs_go_on_at_once_than_are_allowed():
    one = held(HERE), held(at("127.0.0.1", 7071))
    other = held(at("127.0.0.1", 0), claim="other/1", run=None, playbook="monday")
    assert isinstance(counted(*one), Admit)
    decision = counted(*one, other)
    assert isinstance(decision, Refuse)
    assert decision.code == "SQ402"
    assert decision.reason == (
        "the project allows 2 at once, and there is run 7 of 'friday', "
        "a run that is just beginning of 'monday'"
    )
    assert isinstance(counted(*one, other, patient=True), Queue)
    assert isinstance(counted(*one, other, most=None), Admit)


def test_a_run_that_is_over_and_owes_does_not_count():
    assert isinstance(counted(held(HERE, owed=True), most=1), Admit)
