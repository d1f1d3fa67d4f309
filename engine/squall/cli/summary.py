"""What stays on the terminal when a run is over: the verdict, and a line per step and fault.

The same table for the live view and for plain output; it goes to stdout, as the result of the
command. Steps come as they were written, waits that went well not at all; iterations of a loop that
all went well and are many share a line. Where there is little room, faults are named in brief, then
columns go, then names are cut.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from squall.cli.asked import compare, is_of_all, short
from squall.cli.frame import DOUBTFUL, MARKS
from squall.cli.timeline import steady_words, took
from squall.core.faults.effects import Delivery
from squall.core.faults.endpoint import MOST
from squall.core.faults.kinds import Share
from squall.core.faults.wording import share, span
from squall.core.playbook.model import Injection, Load, Wait
from squall.core.playbook.plan import Plan, PlanStep
from squall.core.playbook.wording import describe_failures, describe_load
from squall.core.run.facts import StepEnded
from squall.core.run.paths import names, shown
from squall.core.run.records import Outcome, Run
from squall.core.timing import MINUTE, SECOND, Duration

MOST_REASONS: Final = 10
MANY: Final = 4
"""So many iterations of a step are shown one by one."""
SHORTEST_NAME: Final = 12
ENDED: Final = {
    "succeeded": "passed",
    "failed": "failed",
    "timed_out": "timed out",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
    "omitted": "was omitted",
}
_UNBOUNDED: Final = 200
_GAP: Final = 2
_VERDICTS: Final = {
    "passed": ("✔", "green"),
    "warned": DOUBTFUL,
    "failed": ("✘", "red"),
    "aborted": ("◆", "red"),
    "cancelled": ("⊘", "yellow"),
    "interrupted": ("⚡", "red"),
    "inconclusive": ("?", "yellow"),
}
_HEADERS: Final = ("step", "took", "asked", "delivered", "touched", "p99", "errors")
_TO_THE_RIGHT: Final = {"touched", "p99", "errors"}
_GIVEN_UP: Final = ("touched", "took", "errors", "p99", "delivered", "asked")
"""In this order, where the terminal is too narrow for all columns."""


def print_summary(plan: Plan, outcome: Outcome, closing: str, *, colour: bool | None) -> None:
    """Print it; a file or a pipe gets lines as long as they need to be."""
    console = Console(
        color_system=None if colour is False else "auto",
        force_terminal=True if colour else None,
        highlight=False,
        soft_wrap=True,
    )
    width = console.width if console.is_terminal else _UNBOUNDED
    with console.capture() as printed:
        if console.is_terminal:
            console.print()
        for line in summary(plan, outcome, closing, width):
            console.print(line)
    click.echo(printed.get(), nl=False, color=True)


def summary(plan: Plan, outcome: Outcome, closing: str, width: int) -> Iterator[Text]:
    """Its lines. Only reasons may be longer than `width`: they wrap."""
    yield headline(outcome.run)
    if outcome.run.reason:
        yield Text(f"  {outcome.run.reason}")
    for seen in outcome.steady:
        if seen.stage == "after" and (seen.holds or seen.reason not in outcome.run.reason):
            yield Text(f"  {steady_words(seen)}")
    yield from table(plan, outcome, width)
    yield from reasons(plan, outcome)
    yield Text(f"  {closing}", "dim")


def headline(run: Run) -> Text:
    """``✔ passed · progressive_chaos · run 12 · 3 min 28 s``."""
    verdict = str(run.verdict)
    sign, style = _VERDICTS[verdict]
    line = Text.assemble(
        (sign, style), (f" {verdict}", "bold"), f" · {run.playbook} · run {run.id}"
    )
    if run.ended is not None:
        line.append(f" · {span(_rounded(run.ended - run.started))}")
    return line


# -- the table --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of the table. `brief` is what was asked in fewer words; `cells` as `_HEADERS`."""

    mark: tuple[str, str]
    cells: tuple[str, ...]
    brief: str


