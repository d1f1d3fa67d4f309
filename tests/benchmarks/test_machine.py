"""How fast the machine decides: transitions a second, and how that grows with the plan."""

import pytest

from squall.core.playbook.compile import compile_plan
from squall.core.playbook.model import Address, Group, Playbook, Step, Target, Wait
from squall.core.playbook.plan import Plan
from squall.core.run.machine import advance, initial
from squall.core.run.rehearsal import rehearse
from squall.core.timing import MILLISECOND, Duration


def chain(length: int, *, parallel: bool = False) -> Plan:
    steps = tuple(
        Step(name=f"s{index}", action=Wait(duration=Duration(MILLISECOND)))
        for index in range(length)
    )
    target = Target(name="t", listen=Address(host="127.0.0.1", port=1), upstream=None)
    body = Group(steps=steps, parallel=parallel)
    return compile_plan(Playbook(name="chain", body=body, targets=(target,)))


@pytest.mark.parametrize("length", [100, 1_000])
@pytest.mark.parametrize("parallel", [False, True], ids=["sequence", "parallel"])
def test_transitions(benchmark, length: int, *, parallel: bool) -> None:
    plan = chain(length, parallel=parallel)
    events = rehearse(plan).events
    assert len(events) == length + 1

    def fold() -> None:
        state = initial(plan)
        for event in events:
            state, _ = advance(plan, state, event)
        assert state.finished

    benchmark(fold)
    benchmark.extra_info["transitions_per_second"] = round(len(events) / benchmark.stats["median"])
