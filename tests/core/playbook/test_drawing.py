"""Drawings: each form shows every step and tells the kinds of links apart."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.faults.kinds import Errors, Fixed, Latency, Match, Scenario, Share
from squall.core.playbook.drawing import data, dot, mermaid, svg, text
from squall.core.playbook.drawing.layout import Box, Frame, arrange
from squall.core.playbook.graph import StepGraph, step_graph
from squall.core.playbook.model import (
    Address,
    Group,
    HttpProbe,
    Injection,
    Load,
    Loop,
    Need,
    Playbook,
    Retry,
    Step,
    Target,
    Tolerance,
    Wait,
)
from squall.core.timing import MILLISECOND, MINUTE, SECOND, Duration

SLOW = Latency(delay=Fixed(value=Duration(100 * MILLISECOND)))
BROKEN = Scenario(
    faults=(Errors(rate=Share(0.3), codes=(503,)),), match=Match(method=("POST",), path="/orders")
)


def wait(name: str, *needs: Need) -> Step:
    return Step(name=name, action=Wait(duration=SECOND), needs=needs)


@pytest.fixture
def graph() -> StepGraph:
    target = Target(name="shop", listen=Address(host="127.0.0.1", port=9001), upstream=None)
    together = Group(
        parallel=True,
        steps=(
            Step(name="traffic", duration=MINUTE, action=Load(rate=50)),
            Step(
                name="ask",
                action=HttpProbe(method="GET", url="http://127.0.0.1/"),
                retry=Retry(attempts=3),
            ),
            wait("call for help", Need(step="ask", outcomes=("failed", "timed_out"))),
            wait("then", Need(step="ask"), Need(step="traffic")),
        ),
    )
    body = Group(
        steps=(
            Step(
                name="light",
                duration=MINUTE,
                delay=Duration(10 * SECOND),
                action=Injection(scenarios=(Scenario(faults=(SLOW,)), BROKEN)),
            ),
            Step(name="together", action=together, continue_on_failure=Tolerance()),
            Step(name="waves", loop=Loop(times=3), action=Group(steps=(wait("hit"), wait("rest")))),
        )
    )
    return step_graph(
        Playbook(
            name="drawn",
            description="For the eye",
            body=body,
            targets=(target,),
            finally_=(wait("clean"),),
        )
    )


def test_text_is_a_tree_to_read_aloud(graph: StepGraph) -> None:
    assert text.draw(graph) == (
        "drawn: For the eye\n"
        "target shop: 127.0.0.1:9001 → the built-in echo\n"
        "\n"
        "main: one after the other\n"
        "├─ 1. light: latency 100 ms + 30 % errors (503), POST /orders"
        " · for 1 min · starts after 10 s\n"
        "├─ 2. together: side by side · may fail\n"
        "│  ├─ traffic: 50 requests/s, GET / · for 1 min\n"
        "│  ├─ ask: GET http://127.0.0.1/ · up to 3 attempts\n"
        "│  ├─ call for help: wait 1 s · if ask failed or timed out\n"
        "│  └─ then: wait 1 s · after traffic and ask\n"
        "└─ 3. waves: 3 times · one after the other\n"
        "   ├─ 1. hit: wait 1 s\n"
        "   └─ 2. rest: wait 1 s\n"
        "\n"
        "finally: always, when every fault is off\n"
        "└─ 1. clean: wait 1 s\n"
    )


def test_mermaid_tells_links_apart(graph: StepGraph) -> None:
    drawn = mermaid.draw(graph)
    assert drawn.startswith("flowchart TD\n")
    assert drawn.count("subgraph") == drawn.count("\n" + "end") + len(re.findall(r"\n +end", drawn))
    assert re.search(r's\d+ == "if failed or timed out" ==> s\d+', drawn)
    assert re.search(r's\d+ -. "even if failed or timed out" .-> s\d+', drawn)
    assert re.search(r's\d+ -. "always" .-> s\d+', drawn)
    assert re.search(r"s\d+ --> s\d+", drawn)


def test_graphviz_tells_links_apart(graph: StepGraph) -> None:
    drawn = dot.draw(graph)
    assert drawn.count("{") == drawn.count("}")
    assert 'style=bold, label="if failed or timed out"' in drawn
    assert 'style=dashed, label="even if failed or timed out"' in drawn
    assert 'style=dotted, label="always"' in drawn
    assert '"main/waves/hit" -> "main/waves/rest" [weight=2, style=solid]' in drawn


def test_a_picture_stands_alone_and_shows_every_step(graph: StepGraph) -> None:
    drawn = svg.draw(graph)
    root = ET.fromstring(drawn)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in ("drawn", "light", "latency 100 ms", "1 min", "ask", "call for help", "clean"):
        assert name in words
    assert "prefers-color-scheme:dark" in drawn
    for outside in ("href", "url(", "@import", "<script", "<image", "@font-face"):
        assert outside not in drawn
    for kind in ("then", "even", "only", "always"):
        assert f'<path class="{kind}"' in drawn


def test_data_has_every_link_and_marks_the_redundant(graph: StepGraph) -> None:
    drawn = data.draw(graph)
    main = drawn["main"]
    assert isinstance(main, dict)
    assert [edge["tolerated"] for edge in main["edges"]] == [[], ["failed", "timed_out"]]
    together = main["children"][1]
    assert together["edges"][1] == {
        "before": "main/together/traffic",
        "after": "main/together/then",
        "outcomes": [],
        "tolerated": [],
        "redundant": False,
    }
    assert main["children"][0]["delay"] == "10s"
    assert main["children"][2]["loop"] == {"times": 3}


NASTY = 'a"]; <b>&amp; {x} \\ \x1b[31m\u202e end #1 --> b'


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "svg"])
def test_no_name_breaks_a_drawing(form: str) -> None:
    one = step_graph(
        Playbook(
            name=NASTY, description=NASTY, targets=(), body=Group(steps=(wait(NASTY), wait("b")))
        )
    )
    drawn = {"text": text, "mermaid": mermaid, "dot": dot, "svg": svg}[form].draw(one)
    assert "\x1b" not in drawn
    if form == "svg":
        ET.fromstring(drawn)
    if form == "mermaid":
        assert '"]; ' not in drawn
    if form == "dot":
        assert re.sub(r'"(?:\\.|[^"\\])*"', "", drawn).count("->") == 3


def square(node: object) -> Frame:
    return Frame(width=100, top=50, side=10, bottom=10)


@st.composite
def groups(draw: st.DrawFn, depth: int = 2) -> Group:
    count = draw(st.integers(1, 6))
    parallel = draw(st.booleans())
    steps = []
    for index in range(count):
        inner = draw(groups(depth - 1)) if depth and draw(st.booleans()) else None
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index and parallel else ()
        steps.append(
            Step(
                name=f"s{index}",
                action=inner or Wait(duration=SECOND),
                needs=tuple(Need(step=f"s{need}") for need in needs),
            )
        )
    return Group(steps=tuple(steps), parallel=parallel)


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def boxes(box: Box) -> list[Box]:
    return [box, *(each for child in box.children for each in boxes(child))]


@given(groups())
def test_nothing_overlaps_and_everything_is_inside_what_holds_it(body: Group) -> None:
    graph = step_graph(Playbook(name="law", body=body, targets=()))
    for box in boxes(arrange(graph.main, square)):
        for number, child in enumerate(box.children):
            assert child.x >= 0
            assert child.y >= 50
            assert child.x + child.width <= box.width + 1e-6
            assert child.y + child.height <= box.height + 1e-6
            assert not any(overlap(child, other) for other in box.children[:number])


@given(groups())
def test_links_lead_downwards_and_through_no_box(body: Group) -> None:
    graph = step_graph(Playbook(name="law", body=body, targets=()))
    for box in boxes(arrange(graph.main, square)):
        for route in box.routes:
            heights = [y for _, y in route.points]
            assert heights == sorted(heights)
            # Lanes are the vertical stretches of a route; curves run in the gaps between rows.
            for (x, top), (_, bottom) in zip(route.points[1::2], route.points[2::2], strict=False):
                for child in box.children:
                    beside = x < child.x or x > child.x + child.width
                    assert beside or bottom <= child.y or top >= child.y + child.height
