"""One picture of a run: what is on, what clients feel, how long it goes on; drawn with rich.

`frame` draws a `RunView` for a width and a height, and knows no terminal: `live` shows frames.
Colours are the terminal's own and only on signs, so that dark and light ones both work; every state
has its own sign and word beside its colour. A narrow frame has no curves, then does not repeat what
was asked, then leaves out what came of it; a low one leaves out what is over, then what is to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from squall.cli.asked import Compared, compare, is_of_all, short
from squall.cli.timeline import countdown
from squall.cli.view import HISTORY, Clients, RunView, StepView, expected
from squall.core.faults.kinds import Share
from squall.core.faults.wording import share
from squall.core.playbook.model import ExecProbe, HttpProbe, Injection, Load, TcpProbe, Wait
from squall.core.playbook.model import Group as StepGroup
from squall.core.playbook.wording import describe_blank, describe_load, describe_probe
from squall.core.run.records import Run
from squall.core.timing import SECOND

ROOMY: Final = 120
"""From here on there is room for the p99 of each step."""
WIDE: Final = 100
"""For curves, for what was asked beside what came of it, for the time of day."""
MIDDLE: Final = 60
"""For what came of it."""

MARKS: Final = {
    "pending": ("○", "dim"),
    "delayed": ("○", ""),
    "starting": ("◔", "magenta"),
    "active": ("◔", "magenta"),
    "undoing": ("◑", "cyan"),
    "retrying": ("↻", "yellow"),
    "succeeded": ("✔", "green"),
    "failed": ("✘", "red"),
    "timed_out": ("✘", "red"),
    "cancelled": ("⊘", "yellow"),
    "omitted": ("⊘", "dim"),
    "skipped": ("⊘", "dim"),
}
PAUSED: Final = ("‖", "yellow")
DOUBTFUL: Final = ("▲", "yellow")
KEYS: Final = (
    "p pause   s stop: undo, then finally   Ctrl-C = s, twice: undo only",
    "p pause   s stop   Ctrl-C = s",
)
NO_KEYS: Final = ("Ctrl-C stop: undo, then finally; twice: undo only", "Ctrl-C stop")
SHOWN_FOR: Final = 5 * SECOND
"""How long an answer to a key is shown in place of the keys."""
_CURVE: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 24
_RANKS: Final = ("going on", "gone wrong", "to come", "over")
"""Kinds of steps by what a low frame shows first."""
_ENDED_BADLY: Final = {"failed", "timed_out"}


def frame(
    view: RunView, run: Run | None, *, width: int, height: int, keys: bool, notice: str = ""
) -> RenderableType:
    """The run as it is now, no higher than `height`. `notice` stands in place of the keys."""
    clients = _all_clients(view, width, most=max(1, height // 6))
    leaked = [
        _cut(Text(f" LEAKED: the faults on {target} could not be taken off yet", "bold red"), width)
        for target in view.leaked
    ]
    # Head, bottom, and a line for the cursor when the picture goes.
    room = max(1, height - 3 - len(clients) - len(leaked))
    bottom = _cut(Text(f" {notice or _bottom(view, width, keys=keys)}"), width)
    if not notice:
        bottom.stylize("dim")
    return Group(_head(view, run, width), *_steps(view, width, room), *clients, *leaked, bottom)


def _bottom(view: RunView, width: int, *, keys: bool) -> str:
    if view.phase == "running" and view.reason and view.now - view.entered < SHOWN_FOR:
        return view.reason
    long, brief = KEYS if keys else NO_KEYS
    words = long if len(long) < width else brief
    return words.replace("p pause", "p resume") if view.phase == "paused" else words


def _head(view: RunView, run: Run | None, width: int) -> Table:
    head = Table.grid(expand=True, padding=(0, 1, 0, 0))
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(no_wrap=True, justify="right")
    playbook = view.plan.playbook
    title = Text(playbook.name, "bold")
    where = ", ".join(target.name for target in playbook.targets)
    title.append(f" · run {run.id} · {where}" if run else f" · {where}", "not bold")
    words = _where(view, width)
    if run is not None and width >= WIDE:
        now = datetime.fromtimestamp((run.started + view.now) / SECOND, UTC).astimezone()
        words = Text(f"{now:%H:%M:%S} · ").append(words)
    head.add_row(title, words)
    return head


def _where(view: RunView, width: int) -> Text:
    """The phase, how far, and how long still."""
    words = Text()
    if view.phase != "running":
        reason = f" {view.reason}" if view.reason and width >= MIDDLE else ""
        words.append(f"{view.phase}{reason} · ", "bold")
    main = view.plan.main
    if not main.parallel and main.children and view.phase == "running":
        over = sum(view.steps[child.path].over for child in main.children)
        words.append(f"step {min(over + 1, len(main.children))} of {len(main.children)} · ")
    whole = expected(main)
    if whole is None or view.phase in {"stopping", "finalizing"}:
        words.append(countdown(view.elapsed))
    else:
        words.append(f"{countdown(max(0, whole - view.elapsed))} left")
    return words


# -- steps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """The lines of one step, and how much they are worth when there is little room."""

    rank: int
    rows: Sequence[Sequence[RenderableType]]


def _steps(view: RunView, width: int, room: int) -> list[RenderableType]:
    """A line per fault or step, indented as they are nested; a last one counts what is left out."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(10, width * 3 // 10))
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    if width >= WIDE:
        table.add_column(no_wrap=True)
    if width >= MIDDLE:
        table.add_column(no_wrap=True, min_width=11)
    if width >= ROOMY:
        table.add_column(no_wrap=True, min_width=10)
    table.add_column(no_wrap=True, justify="right", min_width=12 if width >= MIDDLE else 9)
    blocks = [_block(view, step, width) for step in view.steps.values() if "/" in step.plan.path]
    kept = _fit(blocks, room)
    for index in sorted(kept):
        for row in blocks[index].rows:
            table.add_row(*row)
    hidden = [block.rank for index, block in enumerate(blocks) if index not in kept]
    counts = [(hidden.count(rank), words) for rank, words in enumerate(_RANKS)]
    more = ", ".join(f"{count} {words}" for count, words in counts if count)
    below = [_cut(Text(f" … and {more}", "dim"), width)] if more else []
    return [*([table] if kept else []), *below]


