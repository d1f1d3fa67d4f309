"""What expressions, loops and values do in a run."""

import pytest

from core.run.stage import Stage, busy, saw
from squall.core.diagnostics import Refused
from squall.core.faults.effects import Delivery
from squall.core.faults.kinds import Errors, Fixed, Latency, Share
from squall.core.playbook.load import load
from squall.core.playbook.project_file import read_project
from squall.core.playbook.snapshot import Snapshot
from squall.core.playbook.talk import expressions
from squall.core.run.facts import StepEntered
from squall.core.timing import MILLISECOND, SECOND
from squall.worktree import schema_text

LOOK = '{name: look, http: {get: "http://127.0.0.1:1/"}'


def text(steps: str, top: str = "") -> str:
    return f"name: x\n{top}\nsteps:\n{steps}"


def test_what_was_expected_and_what_was_seen_are_told() -> None:
    expecting = text(f"""
  - {LOOK}, expect: [status == 200, "latency < duration('300ms')"]}}
""")
    assert Stage(expecting).run().state.verdict == "passed"
    failing = Stage(expecting, {"main/look": lambda _: saw(503)}).run()
    assert failing.state.reason == "look: expected status == 200; status was 503"
    slow = Stage(expecting, {"main/look": lambda _: saw(latency=SECOND)}).run()
    assert "latency was 1 s" in slow.state.reason


def test_a_status_of_400_fails_by_itself_and_not_where_something_else_is_expected() -> None:
    answers = {"main/look": lambda _: saw(404)}
    assert Stage(text(f"\n  - {LOOK}}}\n"), answers).run().state.verdict == "failed"
    wanted = Stage(text(f"\n  - {LOOK}, expect: status == 404}}\n"), answers).run()
    assert wanted.state.verdict == "passed"


def test_every_step_of_finally_is_tried_and_the_first_that_failed_is_the_reason() -> None:
    tidying = """
name: x
steps: [{name: calm, wait: 1s}]
finally:
  - {name: one, http: {get: "http://127.0.0.1:1/"}}
  - {name: two, http: {get: "http://127.0.0.1:2/"}}
  - {name: three, http: {get: "http://127.0.0.1:3/"}}
  - name: four
    steps:
      - {name: inside, http: {get: "http://127.0.0.1:4/"}}
      - {name: behind, wait: 1s}
"""
    failing = {"finally/one": lambda _: saw(500), "finally/two": lambda _: saw(501)}
    stage = Stage(tidying, {**failing, "finally/four/inside": lambda _: None}).run()
    assert stage.ended == {
        "calm": "succeeded", "one": "failed", "two": "failed", "three": "succeeded",
        "four/inside": "failed", "four/behind": "omitted", "four": "failed",
    }  # fmt: skip
    assert stage.state.verdict == "failed"
    assert stage.state.reason.startswith("finally: one: ")


def test_no_answer_fails_whatever_was_expected() -> None:
    stage = Stage(text(f"\n  - {LOOK}, expect: status != 500}}\n"), {"main/look": lambda _: None})
    assert stage.run().state.reason == "look: no answer"


def test_a_false_when_skips_and_the_sequence_goes_on() -> None:
    stage = Stage(
        text(f"""
  - {LOOK}}}
  - {{name: deep, when: inputs.deep && steps.look.status == 200, wait: 1s}}
  - {{name: shallow, when: "!inputs.deep", wait: 1s}}
""", "inputs: {deep: {type: boolean, default: false}}")
    ).run()  # fmt: skip
    assert stage.ended == {"look": "succeeded", "deep": "skipped", "shallow": "succeeded"}
    assert stage.state.verdict == "passed"


def test_steps_that_need_a_skipped_one_run() -> None:
    stage = Stage("""
name: x
parallel:
  - {name: a, when: "false", wait: 1s}
  - {name: b, needs: [a], when: "!steps.a.ran && steps.a.outcome == 'skipped'", wait: 1s}
""").run()
    assert stage.ended == {"a": "skipped", "b": "succeeded"}


def test_a_value_that_is_not_there_fails_the_step_that_asks() -> None:
    stage = Stage(text(f"""
  - {LOOK}, continue_on_failure: true}}
  - {{name: next, when: "steps.look.json.id == 3", wait: 1s}}
"""), {"main/look": lambda _: saw(body="no json")}).run()  # fmt: skip
    assert stage.ended["next"] == "failed"
    assert "steps.look.json" in stage.state.reason


def test_values_of_steps_are_put_into_later_ones() -> None:
    stage = Stage(text("""
  - {name: make it, http: {post: "http://127.0.0.1:1/orders"}}
  - name: read it
    http:
      get: "http://127.0.0.1:1/orders/${{ steps.make_it.json.id }}"
      headers: {x-was: "${{ steps.make_it.status }} after ${{ steps.make_it.latency }}"}
"""), {"main/make it": lambda _: saw(201, '{"id": "a7"}')}).run()  # fmt: skip
    _, read = stage.probes()
    assert read.url == "http://127.0.0.1:1/orders/a7"
    assert read.headers == (("x-was", "201 after 1ms"),)


