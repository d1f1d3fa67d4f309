"""The one room where a run's commands reach the world, and what happens there comes back as events.

The executor calls it for everything that is not a timer; it talks to the edge, the prober and the
load generator through their ports. Whatever goes wrong out there, a bug in an adapter included,
becomes an event: the machine decides what it means. It knows no order and keeps no journal.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from squall.core.faults.dice import stream
from squall.core.faults.effects import (
    Applied,
    Counted,
    EdgeLost,
    Effect,
    Felt,
    Happened,
    Inject,
    Lapsed,
    Lifted,
    Rejected,
)
from squall.core.playbook.addresses import reachable
from squall.core.playbook.model import Address, Probe
from squall.core.run.commands import CancelAction, StartLoad, StartProbe
from squall.core.run.events import ActionEnded, EdgeReported, Measured, RunEvent, Saw
from squall.core.run.facts import RunFact
from squall.core.run.records import Progress
from squall.service.ports import Edge, LoadGenerator, Prober
from squall.service.recorder import Recorder
from squall.service.secrets import Revealed
from squall.service.updates import Updates

Hear = Callable[[Callable[[int], RunEvent]], None]
"""Takes what makes an event once its time is known."""

Ended = tuple[Literal["succeeded", "failed"], str, Felt | Saw | None]
"""How a load or a probe ended, why, and what its clients felt or it saw."""


class Effects:
    """What one run does. `run` carries it; the other methods are called meanwhile."""

    def __init__(
        self,
        edge: Edge,
        addresses: Mapping[str, Address],
        *,
        prober: Prober,
        loader: LoadGenerator,
        updates: Updates,
        recorder: Recorder | None = None,
        seed: int = 0,
        guarded: bool = False,
        secrets: Revealed,
        folder: Path,
    ) -> None:
        self._edge = edge
        self._addresses = {name: reachable(where) for name, where in addresses.items()}
        self._prober = prober
        self._loader = loader
        self._updates = updates
        self._recorder = recorder
        self._seed = seed
        self._guarded = guarded
        self._secrets = secrets
        self._folder = folder
        self._tasks: asyncio.TaskGroup | None = None
        self._actions: dict[str, asyncio.Task[Ended]] = {}
        self._hear: Hear = _nobody

    def attach(self, tasks: asyncio.TaskGroup, hear: Hear) -> None:
        """Say where what is started here lives, and who hears what came of it."""
        self._tasks, self._hear = tasks, hear

    async def listen(self) -> None:
        """Bring back what the edge has to say, until it says no more."""
        async for report in self._edge.reports():
            if isinstance(report, Happened):
                if self._recorder:
                    self._recorder.happened(report)
            elif isinstance(report, Counted):
                self._updates.picture(report)
                self._measure(report.target, report.felt)
            else:
                self._hear(partial(_reported, report))

    def _measure(self, source: str, felt: Felt) -> None:
        if self._guarded:
            self._hear(lambda at: Measured(at=at, source=source, felt=felt))

    def send(self, effect: Effect) -> None:
        """Hand an effect to the edge."""
        if self._recorder and isinstance(effect, Inject):
            self._recorder.injected(effect)
        self._edge.send(effect)

    def announce(self, fact: RunFact) -> None:
        """Tell whoever watches."""
        if self._recorder:
            self._recorder.fact(fact)
        self._updates.fact(fact)

    def start(self, command: StartProbe | StartLoad) -> None:
        """Begin a probe or a load; its `ActionEnded` will come."""
        assert self._tasks is not None
        action = self._tasks.create_task(self._act(command))
        self._actions[command.path] = action
        action.add_done_callback(partial(self._acted, command.path))

    def cancel(self, command: CancelAction) -> None:
        """Stop a probe or a load; it still says how it ended."""
        action = self._actions.get(command.path)
        if action is not None:
            action.cancel()

    def hide(self, text: str) -> str:
        """The text without the run's secrets."""
        return self._secrets.hide(text)

    def close(self) -> None:
        """Stop whatever is still going on."""
        for action in self._actions.values():
            action.cancel()

    async def _act(self, command: StartProbe | StartLoad) -> Ended:
        try:
            if isinstance(command, StartProbe):
                return await self._ask(command.probe)
            return "succeeded", "", await self._load(command)
        except Exception as error:  # noqa: BLE001 - the world's trouble is an event
            return "failed", self.hide(f"{type(error).__name__}: {error}"), None

    async def _ask(self, probe: Probe) -> Ended:
        """Secrets go in last and are taken out first: nobody else ever meets one."""
        whole = self._secrets.put_into(probe)
        seen = whole if isinstance(whole, str) else await self._prober(whole, self._folder)
        if isinstance(seen, str):
            return "failed", self.hide(seen), None
        return "succeeded", "", self._secrets.hide_in(seen)

    def _acted(self, path: str, action: asyncio.Task[Ended]) -> None:
        """However it ended, before it began or by being cancelled, it says so."""
        self._actions.pop(path, None)
        outcome, reason, came = (
            ("failed", "cancelled", None) if action.cancelled() else action.result()
        )
        felt = came if isinstance(came, Felt) else None
        saw = came if isinstance(came, Saw) else None
        self._hear(
            lambda at: ActionEnded(
                at=at, path=path, outcome=outcome, reason=reason, felt=felt, saw=saw
            )
        )

    async def _load(self, command: StartLoad) -> Felt:
        def progress(felt: Felt) -> None:
            self._updates.picture(Progress(path=command.path, felt=felt))
            self._measure(command.path, felt)

        addresses = [self._addresses[target] for target in command.targets]
        # Loads side by side, and iterations of one, are not to send in step with each other.
        seed = stream(self._seed, command.path, "load")
        return await self._loader(
            command.load, addresses, command.duration, progress=progress, seed=seed
        )


def _reported(report: Applied | Rejected | Lifted | Lapsed | EdgeLost, at: int) -> EdgeReported:
    return EdgeReported(at=at, report=report)


def _nobody(_: Callable[[int], RunEvent]) -> None:
    raise AssertionError("effects are attached before anything happens")