def _fit(blocks: list[_Block], room: int) -> set[int]:
    """Which blocks are shown: all, or those worth most with a line left for the rest."""
    if sum(len(block.rows) for block in blocks) <= room:
        return set(range(len(blocks)))
    left = room - 1
    kept = set()
    for index in sorted(range(len(blocks)), key=lambda index: (blocks[index].rank, index)):
        left -= len(blocks[index].rows)
        if left < 0:
            break
        kept.add(index)
    return kept


def _block(view: RunView, step: StepView, width: int) -> _Block:
    """What there is to say of one step."""
    depth = step.plan.path.count("/") - 1
    sign, style = _mark(view, step)
    name = Text.assemble(f" {'  ' * depth}", (sign, style), " ", (_name(step), _style(step)))
    p99, right = _p99(view, step), _right(view, step)
    action = step.plan.step.action
    if isinstance(action, Injection) and step.plan.step.blank is None:
        faults = compare(action.scenarios, step.delivered)
        rows = [
            _fault_row(fault, width, *((name, p99, right) if index == 0 else ("", "", "")))
            for index, fault in enumerate(faults)
        ]
    else:
        rows = [_row(width, name, _what(view, step), "", "", p99, right)]
    if step.state in _ENDED_BADLY and step.reason:
        rows.append(_row(width, "", Text(step.reason), "", "", "", ""))
    return _Block(rank=_rank(step), rows=rows)


def _fault_row(
    fault: Compared, width: int, name: Text | str, p99: Text | str, right: Text | str
) -> list[RenderableType]:
    got = Text(f"got {fault.delivered}" if fault.delivered else "", "bold")
    asked = f"asked {fault.asked}" if fault.asked else ""
    return _row(width, name, Text(fault.what), asked, got, p99, right)


def _row(
    width: int,
    name: Text | str,
    what: Text,
    asked: Text | str,
    got: Text | str,
    p99: Text | str,
    right: Text | str,
) -> list[RenderableType]:
    """As many cells as there are columns at this width."""
    middle: list[RenderableType] = [asked] if width >= WIDE else []
    middle += [got] if width >= MIDDLE else []
    middle += [p99] if width >= ROOMY else []
    return [name, what, *middle, right]


def _rank(step: StepView) -> int:
    """Which of `_RANKS` it is."""
    if step.goes_on:
        return 0
    if step.state in _ENDED_BADLY or step.doubtful:
        return 1
    return 3 if step.over else 2


def _mark(view: RunView, step: StepView) -> tuple[str, str]:
    if view.held(step):
        return PAUSED
    return DOUBTFUL if step.doubtful else MARKS[step.state]


def _style(step: StepView) -> str:
    if step.goes_on:
        return "bold"
    return "dim" if step.state in {"pending", "omitted", "skipped"} else ""


def _name(step: StepView) -> str:
    loop = step.plan.step.loop
    if loop is None:
        return step.plan.step.name
    times = "∞" if loop.rounds is None else str(loop.rounds)
    if not step.iteration:
        return f"{step.plan.step.name} × {times}"
    side_by_side = f", {len(step.going)} at once" if len(step.going) > 1 else ""
    return f"{step.plan.step.name}[{step.iteration}] of {times}{side_by_side}"