def table(plan: Plan, outcome: Outcome, width: int) -> list[Text]:
    """A line per step, one more for each further fault of it, and a heading."""
    rows = [row for step in _folded(plan, outcome.steps) for row in _rows(step)]
    if not rows:
        return []
    asked = _HEADERS.index("asked")
    columns = [_HEADERS, *(row.cells for row in rows)]
    if _needs(columns, _HEADERS) > width:
        brief = ((*row.cells[:asked], row.brief, *row.cells[asked + 1 :]) for row in rows)
        columns = [_HEADERS, *brief]
    kept = list(_HEADERS)
    for name in _GIVEN_UP:
        if _needs(columns, kept, SHORTEST_NAME) <= width:
            break
        kept.remove(name)
    widths = _widths(columns, kept)
    widths["step"] -= max(0, _needs(columns, kept) - width)
    heading = Text("  ").append(_line(columns[0], widths), "dim")
    marked = zip(rows, columns[1:], strict=True)
    return [
        heading,
        *(Text.assemble(row.mark, f" {_line(cells, widths)}") for row, cells in marked),
    ]


def _widths(columns: Sequence[Sequence[str]], kept: Sequence[str]) -> dict[str, int]:
    """How wide each column that has anything in it must be."""
    most = {
        name: max(cell_len(cells[_HEADERS.index(name)]) for cells in columns[1:]) for name in kept
    }
    return {name: max(wide, len(name)) for name, wide in most.items() if wide}


def _needs(
    columns: Sequence[Sequence[str]], kept: Sequence[str], name_at_most: int | None = None
) -> int:
    widths = _widths(columns, kept)
    if name_at_most is not None:
        widths["step"] = min(widths["step"], name_at_most)
    return 2 + sum(widths.values()) + _GAP * (len(widths) - 1)