NUMBERS_AS_TEXT = """
  - name: look
    http:
      get: "http://127.0.0.1:1/"
      headers: {x-port: "${{ %s }}"}
      body: "${{ %s > 1 }}"
  - name: call
    exec: {run: [echo, "${{ %s }}"], env: {PORT: "${{ %s }}"}}
"""


@pytest.mark.parametrize(
    ("name", "first"),
    [("inputs.port", ""), ("steps.first.json.port", '  - {name: first, http: {get: "http://x/"}}')],
)
def test_numbers_and_truths_are_put_in_as_text_where_only_a_text_fits(
    name: str, first: str
) -> None:
    stage = Stage(
        text(
            first + NUMBERS_AS_TEXT % (name, name, name, name),
            "inputs: {port: {type: integer, default: 8080}}",
        ),
        {"main/first": lambda _: saw(body='{"port": 8080}')},
    ).run()
    look, call = stage.probes()[-2:]
    assert (look.headers, look.body) == ((("x-port", "8080"),), "true")
    assert (call.run, call.env) == (("echo", "8080"), (("PORT", "8080"),))


def test_a_number_stays_one_where_a_number_fits() -> None:
    stage = Stage(
        text('\n  - {name: rest, wait: "${{ inputs.seconds }}"}\n',
             "inputs: {seconds: {type: number, default: 1}}"), seconds=3
    )  # fmt: skip
    assert stage.run().at == 3 * SECOND


def test_a_loop_over_each_has_item_and_index_and_its_faults_follow() -> None:
    stage = Stage(
        text("""
  - name: waves
    loop: {each: [100ms, 200ms]}
    steps:
      - {name: slow, duration: 1s, scenario: {latency: "${{ loop.item }}"}}
      - {name: told, http: {get: "http://127.0.0.1:1/${{ loop.index }}/${{ loop.item }}"}}
""")
    ).run()
    delays = [scenarios[0].faults[0] for scenarios in stage.scenarios()]
    assert delays == [Latency(delay=Fixed(value=n * MILLISECOND)) for n in (100, 200)]
    assert [probe.url[-7:] for probe in stage.probes()] == ["1/100ms", "2/200ms"]


def test_each_may_be_a_list_that_a_step_saw() -> None:
    def listed(body: str) -> Stage:
        return Stage(text("""
  - {name: list, http: {get: "http://127.0.0.1:1/"}}
  - {name: read, loop: {each: "${{ steps.list.json }}"},
     http: {get: "http://127.0.0.1:1/${{ loop.item }}"}}
"""), {"main/list": lambda _: saw(body=body)}).run()  # fmt: skip

    assert [probe.url[-1] for probe in listed("[4, 5]").probes()[1:]] == ["4", "5"]
    assert listed("[]").ended["read"] == "skipped"
    assert listed('"no list"').ended["read"] == "failed"


@pytest.mark.parametrize(
    ("good_at", "verdict", "rounds"),
    [(0, "passed", 1), (2, "passed", 3), (9, "failed", 4)],
)
def test_until_asks_after_each_round_and_gives_up_after_max(
    good_at: int, verdict: str, rounds: int
) -> None:
    stage = Stage(
        text(f"\n  - {LOOK}, loop: {{until: status == 200, max: 4}}, expect: 'true'}}\n"),
        {"main/look": lambda n: saw(200 if n >= good_at else 503)},
    ).run()
    assert (stage.state.verdict, len(stage.asked)) == (verdict, rounds)
    if verdict == "failed":
        assert stage.state.reason == "look[4]: until status == 200: not so after 4 rounds"


def test_while_asks_before_each_round_and_sees_the_last() -> None:
    stage = Stage(
        text("""
  - name: drain
    loop: {while: "loop.index == 1 || steps.look.status == 503", max: 9}
    steps:
      - {name: look, http: {get: "http://127.0.0.1:1/"}, expect: "true"}
"""),
        {"main/drain/look": lambda n: saw(503 if n < 2 else 200)},
    ).run()
    assert (stage.state.verdict, len(stage.asked)) == ("passed", 3)


@pytest.mark.parametrize(
    "steps",
    [
        f"{LOOK}, loop: {{while: status == 503, max: 9}}, expect: 'true'}}",
        "{name: w, loop: {while: steps.look.status > 500, max: 9}, steps: [WELL]}",
    ],
)
def test_the_first_round_is_free_of_what_only_a_round_can_see(steps: str) -> None:
    path = "main/w/look" if "WELL" in steps else "main/look"
    steps = steps.replace("WELL", f"{LOOK}, expect: 'true'}}")
    stage = Stage(text(f"\n  - {steps}\n"), {path: lambda n: saw(503 if n < 2 else 200)}).run()
    assert (stage.state.verdict, len(stage.asked)) == ("passed", 3)


