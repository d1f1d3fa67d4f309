"""What the live view makes of a run's updates, without a terminal."""

from pathlib import Path

from squall.cli.live import View, delivered, sparkline
from squall.cli.playbook_file import schema_text
from squall.core.faults.effects import Counted, Delivery, Felt
from squall.core.faults.kinds import Share
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.run.facts import StepEnded, StepEntered

FILE = Path(__file__).parents[2] / "playbooks/retry_storm.yaml"
HIT = Delivery(scenario=0, fault=0, kind="errors", asked=Share(0.5), seen=200, touched=97)


def view() -> View:
    [loaded] = load(FILE.read_bytes(), "f", schema_text()).playbooks
    return View(compile_plan(loaded.playbook))


def test_a_step_shows_its_phase_its_iteration_and_when_it_ends() -> None:
    shown = view()
    shown.update(StepEntered(at=5, path="main/waves[2]/hit#1", phase="active", until=99))
    assert shown.states["main/waves/hit"] == "active"
    assert shown.iteration["main/waves/hit"] == "waves[2]/hit"
    assert shown.until["main/waves/hit"] == 99
    ended = StepEnded(
        at=9, path="main/waves[2]/hit", outcome="failed", conclusion="failed", deliveries=(HIT,)
    )
    shown.update(ended)
    assert shown.states["main/waves/hit"] == "failed"
    assert "main/waves/hit" not in shown.until
    assert delivered(shown.deliveries["main/waves/hit"]) == "48.5 %"


def test_counts_of_a_live_lease_belong_to_its_step() -> None:
    shown = view()
    lease = ("1:main/waves[1]/hit#1@orders", (HIT,))
    shown.update(Counted(target="orders", felt=Felt(), deliveries=(lease,)))
    assert shown.deliveries == {"main/waves/hit": (HIT,)}


def test_sparklines_are_relative_to_their_highest() -> None:
    assert sparkline([1.0, 2.0, 4.0]) == "▃▅█"
    assert sparkline([0.0]) == "▁"
