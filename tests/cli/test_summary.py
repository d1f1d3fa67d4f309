"""What stays when a run is over, at several widths."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from cli.pictures import delivery, felt
from squall.cli.asked import compare
from squall.cli.summary import summary
from squall.core.playbook.model import Injection
from squall.core.playbook.plan import Plan
from squall.core.run.facts import SteadyStateSeen, StepEnded, Verdict
from squall.core.run.records import Outcome, Run
from squall.core.timing import MILLISECOND, SECOND, Duration

Planned = Callable[[str], Plan]
SHOP = """
name: checkout
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
parallel:
  - {name: clients, duration: 60s, load: {requests: 100/s}}
  - name: storm
    steps:
      - {name: calm, wait: 10s}
      - name: hit
        duration: 30s
        scenario:
          latency: {normal: {mean: 250ms, stddev: 50ms}}
          errors: {rate: 30%, codes: [503]}
      - name: look
        http: {get: "http://127.0.0.1:7070/health"}
        continue_on_failure: true
        retry: {attempts: 3}
"""


def ended(path: str, seconds: float = 1, outcome: str = "succeeded", **more: object) -> StepEnded:
    members = {
        "outcome": outcome, "conclusion": outcome, "began": 0, "attempts": 1,
        "at": round(seconds * SECOND), **more,
    }  # fmt: skip
    return StepEnded(path=path, **members)  # type: ignore[arg-type]


CLIENTS = ended("main/clients", 60, felt=felt(100, errors=9, p99=462))
CALM = ended("main/storm/calm", 10)
HIT = ended(
    "main/storm/hit", 30, felt=felt(2900, errors=928, p99=521),
    deliveries=(
        delivery("latency", 2900, seen=2900, ms=255),
        delivery("errors", 905, seen=2900, fault=1),
    ),
)  # fmt: skip
LOOK = ended("main/storm/look", 0.339)
STEPS = (CALM, HIT, LOOK, ended("main/storm", 41), CLIENTS, ended("main", 60))


def shown(
    plan: Plan, *steps: StepEnded, width: int = 100, verdict: Verdict = "passed", reason: str = "",
    steady: tuple[SteadyStateSeen, ...] = (),
) -> str:  # fmt: skip
    run = Run(
        id=7, playbook="checkout", digest="", phase="finished", started=0, engine="e",
        ended=60 * SECOND + 300 * MILLISECOND, verdict=verdict, reason=reason,
    )  # fmt: skip
    outcome = Outcome(run=run, steps=steps, exit_code=0, steady=steady)
    return "\n".join(line.plain for line in summary(plan, outcome, "exit 0", width)) + "\n"


@pytest.fixture
def plan(planned: Planned) -> Plan:
    return planned(SHOP)


def test_a_line_per_step_and_fault_in_the_order_they_were_written(plan: Plan) -> None:
    assert (
        shown(plan, *STEPS)
        == """\
✔ passed · checkout · run 7 · 1 min
  step        took    asked                           delivered  touched     p99  errors
✔ clients     1:00    100 requests/s                  100/s               462 ms     9 %
✔ storm/hit   30 s    latency normal 250 ms, σ 50 ms  255 ms       2,900  521 ms    32 %
                      30 % errors (503)               31.2 %         905
✔ storm/look  339 ms
  exit 0
"""
    )


def test_at_80_columns_faults_are_named_in_brief(plan: Plan) -> None:
    assert (
        shown(plan, *STEPS, width=80)
        == """\
✔ passed · checkout · run 7 · 1 min
  step        took    asked           delivered  touched     p99  errors
✔ clients     1:00    100 requests/s  100/s               462 ms     9 %
✔ storm/hit   30 s    latency 250 ms  255 ms       2,900  521 ms    32 %
                      30 % errors     31.2 %         905
✔ storm/look  339 ms
  exit 0
"""
    )


def test_limits_are_compared_by_what_they_limit(planned: Planned) -> None:
    plan = planned("""
