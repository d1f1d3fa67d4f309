"""An edge process before an upstream, watched from outside; for tests and campaigns.

What the kernel says of it comes from /proc: `AVAILABLE` says whether there is one.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from squall.core.faults.effects import Applied, Counted, Inject
from squall.core.playbook.model import Address, Target
from squall.core.timing import Duration
from squall.proxy.remote import RemoteEdge

AVAILABLE = Path("/proc/self/statm").exists()

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


class EdgeProcess:
    """The process and its one target, `shop`."""

    def __init__(self, remote: RemoteEdge, address: Address) -> None:
        self.address = address
        self.turned_away = 0
        self._remote = remote
        self._proc = Path(f"/proc/{remote.pid}")
        self._applied = asyncio.Event()

    async def inject(self, inject: Inject) -> None:
        """Put a fault on."""
        self._remote.send(inject)
        await self._applied.wait()

    async def listen(self) -> None:
        async for report in self._remote.reports():
            if isinstance(report, Counted):
                self.turned_away = report.turned_away
            elif isinstance(report, Applied):
                self._applied.set()

    def memory(self) -> int:
        """Bytes of memory it occupies."""
        return int((self._proc / "statm").read_text().split()[1]) * _PAGE

    def cpu(self) -> float:
        """Seconds of CPU time it has used."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def descriptors(self) -> int:
        """Files it has open."""
        return len(list((self._proc / "fd").iterdir()))


@contextlib.asynccontextmanager
async def edge_process(
    upstream: Address | None = None, python: str = sys.executable
) -> AsyncIterator[EdgeProcess]:
    """One that lives for as long as the block; `python` is what runs it."""
    remote = RemoteEdge(python=python)
    here = Address(host="127.0.0.1", port=0)
    addresses = await remote.open([Target(name="shop", listen=here, upstream=upstream)])
    made = EdgeProcess(remote, addresses["shop"])
    async with asyncio.TaskGroup() as group:
        group.create_task(made.listen())
        try:
            yield made
        finally:
            await remote.close(drain=Duration(0))
