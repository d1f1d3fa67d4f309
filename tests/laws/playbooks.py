"""Small playbooks for the laws: written by hand, or drawn by Hypothesis."""

import json
from collections.abc import Sequence

from hypothesis import strategies as st

from squall.core.faults.kinds import Errors, Scenario, Share
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import (
    Address,
    Backoff,
    Blank,
    Called,
    Given,
    Group,
    HttpProbe,
    Injection,
    Load,
    Loop,
    Need,
    Output,
    Playbook,
    Retry,
    SteadyState,
    Step,
    Target,
    Tolerance,
    Wait,
)
from squall.core.playbook.plan import Plan
from squall.core.timing import SECOND, Duration
from squall.worktree import schema_text

TARGETS = tuple(
    Target(name=name, listen=Address(host="127.0.0.1", port=port), upstream=None)
    for port, name in ((1, "one"), (2, "two"))
)
FAULTS = Injection(scenarios=(Scenario(faults=(Errors(rate=Share(0.5)),)),))
PROBE = HttpProbe(method="GET", url="http://127.0.0.1/")


WELL = Step(name="up", action=PROBE, expect=("status == 200",))
LOOPS = (
    Loop(times=2),
    Loop(times=2, every=Duration(SECOND)),
    Loop(each='["a", "b"]'),
    Loop(until="loop.index == 2", max=3),
    Loop(while_="loop.index < 3", max=5),
    Loop(times=3, max_parallel=2),
    Loop(each="[1, 2, 3]", max_parallel=3),
    Loop(times=3, every=Duration(SECOND), max_parallel=2),
)


def plan_of(
    body: Group,
    *,
    finally_: tuple[Step, ...] = (),
    loop: Loop | None = None,
    steady: SteadyState | None = None,
    abort_if: tuple[str, ...] = (),
) -> Plan:
    playbook = Playbook(
        name="law", body=body, targets=TARGETS, finally_=finally_, loop=loop,
        steady_state=steady, abort_if=abort_if,
    )  # fmt: skip
    return compile_plan(playbook, schema_text())


def leaf(
    name: str, kind: str, targets: tuple[str, ...] = ("one", "two"), **modifiers: object
) -> Step:
    actions = {
        "inject": FAULTS,
        "probe": PROBE,
        "wait": Wait(duration=Duration(SECOND)),
        "instant": Wait(duration=Duration(0)),
        "load": Load(rate=1.0),
    }
    timed = kind in {"inject", "load"}
    return Step(
        name=name,
        action=actions[kind],
        targets=targets if kind == "inject" else ("one",) if timed else (),
        duration=Duration(SECOND) if timed else None,
        **modifiers,  # type: ignore[arg-type]
    )


def blank(name: str, kind: str, loop: Loop) -> Step:
    """A step that is another in each round."""
    rounds = {"times": loop.times, "max_parallel": loop.max_parallel}
    if kind == "inject":
        own = {"duration": "${{ loop.index }}s", "scenario": {"errors": "50%"}}
    else:
        own = {"http": {"get": "http://127.0.0.1/${{ loop.index }}"}, "expect": "status == 200"}
    text = json.dumps({"name": name, "loop": rounds, **own})
    expect = (str(own["expect"]),) if "expect" in own else ()
    return leaf(name, kind, loop=loop, expect=expect, blank=Blank(text=text, scope=("one", "two")))


@st.composite
def conditions(draw: st.DrawFn, kind: str, siblings: Sequence[str]) -> dict[str, object]:
    """What a step asks of others, of what it saw, and of what clients feel."""
    whens = ["", "", "", "true", "false"]
    if siblings:
        sibling = draw(st.sampled_from(siblings))
        whens += [f"steps.{sibling}.outcome == 'succeeded'", f"steps.{sibling}.status == 200"]
    expects = {
        "probe": [(), ("status == 200",), ("status == 503",)],
        "inject": [(), (), ("measured.requests > 0",)],
        "load": [(), (), ("measured.requests > 0",)],
    }
    return {
        "when": draw(st.sampled_from(whens)),
        "expect": draw(st.sampled_from(expects.get(kind, [(), (), ("false",)]))),
        "abort_if": draw(st.sampled_from([(), (), ("measured.error_rate > 0.9",)])),
    }