def _line(cells: Sequence[str], widths: dict[str, int]) -> str:
    """Cells in their places; a name that is too long loses its beginning."""
    parts = []
    for name, wide in widths.items():
        cell = cells[_HEADERS.index(name)]
        if cell_len(cell) > wide:
            cell = "…" + cell[1 - wide :]
        blank = " " * (wide - cell_len(cell))
        parts.append(blank + cell if name in _TO_THE_RIGHT else cell + blank)
    return (" " * _GAP).join(parts).rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A step that ended, or many iterations of it that ended well."""

    name: str
    plan: PlanStep
    last: StepEnded
    doubtful: bool
    deliveries: tuple[Delivery, ...]
    p99: int
    requests: int
    errors: int


def _folded(plan: Plan, ended: Sequence[StepEnded]) -> Iterator[_Step]:
    by_path: dict[str, list[StepEnded]] = {}
    for one in ended:
        by_path.setdefault("/".join(names(one.path)), []).append(one)
    for root in (plan.main, plan.finally_):
        if root is not None:
            yield from _inside(root, by_path)


def _inside(group: PlanStep, by_path: Mapping[str, list[StepEnded]]) -> Iterator[_Step]:
    """The steps of a group as they were written; many that never ran share a line."""
    never = [child for child in group.children if _never_ran(by_path.get(child.path, ()))]
    if len(never) <= MANY:
        never = []
    for child in group.children:
        ended = by_path.get(child.path, [])
        if never and child.path == never[0].path:
            yield _step(f"{shown(child.path)} and {len(never) - 1} more", child, ended)
        elif not any(child.path == other.path for other in never):
            if not any(step.path in by_path for step in child.children):
                yield from _of_step(child, ended)
            yield from _inside(child, by_path)


def _never_ran(ended: Sequence[StepEnded]) -> bool:
    return bool(ended) and all(one.began is None for one in ended)


def _of_step(plan: PlanStep, ended: list[StepEnded]) -> Iterator[_Step]:
    well = [one for one in ended if _well(one)]
    if plan.children or isinstance(plan.step.action, Wait):
        ended = [one for one in ended if not _well(one)]
    elif len(well) > MANY:
        yield _step(f"{shown(plan.path)} × {len(well)}", plan, well)
        ended = [one for one in ended if not _well(one)]
    for one in ended:
        yield _step(shown(one.path), plan, [one])


def _well(ended: StepEnded) -> bool:
    return ended.outcome == "succeeded" and not ended.touched_nothing


def _step(name: str, plan: PlanStep, ended: list[StepEnded]) -> _Step:
    felt = [one.felt for one in ended if one.felt is not None]
    return _Step(
        name=name,
        plan=plan.filled(ended[-1].filled),
        last=ended[-1],
        doubtful=ended[-1].conclusion == "succeeded" and not _well(ended[-1]),
        deliveries=tuple(delivery for one in ended for delivery in one.deliveries),
        p99=max((one.p99 for one in felt), default=0),
        requests=sum(one.requests for one in felt),
        errors=sum(one.errors for one in felt),
    )


def _rows(step: _Step) -> Iterator[_Row]:
    last, action = step.last, step.plan.step.action
    mark = DOUBTFUL if step.doubtful else MARKS[last.conclusion]
    lasted = took(last) if last.began is not None else last.conclusion
    p99, errors = "", ""
    if step.requests and is_of_all(action):
        p99 = short(Duration(step.p99))
        errors = share(Share(round(step.errors / step.requests, 3)))
    if last.began is None or not isinstance(action, Injection):
        asked, got = _sent(step)
        cells = (step.name, lasted, asked, got, "", p99, errors)
        yield _Row(mark=mark, cells=cells, brief=asked)
        return
    for index, fault in enumerate(compare(action.scenarios, step.deliveries)):
        # An edge that died took its counts along.
        got = fault.delivered or ("nothing" if step.deliveries else "unknown")
        lead, tail = ((step.name, lasted), (p99, errors)) if index == 0 else (("", ""), ("", ""))
        cells = (*lead, fault.fault, got, f"{fault.touched:,}" if step.deliveries else "", *tail)
        yield _Row(mark=mark if index == 0 else (" ", ""), cells=cells, brief=fault.brief)


def _sent(step: _Step) -> tuple[str, str]:
    """What was asked and what came of it, of a load; of others how often they were tried."""
    action, felt = step.plan.step.action, step.last.felt
    if isinstance(action, Load) and felt is not None:
        return describe_load(action), f"{felt.rate:.3g}/s"
    return f"{step.last.attempts} tries" if step.last.attempts > 1 else "", ""


# -- reasons ----------------------------------------------------------------------------------


def reasons(plan: Plan, outcome: Outcome) -> list[Text]:
    """A line for what the run's own reason does not say of a step, or of the requests it sent."""
    told: dict[str, None] = {}
    for step in outcome.steps:
        if not step.reason or step.path == plan.main.path or step.reason in outcome.run.reason:
            continue
        allowed = ", allowed" if step.conclusion != step.outcome else ""
        # Iterations that fared alike are told of once.
        name = shown("/".join(names(step.path)))
        told[f"  {name} {ENDED[step.outcome]}{allowed}: {step.reason}"] = None
    for step in outcome.steps:
        failed = describe_failures(step.felt.failures) if step.felt is not None else ""
        if failed:
            told[f"  {shown(step.path)}: {failed}"] = None
        others = max((delivery.others for delivery in step.deliveries), default=0)
        if others:
            beyond = f"{others:,} requests beyond {MOST:,} endpoints share their dice"
            told[f"  {shown(step.path)}: {beyond}"] = None
    lines = [Text(line) for line in list(told)[:MOST_REASONS]]
    if len(told) > MOST_REASONS:
        lines.append(Text(f"  and {len(told) - MOST_REASONS} more", "dim"))
    return lines


def _rounded(duration: int) -> Duration:
    """To tenths of a second below a minute, to seconds above."""
    step = SECOND // 10 if duration < MINUTE else SECOND
    return Duration(round(duration / step) * step)