def _what(view: RunView, step: StepView) -> Text:
    if step.plan.step.blank is not None:
        return Text(describe_blank(step.plan.step.blank))
    tries = Text(f" · try {step.attempt}" if step.attempt > 1 else "")
    match step.plan.step.action:
        case Load() as load:
            return Text(describe_load(load)).append(tries)
        case HttpProbe() | TcpProbe() | ExecProbe() as probe:
            return Text(describe_probe(probe)).append(tries)
        case Wait():
            return Text("waits")
        case StepGroup() if step.goes_on and (bar := _bar(view, step)) is not None:
            return bar
    return Text()


def _progress(view: RunView, step: StepView) -> tuple[int, int] | None:
    """How long a group has gone on without pauses, and how long it takes, where that is known."""
    whole = expected(step.plan)
    if not whole or step.since is None:
        return None
    return min(whole, view.elapsed - step.since), whole


def _bar(view: RunView, step: StepView) -> Text | None:
    known = _progress(view, step)
    if known is None:
        return None
    done, whole = known
    filled = round(done / whole * _BAR)
    head = ">" if filled < _BAR else ""
    return Text.assemble(
        ("=" * max(0, filled - 1) + head, "magenta"), ("." * (_BAR - max(filled, 1)), "dim")
    )


def _right(view: RunView, step: StepView) -> Text:
    """How long still, how long it took, or how it ended."""
    if step.state in _ENDED_BADLY | {"cancelled", "omitted", "skipped"}:
        return Text(step.state.replace("_", " "))
    if step.state == "succeeded" and step.outcome not in {"succeeded", None}:
        return Text("allowed")
    if step.over and step.began is not None and step.ended is not None:
        return Text(countdown(step.ended - step.began))
    if view.held(step):
        return Text("paused")
    if step.until is not None:
        left = countdown(max(0, step.until - view.now))
        words = {"delayed": "in {}", "retrying": "again in {}"}.get(step.state, "{} left")
        return Text(words.format(left))
    if step.state == "pending":
        whole = expected(step.plan)
        return Text(countdown(whole) if whole else "", "dim")
    known = _progress(view, step) if step.plan.children else None
    if known is not None:
        return Text(f"{countdown(known[0])} of {countdown(known[1])}")
    return Text("undoing" if step.state == "undoing" else "")


def _p99(view: RunView, step: StepView) -> Text:
    """Of the whole step once it is over; before that of the last second, where that is its own."""
    action = step.plan.step.action
    felt = step.felt if is_of_all(action) else None
    if step.goes_on and isinstance(action, Load) and step.plan.path in view.loads:
        felt = view.loads[step.plan.path].felt
    elif step.goes_on and isinstance(action, Injection):
        seen = [view.targets[name].felt for name in step.plan.step.targets if name in view.targets]
        felt = max(seen, key=lambda each: each.p99, default=None) if is_of_all(action) else None
    return Text(f"p99 {short(felt.p99)}" if felt is not None and felt.requests else "")


# -- clients ----------------------------------------------------------------------------------


def _all_clients(view: RunView, width: int, *, most: int) -> list[Text]:
    """A line for each load, else for each target, but no more than `most`."""
    if not view.clients:
        return [Text(" clients  nothing seen yet", "dim")]
    names = [name.rpartition("/")[2] for name in view.clients]
    if len(names) == 1:
        names = ["clients"]
    longest = min(max(map(len, names)), width // 4)
    lines = [
        _clients(f"{name[:longest]:<{longest}}", each, width)
        for name, each in zip(names, view.clients.values(), strict=True)
    ]
    if len(lines) > most:
        lines[most - 1 :] = [Text(f" and {len(lines) - most + 1} more", "dim")]
    return lines


def _clients(label: str, clients: Clients, width: int) -> Text:
    """Figures of the last second in places that stay, and where there is room what they were."""
    felt = clients.felt
    seconds = 0 if width < WIDE else HISTORY // 2 if width < ROOMY else HISTORY
    line = Text(f" {label}  ")
    if not felt.requests:
        line.append(f"{'0/s':<9}no requests")
        return _cut(line, width)
    failed = share(Share(round(felt.error_rate, 3)))
    figures = [
        (f"{felt.rate:.0f}/s", 7, clients.rates, 0.0),
        (f"p50 {short(felt.p50)}", 10, clients.p50s, 0.0),
        (f"p99 {short(felt.p99)}", 10, clients.p99s, 0.0),
        (f"errors {failed}", 13, clients.errors, 0.1),
    ]
    for words, places, history, top in figures if width >= MIDDLE else figures[::2] + figures[3:]:
        line.append(f"{words:<{places}} " if width >= MIDDLE else f"{words} ", "bold")
        past = curve(list(history)[-seconds:], top=top) if seconds else ""
        line.append(f"{past:<{seconds}}  " if seconds else " ")
    line.rstrip()
    return _cut(line, width)


def curve(values: Sequence[float], *, top: float = 0) -> str:
    """Values as bars; the highest, or `top` if that is more, fills the line."""
    highest = max([top, *values], default=0)
    return "".join(_CURVE[round(value / highest * 7)] if highest else _CURVE[0] for value in values)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line