@st.composite
def steps(
    draw: st.DrawFn, depth: int, name: str, earlier: tuple[str, ...], siblings: Sequence[str]
) -> Step:
    needs: tuple[Need, ...] = ()
    if earlier and draw(st.booleans()):
        outcomes = draw(st.sampled_from([(), ("failed", "timed_out"), ("omitted", "cancelled")]))
        needs = (Need(step=draw(st.sampled_from(earlier)), outcomes=outcomes),)
    modifiers = {
        "delay": Duration(draw(st.sampled_from([0, SECOND]))),
        "timeout": draw(st.sampled_from([None, Duration(SECOND), Duration(30 * SECOND)])),
        "on_timeout": draw(st.sampled_from(["fail", "continue"])),
        "loop": draw(st.none() | st.sampled_from(LOOPS)),
        "continue_on_failure": draw(st.sampled_from([None, None, Tolerance(), Tolerance(max=1)])),
        "retry": draw(
            st.sampled_from([None, None, Retry(attempts=2, backoff=Backoff(jitter=Share(0.5)))])
        ),
        "needs": needs,
    }
    if depth and draw(st.booleans()):
        group = draw(groups(depth - 1))
        if draw(st.integers(0, 3)) == 0:
            group = draw(calls(group, siblings))
        return Step(name=name, action=group, **modifiers, **draw(conditions("group", siblings)))
    if draw(st.integers(0, 7)) == 0:
        rounds = Loop(times=2, max_parallel=draw(st.integers(1, 2)))
        return blank(name, draw(st.sampled_from(["inject", "probe"])), rounds)
    kind = draw(st.sampled_from(["inject", "inject", "probe", "wait", "instant", "load"]))
    return leaf(name, kind, **modifiers, **draw(conditions(kind, siblings)))


@st.composite
def calls(draw: st.DrawFn, group: Group, siblings: Sequence[str]) -> Group:
    """The group as a playbook of its own."""
    passed = f"${{{{ steps.{draw(st.sampled_from(siblings))}.outcome }}}}" if siblings else "none"
    called = Called(
        playbook="called",
        inputs=(
            Given(name="plain", kind="integer", value="1"),
            Given(name="passed", kind="string", template=passed),
        ),
        outputs=(Output(name="first", expression="steps.s0.outcome + inputs.passed"),),
        abort_if=draw(st.sampled_from([(), ("measured.errors > inputs.plain",)])),
    )
    return Group(steps=group.steps, parallel=group.parallel, called=called)


@st.composite
def groups(draw: st.DrawFn, depth: int) -> Group:
    parallel = draw(st.booleans())
    made: list[Step] = []
    for index in range(draw(st.integers(1, 3))):
        siblings = tuple(step.name for step in made)
        earlier = siblings if parallel else ()
        made.append(draw(steps(depth, f"s{index}", earlier, siblings)))
    return Group(steps=tuple(made), parallel=parallel)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    body = draw(groups(2))
    last = (leaf("probe", "probe"),) if draw(st.booleans()) else ()
    return plan_of(
        body,
        finally_=last,
        loop=draw(st.sampled_from([None, None, None, *LOOPS])),
        steady=draw(st.none() | steady_states()),
        abort_if=draw(st.sampled_from([(), ("measured.p99 > duration('1s')",)])),
    )


@st.composite
def steady_states(draw: st.DrawFn) -> SteadyState:
    return SteadyState(
        checks=(WELL, leaf("runs", "probe"))[: draw(st.integers(1, 2))],
        failures=draw(st.integers(1, 2)),
        recover_within=draw(st.sampled_from([Duration(0), Duration(5 * SECOND)])),
    )
