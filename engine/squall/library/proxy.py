"""Faults for a test, without a playbook: a proxy in front of a service, and faults in it.

The keywords are the keys of a playbook's `scenario`, and are checked as one. The proxy is an edge
process of its own, wired by `squall.app`; it keeps nothing on disk. Async programs use it on their
loop, others through a thread with a loop of its own.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from types import TracebackType
from typing import Any, Final, TypeVar

from squall import app
from squall.core.diagnostics import Refused
from squall.core.faults.effects import FaultEvent
from squall.core.faults.kinds import Scenario
from squall.core.playbook.addresses import reachable
from squall.core.playbook.model import BUILTIN_ECHO, Address, Injection, Target
from squall.core.timing import SECOND
from squall.library.outcome import Delivery, deliveries_of
from squall.library.playbook import (
    Mapped,
    Playbook,
    StepKeys,
    Written,
    checked_seed,
    look_into,
    source_of,
)
from squall.service.injector import Injector

NAME: Final = "faults"
ANYWHERE: Final = "127.0.0.1:0"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """One fault in one exchange.

    `at` is seconds since the epoch. `fault` is its key in the playbook language, `detail` which of
    its kind: a status, a kind of reset. `ordinal` is how many requests this endpoint (`method` and
    `path` without numbers) had seen under the fault before. `delay` is in seconds.
    """

    at: float
    fault: str
    detail: str
    client: str
    method: str
    path: str
    endpoint: str
    ordinal: int
    delay: float


class Proxy:
    """A proxy with faults in it, for async programs."""

    def __init__(self, injector: Injector, address: Address) -> None:
        """Made by `faults`."""
        self._injector = injector
        self._address = reachable(address)

    @property
    def url(self) -> str:
        """What clients ask instead of the service: ``http://127.0.0.1:54321``."""
        return f"http://{self._address}"

    @property
    def address(self) -> tuple[str, int]:
        """The same as host and port."""
        return self._address.host, self._address.port

    async def set(self, *named: str, **scenario: Written) -> None:
        """Put these faults on in place of all that are on, at once; as `faults` takes them.

        Raises `Invalid`, and then nothing has changed; `Refused` when the proxy is gone.
        """
        _, scenarios = _read(named, scenario)
        await self._injector.inject(scenarios)

    async def clear(self) -> None:
        """Take all faults off."""
        await self._injector.lift()

    async def delivered(self) -> tuple[Delivery, ...]:
        """What the faults that are on did so far; takes up to a quarter of a second."""
        return deliveries_of("", await self._injector.deliveries())

    async def events(self) -> tuple[Injected, ...]:
        """Every fault injected before now, oldest first; the latest 10,000."""
        return tuple(map(_injected, await self._injector.events()))


class SyncProxy:
    """A proxy with faults in it, for programs without an event loop; its methods block."""

    def __init__(self, proxy: Proxy, aside: "_Aside") -> None:
        """Made by `faults`."""
        self._proxy = proxy
        self._aside = aside

    @property
    def url(self) -> str:
        """What clients ask instead of the service: ``http://127.0.0.1:54321``."""
        return self._proxy.url

    @property
    def address(self) -> tuple[str, int]:
        """The same as host and port."""
        return self._proxy.address

    def set(self, *named: str, **scenario: Written) -> None:
        """`Proxy.set`."""
        self._aside.do(self._proxy.set(*named, **scenario))

    def clear(self) -> None:
        """`Proxy.clear`."""
        self._aside.do(self._proxy.clear())

    def delivered(self) -> tuple[Delivery, ...]:
        """`Proxy.delivered`."""
        return self._aside.do(self._proxy.delivered())

    def events(self) -> tuple[Injected, ...]:
        """`Proxy.events`."""
        return self._aside.do(self._proxy.events())