name: x
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
steps:
  - name: hit
    duration: 1s
    scenario: {rate_limit: 10/s, bandwidth: 100KB/s, connections: 50, limit_data: 2KB}
""")
    action = plan.main.children[0].step.action
    assert isinstance(action, Injection)
    counts = [
        ("rate_limit", 35, 65, 6.5),
        ("bandwidth", 100, 199_000, 2),
        ("connections", 4, 50, 0),
        ("limit_data", 3, 6000, 0),
    ]
    known = [
        replace(
            delivery(kind, touched, fault=index), amount=amount, over=Duration(round(over * SECOND))
        )
        for index, (kind, touched, amount, over) in enumerate(counts)
    ]
    assert [(row.asked, row.delivered) for row in compare(action.scenarios, known)] == [
        ("10/s", "10/s, 35 % refused"),
        ("100 KB/s", "99.5 KB/s"),
        ("50 at once", "50 at once, 4 % waited or refused"),
        ("2 KB", "2 KB"),
    ]


def test_narrower_columns_go_and_then_the_beginnings_of_names(plan: Plan) -> None:
    assert (
        shown(plan, *STEPS, width=60)
        == """\
✔ passed · checkout · run 7 · 1 min
  step        asked           delivered     p99  errors
✔ clients     100 requests/s  100/s      462 ms     9 %
✔ storm/hit   latency 250 ms  255 ms     521 ms    32 %
              30 % errors     31.2 %
✔ storm/look
  exit 0
"""
    )


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 99, 100, 120, 200])
def test_no_line_of_the_table_is_longer_than_the_terminal(planned: Planned, width: int) -> None:
    plan = planned(SHOP.replace("storm", "a storm of a rather long name, longer than most"))
    steps = [
        ended(step.path.replace("storm", "a storm of a rather long name, longer than most"))
        for step in STEPS
    ]
    told = shown(plan, *steps, width=width).splitlines()[1:-1]
    assert max(map(len, told)) <= width


def test_what_was_allowed_or_touched_nothing_is_marked_and_explained(plan: Plan) -> None:
    nothing = ended(
        "main/storm/hit", touched_nothing=True, reason="no request that matches reached shop",
        deliveries=(delivery("latency", 0, seen=0), delivery("errors", 0, seen=0, fault=1)),
    )  # fmt: skip
    look = ended("main/storm/look", 1, "failed", conclusion="succeeded", reason="it answered 503",
                 attempts=3)  # fmt: skip
    reason = "storm/hit#1: no request that matches reached shop"
    told = shown(plan, CALM, nothing, look, verdict="warned", reason=reason)
    assert (
        told
        == """\
▲ warned · checkout · run 7 · 1 min
  storm/hit#1: no request that matches reached shop
  step        took  asked                           delivered  touched
▲ storm/hit   1 s   latency normal 250 ms, σ 50 ms  nothing          0
                    30 % errors (503)               nothing          0
▲ storm/look  1 s   3 tries
  storm/look failed, allowed: it answered 503
  exit 0
"""
    )


def test_a_run_that_was_stopped_shows_what_never_ran(plan: Plan) -> None:
    told = shown(
        plan, CALM,
        ended("main/storm/hit", 2, "cancelled", deliveries=HIT.deliveries, reason="stopped"),
        ended("main/storm/look", 2, "omitted", began=None, attempts=0, reason="stopped"),
        ended("main/storm", 2, "cancelled", reason="stopped"),
        verdict="cancelled", reason="stopped by keyboard",
    )  # fmt: skip
    assert (
        told
        == """\
⊘ cancelled · checkout · run 7 · 1 min
  stopped by keyboard
  step        took     asked                           delivered  touched
⊘ storm/hit   2 s      latency normal 250 ms, σ 50 ms  255 ms       2,900
                       30 % errors (503)               31.2 %         905
⊘ storm/look  omitted
  exit 0
"""
    )


def test_iterations_that_went_well_and_are_many_share_a_line(planned: Planned) -> None:
    plan = planned("""
