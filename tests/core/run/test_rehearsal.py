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