def test_a_loop_that_cannot_begin_is_not_told_as_a_round() -> None:
    stage = Stage(text(f"""
  - {LOOK}}}
  - {{name: w, loop: {{while: steps.look.json.more, max: 9}}, wait: 1s}}
"""), {"main/look": lambda _: saw(body="no json")}).run()  # fmt: skip
    assert stage.state.reason.startswith("w: while ")


def test_rounds_begin_no_faster_than_every() -> None:
    stage = Stage(
        text("""
  - {name: beat, loop: {times: 3, every: 1s}, http: {get: "http://127.0.0.1:1/"}}
""")
    ).run()
    assert stage.at == 2 * SECOND + MILLISECOND


def test_a_group_is_expected_to_hold_what_its_steps_saw() -> None:
    stage = Stage(text(f"""
  - name: both
    expect: steps.look.status == 201
    steps: [{LOOK}}}]
""")).run()  # fmt: skip
    assert "steps.look.status was 200" in stage.state.reason


def test_what_clients_felt_can_be_expected() -> None:
    playbook = text("""
  - {name: users, duration: 1s, load: {requests: 10/s},
     expect: "measured.p99 < duration('50ms') && measured.error_rate < 0.1"}
""")
    assert Stage(playbook, felt=busy()).run().state.verdict == "passed"
    assert "error_rate was 0.5" in Stage(playbook, felt=busy(errors=50)).run().state.reason
    assert "not there" in Stage(playbook).run().state.reason


def test_an_input_without_a_value_is_asked_for() -> None:
    playbook = text('\n  - {name: w, wait: "${{ inputs.long }}"}\n',
                    "inputs: {long: {type: duration}}")  # fmt: skip
    with pytest.raises(Refused, match="input 'long' has no value"):
        Stage(playbook)
    assert Stage(playbook, long="3s").run().at == 3 * SECOND


STEADY = """
name: x
steady_state:
  every: 1s
  failures: 2
  recover_within: 5s
  checks: [{name: up, http: {get: "http://127.0.0.1:1/"}}]
steps: [{name: hit, duration: 10s, scenario: {latency: 1s}}]
"""


def test_nothing_is_injected_unless_the_steady_state_holds() -> None:
    stage = Stage(STEADY, {"steady/up": lambda _: saw(500)}).run()
    assert (stage.state.verdict, stage.scenarios()) == ("inconclusive", [])
    assert "up: GET http://127.0.0.1:1/ answered 500" in stage.state.reason


def test_a_broken_steady_state_aborts_and_its_return_is_measured() -> None:
    stage = Stage(STEADY, {"steady/up": lambda n: saw(500 if 3 <= n < 7 else 200)}).run()
    assert (stage.state.verdict, stage.ended["hit"]) == ("aborted", "cancelled")
    assert [(seen.stage, seen.holds) for seen in stage.steady] == [
        ("before", True), ("during", False), ("after", True),
    ]  # fmt: skip
    assert stage.steady[-1].took is not None
    assert not stage.live


def test_one_bad_look_is_forgiven_where_two_are_needed() -> None:
    stage = Stage(STEADY, {"steady/up": lambda n: saw(500 if n == 4 else 200)}).run()
    assert stage.state.verdict == "passed"


def test_a_system_that_does_not_recover_fails_the_run() -> None:
    def broken_for_good(stage: Stage) -> None:
        stage.answers["steady/up"] = lambda _: saw(200 if stage.at < 10 * SECOND else 500)

    stage = Stage(STEADY)
    broken_for_good(stage)
    stage.run()
    assert stage.state.verdict == "failed"
    assert "did not return within 5s" in stage.state.reason


GUARDED = """
name: x
targets: {shop: {http: {listen: 127.0.0.1:9001, upstream: builtin:echo}}}
steps: [{name: hit, duration: 10s, scenario: {latency: 1s}GUARD}]
"""


@pytest.mark.parametrize("guard", [", abort_if: measured.error_rate > 0.5", "TOP"])
def test_a_guard_aborts_at_once_and_undoes(guard: str) -> None:
    playbook = GUARDED.replace("GUARD", "" if guard == "TOP" else guard)
    if guard == "TOP":
        playbook += "abort_if: [measured.p99 > duration('5s'), measured.error_rate > 0.5]\n"
    stage = Stage(playbook)
    stage.measure(SECOND, "shop", busy(errors=10))
    stage.measure(2 * SECOND, "shop", busy(requests=0))
    stage.measure(3 * SECOND, "shop", busy(errors=60))
    stage.run()
    assert (stage.state.verdict, stage.at, stage.live) == ("aborted", 3 * SECOND, set())
    assert stage.state.reason.endswith(
        "abort_if measured.error_rate > 0.5; measured.error_rate was 0.6"
    )


