"""Small playbooks for the laws: written by hand, or drawn by Hypothesis."""

from hypothesis import strategies as st

from squall.core.faults.kinds import Errors, Scenario, Share
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import (
    Address,
    Backoff,
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
from squall.core.playbook.plan import Plan
from squall.core.timing import SECOND, Duration

TARGETS = tuple(
    Target(name=name, listen=Address(host="127.0.0.1", port=port), upstream=None)
    for port, name in ((1, "one"), (2, "two"))
)
FAULTS = Injection(scenarios=(Scenario(faults=(Errors(rate=Share(0.5)),)),))
PROBE = HttpProbe(method="GET", url="http://127.0.0.1/")


def plan_of(body: Group, *, finally_: tuple[Step, ...] = (), loop: Loop | None = None) -> Plan:
    playbook = Playbook(name="law", body=body, targets=TARGETS, finally_=finally_, loop=loop)
    return compile_plan(playbook)


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


@st.composite
def steps(draw: st.DrawFn, depth: int, name: str, earlier: tuple[str, ...]) -> Step:
    needs: tuple[Need, ...] = ()
    if earlier and draw(st.booleans()):
        outcomes = draw(st.sampled_from([(), ("failed", "timed_out"), ("omitted", "cancelled")]))
        needs = (Need(step=draw(st.sampled_from(earlier)), outcomes=outcomes),)
    modifiers = {
        "delay": Duration(draw(st.sampled_from([0, SECOND]))),
        "timeout": draw(st.sampled_from([None, Duration(SECOND), Duration(30 * SECOND)])),
        "on_timeout": draw(st.sampled_from(["fail", "continue"])),
        "loop": draw(st.sampled_from([None, None, Loop(times=2)])),
        "continue_on_failure": draw(st.sampled_from([None, None, Tolerance(), Tolerance(max=1)])),
        "retry": draw(
            st.sampled_from([None, None, Retry(attempts=2, backoff=Backoff(jitter=Share(0.5)))])
        ),
        "needs": needs,
    }
    if depth and draw(st.booleans()):
        group = draw(groups(depth - 1))
        return Step(name=name, action=group, **modifiers)
    kind = draw(st.sampled_from(["inject", "inject", "probe", "wait", "instant", "load"]))
    return leaf(name, kind, **modifiers)


@st.composite
def groups(draw: st.DrawFn, depth: int) -> Group:
    parallel = draw(st.booleans())
    made: list[Step] = []
    for index in range(draw(st.integers(1, 3))):
        earlier = tuple(step.name for step in made) if parallel else ()
        made.append(draw(steps(depth, f"s{index}", earlier)))
    return Group(steps=tuple(made), parallel=parallel)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    body = draw(groups(2))
    last = (leaf("probe", "probe"),) if draw(st.booleans()) else ()
    return plan_of(body, finally_=last)
