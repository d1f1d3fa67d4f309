"""What is written and changes nothing: faults of nothing, modifiers that nothing answers to.

`scenarios` asks for each fault it builds, `checks` for the steps. Only what is written out counts:
a value that comes from an input is nothing for one run and something for the next, and a default
of the project is meant for other steps.
"""

from collections.abc import Iterable

from squall.core.diagnostics import Severity
from squall.core.faults.kinds import (
    Distribution,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Normal,
    Pareto,
    SlowClose,
    Uniform,
    share_of,
)
from squall.core.playbook.filling import has_templates
from squall.core.playbook.model import Injection, Replay, Step
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path


def check_fault(places: Places, path: Path, fault: Fault) -> None:
    """Note a fault that strikes nobody, or does nothing to those it strikes."""
    why = _nothing(fault)
    if why and not has_templates(places.document.written_at(path)):
        places.note(
            path, "SQ306", f"'{path[-1]}' does nothing: {why}",
            "leave it out, or give it a value that is more than nothing",
            key=True, severity=Severity.WARNING,
        )  # fmt: skip


def check_modifiers(places: Places, steps: Iterable[tuple[Path, Step]]) -> None:
    """Note the modifiers of steps that modify nothing."""
    for path, step in steps:
        _on_timeout(places, path, step)
        _retry(places, path, step)
        _expect_traffic(places, path, step)


def _on_timeout(places: Places, path: Path, step: Step) -> None:
    if step.timeout is None:
        message = "'on_timeout' changes nothing: this step has no 'timeout'"
        _idle(places, (*path, "on_timeout"), message, "say 'timeout', or leave it out")


def _retry(places: Places, path: Path, step: Step) -> None:
    if step.retry is not None and step.retry.attempts == 1:
        message = "'retry' changes nothing: one attempt in all is what there is without it"
        _idle(places, (*path, "retry"), message, "say attempts: 2 to try once more")


def _expect_traffic(places: Places, path: Path, step: Step) -> None:
    if step.expect_traffic and not isinstance(step.action, Injection | Replay):
        message = "'expect_traffic' changes nothing: this step puts no faults on"
        _idle(places, (*path, "expect_traffic"), message, "say it of a step with a 'scenario'")


def _idle(places: Places, path: Path, message: str, hint: str) -> None:
    written = path in places.document.keys
    if written and not has_templates(places.document.written_at(path)):
        places.note(path, "SQ307", message, hint, key=True, severity=Severity.WARNING)


def _nothing(fault: Fault) -> str:
    """Why a fault does nothing; empty when it may do something."""
    patterned = isinstance(fault, Errors) and fault.pattern is not None
    if not share_of(fault) and not patterned:
        return "its rate is 0"
    if isinstance(fault, Latency) and not _longest(fault.delay) and not fault.jitter:
        return "it holds nothing back"
    if isinstance(fault, SlowClose) and not fault.delay:
        return "it holds nothing back"
    return ""


def _longest(delay: Distribution) -> float:
    """Something that is nothing only where every drawn delay is."""
    match delay:
        case Fixed(value=value):
            return value
        case Uniform(max=most):
            return most
        case Normal(mean=mean, stddev=spread):
            return mean + spread
        case LogNormal(median=usual) | Pareto(scale=usual) | Exponential(mean=usual):
            return usual
