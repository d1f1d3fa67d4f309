"""What stays on the terminal when a run is over: the verdict, and a line per step and fault.

The same table for the live view and for plain output; it goes to stdout, as the result of the
command. Iterations of a loop that all went well and are many share a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from squall.cli.asked import compare, short
from squall.cli.timeline import took
from squall.core.faults.effects import Delivery
from squall.core.faults.kinds import Share
from squall.core.faults.wording import share, span
from squall.core.playbook.model import Injection
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.run.facts import StepEnded
from squall.core.run.paths import names, shown
from squall.core.run.records import Outcome, Run
from squall.core.timing import MINUTE, SECOND, Duration

MOST_REASONS: Final = 10
ENDED: Final = {
    "succeeded": "passed",
    "failed": "failed",
    "timed_out": "timed out",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
    "omitted": "was omitted",
}
MANY: Final = 4
"""So many iterations of a step are shown one by one."""
_UNBOUNDED: Final = 200
_VERDICTS: Final = {
    "passed": ("✔", "green"),
    "warned": ("▲", "yellow"),
    "failed": ("✘", "red"),
    "aborted": ("◆", "red"),
    "cancelled": ("⊘", "yellow"),
    "interrupted": ("⚡", "red"),
    "inconclusive": ("?", "yellow"),
}
_OUTCOMES: Final = {
    "succeeded": ("✔", "green"),
    "failed": ("✘", "red"),
    "timed_out": ("✘", "red"),
    "cancelled": ("⊘", "yellow"),
    "omitted": ("⊘", "dim"),
    "skipped": ("⊘", "dim"),
}


def print_summary(plan: Plan, outcome: Outcome, recording: str, *, colour: bool | None) -> None:
    """Print it; a file or a pipe gets lines as long as they need to be."""
    console = Console(
        no_color=True if colour is False else None,
        force_terminal=True if colour else None,
        highlight=False,
        soft_wrap=True,
    )
    width = console.width if console.is_terminal else _UNBOUNDED
    console.print()
    console.print(headline(outcome.run))
    if outcome.run.reason:
        console.print(Text(f"  {outcome.run.reason}"), soft_wrap=True)
    console.print(table(plan, outcome, width), width=width, crop=False)
    for line in reasons(plan, outcome.steps):
        console.print(line)
    saved = f"recording {recording} · " if recording else ""
    run = outcome.run.id
    console.print(Text(f"  {saved}squall runs show {run} · exit {outcome.exit_code}", "dim"))


def headline(run: Run) -> Text:
    """``✔ passed · progressive_chaos · run 12 · 3 min 28 s``."""
    verdict = str(run.verdict)
    sign, style = _VERDICTS[verdict]
    line = Text.assemble(
        (f"{sign} {verdict}", f"bold {style}"), f" · {run.playbook} · run {run.id}"
    )
    if run.ended is not None:
        line.append(f" · {span(_rounded(run.ended - run.started))}")
    return line


def table(plan: Plan, outcome: Outcome, width: int) -> Table:
    """A line per step, one more for each further fault of it."""
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column("  step", overflow="fold", header_style="dim")
    for name in ("took", "asked", "delivered"):
        grid.add_column(name, no_wrap=True, header_style="dim")
    for name in ("touched", "p99", "errors"):
        grid.add_column(name, no_wrap=True, justify="right", header_style="dim")
    known = {step.path: step for root in (plan.main, plan.finally_) if root for step in root.walk()}
    for row in _folded(plan, known, outcome.steps):
        _add(grid, row)
    grid.width = None if width >= 100 else width
    return grid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A step that ended, or many iterations of it that ended well."""

    name: str
    plan: PlanStep
    last: StepEnded
    took: str
    deliveries: tuple[Delivery, ...]
    p99: int
    requests: int
    errors: int


def _folded(plan: Plan, known: dict[str, PlanStep], steps: Sequence[StepEnded]) -> list[_Row]:
    by_step: dict[str, list[StepEnded]] = {}
    for step in steps:
        by_step.setdefault("/".join(names(step.path)), []).append(step)
    rows: list[_Row] = []
    for path, ended in by_step.items():
        plan_step = known.get(path)
        if plan_step is None or path in {plan.main.path, "finally"}:
            continue
        well = [one for one in ended if one.conclusion == "succeeded"]
        if plan_step.children and len(well) == len(ended):
            continue  # its steps say it all
        if len(well) > MANY:
            rows.append(_row(f"{shown(path)} × {len(well)}", plan_step, well))
            ended = [one for one in ended if one.conclusion != "succeeded"]  # noqa: PLW2901
        rows += [_row(shown(one.path), plan_step, [one]) for one in ended]
    return rows


def _row(name: str, plan: PlanStep, ended: list[StepEnded]) -> _Row:
    felt = [one.felt for one in ended if one.felt is not None]
    return _Row(
        name=name,
        plan=plan,
        last=ended[-1],
        took=took(ended[-1]),
        deliveries=tuple(delivery for one in ended for delivery in one.deliveries),
        p99=max((one.p99 for one in felt), default=0),
        requests=sum(one.requests for one in felt),
        errors=sum(one.errors for one in felt),
    )


def _add(grid: Table, row: _Row) -> None:
    last = row.last
    sign, style = _OUTCOMES[last.conclusion]
    name = Text.assemble((sign, style), f" {row.name}")
    took = row.took if last.began is not None else last.conclusion
    felt = ["", ""]
    if row.requests:
        felt = [short(Duration(row.p99)), share(Share(round(row.errors / row.requests, 3)))]
    action = row.plan.step.action
    faults = compare(action.scenarios, row.deliveries) if isinstance(action, Injection) else []
    if last.began is None or not faults:
        grid.add_row(
            name, took, f"{last.attempts} tries" if last.attempts > 1 else "", "", "", *felt
        )
        return
    for index, fault in enumerate(faults):
        lead = (name, took) if index == 0 else ("", "")
        tail = felt if index == 0 else ("", "")
        delivered = fault.delivered or "nothing"
        grid.add_row(*lead, fault.fault, delivered, f"{fault.touched:,}", *tail)


def reasons(plan: Plan, steps: Sequence[StepEnded]) -> list[Text]:
    """A line for each step that has something to explain, once per reason."""
    told: set[tuple[str, str]] = set()
    lines = []
    for step in steps:
        path = "/".join(names(step.path))
        if step.path == plan.main.path or not step.reason or (path, step.reason) in told:
            continue
        told.add((path, step.reason))
        _, style = _OUTCOMES[step.conclusion]
        allowed = ", allowed" if step.conclusion != step.outcome else ""
        ended = f"{shown(step.path)} {ENDED[step.outcome]}{allowed}"
        lines.append(Text.assemble(f"  {ended}: ", (step.reason, style)))
    return lines[:MOST_REASONS]


def _rounded(duration: int) -> Duration:
    """To tenths of a second below a minute, to seconds above."""
    step = SECOND // 10 if duration < MINUTE else SECOND
    return Duration(round(duration / step) * step)