class Faults:
    """What `faults` returns: for ``async with`` or for ``with``, once."""

    def __init__(self, opening: AbstractAsyncContextManager[Proxy]) -> None:
        """Made by `faults`."""
        self._opening = opening
        self._aside = _Aside(opening)

    async def __aenter__(self) -> Proxy:
        """Listen, and put the faults on; raises `Refused`."""
        return await self._opening.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Take everything off, finish what is in flight, stop listening."""
        return await self._opening.__aexit__(kind, error, trace)

    def __enter__(self) -> SyncProxy:
        """Listen, and put the faults on; raises `Refused`."""
        return SyncProxy(self._aside.open(), self._aside)

    def __exit__(self, *_: object) -> None:
        """Take everything off, finish what is in flight, stop listening."""
        self._aside.close()


def faults(
    *named: str,
    upstream: str = BUILTIN_ECHO,
    listen: str = ANYWHERE,
    seed: int | None = None,
    **scenario: Written,
) -> Faults:
    """A proxy before `upstream` with faults in it, as long as a ``with`` or ``async with`` lasts.

    `scenario` is what stands under that key in a playbook: ``latency="100ms"``, ``errors="10%"``,
    ``match={"method": "POST"}``; `named` are scenarios that come with squall, like ``"slow_3g"``.
    Without any the proxy only forwards until `Proxy.set`. `listen` is a free port of this machine
    unless it is named; `seed` fixes the dice. Raises `Invalid` with every finding.

    The faults are gone when the block ends, and when the program does, however it ends. A program
    that does not get to its event loop for ten seconds loses them until it does.
    """
    target, first = _read(named, scenario, listen, upstream)
    dice = checked_seed(seed)
    return Faults(_open(target, first, secrets.randbits(32) if dice is None else dice))


@asynccontextmanager
async def _open(target: Target, first: tuple[Scenario, ...], seed: int) -> AsyncIterator[Proxy]:
    async with app.injector(target, seed=seed) as (injector, address):
        if first:
            await injector.inject(first)
        yield Proxy(injector, address)


def _read(
    named: tuple[str, ...],
    scenario: dict[str, Written],
    listen: str = ANYWHERE,
    upstream: str = BUILTIN_ECHO,
) -> tuple[Target, tuple[Scenario, ...]]:
    """What it says, read as a playbook would be; raises `Invalid`."""
    stage = Playbook(NAME, targets={NAME: {"http": {"listen": listen, "upstream": upstream}}})
    chosen: list[str | Mapped] = [*named, scenario] if scenario else [*named]
    held: StepKeys = {"scenario": chosen, "duration": 1} if chosen else {"wait": 0}
    playbook = look_into(source_of(stage.step(NAME, **held))).playbook
    action = playbook.body.steps[0].action
    return playbook.targets[0], action.scenarios if isinstance(action, Injection) else ()


def _injected(event: FaultEvent) -> Injected:
    return Injected(
        at=event.at / SECOND,
        fault=event.kind,
        detail=event.detail,
        client=event.client,
        method=event.method,
        path=event.path,
        endpoint=event.endpoint,
        ordinal=event.ordinal,
        delay=event.delay / SECOND,
    )


class _Aside:
    """Keeps a proxy open on a loop in a thread of its own. A daemon: nobody waits for it to end."""

    def __init__(self, opening: AbstractAsyncContextManager[Proxy]) -> None:
        self._opening = opening
        self._over = asyncio.Event()
        self._ready: Future[Proxy] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._thread: Thread

    def open(self) -> Proxy:
        """Start the thread; the proxy when it is there, or why it is not."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="squall-faults", daemon=True)
        self._thread.start()
        try:
            return self._ready.result()
        except BaseException:
            self.close()
            raise

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it over there, and wait for what comes of it."""
        if self._loop.is_closed():
            work.close()
            raise Refused("SQ415", "the faults cannot be reached: they are over")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Close the proxy and end the thread."""
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._keep())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _keep(self) -> None:
        async with self._opening as proxy:
            self._ready.set_result(proxy)
            await self._over.wait()
