"""The edge process: who can end it, how long it takes, and what is left for its traffic meanwhile.

Each test holds the engine's end of the control channel itself.
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Applied, EdgeLost, Happened, Inject, Lapsed, Revert
from squall.core.faults.kinds import EVERY, Errors, Fault, Fixed, Latency, Scenario
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.control import Close, Open, Opened, Order, Word, frame, words
from squall.proxy.process import LONGEST_LINGER, QUIET
from squall.proxy.remote import RemoteEdge

PATIENCE = 20
SHOP = Target(name="shop", listen=Address(host="127.0.0.1", port=0), upstream=None)
BROKEN = Errors(rate=EVERY, codes=(503,))
STUCK = Latency(delay=Fixed(value=Duration(60 * SECOND)))
LEASE = "1:main/hit#1@shop"

W = TypeVar("W", bound=Word)


def inject(fault: Fault, seq: int = 1, ttl: int = 60 * SECOND, lease: str = LEASE) -> Inject:
    return Inject(
        lease=lease,
        seq=seq,
        run="1",
        path="main/hit#1",
        place="main/hit",
        target="shop",
        scenarios=(Scenario(faults=(fault,)),),
        seed=0,
        ttl=Duration(ttl),
    )


class Child:
    """An edge process and the engine's end of its channel, in the hands of a test."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self.process = process
        self.channel = channel
        self.address = Address(host="", port=0)
        self._words = words()
        self._heard: list[Word] = []

    async def order(self, *orders: Order) -> None:
        data = b"".join(map(frame, orders))
        await asyncio.get_running_loop().sock_sendall(self.channel, data)

    async def hear(self, kind: type[W]) -> W:
        """The next word of a kind, passing over others."""
        async with asyncio.timeout(PATIENCE):
            while True:
                while self._heard:
                    word = self._heard.pop(0)
                    if isinstance(word, kind):
                        return word
                data = await asyncio.get_running_loop().sock_recv(self.channel, 2**16)
                assert data, "the edge closed the channel"
                self._heard = self._words.feed(data)

    async def silence(self) -> None:
        """Read until the edge closes the channel."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await asyncio.get_running_loop().sock_recv(self.channel, 2**16):
                    pass

    async def get(self) -> int:
        async with asyncio.timeout(PATIENCE):
            where = self.address
            reader, writer = await asyncio.open_connection(where.host, where.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            head = await reader.read()
            writer.close()
        return int(head.split(b" ", 2)[1])

    async def exit_status(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@pytest.fixture
async def child() -> AsyncIterator[Child]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "squall.proxy.process", str(theirs.fileno())),
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    made = Child(process, ours)
    await made.order(Open(targets=(SHOP,)))
    made.address = (await made.hear(Opened)).addresses["shop"]
    yield made
    ours.close()
    if process.returncode is None:
        process.kill()
    await process.wait()


async def put_on(child: Child, fault: Fault) -> None:
    await child.order(inject(fault))
    await child.hear(Applied)


async def test_close_answers_who_is_in_flight_and_ends_well(child: Child) -> None:
    await put_on(child, STUCK)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(child.get())
        await child.hear(Happened)
        await child.order(Close(drain=Duration(10 * SECOND)))
    assert waiting.result() == 200
    assert await child.exit_status() == 0


async def test_without_its_engine_it_lifts_everything_goes_on_and_then_ends(child: Child) -> None:
    await put_on(child, BROKEN)
    assert await child.get() == 503
    child.channel.close()
    began = time.monotonic()
    while await child.get() == 503:
        assert time.monotonic() - began < 1
    while time.monotonic() - began < QUIET / SECOND + 0.5:
        assert await child.get() == 200
    assert await child.exit_status() == 0


async def test_without_its_engine_it_does_not_stay_for_ever(child: Child) -> None:
    """Whoever goes on asking is answered, but only so long."""
    child.channel.close()
    began = time.monotonic()
    answered = 0
    while child.process.returncode is None:
        with contextlib.suppress(OSError, IndexError):
            answered += await child.get() == 200
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), 0.05)
        assert time.monotonic() - began < LONGEST_LINGER / SECOND + 3
    assert await child.exit_status() == 0
    assert time.monotonic() - began >= LONGEST_LINGER / SECOND - 0.1
    assert answered > 100


async def test_without_its_engine_it_can_be_told_to_end(child: Child) -> None:
    child.channel.close()
    assert await child.get() == 200
    began = time.monotonic()
    child.process.send_signal(signal.SIGTERM)
    assert await child.exit_status() == 0
    assert time.monotonic() - began < QUIET / SECOND


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", 2**31), struct.pack(">I", 3) + b"\xc1\xc1\xc1"],
    ids=["other protocol", "too long", "no message"],
)
async def test_noise_on_the_channel_is_the_end_of_the_engine(child: Child, noise: bytes) -> None:
    await put_on(child, BROKEN)
    await asyncio.get_running_loop().sock_sendall(child.channel, noise)
    await child.silence()
    assert await child.get() == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
async def test_what_a_terminal_sends_changes_nothing(child: Child, number: signal.Signals) -> None:
    await put_on(child, BROKEN)
    child.process.send_signal(number)
    assert await child.get() == 503
    await child.order(Revert(lease=LEASE, seq=2))
    assert await child.get() == 200


async def test_it_is_in_a_session_of_its_own(child: Child) -> None:
    assert os.getsid(child.process.pid) == child.process.pid
    assert os.getsid(0) != child.process.pid


async def test_sigterm_is_told_and_answers_who_is_in_flight(child: Child) -> None:
    await put_on(child, STUCK)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(child.get())
        await child.hear(Happened)
        child.process.send_signal(signal.SIGTERM)
        assert "SIGTERM" in (await child.hear(EdgeLost)).reason
    assert waiting.result() == 200
    assert await child.exit_status() == 0


async def test_an_engine_that_reads_nothing_does_not_hold_up_traffic(child: Child) -> None:
    await put_on(child, BROKEN)
    where = child.address
    reader, writer = await asyncio.open_connection(where.host, where.port)
    many, ask = 30_000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    async def read_all() -> int:
        seen = 0
        while seen < many:
            data = await reader.readuntil(b"\r\n\r\n")
            length = int(data.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            seen += 1
        return seen

    async with asyncio.timeout(PATIENCE * 2), asyncio.TaskGroup() as group:
        reading = group.create_task(read_all())
        for _ in range(many // 100):
            writer.write(ask * 100)
            await writer.drain()
    assert reading.result() == many
    writer.close()
    # Answers are not lost among the many events that were.
    await child.order(Revert(lease=LEASE, seq=2), inject(BROKEN, seq=3))
    assert (await child.hear(Applied)).seq == 3


async def test_leases_run_out_though_the_engine_reads_nothing(child: Child) -> None:
    await child.order(inject(BROKEN, ttl=SECOND // 5))
    await child.hear(Lapsed)
    assert await child.get() == 200


async def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import squall_is_not_here'\n")
    python.chmod(0o755)
    edge = RemoteEdge(python=str(python))
    with pytest.raises(Refused) as refused:
        await edge.open([SHOP])
    await edge.close(drain=Duration(0))
    assert refused.value.code == "SQ414"
    assert "exit code 1: ModuleNotFoundError: No module named 'squall_is_not_here'" in str(
        refused.value
    )


async def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    edge = RemoteEdge(python=str(tmp_path / "python"))
    with pytest.raises(Refused, match="No such file"):
        await edge.open([SHOP])
    await edge.close(drain=Duration(0))


async def test_a_killed_child_is_told_at_once_and_leaves_nothing() -> None:
    edge = RemoteEdge()
    await edge.open([SHOP])
    pid = edge.pid
    assert pid is not None
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    last = [report async for report in edge.reports()][-1]
    assert time.monotonic() - began < 1
    assert last == EdgeLost(reason="the edge process was killed (SIGKILL)")
    edge.send(inject(BROKEN))
    await edge.close(drain=Duration(0))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_that_hangs_is_ended_with_its_engine_waiting_no_longer_than_it_said() -> None:
    edge = RemoteEdge()
    await edge.open([SHOP])
    pid = edge.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    await edge.close(drain=Duration(0))
    assert time.monotonic() - began < PATIENCE
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_starting_early_is_starting_once() -> None:
    edge = RemoteEdge()
    async with asyncio.TaskGroup() as group:
        group.create_task(edge.start())
        opening = group.create_task(edge.open([SHOP]))
    first = edge.pid
    await edge.start()
    assert edge.pid == first
    assert opening.result()["shop"].port
    await edge.close(drain=Duration(0))


async def test_closing_while_it_starts_leaves_nothing() -> None:
    edge = RemoteEdge()
    async with asyncio.TaskGroup() as group:
        group.create_task(edge.start())
        group.create_task(edge.close(drain=Duration(0)))
    assert edge.pid is None
