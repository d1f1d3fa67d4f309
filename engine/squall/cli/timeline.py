"""Facts of a run as lines of text: what a rehearsal shows, and what logs show of a run."""

from squall.core.faults.wording import describe_scenario, span
from squall.core.playbook.model import (
    Approve,
    ExecProbe,
    Group,
    HttpProbe,
    Injection,
    Load,
    Replay,
    Step,
    TcpProbe,
    Wait,
)
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.playbook.wording import (
    describe_blank,
    describe_failures,
    describe_load,
    describe_probe,
)
from squall.core.run.facts import (
    LeaseLeaked,
    RunEnded,
    RunEntered,
    RunFact,
    SteadyStateSeen,
    StepEnded,
    StepEntered,
    StepFilled,
)
from squall.core.run.paths import names, shown, without_attempt
from squall.core.timing import MINUTE, SECOND, format_duration


def clock(at: int) -> str:
    """Run time as ``mm:ss.mmm``; hours count on in the minutes."""
    minutes, rest = divmod(at, MINUTE)
    return f"{minutes:02}:{rest / SECOND:06.3f}"


class Wording:
    """Words for the facts of one plan."""

    def __init__(self, plan: Plan) -> None:
        roots = [plan.main] + ([plan.finally_] if plan.finally_ else [])
        self.steps: dict[str, PlanStep] = {
            step.path: step for root in roots for step in root.walk()
        }
        self._filled: dict[str, Step] = {}

    def line(self, fact: RunFact) -> str | None:
        """One fact as a line, or None when it says nothing that another does not."""
        match fact:
            case RunEntered(phase=phase, reason=reason):
                return None if phase == "running" and not reason else _with(phase, reason)
            case StepEntered():
                return self._entered(fact)
            case StepFilled(path=path, step=step):
                self._filled[path] = step
                return None
            case StepEnded():
                return self._ended(fact)
            case SteadyStateSeen():
                return steady_words(fact)
            case LeaseLeaked(target=target):
                return f"LEAKED: the faults on {target} could not be taken off yet"
            case RunEnded(verdict=verdict, reason=reason):
                return _with(verdict, reason)

    def _step(self, path: str) -> PlanStep | None:
        return self.steps.get("/".join(names(path)))

    def _entered(self, fact: StepEntered) -> str | None:
        step = self._step(fact.path)
        if step is None or isinstance(step.step.action, Group):
            return None
        step = step.filled(self._filled.get(without_attempt(fact.path)))
        name = shown(fact.path).partition("#")[0]
        lasts = "" if fact.until is None else f" for {format_duration(fact.until - fact.at)}"
        match fact.phase:
            case "active":
                return f"{name}: {self._does(step)}{lasts}"
            case "delayed":
                return f"{name}: starts in {span((fact.until or fact.at) - fact.at)}"
            case "retrying":
                return f"{name}: tries again in {span((fact.until or fact.at) - fact.at)}"
        return None

    @staticmethod
    def _does(step: PlanStep) -> str:
        if step.step.blank is not None:
            return describe_blank(step.step.blank)
        match step.step.action:
            case Injection(scenarios=scenarios):
                faults = " + ".join(describe_scenario(scenario) for scenario in scenarios)
                return f"{faults} on"
            case Load() as load:
                return describe_load(load)
            case HttpProbe() | TcpProbe() | ExecProbe() as probe:
                return describe_probe(probe)
            case Wait():
                return "waits"
            case Replay(recording=recording):
                return f"replays {recording}"
            case Approve(message=message):
                return f"waits for a person: {message}" if message else "waits for a person"
            case Group():
                return ""

    def _ended(self, fact: StepEnded) -> str | None:
        self._filled.pop(fact.path, None)
        if fact.path in {"main", "finally"}:
            return None
        allowed = ", allowed" if fact.conclusion != fact.outcome else ""
        words = {"succeeded": "passed", "timed_out": "timed out"}.get(fact.outcome, fact.outcome)
        failed = "" if fact.felt is None else describe_failures(fact.felt.failures)
        failed = f" ({failed})" if failed else ""
        return _with(f"{shown(fact.path)} {words}{allowed}{failed}", fact.reason)


def steady_words(fact: SteadyStateSeen) -> str:
    """``steady state: holds``, ``steady state: back after 1.2 s``, or what does not hold."""
    if not fact.holds:
        return f"steady state: {fact.reason}"
    back = "" if fact.took is None else f" after {span(fact.took)}"
    return f"steady state: {'holds' if fact.took is None else 'back'}{back}"


def countdown(duration: int) -> str:
    """Whole seconds as a stopwatch shows them: ``45 s``, ``1:30``, ``1:00:05``."""
    seconds = round(duration / SECOND)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _with(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what


def took(fact: StepEnded) -> str:
    """How long a step took, rounded to what matters."""
    if fact.began is None:
        return ""
    lasted = fact.at - fact.began
    if lasted >= MINUTE:
        return countdown(lasted)
    step = SECOND // 10 if lasted >= SECOND else SECOND // 1000
    return span(round(lasted / step) * step)
