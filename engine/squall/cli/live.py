"""The live view of a run: frames in place, four a second at most, and the summary at the end.

``squall run`` makes a `LiveReport` where somebody watches. What is on a frame is decided in
`frame`; when the terminal is ours to draw on, in `terminal`, which calls `show` and `hide`.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import Final

from rich.console import Console, RenderableType
from rich.control import Control
from rich.live import Live

from squall.cli.frame import frame
from squall.cli.summary import print_summary
from squall.cli.terminal import Terminal, keyboard
from squall.cli.view import RunView, Update
from squall.core.playbook.plan import Plan
from squall.core.run.records import Outcome, Run
from squall.service.clock import SystemClock

REDRAWS: Final = 4


class LiveReport:
    """Shows frames while the run goes on; takes the terminal and gives it back."""

    def __init__(self, plan: Plan, *, colour: bool | None) -> None:
        self._plan = plan
        self._view = RunView(plan)
        self._clock = SystemClock()
        self._zero = self._clock.monotonic()
        self._run: Run | None = None
        self._notice = ""
        self._colour = colour
        self._guard = threading.Lock()  # rich draws in a thread of its own
        self._console = Console(
            stderr=True,
            no_color=True if colour is False else None,
            force_terminal=True if colour else None,
        )
        self._width = self._console.width
        self._live = Live(
            console=self._console,
            refresh_per_second=REDRAWS,
            get_renderable=self._draw,
            transient=True,
        )

    def began(self, run: Run, seed: int) -> None:  # noqa: ARG002 - the run has it
        """From now on its time counts."""
        self._run = run
        with self._guard:
            self._view.now = 0
            self._zero = self._clock.monotonic()

    def update(self, update: Update) -> None:
        """Show it with the next frame."""
        with self._guard:
            self._view.fold(update, self._clock.monotonic() - self._zero)

    def tell(self, notice: str) -> None:
        """Show a sentence in place of the keys."""
        self._notice = notice

    def watched(self, pressed: Callable[[str], None]) -> Terminal:
        """Draws and reads keys, while the terminal is ours."""
        return Terminal(self, pressed)

    def show(self) -> None:
        """Take the terminal."""
        self._live.start()

    def hide(self) -> None:
        """Give the terminal back; if it was closed there is nothing to give."""
        with contextlib.suppress(OSError):
            self._live.stop()

    def ended(self, outcome: Outcome, closing: str) -> None:
        """Leave the summary."""
        print_summary(self._plan, outcome, closing, colour=self._colour)

    def _draw(self) -> RenderableType:
        self._clear_when_narrowed()
        with self._guard:
            self._view.now = max(self._view.now, self._clock.monotonic() - self._zero)
            return frame(
                self._view,
                self._run,
                width=self._console.width,
                height=self._console.height,
                keys=keyboard() is not None,
                notice=self._notice,
            )

    def _clear_when_narrowed(self) -> None:
        """Lines that a narrower terminal has broken in two are in nobody's count."""
        width = self._console.width
        if width < self._width and self._live.is_started:
            self._console.control(Control.clear(), Control.home())
        self._width = width
