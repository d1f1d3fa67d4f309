"""What a rehearsal assumes of the world, and what it says of that."""

import pytest

from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.run.rehearsal import Rehearsal, rehearse
from squall.worktree import schema_text


def rehearsed(steps: str, assume: dict[str, str] | None = None) -> Rehearsal:
    text = f"name: x\nsteps:\n{steps}"
    loaded = load(text.encode(), "x.yaml", schema_text())
    assert not loaded.failed, loaded.diagnostics
    plan = compile_plan(loaded.playbooks[0].playbook, schema_text())
    return rehearse(plan, assume=assume)


UNKNOWN = """
  - {name: look, http: {get: "http://127.0.0.1:1/"}}
  - {name: rest, wait: "${{ steps.look.json.rest }}"}
  - {name: call, exec: {run: [echo, "${{ steps.look.body }}"]}}
  - {name: slow, duration: "${{ steps.look.latency }}", scenario: {latency: 1s}}
  - {name: some, when: steps.look.status == 201, wait: 1s}
  - {name: each, loop: {each: "${{ steps.look.json.all }}"}, wait: 1s}
  - {name: until, loop: {until: steps.look.status == 201, max: 3}, wait: 1s}
"""


def test_what_cannot_be_known_is_told_as_assumed() -> None:
    assumed = {f"{path}: {what}" for path, what in rehearsed(UNKNOWN).assumed}
    assert assumed == {
        "look#1: GET http://127.0.0.1:1/ answers well",
        "rest: wait: ${{ steps.look.json.rest }} is not known, 5s is assumed",
        "call#1: exec: {run: [echo, ${{ steps.look.body }}]} ends well",
        "slow: duration ${{ steps.look.latency }} is not known, 1m is assumed",
        "slow#1: faults go on and off at once, and requests meet them",
        "some: when steps.look.status == 201 is not known, it is taken as true",
        "each: each steps.look.json.all is not known, one round is assumed",
        "until: until steps.look.status == 201 is not known, 3 rounds are assumed",
    }


TRIED_AGAIN = """
  - name: e
    loop: {times: 2}
    retry: {attempts: 2, backoff: {initial: 1s}}
    steps: [{name: x, http: {get: "http://127.0.0.1:1/"}}]
"""


@pytest.mark.parametrize(
    ("wish", "verdict", "tries"),
    [
        ("e/x", "failed", ["e[1]#1/x#1", "e[1]#2/x#1"]),
        ("e[2]/x", "failed", ["e[2]#1/x#1", "e[2]#2/x#1"]),
        ("e[2]#1/x", "passed", ["e[2]#1/x#1"]),
        ("e#1/x", "passed", ["e[1]#1/x#1", "e[2]#1/x#1"]),
    ],
)
def test_what_is_assumed_of_a_step_holds_in_every_attempt_around_it(
    wish: str, verdict: str, tries: list[str]
) -> None:
    made = rehearsed(TRIED_AGAIN, assume={wish: "failed"})
    failed = [path for path, what in made.assumed if what.endswith("fails")]
    assert (made.verdict, failed) == (verdict, tries)


def test_what_a_step_is_assumed_to_see_it_sees_in_every_attempt_around_it() -> None:
    steps = TRIED_AGAIN.replace('1/"}', '1/"}, expect: status == 200')
    made = rehearsed(steps, assume={"e/x.status": "503"})
    assert (made.verdict, "status was 503" in made.reason) == ("failed", True)
