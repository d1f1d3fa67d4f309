"""The step graph: what waits for what, what is worth drawing, and in which rows it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.graph import Link, Region, step_graph
from squall.core.playbook.model import Group, Loop, Need, Playbook, Step, Tolerance, Wait
from squall.core.timing import SECOND


def wait(name: str, *needs: Need, may_fail: bool = False) -> Step:
    tolerance = Tolerance() if may_fail else None
    return Step(name=name, action=Wait(duration=SECOND), needs=needs, continue_on_failure=tolerance)


def playbook(*steps: Step, parallel: bool = False, finally_: tuple[Step, ...] = ()) -> Playbook:
    body = Group(steps=steps, parallel=parallel)
    return Playbook(name="graph", body=body, targets=(), finally_=finally_)


def region(*steps: Step, parallel: bool = True) -> Region:
    found = step_graph(playbook(*steps, parallel=parallel)).main.region
    assert found is not None
    return found


def pairs(links: tuple[Link, ...]) -> list[tuple[int, int]]:
    return [(link.before, link.after) for link in links]


def test_a_sequence_is_a_chain() -> None:
    assert pairs(region(wait("a"), wait("b"), wait("c"), parallel=False).links()) == [
        (0, 1),
        (1, 2),
    ]


def test_of_a_sequence_however_long_every_link_is_drawn() -> None:
    # Looking for longer ways would take minutes.
    long = region(*(wait(f"step {number}") for number in range(10_000)), parallel=False)
    assert long.reduced() == long.links()


def test_a_link_from_a_step_that_may_fail_says_which_failures_it_bears() -> None:
    (link,) = region(wait("a", may_fail=True), wait("b"), parallel=False).links()
    assert link.tolerated == {"failed", "timed_out"}
    assert not link.outcomes


def test_a_link_that_asks_for_an_outcome_bears_nothing_else() -> None:
    need = Need(step="a", outcomes=("failed",))
    (link,) = region(wait("a", may_fail=True), wait("b", need)).links()
    assert link.outcomes == {"failed"}
    assert not link.tolerated


def test_side_by_side_nothing_waits_but_for_its_needs() -> None:
    assert region(wait("a"), wait("b"), wait("c")).links() == ()


def test_a_link_that_a_longer_way_says_already_is_not_drawn() -> None:
    found = region(
        wait("a"),
        wait("b", Need(step="a")),
        wait("c", Need(step="b"), Need(step="a")),
    )
    assert pairs(found.links()) == [(0, 1), (0, 2), (1, 2)]
    assert pairs(found.reduced()) == [(0, 1), (1, 2)]


def test_a_link_under_an_outcome_is_always_drawn_and_makes_no_other_superfluous() -> None:
    failed = Need(step="a", outcomes=("failed",))
    found = region(wait("a"), wait("b", failed), wait("c", Need(step="b"), Need(step="a")))
    assert pairs(found.reduced()) == [(0, 1), (0, 2), (1, 2)]


def test_rows_stand_below_what_they_wait_for_one_part_after_the_other() -> None:
    found = region(
        wait("alone"),
        wait("first"),
        wait("left", Need(step="first")),
        wait("right", Need(step="first")),
        wait("last", Need(step="left"), Need(step="right")),
    )
    assert found.layers() == (((0,),), ((1,), (2, 3), (4,)))


def test_a_loop_is_a_node_like_any_other() -> None:
    loop = Step(name="round", loop=Loop(times=None), action=Group(steps=(wait("a"), wait("b"))))
    graph = step_graph(playbook(loop, wait("after")))
    assert [node.path for node in graph.main.walk()] == [
        "main",
        "main/round",
        "main/round/a",
        "main/round/b",
        "main/after",
    ]


def test_finally_is_a_graph_of_its_own_with_its_own_bound() -> None:
    graph = step_graph(playbook(wait("a"), finally_=(wait("clean"), wait("check"))))
    assert graph.finally_ is not None
    assert graph.finally_.step.timeout == 60 * SECOND
    assert [node.path for node in graph.finally_.walk()][1:] == ["finally/clean", "finally/check"]
    assert step_graph(playbook(wait("a"))).finally_ is None


def test_needs_in_a_circle_are_refused() -> None:
    circle = playbook(wait("a", Need(step="b")), wait("b", Need(step="a")), parallel=True)
    with pytest.raises(ValueError, match="the needs in main go round in a circle"):
        step_graph(circle)


def test_a_need_of_what_is_not_beside_it_is_refused() -> None:
    with pytest.raises(ValueError, match="main/a needs 'nobody'"):
        step_graph(playbook(wait("a", Need(step="nobody")), parallel=True))


@st.composite
def needs(draw: st.DrawFn) -> list[set[int]]:
    """For each of a few steps, which earlier ones it needs."""
    count = draw(st.integers(1, 8))
    return [set(draw(st.lists(st.integers(0, i - 1), max_size=3))) if i else set()
            for i in range(count)]  # fmt: skip


def reachable(edges: list[tuple[int, int]], start: int) -> set[int]:
    found: set[int] = set()
    new = {start}
    while new:
        new = {after for before, after in edges if before in new} - found
        found |= new
    return found


@given(needs())
def test_what_is_left_out_of_a_drawing_changes_nothing_about_order(wanted: list[set[int]]) -> None:
    found = region(
        *(wait(f"s{i}", *(Need(step=f"s{n}") for n in need)) for i, need in enumerate(wanted))
    )
    drawn, all_links = pairs(found.reduced()), pairs(found.links())
    assert set(drawn) <= set(all_links)
    for start in range(len(wanted)):
        assert reachable(drawn, start) == reachable(all_links, start)
