"""The live view: what is on, what clients feel, and how long it goes on, redrawn in place.

`View` folds a run's updates into what there is to show and knows no terminal; `LiveReport` draws it
with rich, four times a second at most, and leaves the summary behind when the run is over.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from squall.cli.report import LineReport, Update, felt_words
from squall.cli.timeline import Wording
from squall.core.faults.effects import Counted, Delivery, Felt
from squall.core.faults.wording import describe_scenario, share
from squall.core.playbook.model import Injection, Load
from squall.core.playbook.plan import Plan
from squall.core.run.facts import RunEntered, StepEnded, StepEntered
from squall.core.run.leases import parse_lease
from squall.core.run.paths import names, shown
from squall.core.run.records import Outcome, Progress, Run
from squall.core.timing import MILLISECOND, SECOND
from squall.service.clock import SystemClock

REDRAWS: Final = 4
_MARKS: Final = {
    "active": ("◔", "magenta"),
    "starting": ("◔", "magenta"),
    "undoing": ("◔", "cyan"),
    "delayed": ("○", "dim"),
    "retrying": ("↻", "yellow"),
    "pending": ("○", "dim"),
    "succeeded": ("✔", "green"),
    "failed": ("✘", "red"),
    "timed_out": ("✘", "red"),
    "cancelled": ("⊘", "yellow"),
    "omitted": ("⊘", "dim"),
    "skipped": ("⊘", "dim"),
}
_BARS: Final = "▁▂▃▄▅▆▇█"


class View:
    """What there is to show of one run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.phase = "running"
        self.states: dict[str, str] = {}
        self.until: dict[str, int] = {}
        self.iteration: dict[str, str] = {}
        self.deliveries: dict[str, tuple[Delivery, ...]] = {}
        self.felt: Felt | None = None
        self.rates: deque[float] = deque(maxlen=24)
        self.now = 0

    def update(self, update: Update) -> None:
        """Take in one update; counts replace one another, facts add up."""
        match update:
            case RunEntered():
                self.phase = update.phase
            case StepEntered(path=path, phase=phase):
                step = "/".join(names(path))
                self.states[step] = phase
                self.iteration[step] = shown(path).partition("#")[0]
                self.until.pop(step, None)
                if update.until is not None:
                    self.until[step] = update.until
            case StepEnded(path=path, conclusion=conclusion):
                step = "/".join(names(path))
                self.states[step] = conclusion
                self.until.pop(step, None)
                if update.deliveries:
                    self.deliveries[step] = update.deliveries
            case Counted():
                self._count(update)
            case Progress():
                self._feel(update.felt)
            case _:
                return
        self.now = max(self.now, getattr(update, "at", 0))

    def _count(self, counted: Counted) -> None:
        for lease, deliveries in counted.deliveries:
            _, path, _ = parse_lease(lease)
            self.deliveries["/".join(names(path))] = deliveries
        if not any(isinstance(step.step.action, Load) for step in self.plan.main.walk()):
            self._feel(counted.felt)

    def _feel(self, felt: Felt) -> None:
        self.felt = felt
        self.rates.append(felt.p50)


def sparkline(values: Sequence[float]) -> str:
    """The values as bars, the highest filling the line."""
    top = max(values, default=0)
    return "".join(_BARS[round(value / top * 7)] if top else _BARS[0] for value in values)


def delivered(deliveries: tuple[Delivery, ...]) -> str:
    """What the faults of a step did so far, in the order they were asked for."""
    words = []
    for delivery in deliveries:
        if not delivery.seen:
            words.append("nothing yet")
        elif delivery.kind == "latency":
            words.append(f"{delivery.delay_p50 / MILLISECOND:.0f} ms")
        else:
            words.append(share(type(delivery.asked)(round(delivery.touched / delivery.seen, 3))))
    return " + ".join(words)


class LiveReport:
    """Draws the view while the run goes on; the summary is the line report's."""

    def __init__(self, plan: Plan) -> None:
        self._view = View(plan)
        self._wording = Wording(plan)
        self._summary = LineReport(plan, quiet=False)
        self._clock = SystemClock()
        self._title = ""
        self._zero = 0
        self._console = Console(stderr=True)
        self._live = Live(
            console=self._console,
            refresh_per_second=REDRAWS,
            get_renderable=self._draw,
            transient=True,
        )

    def began(self, run: Run, seed: int) -> None:
        """Take the terminal."""
        where = ", ".join(str(t.name) for t in self._view.plan.playbook.targets)
        self._title = f"{run.playbook} · run {run.id} · {where} · seed {seed}"
        self._zero = self._clock.monotonic()
        self._live.start()

    def update(self, update: Update) -> None:
        """Show it with the next frame."""
        self._view.update(update)

    def ended(self, outcome: Outcome) -> None:
        """Give the terminal back, with the summary on it."""
        self._live.stop()
        self._summary.ended(outcome)

    def _draw(self) -> Group:
        width = self._console.width
        now = self._clock.monotonic() - self._zero
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text(self._title, "bold"), f"{self._view.phase} · {now / SECOND:.0f} s")
        return Group(head, self._steps(now, width), self._clients(width), self._keys())

    def _steps(self, now: int, width: int) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        if width >= 90:
            table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for path, plan in self._wording.steps.items():
            if path in {"main", "finally"}:
                continue
            state = self._view.states.get(path, "pending")
            mark, style = _MARKS.get(state, ("○", "dim"))
            indent = "  " * (path.count("/") - 1)
            name = self._view.iteration.get(path, shown(path)).rpartition("/")[2]
            action = plan.step.action
            what = ""
            if isinstance(action, Injection):
                what = " + ".join(describe_scenario(scenario) for scenario in action.scenarios)
            elif isinstance(action, Load):
                what = f"{action.rate:g} requests a second"
            got = delivered(self._view.deliveries.get(path, ()))
            left = self._view.until.get(path)
            rest = f"{max(0, left - now) / SECOND:.0f} s left" if left is not None else ""
            cells: list[Text | str] = [Text(f"{indent}{mark} {name}", style), what]
            if width >= 90:
                cells.append(f"got {got}" if got else "")
            table.add_row(*cells, rest)
        return table

    def _clients(self, width: int) -> Text:
        felt = self._view.felt
        if felt is None:
            return Text("clients  none yet", "dim")
        line = f"clients  {felt_words(felt)}"
        return Text(f"{line}  {sparkline(self._view.rates)}" if width >= 100 else line)

    @staticmethod
    def _keys() -> Text:
        return Text("Ctrl-C stops: undo, then finally; twice: undo only", "dim")
