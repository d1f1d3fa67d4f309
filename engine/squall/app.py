"""Where everything is wired, and nowhere else.

`engine` makes this process an engine of a state folder, with a real edge, store, prober and load
generator; `archive` reads a state folder without one; `injector` is faults on one target and
nothing else. `run` is the loop to use an engine in. The command line and the library call these.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from squall.core.diagnostics import Refused
from squall.core.playbook.model import Address, Target
from squall.core.recording.model import Head
from squall.core.run.records import Run
from squall.core.timing import Duration
from squall.probes.load import Loader
from squall.probes.prober import Prober
from squall.proxy.remote import RemoteEdge
from squall.service.clock import SystemClock, event_loop
from squall.service.injector import Injector
from squall.service.operations import Archive, Operations
from squall.service.recorder import Recorder
from squall.service.secrets import Secrets
from squall.service.supervisor import DRAIN, together
from squall.settings import settings
from squall.store.engines import FileEngines, is_alive, keep_trace, may_harm, prepare
from squall.store.recording import RecordingWriter
from squall.store.sqlite import SqliteRecords, SqliteStore
from squall.worktree import schema_text

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do what uses an engine, to its end, as `asyncio.run` would."""
    with asyncio.Runner(loop_factory=event_loop) as runner:
        return runner.run(work)


@contextlib.asynccontextmanager
async def engine(state: Path) -> AsyncIterator[Operations]:
    """Be an engine of that state folder; ends what dead engines left there first.

    Raises `Refused` when the folder cannot be used. Leaving it undoes and ends every run.
    """
    wishes = settings()
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        engines = stack.enter_context(FileEngines(prepare(state)))
        edges = _Edges(engines.edges)
        store = SqliteStore(state, synchronous=wishes.journal)
        stack.push_async_callback(store.close)
        stack.push_async_callback(edges.close)
        await edges.start()
        tasks = await stack.enter_async_context(together())
        operations = Operations(
            tasks,
            clock=clock,
            store=store,
            engines=engines,
            edges=edges.take,
            prober=Prober(wishes.usual),
            loader=Loader(),
            recorders=partial(_recorder, clock),
            keep_trace=partial(keep_trace, state),
            schema=schema_text(),
            secrets=Secrets(wishes.secrets, wishes.secrets_folder),
        )
        stack.push_async_callback(operations.close)
        await operations.recover()
        yield operations


@contextlib.contextmanager
def archive(state: Path) -> Iterator[Archive]:
    """Read a state folder; raises `Refused` when it cannot be read. Without one, all is empty."""
    with contextlib.closing(SqliteRecords(state)) as records:
        yield Archive(
            records,
            alive=partial(is_alive, state),
            may_harm=partial(may_harm, state),
            clock=SystemClock(),
        )


@contextlib.asynccontextmanager
async def injector(target: Target, *, seed: int) -> AsyncIterator[tuple[Injector, Address]]:
    """Faults on a target of its own edge, and where that listens; keeps nothing on disk.

    Raises `Refused` when the target cannot listen. Leaving it takes everything off.
    """
    edge = RemoteEdge()
    try:
        addresses = await edge.open((target,))
        async with together() as tasks:
            faults = Injector(edge, SystemClock(), target.name, seed=seed)
            listening = tasks.create_task(faults.listen())
            try:
                yield faults, addresses[target.name]
            finally:
                faults.close()
                await edge.close(drain=DRAIN)
                listening.cancel()
    finally:
        await edge.close(drain=Duration(0))


class _Edges:
    """One edge process per run. The first is started before anybody asks, to be up by then."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._spare: RemoteEdge | None = RemoteEdge(lock=lock)

    async def start(self) -> None:
        """Start the first one; whoever takes it finds out if it could not."""
        if self._spare is not None:
            with contextlib.suppress(Refused):
                await self._spare.start()

    def take(self) -> RemoteEdge:
        """An edge of one's own, to be closed by whoever took it."""
        spare, self._spare = self._spare, None
        return spare or RemoteEdge(lock=self._lock)

    async def close(self) -> None:
        """End the one nobody took."""
        if self._spare is not None:
            await self._spare.close(drain=Duration(0))


def _recorder(clock: SystemClock, path: Path, run: Run) -> Recorder:
    """A recording in that file; raises `Refused` when it cannot be written."""
    head = Head(
        run=str(run.id),
        playbook=run.playbook,
        seed=run.seed,
        started=run.started,
        digest=run.digest,
    )
    try:
        writer = RecordingWriter(path, head)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refused(
            "SQ424", f"the recording {path} cannot be written: {why}", "name another with --record"
        ) from error
    return Recorder(writer, clock, run=str(run.id))
