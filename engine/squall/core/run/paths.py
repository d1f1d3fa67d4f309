"""How the steps of a run are named: ``main/waves[2]/hit#1``.

A step that loops has its iteration in brackets, one that is attempted (every leaf, and a group with
`retry`) its attempt behind ``#``; both count from 1. Timers, leases and answers carry the whole
path, so one that belongs to an iteration long over finds nobody and changes nothing.
"""

from squall.core.playbook.model import Group
from squall.core.playbook.plan import PlanStep
from squall.core.run.state import StepState


def step_path(plan: PlanStep, above: str) -> str:
    """The step, whichever iteration."""
    name = plan.path.rpartition("/")[2]
    return f"{above}/{name}" if above else name


def iteration_path(plan: PlanStep, step: StepState, above: str) -> str:
    """This iteration of the step."""
    path = step_path(plan, above)
    return f"{path}[{step.iteration}]" if plan.step.loop and step.iteration else path


def attempt_path(plan: PlanStep, step: StepState, above: str) -> str:
    """This attempt of this iteration."""
    path = iteration_path(plan, step, above)
    counted = plan.step.retry is not None or not isinstance(plan.step.action, Group)
    return f"{path}#{step.attempt}" if counted and step.attempt else path


def parts(path: str) -> list[tuple[str, int]]:
    """The steps on the way, each with its iteration; 0 where it has none."""
    found = []
    for part in path.split("/"):
        name, _, rest = part.partition("#")[0].partition("[")
        number = rest.removesuffix("]")
        found.append((name, int(number) if number.isdecimal() else 0))
    return found


def names(path: str) -> list[str]:
    """The steps on the way, without iterations and attempts."""
    return [part.partition("#")[0].partition("[")[0] for part in path.split("/")]


def shown(path: str) -> str:
    """A path as people are told of it: without the root."""
    _, slash, rest = path.partition("/")
    return rest if slash else path


def without_attempt(path: str) -> str:
    """The iteration an attempt belongs to."""
    around, slash, last = path.rpartition("/")
    return around + slash + last.partition("#")[0]
