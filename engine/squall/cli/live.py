"""The live view: what is on, what clients feel and how long it goes on, redrawn in place.

`frame` draws a `RunView` with rich at a given size; `LiveReport` shows frames while a run goes on,
four a second at most, and leaves the summary behind. Colours are the terminal's own, so that dark
and light ones both work, and every state has its own sign beside its colour.
"""

import threading
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from squall.cli.asked import Compared, compare, short
from squall.cli.summary import print_summary
from squall.cli.timeline import countdown
from squall.cli.view import Clients, RunView, StepView, Update, expected
from squall.core.faults.wording import share
from squall.core.playbook.model import Group as StepGroup
from squall.core.playbook.model import HttpProbe, Injection, Load, Wait
from squall.core.playbook.plan import Plan
from squall.core.run.records import Outcome, Run
from squall.service.clock import SystemClock

REDRAWS: Final = 4
WIDE: Final = 100
"""From here on there is room for curves; from `MIDDLE` on for asked beside got."""
MIDDLE: Final = 80
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
_WORDS: Final = {"timed_out": "timed out", "succeeded": "passed"}
_CURVE: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 24


class LiveReport:
    """Shows frames while the run goes on; takes the terminal and gives it back."""

    def __init__(self, plan: Plan, *, colour: bool | None, keys: bool) -> None:
        self._plan = plan
        self._view = RunView(plan)
        self._clock = SystemClock()
        self._zero = 0
        self._run: Run | None = None
        self._notice = ""
        self._keys = keys
        self._colour = colour
        self._guard = threading.Lock()  # rich draws in a thread of its own
        self._console = Console(stderr=True, no_color=True if colour is False else None)
        self._live = Live(
            console=self._console,
            refresh_per_second=REDRAWS,
            get_renderable=self._draw,
            transient=True,
        )

    def began(self, run: Run, seed: int) -> None:  # noqa: ARG002 - the run has it
        """Take the terminal."""
        self._run = run
        self._zero = self._clock.monotonic()
        self._live.start()

    def update(self, update: Update) -> None:
        """Show it with the next frame."""
        with self._guard:
            self._view.fold(update, self._clock.monotonic() - self._zero)

    def tell(self, notice: str) -> None:
        """Show a sentence in place of the keys."""
        self._notice = notice

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def ended(self, outcome: Outcome, recording: str) -> None:
        """Leave the summary."""
        print_summary(self._plan, outcome, recording, colour=self._colour)

    def _draw(self) -> RenderableType:
        with self._guard:
            self._view.now = max(self._view.now, self._clock.monotonic() - self._zero)
            bottom = self._notice or (_KEYS if self._keys else _NO_KEYS)
            return frame(
                self._view,
                self._run,
                width=self._console.width,
                height=self._console.height,
                bottom=bottom,
            )


_KEYS: Final = "p pause   s stop: undo, then finally   Ctrl-C = s, twice: undo only"
_NO_KEYS: Final = "Ctrl-C stop: undo, then finally; twice: undo only"


