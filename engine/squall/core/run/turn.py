"""One call of `advance` while it is being worked out: the only mutable thing in the machine.

Step functions write their commands here and read what they need of the run; `machine` makes a
frozen `State` of it at the end. Nothing else lives longer than one event.
"""

import json
from enum import Enum
from typing import Final, TypeAlias

from msgspec.structs import replace

from squall.core.faults.dice import draw
from squall.core.playbook.plan import Plan
from squall.core.playbook.source import Data
from squall.core.run.commands import Announce, CancelTimer, Command, StartTimer, Suppose
from squall.core.run.facts import RunFact
from squall.core.run.state import State

STEP_TIMERS: Final = frozenset({"delay", "duration", "pace", "retry", "timeout"})
"""Timers that stand still while the run is paused; those of effects and of the run do not."""

MAX_ROUNDS: Final = 1_000
"""How often loops may turn within one event; more means a loop that takes no time."""


_UNKNOWN: Final = ""
"""What stands for a value that is not known: no JSON."""


class Unknown(Enum):
    """Not a value: what a rehearsal cannot know."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
Known: TypeAlias = "Data | Unknown"


def _triples(values: dict[tuple[str, str], str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((path, name, text) for (path, name), text in sorted(values.items()))


class Turn:
    """What one event leads to."""

    def __init__(self, plan: Plan, state: State, at: int) -> None:
        self.plan = plan
        self.at = max(at, state.at)
        self.paused = state.phase == "paused"
        self.run = state.run
        self.seed = state.seed
        self.rehearsal = state.rehearsal
        self.seq = state.seq
        self.edge_lost = state.edge_lost
        self.warning = state.warning
        self.leaked = state.leaked
        self.rounds = 0
        self.abandoned = False
        self.commands: list[Command] = []
        self.timers = dict(state.timers)
        self.frozen = dict(state.frozen)
        self.looks = state.looks
        self.pictures = {source: (at, felt) for source, at, felt in state.pictures}
        self.values = {(path, name): text for path, name, text in state.values}
        self.loads = {target: (active, last) for target, active, last in state.loads}

    def kept(self, state: State) -> State:
        """The state with all that was changed here."""
        return replace(
            state,
            at=self.at,
            seq=self.seq,
            edge_lost=self.edge_lost,
            warning=self.warning,
            leaked=self.leaked,
            timers=tuple(sorted(self.timers.items())),
            frozen=tuple(sorted(self.frozen.items())),
            looks=self.looks,
            pictures=tuple((source, *picture) for source, picture in sorted(self.pictures.items())),
            values=_triples(self.values) if self.values else (),
            loads=tuple((target, *known) for target, known in sorted(self.loads.items())),
        )

    def do(self, command: Command) -> None:
        """Have something done."""
        self.commands.append(command)

    def tell(self, fact: RunFact) -> None:
        """Tell whoever watches."""
        self.commands.append(Announce(fact=fact))

    def suppose(self, path: str, what: str) -> None:
        """Note what a rehearsal takes for granted of a step."""
        self.commands.append(Suppose(path=path, what=what))

    def start_timer(self, timer: str, after: int) -> int:
        """Have `timer` fire after so many nanoseconds; returns when that is.

        In a paused run the timers of steps stand still until it goes on.
        """
        due = self.at + after
        if self.paused and timer.partition("|")[0] in STEP_TIMERS:
            self.frozen[timer] = after
            return due
        self.timers[timer] = due
        self.commands.append(StartTimer(timer=timer, due=due))
        return due

    def cancel_timer(self, timer: str) -> None:
        """Forget a timer, running or frozen."""
        if self.timers.pop(timer, None) is not None:
            self.commands.append(CancelTimer(timer=timer))
        self.frozen.pop(timer, None)

    def waits_for(self, timer: str) -> bool:
        """Whether a timer was started and neither fired nor was cancelled."""
        return timer in self.timers or timer in self.frozen

    def freeze(self) -> None:
        """Stop the timers of steps, remembering what was left of each."""
        self.paused = True
        for timer, due in sorted(self.timers.items()):
            if timer.partition("|")[0] in STEP_TIMERS:
                self.cancel_timer(timer)
                self.frozen[timer] = max(0, due - self.at)

    def thaw(self) -> None:
        """Let them go on."""
        self.paused = False
        frozen, self.frozen = self.frozen, {}
        for timer, left in sorted(frozen.items()):
            self.start_timer(timer, left)

    def next_seq(self) -> int:
        """The next number of an effect: it only grows."""
        self.seq += 1
        return self.seq

    def next_look(self) -> int:
        """The number of a look at the steady state."""
        self.looks += 1
        return self.looks

    def warn(self, reason: str) -> None:
        """Remember the first thing that keeps the run from being plainly passed."""
        self.warning = self.warning or reason

    def chance(self, what: str, place: str, count: int) -> float:
        """A number from 0 to 1 that depends on the seed and the place only."""
        return draw(self.seed, what, place, count)

    def keep(self, path: str, name: str, value: Known) -> None:
        """Keep a value for whoever asks `path` for it."""
        known = not isinstance(value, Unknown)
        self.values[path, name] = json.dumps(value) if known else _UNKNOWN

    def has(self, path: str, name: str) -> bool:
        """Whether a value was kept."""
        return (path, name) in self.values

    def recall(self, path: str, name: str) -> Known:
        """A value that was kept."""
        text = self.values[path, name]
        return UNKNOWN if text == _UNKNOWN else json.loads(text)

    def forget(self, path: str) -> None:
        """Let go of all that was kept for a step and what is inside it."""
        inside = (f"{path}/", f"{path}#")
        for kept in [key for key in self.values if key[0] == path or key[0].startswith(inside)]:
            del self.values[kept]

    def forget_inside(self, path: str) -> None:
        """Let go of what was kept for the steps inside an attempt."""
        inside = f"{path}/"
        for kept in [key for key in self.values if key[0].startswith(inside)]:
            del self.values[kept]

    def load_began(self, targets: tuple[str, ...]) -> None:
        """Note that a load sends to these targets now."""
        for target in targets:
            active, last = self.loads.get(target, (0, -1))
            self.loads[target] = (active + 1, last)

    def load_ended(self, path: str, targets: tuple[str, ...]) -> None:
        """Note that the load of an attempt has stopped."""
        self.pictures.pop(path, None)
        for target in targets:
            active, _ = self.loads.get(target, (1, -1))
            self.loads[target] = (max(0, active - 1), self.at)

    def load_beside(self, targets: tuple[str, ...], since: int) -> bool:
        """Whether a load sent to one of these targets at some time after `since`."""
        known = (self.loads.get(target, (0, -1)) for target in targets)
        return any(active > 0 or last > since for active, last in known)