@pytest.mark.parametrize(("after", "verdict"), [(200, "passed"), (1000, "aborted")])
def test_the_guard_of_a_step_does_not_see_what_was_before_it(after: int, verdict: str) -> None:
    stage = Stage(
        GUARDED.replace("steps: [", "steps: [{name: bad, duration: 5s, scenario: {errors: 100%}}, ")
        .replace("GUARD", ", abort_if: measured.error_rate > 0.5")
    )  # fmt: skip
    stage.measure(5 * SECOND + after * MILLISECOND, "shop", busy(errors=100))
    assert stage.run().state.verdict == verdict


BESIDE_A_LOAD = """
name: x
targets: {shop: {http: {listen: 127.0.0.1:9001, upstream: builtin:echo}}}
abort_if: measured.rate > 30.0
parallel:
  - {name: hit, duration: 10s, scenario: {latency: 1s}}
  - {name: users, duration: 5s, load: {requests: 20/s}}
"""


def test_a_request_of_a_load_counts_once_for_the_guard_of_a_playbook() -> None:
    stage = Stage(BESIDE_A_LOAD)
    for second in range(1, 5):
        stage.measure(second * SECOND, "main/users#1", busy(requests=20))
        stage.measure(second * SECOND, "shop", busy(requests=20))
    assert stage.run().state.verdict == "passed"
    unmeasured = Stage(BESIDE_A_LOAD)
    unmeasured.measure(SECOND, "main/users#1", busy(requests=40))
    assert unmeasured.run().state.verdict == "aborted"


def test_what_clients_felt_is_forgotten_when_nothing_asks_for_it_any_more() -> None:
    stage = Stage(BESIDE_A_LOAD)
    stage.measure(SECOND, "shop", busy(requests=20))
    stage.measure(SECOND, "main/users#1", busy(requests=20))
    stage.measure(6 * SECOND, "shop", busy(requests=20))
    sources = set()
    for state in stage.states():
        if stage.at == 6 * SECOND:
            sources = {source for source, *_ in state.pictures}
    assert (sources, stage.state.pictures) == ({"shop"}, ())


def test_a_rate_known_only_in_a_run_is_held_against_the_limits_of_the_project() -> None:
    project = read_project(b"limits: {error_share: 50%}", "squall.yaml", schema_text("project"))
    playbook = """
name: x
parallel:
  - {name: look, http: {get: "http://127.0.0.1:1/"}}
  - {name: some, duration: 1s, scenario: {resets: 30%}}
  - name: hit
    needs: [look]
    duration: 1s
    scenario: {errors: "${{ steps.look.json.rate }}"}
"""
    allowed = {"main/look": lambda _: saw(body='{"rate": 0.2}')}
    assert Stage(playbook, allowed, project=project).run().ended["hit"] == "succeeded"
    too_far = {"main/look": lambda _: saw(body='{"rate": 0.4}')}
    stage = Stage(playbook, too_far, project=project).run()
    assert stage.ended["hit"] == "failed"
    assert "it with 'some' beside it would make 58% of the requests" in stage.state.reason
    assert not stage.live


@pytest.mark.parametrize(("rest", "second"), [("0s", "failed"), ("3s", "succeeded")])
def test_rates_known_only_in_a_run_are_held_against_the_limits_together(
    rest: str, second: str
) -> None:
    project = read_project(b"limits: {error_share: 50%}", "squall.yaml", schema_text("project"))
    stage = Stage(f"""
name: x
steps:
  - {{name: look, http: {{get: "http://127.0.0.1:1/"}}}}
  - name: both
    parallel:
      - {{name: a, duration: 2s, scenario: {{errors: "${{{{ steps.look.json.rate }}}}"}}}}
      - {{name: b, delay: {rest}, duration: 2s,
         scenario: {{errors: "${{{{ steps.look.json.rate }}}}"}}}}
""", {"main/look": lambda _: saw(body='{"rate": 0.45}')}, project=project).run()  # fmt: skip
    assert stage.ended["both/b"] == second
    if second == "failed":
        assert "it with 'a' beside it would make 69.75% of the requests" in stage.state.reason
    assert (stage.state.values, stage.live) == ((), set())


@pytest.mark.parametrize(
    ("asked", "seen", "verdict"),
    [(0.01, 19, "warned"), (0.01, 700, "failed"), (1.0, 1, "failed"), (0.01, 0, "failed")],
)
@pytest.mark.parametrize("expecting", ["expect_traffic: true", "targets: [shop]"])
def test_a_rare_fault_that_nobody_met_by_luck_is_a_warning(
    expecting: str, asked: float, seen: int, verdict: str
) -> None:
    stage = Stage(f"""
name: x
targets: {{shop: {{http: {{listen: 127.0.0.1:9001, upstream: builtin:echo}}}}}}
parallel:
  - {{name: hit, duration: 1s, scenario: {{errors: 1%}}, {expecting}}}
  - {{name: users, duration: 1s, load: {{requests: 20/s}}}}
""")
    stage.deliveries = (Delivery(scenario=0, fault=0, kind="Errors", asked=asked, seen=seen),)
    assert stage.run().state.verdict == verdict