def frame(
    view: RunView, run: Run | None, *, width: int, height: int, bottom: str
) -> RenderableType:
    """One picture of the run, no higher than the terminal."""
    clients = [
        _clients(name, each, width, alone=len(view.clients) == 1)
        for name, each in list(view.clients.items())[: max(1, height // 6)]
    ]
    leaked = [
        Text(f" LEAKED: the faults on {target} could not be taken off yet", "bold red")
        for target in view.leaked
    ]
    room = height - 4 - len(clients) - len(leaked)
    keys = bottom.replace("p pause", "p resume") if view.phase == "paused" else bottom
    return Group(
        _head(view, run, width),
        _steps(view, width, room),
        *(clients or [Text(" clients  nothing seen yet", "dim")]),
        *leaked,
        Text(f" {keys}", "dim"),
    )


def _head(view: RunView, run: Run | None, width: int) -> Table:
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(no_wrap=True, justify="right")
    playbook = view.plan.playbook
    title = Text(playbook.name, "bold")
    if run is not None:
        title.append(f" · run {run.id}", "")
    title.append(" · " + ", ".join(target.name for target in playbook.targets))
    if run is not None and width >= MIDDLE:
        title.append(f" · seed {run.seed}", "dim")
    head.add_row(title, _where(view))
    return head


def _where(view: RunView) -> Text:
    words = Text()
    if view.phase != "running":
        reason = f" {view.reason}" if view.reason else ""
        words.append(f"{view.phase}{reason} · ", "yellow")
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


def _steps(view: RunView, width: int, room: int) -> Table:
    """A line per fault or step, indented as they are nested."""
    lines = [line for step in view.steps.values() for line in _lines(view, step, width)]
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", min_width=12)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    if width >= MIDDLE:
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, min_width=11)
    table.add_column(no_wrap=True, justify="right", min_width=9)
    for line in _fit(lines, room):
        table.add_row(*line.cells)
    return table


class _Line:
    """One line of the table, and whether it may be left out when there is no room."""

    def __init__(self, state: str, cells: Sequence[RenderableType]) -> None:
        self.over = state in {"succeeded", "skipped", "omitted", "cancelled"}
        self.pending = state == "pending"
        self.cells = cells


def _fit(lines: list[_Line], room: int) -> list[_Line]:
    """Leave out what is over, then what is far ahead, before anything that goes on."""
    if len(lines) <= room:
        return lines
    kept = list(lines)
    finished = 0
    for line in lines:
        if len(kept) + 1 <= room:
            break
        if line.over:
            kept.remove(line)
            finished += 1
    if finished:
        kept.insert(0, _Line("", [Text(f" ✔ {finished} over", "dim")]))
    ahead = 0
    while len(kept) > max(room, 1) and kept[-1].pending:
        kept.pop()
        ahead += 1
    if ahead:
        kept[-1:] = [_Line("", [Text(f" ○ {ahead + 1} to come", "dim")])]
    return kept[: max(room, 1)]


def _lines(view: RunView, step: StepView, width: int) -> list[_Line]:
    plan = step.plan
    depth = plan.path.count("/") - 1
    if depth < 0:
        return []
    sign, style = MARKS[step.state]
    if view.phase == "paused" and not step.over and step.began is not None:
        sign, style = "‖", "yellow"
    name = Text(f" {'  ' * depth}{sign} {_name(step)}", style)
    right = _right(view, step)
    action = plan.step.action
    if isinstance(action, Injection):
        rows = compare(action.scenarios, step.delivered)
        return [
            _Line(step.state, _fault_cells(name if index == 0 else Text(), row, right, width))
            for index, row in enumerate(rows)
        ]
    middle: list[RenderableType] = ["", ""] if width >= MIDDLE else []
    return [_Line(step.state, [name, _what(view, step), *middle, right])]


def _fault_cells(name: Text, row: Compared, right: Text, width: int) -> list[RenderableType]:
    middle: list[RenderableType] = []
    if width >= MIDDLE:
        middle = [
            Text(f"asked {row.asked}", "dim"),
            Text(f"got {row.delivered}" if row.delivered else "", "bold"),
        ]
    return [name, Text(row.what), *middle, right if name else Text()]


def _name(step: StepView) -> str:
    loop = step.plan.step.loop
    if loop is None:
        return step.plan.step.name
    times = "∞" if loop.times is None else str(loop.times)
    if not step.iteration:
        return f"{step.plan.step.name} × {times}"
    return f"{step.plan.step.name}[{step.iteration}] of {times}"


def _what(view: RunView, step: StepView) -> Text:
    match step.plan.step.action:
        case Load(rate=rate):
            return Text(f"{rate:g} requests a second")
        case HttpProbe(method=method, url=url):
            return Text(f"{method} {url}")
        case Wait():
            return Text("waits", "dim")
        case StepGroup() if step.state == "active" and (bar := _bar(view, step)) is not None:
            return bar
    return Text()


def _bar(view: RunView, step: StepView) -> Text | None:
    """How far a group is, where that is known."""
    whole = expected(step.plan)
    loop = step.plan.step.loop
    if not whole or step.began is None or loop is not None:
        return None
    done = min(1.0, (view.now - step.began) / whole)
    filled = round(done * _BAR)
    head = ">" if filled < _BAR else ""
    return Text.assemble(
        ("=" * max(0, filled - 1) + head, "magenta"), ("." * (_BAR - max(filled, 1)), "dim")
    )


def _right(view: RunView, step: StepView) -> Text:
    if step.state in {"failed", "timed_out", "cancelled", "omitted", "skipped"}:
        return Text(_WORDS.get(step.state, step.state), MARKS[step.state][1])
    if step.over and step.began is not None and step.ended is not None:
        return Text(countdown(step.ended - step.began))
    if view.phase == "paused" and step.began is not None:
        return Text("paused", "yellow")
    if step.until is not None:
        left = countdown(max(0, step.until - view.now))
        words = {"delayed": "in {}", "retrying": "again in {}"}.get(step.state, "{} left")
        return Text(words.format(left))
    whole = expected(step.plan)
    if step.state == "pending" and whole:
        return Text(countdown(whole), "dim")
    return Text("undoing" if step.state == "undoing" else "")


def _clients(name: str, clients: Clients, width: int, *, alone: bool) -> Text:
    felt = clients.felt
    wide = width >= WIDE
    label = "clients" if alone else name.rpartition("/")[2]
    line = Text(f" {label}  ", "bold")

    def show(words: str, history: Sequence[float], style: str = "", *, top: float = 0) -> None:
        line.append(f"{words} ", style)
        if wide:
            line.append(curve(history, top=top) + " ", style or "dim")
        line.append("  ")

    show(f"{felt.rate:.0f}/s", clients.rates)
    if felt.requests:
        show(f"p50 {short(felt.p50)}", clients.p50s)
        show(f"p99 {short(felt.p99)}", clients.p99s)
    failed = share(type(felt.error_rate)(round(felt.error_rate, 3)))
    show(f"errors {failed}", clients.errors, "red" if felt.errors else "", top=0.1)
    line.truncate(width)
    return line


def curve(values: Sequence[float], *, top: float = 0) -> str:
    """The last values as bars; the highest, or `top` if that is more, fills the line."""
    last = list(values)[-6:]
    highest = max([top, *last], default=0)
    return "".join(_CURVE[round(value / highest * 7)] if highest else _CURVE[0] for value in last)
