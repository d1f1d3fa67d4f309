"""Carries a run to its end whatever happens.

When something of ours breaks, the run's faults are taken off without asking the machine, the trace
is kept, and the run has failed with a sentence. This and `effects` are the only places that catch
what nobody expected. Who starts runs is `operations`; who ends those of dead engines, `recovery`.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Final

from squall.core.faults.effects import Revert
from squall.core.run.records import Outcome
from squall.core.timing import SECOND, Duration
from squall.service.effects import Effects
from squall.service.executor import Executor
from squall.service.ports import Edge

DRAIN: Final = Duration(5 * SECOND)
"""How long requests in flight may take to finish when a run is over."""

KeepTrace = Callable[[int, str], str]
"""Keeps the trace of a run that broke; says where it is."""


@contextlib.asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that lets its body's own exception out as it is, not in a group of one."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


async def carry(executor: Executor, effects: Effects, edge: Edge, keep_trace: KeepTrace) -> Outcome:
    """Drive a run to its end and close its edge."""
    try:
        async with asyncio.TaskGroup() as tasks:
            effects.attach(tasks, executor.hear)
            listening = tasks.create_task(effects.listen())
            outcome = await executor.drive()
            effects.close()
            # Reports are read to the last: what was injected until now belongs to the recording.
            await edge.close(drain=DRAIN)
            listening.cancel()
    except ExceptionGroup as broken:
        for row in executor.rows.values():
            effects.send(Revert(lease=row.lease, seq=row.seq + 1))
        await edge.close(drain=DRAIN)
        trace = effects.hide("".join(traceback.format_exception(broken)))
        where = keep_trace(executor.run.id, trace)
        return executor.break_off("failed", effects.hide(_sentence(broken, where)))
    finally:
        # Whatever else came: the edge is gone, or lifts everything as soon as it notices.
        await edge.close(drain=Duration(0))
        executor.write_off()
    return outcome


def _sentence(broken: ExceptionGroup, where: str) -> str:
    first: BaseException = broken
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return f"an error in squall itself ({type(first).__name__}: {first}); its trace is in {where}"