name: x
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
steps: [{name: hit, duration: 1s, loop: {times: 9}, scenario: {errors: 10%}}]
""")
    waves = [
        ended(f"main/hit[{n}]", deliveries=(delivery("errors", 10),), felt=felt(p99=50 + n))
        for n in range(1, 10)
    ]
    assert shown(plan, *waves).splitlines()[2:-1] == [
        "✔ hit × 9  1 s   10 % errors  10 %            90  59 ms     0 %"
    ]
    waves[4] = ended("main/hit[5]", outcome="failed", reason="the edge refused")
    told = shown(plan, *waves, verdict="failed").splitlines()
    assert told[2].startswith("✔ hit × 8")
    assert told[3].startswith("✘ hit[5] ")
    assert "  hit failed: the edge refused" in told


def test_many_steps_that_never_ran_share_a_line(planned: Planned) -> None:
    steps = ", ".join(f"{{name: s{n}, wait: 1s}}" for n in range(20))
    plan = planned(f"name: x\nsteps: [{steps}]\n")
    facts = [ended("main/s0", outcome="failed", reason="no")]
    facts += [
        ended(f"main/s{n}", outcome="omitted", began=None, attempts=0, reason="s0 failed")
        for n in range(1, 20)
    ]
    told = shown(plan, *facts, verdict="failed", reason="s0: no; s0 failed").splitlines()
    assert told[3:5] == ["✘ s0              1 s", "⊘ s1 and 18 more  omitted"]


def test_more_reasons_than_anybody_reads_are_counted(planned: Planned) -> None:
    steps = ", ".join(f"{{name: s{n}, wait: 1s}}" for n in range(20))
    plan = planned(f"name: x\nparallel: [{steps}]\n")
    facts = [ended(f"main/s{n}", outcome="failed", reason=f"no {n}") for n in range(20)]
    assert "  and 10 more" in shown(plan, *facts, verdict="failed").splitlines()


def test_a_run_of_waits_has_no_table(planned: Planned) -> None:
    plan = planned("name: x\nsteps: [{name: a, wait: 1s}]\n")
    assert shown(plan, ended("main/a"), ended("main")).splitlines() == [
        "✔ passed · checkout · run 7 · 1 min",
        "  exit 0",
    ]


def test_what_a_dead_edge_did_is_unknown_not_nothing(plan: Plan) -> None:
    last = ended("main/storm/hit#1", 3, "failed", deliveries=(), reason="the edge was killed")
    said = shown(plan, last, width=100)
    assert "latency normal 250 ms, σ 50 ms  unknown" in said
    assert "nothing" not in said


def test_endpoints_that_share_their_dice_are_told(plan: Plan) -> None:
    counts = replace(delivery("latency", 100), others=1234)
    said = shown(plan, ended("main/storm/hit#1", 3, deliveries=(counts,)), width=100)
    assert "1,234 requests beyond 10,000 endpoints share their dice" in said


def test_what_others_felt_is_not_told_of_a_step_that_means_only_some(planned: Planned) -> None:
    text = """
name: x
targets: {shop: {http: {listen: "127.0.0.1:7070", upstream: "builtin:echo"}}}
steps: [{name: hit, duration: 1s, scenario: {latency: 1ms, match: {method: POST}}}]
"""
    counts = delivery("latency", 5, ms=1)
    last = ended("main/hit#1", 1, deliveries=(counts,), felt=felt(requests=100, errors=50))
    assert "50 %" not in shown(planned(text), last, width=100)
    assert "50 %" in shown(planned(text.replace(", match: {method: POST}", "")), last, width=100)


def test_how_long_the_system_took_to_recover_is_a_result(plan: Plan) -> None:
    before = SteadyStateSeen(at=0, stage="before", holds=True)
    after = SteadyStateSeen(at=SECOND, stage="after", holds=True, took=Duration(SECOND))
    assert "  steady state: back after 1 s\n" in shown(plan, *STEPS, steady=(before, after))
