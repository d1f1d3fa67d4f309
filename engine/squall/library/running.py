"""Runs for programs: begin one, watch it, wish something of it, and what came of it.

Each run is an engine of its own, wired by `squall.app`, on the event loop of whoever asks for it;
its traffic is carried by an edge process as under ``squall run``. A program that loses interest, by
leaving a block or by being cancelled, has the run stopped and waits until everything is undone.
"""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final, TypedDict, Unpack

from msgspec.structs import replace

from squall import app
from squall.core.playbook.addresses import reachable
from squall.core.playbook.compile import compile_plan
from squall.core.playbook.inputs import require_runnable
from squall.core.playbook.limits import bounded
from squall.core.playbook.model import Target
from squall.core.playbook.plan import Plan
from squall.core.timing import Duration as Nanoseconds
from squall.core.timing import parse_duration
from squall.library.outcome import Event, Outcome, event_of, outcome_of
from squall.library.playbook import (
    Duration,
    Mapped,
    Playbook,
    checked_seed,
    folder_of,
    look_into,
    source_of,
)
from squall.service import operations
from squall.settings import state_folder
from squall.worktree import schema_text

_ME: Final = "the program"


class RunOptions(TypedDict, total=False):
    """How to run a playbook, all optional; named as the flags of ``squall run``.

    `seed`: fixes the dice; else the playbook's, else drawn. `record`: a file that every fault is
    streamed to. `inputs`: values of the playbook's inputs, as it would write them. `targets`: in
    place of the playbook's of the same names, written as there. `timeout`: bounds the run instead
    of the playbook's own. `wait`: how long to wait for a target that another run holds. `state`:
    the folder the run is kept in; else ``SQUALL_STATE``, else ``.squall`` beside the nearest
    ``squall.yaml``, else in the current folder. A test that is to leave nothing behind names a
    temporary one, like pytest's ``tmp_path``.
    """

    seed: int | None
    record: str | os.PathLike[str] | None
    inputs: Mapping[str, object] | None
    targets: Mapping[str, Mapped] | None
    timeout: Duration | None
    wait: Duration | None
    state: str | os.PathLike[str] | None


class Running:
    """A run that goes on. Iterate over it for what it has to say, from the beginning; one reader.

    Wishes take effect at once and wait for nothing; what came of them is among the events.
    """

    def __init__(self, running: operations.Running) -> None:
        """Made by `start`."""
        self._running = running

    @property
    def run(self) -> int:
        """Its number in the state folder."""
        return self._running.run.id

    @property
    def seed(self) -> int:
        """What fixes its dice."""
        return self._running.run.seed

    @property
    def urls(self) -> dict[str, str]:
        """Where clients reach each target: ``{"shop": "http://127.0.0.1:7070"}``."""
        addresses = self._running.addresses
        return {name: f"http://{reachable(where)}" for name, where in addresses.items()}

    async def __aiter__(self) -> AsyncIterator[Event]:
        """What happens, until and including ``run_ended``."""
        async for update in self._running.updates():
            yield event_of(update)

    def pause(self) -> None:
        """Lift the faults and hold the steps; refused, as an event says, while a step settles."""
        self._running.pause(_ME)

    def resume(self) -> None:
        """Put the faults back and go on with the time that was left."""
        self._running.resume(_ME)

    def stop(self, reason: str = "") -> None:
        """Undo everything, do what stands under ``finally``, end as ``cancelled``."""
        self._running.stop(_ME, reason)

    def terminate(self, reason: str = "") -> None:
        """Undo everything and end without ``finally``."""
        self._running.terminate(_ME, reason)

    async def outcome(self) -> Outcome:
        """How it ended, as soon as it has."""
        ended = await self._running.outcome()
        return outcome_of(ended, self._running.recording_problem)


@contextlib.asynccontextmanager
async def start(
    playbook: Playbook | str | os.PathLike[str],
    *,
    seed: int | None = None,
    record: str | os.PathLike[str] | None = None,
    inputs: Mapping[str, object] | None = None,
    targets: Mapping[str, Mapped] | None = None,
    timeout: Duration | None = None,  # noqa: ASYNC109 - the run's, kept by its machine
    wait: Duration | None = None,
    state: str | os.PathLike[str] | None = None,
) -> AsyncIterator[Running]:
    """Begin a run, for an ``async with``; the options are those of `RunOptions`.

    Leaving the block stops the run if it still goes on, and waits for its end. Raises `Invalid`
    for the playbook, `Refused` when it cannot begin now (nothing was touched then), and `OSError`
    for a file that cannot be read; `ValueError` for an option that makes no sense.
    """
    plan = _plan(playbook, targets, timeout, inputs)
    dice = checked_seed(seed)
    patience = None if wait is None else _duration("wait", wait)
    recording = None if record is None else Path(record)
    folder = state_folder(None if state is None else os.fspath(state))
    async with app.engine(folder) as engine:
        running = await engine.start(
            plan, seed=dice, record=recording, wait=patience, folder=folder_of(playbook)
        )
        try:
            yield Running(running)
        finally:
            running.stop(_ME)
            await running.outcome()


async def run(
    playbook: Playbook | str | os.PathLike[str], **options: Unpack[RunOptions]
) -> Outcome:
    """Run a playbook to its end: faults on, and off again.

    Takes a file, a loaded playbook or one written in Python. Cancelling it stops the run, undoes
    its faults, does what stands under ``finally`` and only then lets go; cancelling it once more
    skips ``finally``. Raises what `start` raises.
    """
    async with start(playbook, **options) as running:
        return await running.outcome()


def run_sync(playbook: Playbook | str | os.PathLike[str], **options: Unpack[RunOptions]) -> Outcome:
    """`run`, for programs without an event loop. Ctrl-C stops the run before it gets through."""
    return app.run(run(playbook, **options))


def _plan(
    playbook: Playbook | str | os.PathLike[str],
    targets: Mapping[str, Mapped] | None,
    timeout: Duration | None,
    inputs: Mapping[str, object] | None,
) -> Plan:
    given = declared(targets) if targets else ()
    checked = look_into(source_of(playbook), given, inputs).playbook
    require_runnable(checked)
    if timeout is not None:
        checked = replace(checked, timeout=bounded(checked, _duration("timeout", timeout)))
    return compile_plan(checked, schema_text())


def declared(targets: Mapping[str, Mapped]) -> tuple[Target, ...]:
    """Targets as a playbook declares them; raises `Invalid`."""
    stage = Playbook("targets", targets=targets).step("none", wait=0)
    return look_into(source_of(stage)).playbook.targets


def _duration(what: str, written: Duration) -> Nanoseconds:
    duration = parse_duration(written)
    if duration is None:
        raise ValueError(f"{what}: {written!r} is not a duration; for example '30s'")
    return duration