def side_by_side(loop: str, inside: str, timeout: str = "1h") -> str:
    return text(f"""
  - name: waves
    loop: {{{loop}}}
    timeout: {timeout}
    steps: [{inside}]
  - {{name: after, wait: 1s}}
""")


HIT = "{name: hit, duration: 2s, scenario: {latency: 1s}}"


def test_rounds_side_by_side_start_in_order_as_there_is_room() -> None:
    stage = Stage(side_by_side("times: 5, max_parallel: 2", HIT)).run()
    begun = [
        (fact.path, fact.at // SECOND) for fact in stage.facts
        if isinstance(fact, StepEntered) and fact.path.count("/") == 1 and "waves" in fact.path
    ]  # fmt: skip
    assert begun == [(f"main/waves[{n}]", (n - 1) // 2 * 2) for n in range(1, 6)]
    assert stage.at == 7 * SECOND
    assert [path for path in stage.ended if path.endswith("hit")] == [
        f"waves[{n}]/hit" for n in range(1, 6)
    ]


def test_each_round_side_by_side_has_its_own_values() -> None:
    stage = Stage(side_by_side(
        "each: [a, b, c], max_parallel: 3",
        '{name: ask, http: {get: "http://127.0.0.1:1/${{ loop.index }}${{ loop.item }}"}}, '
        '{name: told, expect: "true",'
        ' http: {get: "http://127.0.0.1:1/${{ loop.item }}/${{ steps.ask.status }}"}}',
    ), {"main/waves/ask": lambda n: saw(200 + n)}).run()  # fmt: skip
    urls = [probe.url.removeprefix("http://127.0.0.1:1/") for probe in stage.probes()]
    assert urls == ["1a", "2b", "3c", "a/200", "b/201", "c/202"]


def test_an_unhandled_failure_ends_the_rounds_beside_it_and_no_further_one_starts() -> None:
    stage = Stage(
        side_by_side("times: 9, max_parallel: 3", f"{LOOK}}}, {HIT}"),
        {"main/waves/look": lambda n: None if n == 1 else saw()},
    ).run()
    assert stage.ended == {
        "waves[2]/look": "failed", "waves[2]/hit": "omitted", "waves[2]": "failed",
        "waves[1]/look": "succeeded", "waves[1]/hit": "cancelled", "waves[1]": "cancelled",
        "waves[3]/look": "cancelled", "waves[3]/hit": "omitted", "waves[3]": "cancelled",
        "after": "omitted",
    }  # fmt: skip
    assert stage.state.reason == "waves[2]: look: no answer"
    assert not stage.live


@pytest.mark.parametrize(("most", "verdict"), [(3, "warned"), (2, "failed")])
def test_failures_are_counted_over_all_rounds_side_by_side(most: int, verdict: str) -> None:
    stage = Stage(text(f"""
  - {{name: look, loop: {{times: 6, max_parallel: 4}}, continue_on_failure: {{max: {most}}},
     http: {{get: "http://127.0.0.1:1/"}}}}
"""), {"main/look": lambda n: saw(500 if n % 2 else 200)}).run()  # fmt: skip
    assert stage.state.verdict == verdict


def test_rounds_side_by_side_start_no_faster_than_every() -> None:
    stage = Stage(side_by_side("times: 4, max_parallel: 2, every: 500ms", HIT)).run()
    begun = [
        fact.at // MILLISECOND for fact in stage.facts
        if isinstance(fact, StepEntered) and fact.path.endswith("hit#1") and fact.phase == "active"
    ]  # fmt: skip
    assert begun == [0, 500, 2000, 2500]


def test_a_time_out_ends_all_rounds_side_by_side() -> None:
    stage = Stage(side_by_side("times: 9, max_parallel: 3", HIT, timeout="3s")).run()
    assert stage.at == 3 * SECOND
    assert stage.state.reason == "waves[4]: took longer than 3s"
    outcomes = [stage.ended[f"waves[{n}]"] for n in range(1, 7)]
    assert outcomes == ["succeeded"] * 3 + ["timed_out"] * 3
    assert not stage.live


@pytest.mark.parametrize("way", ["until: status == 200", "while: loop.index < 3", "forever: true"])
def test_rounds_that_depend_on_one_another_cannot_be_side_by_side(way: str) -> None:
    playbook = text(f"\n  - {LOOK}, timeout: 9s, loop: {{{way}, max_parallel: 2}}}}\n")
    [found] = load(playbook.encode(), "x.yaml", schema_text()).diagnostics[1:]
    assert (found.code, "max_parallel" in found.message) == ("SQ110", True)


MEASURING = """
name: measuring
outputs: {p: steps.l.measured.p99, rounded: "steps.l.measured.requests + 1"}
steps: [{name: l, load: {requests: 10/s}, duration: 1s}]
"""


def test_what_a_called_playbook_tells_keeps_its_kind() -> None:
    stage = Stage(
        text("""
  - {name: c, playbook: measuring}
  - {name: less, when: "steps.c.outputs.p < duration('300ms')", wait: 1s}
  - {name: same, when: "steps.c.outputs.p == duration('20ms')", wait: 1s}
  - {name: other, when: "steps.c.outputs.rounded > 101", wait: 1s}
  - {name: slow, scenario: {latency: "${{ steps.c.outputs.p }}"}, duration: 1s}
"""),
        felt=busy(p99=20 * MILLISECOND),
        others=(MEASURING,),
    ).run()
    assert stage.state.verdict == "passed", stage.state.reason
    assert [stage.ended[name] for name in ("less", "same", "other")] == [
        "succeeded", "succeeded", "skipped",
    ]  # fmt: skip
    (((slow,),),) = [[one.faults for one in each] for each in stage.scenarios()]
    assert slow == Latency(delay=Fixed(value=20 * MILLISECOND))


def test_a_comparison_with_another_kind_than_a_called_playbook_tells_is_a_mistake() -> None:
    asking = text('  - {name: c, playbook: measuring}\n'
                  '  - {name: d, when: "steps.c.outputs.p < 3", wait: 1s}\n')  # fmt: skip
    with pytest.raises(AssertionError, match="SQ232"):
        Stage(asking, others=(MEASURING,))


@pytest.mark.parametrize(
    ("scenario", "body", "wanted"),
    [
        (
            'errors: {rate: 10%, codes: ["${{ steps.q.json.code }}"]}',
            '{"code": 418}',
            (Errors(rate=Share(0.1), codes=(418,)),),
        ),
        (
            'errors: {rate: 10%, codes: "${{ steps.q.json.codes }}"}',
            '{"codes": [500, 503]}',
            (Errors(rate=Share(0.1), codes=(500, 503)),),
        ),
    ],
)
def test_an_item_or_a_whole_list_may_be_known_only_by_the_run(
    scenario: str, body: str, wanted: tuple[object, ...]
) -> None:
    steps = text(f"""
  - {{name: q, http: {{get: "http://127.0.0.1:1/"}}}}
  - {{name: fail, scenario: {{{scenario}}}, duration: 1s}}
""")
    stage = Stage(steps, {"main/q": lambda _: saw(body=body)}).run()
    assert stage.state.verdict == "passed", stage.state.reason
    assert [[one.faults for one in each] for each in stage.scenarios()] == [[wanted]]


def test_names_and_faults_with_late_values_stand_in_one_list() -> None:
    project = read_project(
        b"scenarios: {shared: {errors: 1%}}", "squall.yaml", schema_text("project")
    )
    stage = Stage(
        text(
            """
  - {name: q, http: {get: "http://127.0.0.1:1/"}}
  - {name: slow, scenario: [{latency: "${{ steps.q.json.delay }}"}, own, shared], duration: 1s}
""",
            "scenarios: {own: {errors: 2%}}",
        ),
        {"main/q": lambda _: saw(body='{"delay": "20ms"}')},
        project=project,
    ).run()
    assert stage.state.verdict == "passed", stage.state.reason
    (late, own, shared), *_ = stage.scenarios()
    assert late.faults == (Latency(delay=Fixed(value=20 * MILLISECOND)),)
    assert (own.name, shared.name) == ("own", "shared")


def test_a_late_value_beside_something_wrong_is_only_told_what_is_wrong() -> None:
    read = load(
        text("""
  - {name: q, http: {get: "http://127.0.0.1:1/"}}
  - name: fail
    scenario: {errors: {rate: 10%, codes: ["${{ steps.q.status }}", 5000]}}
    duration: 1s
""").encode(),
        "x.yaml",
        schema_text(),
    )
    assert [f.code for f in read.findings if f.code != "SQ210"] == ["SQ106"]


@pytest.mark.parametrize("name", ["until", "while", "when", "expect", "outputs", "abort_if"])
def test_a_variable_and_a_header_may_be_called_as_a_key_with_an_expression(name: str) -> None:
    stage = Stage(
        text(
            f"""
  - {{name: q, http: {{get: "http://127.0.0.1:1/"}}}}
  - name: call
    exec: {{run: [env], env: {{{name}: "${{{{ steps.q.status }}}} ${{{{ inputs.a }}}}"}}}}
  - name: ask
    http:
      get: "http://127.0.0.1:1/"
      headers: {{{name}: "${{{{ steps.q.status }}}} ${{{{ inputs.b }}}}"}}
""",
            "inputs: {a: {type: integer, default: 1}, b: {type: integer, default: 2}}",
        )
    ).run()
    _, call, ask = stage.probes()
    assert (call.env, ask.headers) == (((name, "200 1"),), ((name, "200 2"),))


def test_an_input_and_an_item_may_be_called_as_a_key_with_an_expression() -> None:
    taking = """
name: taking
inputs: {when: {type: integer}}
steps: [{name: a, http: {get: "http://127.0.0.1:1/${{ inputs.when }}"}}]
"""
    stage = Stage(
        text(
            """
  - {name: c, playbook: {name: taking, inputs: {when: "${{ inputs.n }}"}}}
  - name: each
    loop: {each: [{until: "${{ inputs.n }}"}]}
    http: {get: "http://127.0.0.1:1/${{ loop.item.until }}"}
""",
            "inputs: {n: {type: integer, default: 7}}",
        ),
        others=(taking,),
    ).run()
    assert [probe.url[-2:] for probe in stage.probes()] == ["/7", "/7"]


def test_an_input_is_used_by_an_output_of_any_name() -> None:
    read = load(
        b"""
name: x
inputs: {a: {type: integer, default: 1}}
outputs: {headers: inputs.a}
steps: [{name: w, wait: 1s}]
""",
        "x.yaml",
        schema_text(),
    )
    assert [f.code for f in read.findings if f.code != "SQ210"] == []


TYPED = """
name: typed
inputs: {i: {type: integer}, l: {type: list, default: []}, s: {type: share, default: 1%}}
steps: [{name: a, http: {get: "http://127.0.0.1:1/${{ inputs.i }}/${{ inputs.s }}"}}]
"""


def test_an_input_of_any_type_may_be_given_what_only_the_run_knows() -> None:
    calling = text("""
  - {name: ask, http: {get: "http://127.0.0.1:1/"}}
  - name: c
    playbook:
      name: typed
      inputs:
        i: "${{ steps.ask.status }}"
        l: "${{ steps.ask.json.l }}"
        s: "${{ steps.ask.json.s }}"
""")
    right = {"main/ask": lambda _: saw(body='{"l": [1, 2], "s": 0.5}')}
    stage = Stage(calling, right, others=(TYPED,)).run()
    assert stage.probes()[-1].url == "http://127.0.0.1:1/200/0.5"
    wrong = {"main/ask": lambda _: saw(body='{"l": 3, "s": 0.5}')}
    stage = Stage(calling, wrong, others=(TYPED,)).run()
    assert stage.state.verdict == "failed"
    assert "input 'l': '3' is no list" in stage.state.reason


def test_a_list_that_is_given_to_a_playbook_is_known_as_a_whole() -> None:
    with pytest.raises(AssertionError, match="'l' has to be known before the run"):
        Stage(
            text("""
  - {name: ask, http: {get: "http://127.0.0.1:1/"}}
  - {name: c, playbook: {name: typed, inputs: {i: 1, l: ["${{ steps.ask.status }}"]}}}
"""),
            others=(TYPED,),
        )


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (
            '{scenario: {latency: "${{ steps.look.json.text }}"}, duration: 1s}',
            "'scenario.latency': 'soon' is not written as a duration; for example \"100ms\"",
        ),
        (
            '{scenario: {errors: "${{ steps.look.json.number }}"}, duration: 1s}',
            "'scenario.errors': 7 is out of range: at most 1; did you mean 7%?",
        ),
        (
            '{http: {get: "http://127.0.0.1:1/", headers: {x: "${{ steps.look.json.list }}"}}}',
            "'http.headers.x': a list is not a text; for example \"yes\"",
        ),
        (
            '{wait: "${{ steps.look.json.long }}"}',
            (
                "'wait': '40000d' is not a duration that can be waited for; "
                "at most 100 years, for example 100ms, 2s, 1h30m"
            ),
        ),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_key_and_what_would(
    step: str, reason: str
) -> None:
    body = '{"text": "soon", "number": 7, "list": [1], "long": "40000d"}'
    stage = Stage(
        text(f"\n  - {LOOK}}}\n  - {{name: next, {step[1:]}\n"),
        {"main/look": lambda _: saw(body=body)},
    ).run()
    assert stage.state.reason == f"next: {reason}"
    assert not stage.live


@pytest.mark.parametrize(
    "step",
    [
        'http: {get: "http://127.0.0.1:1/", headers: {x: "${{ steps.look.status }}"}}',
        'exec: {run: [echo, "${{ steps.look.status }}"]}',
        'exec: {run: [env], env: {A: "${{ steps.look.status }}"}}',
    ],
)
def test_a_number_that_stands_alone_where_a_text_is_wanted_is_put_in_as_text(step: str) -> None:
    stage = Stage(text(f"\n  - {LOOK}}}\n  - {{name: next, {step}}}\n")).run()
    assert stage.state.verdict == "passed"


def test_a_code_that_only_the_run_knows_may_stand_in_a_list_of_codes() -> None:
    stage = Stage(text(f"""
  - {LOOK}}}
  - name: next
    duration: 1s
    scenario: {{errors: {{rate: 50%, codes: ["${{{{ steps.look.json.code }}}}"]}}}}
"""), {"main/look": lambda _: saw(body='{"code": 503}')}).run()  # fmt: skip
    assert stage.ended["next"] == "succeeded"


@pytest.mark.parametrize(
    ("declared", "given", "found"),
    [
        ("{type: integer, default: 3}", {"m": "x"}, ["SQ234"]),
        ("{type: integer, default: x}", {}, ["SQ234"]),
        ("{type: integer}", {}, []),
    ],
)
def test_where_an_input_has_no_value_nothing_else_is_found(
    declared: str, given: dict[str, str], found: list[str]
) -> None:
    read = load(
        text(
            """
  - {name: rest, when: inputs.m > 3, wait: "${{ inputs.m }}ms"}
  - name: slow
    scenario: {latency: "${{ inputs.m }}ms", errors: "${{ inputs.m }}%"}
    duration: "${{ inputs.m * 2 }}s"
  - {name: rounds, loop: {times: "${{ inputs.m }}"}, wait: 1s}
  - {name: c, playbook: {name: typed, inputs: {i: "${{ inputs.m }}", s: "${{ inputs.m }}%"}}}
""",
            f"inputs: {{m: {declared}}}",
        ).encode(),
        "x.yaml",
        schema_text(),
        inputs=given,
        snapshot=Snapshot(lambda: ("typed.yaml",), lambda _: TYPED.encode()),
    )
    assert [f.code for f in read.findings if f.code != "SQ210"] == found


@pytest.mark.parametrize(
    "scenario",
    [
        '"${{ steps.q.json.path }}"',
        '["${{ steps.q.json.path }}"]',
        '[{errors: 1%}, "${{ steps.q.body }}"]',
    ],
)
def test_which_scenario_is_meant_has_to_be_known_before_the_run(scenario: str) -> None:
    read = load(
        text(f"""
  - {{name: q, http: {{get: "http://127.0.0.1:1/"}}}}
  - {{name: fail, scenario: {scenario}, duration: 1s}}
""").encode(),
        "x.yaml",
        schema_text(),
    )
    (found,) = [f for f in read.findings if f.code != "SQ210"]
    assert found.code == "SQ231"
    assert "'scenario' has to be known before the run, and 'steps.q." in found.message


def test_a_check_of_the_steady_state_has_to_be_known_before_the_run() -> None:
    read = load(
        b"""
name: x
steady_state:
  checks:
    - {name: healthy, http: {get: "http://127.0.0.1:1/${{ steps.q.json.path }}"}}
steps:
  - {name: q, http: {get: "http://127.0.0.1:1/"}}
""",
        "x.yaml",
        schema_text(),
    )
    (found,) = [f for f in read.findings if f.code != "SQ210"]
    assert found.code == "SQ231"
    assert found.message.startswith("a check of the steady state has to be known before the run")


def test_what_is_in_reach_of_a_called_playbook_are_its_own_inputs() -> None:
    called = """
name: guarded
inputs: {most: {type: duration, default: 1s}}
abort_if: measured.p99 > inputs.most
steps: [{name: l, load: {requests: 10/s}, duration: 1s}]
"""
    stage = Stage(text("  - {name: c, playbook: guarded}\n"), others=(called,))
    (said,) = [said for said in expressions(stage.playbook) if said.guard]
    assert said.in_reach()["inputs.most"] == "duration"
    assert said.find("inputs.most") is not None


ROUNDS = """
  - {name: rounds, loop: {each: "${{ inputs.l }}", max_parallel: 2}, timeout: 1m,
     http: {get: "http://127.0.0.1:1/${{ loop.item }}"}}
  - {name: group, loop: {each: "${{ inputs.l }}"},
     steps: [{name: hit, duration: 1s, scenario: slow}]}
  - {name: after, wait: 1s}
"""
LIST = "scenarios: {slow: {latency: 1s}}\ninputs: {l: {type: list, default: []}}"


def test_a_loop_over_an_input_that_is_empty_is_skipped() -> None:
    stage = Stage(text(ROUNDS, LIST)).run()
    assert stage.ended == {"rounds": "skipped", "group": "skipped", "after": "succeeded"}
    assert stage.state.verdict == "passed"
    stage = Stage(text(ROUNDS, LIST), l=["a", "b"]).run()
    assert len(stage.probes()) == len(stage.scenarios()) == 2


def test_a_playbook_without_a_round_does_nothing() -> None:
    top = f'{LIST}\nloop: {{each: "${{{{ inputs.l }}}}"}}'
    alone = Stage(text("  - {name: hit, duration: 1s, scenario: slow}\n", top)).run()
    assert alone.state.finished
    assert alone.scenarios() == []
    own = top.removeprefix("scenarios: {slow: {latency: 1s}}")
    called = text("  - {name: a, wait: 1s}\n", own).replace("name: x", "name: inner")
    stage = Stage(text("  - {name: c, playbook: inner}\n"), others=(called,)).run()
    assert stage.ended == {"c": "skipped"}


def test_a_list_that_is_written_empty_is_no_loop() -> None:
    read = load(
        text("  - {name: a, loop: {each: []}, wait: 1s}\n").encode(), "x.yaml", schema_text()
    )
    (found,) = [f for f in read.findings if f.code != "SQ210"]
    assert (found.code, found.message) == ("SQ107", "there is nothing in it")
    assert '["checkout", "cart"]' in found.hint
