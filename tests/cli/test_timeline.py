"""What a line says of a fact."""

from squall.cli.playbook_file import schema_text
from squall.cli.timeline import Wording
from squall.core.faults.effects import Failures, Felt
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.run.facts import StepEnded, StepEntered
from squall.core.timing import SECOND

PLAYBOOK = b"""
name: friday
steps:
  - name: people
    duration: 8s
    load: {requests: 150/s, shape: {ramp: {from: 10/s}}}
"""


def wording() -> Wording:
    return Wording(compile_plan(load(PLAYBOOK, "f.yaml", schema_text()).playbooks[0].playbook))


def ended(felt: Felt) -> StepEnded:
    well = {"outcome": "succeeded", "conclusion": "succeeded"}
    return StepEnded(at=8 * SECOND, path="main/people", felt=felt, **well)


def test_a_load_says_what_it_sends_and_how_long() -> None:
    entered = StepEntered(at=0, path="main/people#1", phase="active", until=8 * SECOND)
    assert wording().line(entered) == "people: 10 rising to 150 requests/s for 8s"


def test_a_load_that_met_errors_says_of_which_kind() -> None:
    felt = Felt(requests=640, errors=40, failures=Failures(status=31, reset=9))
    assert wording().line(ended(felt)) == "people passed (31 answered 500 or above, 9 reset)"


def test_a_load_without_errors_has_nothing_to_say_of_them() -> None:
    assert wording().line(ended(Felt(requests=640))) == "people passed"
