"""One program, run once and without a shell: the `exec` step.

What it writes is kept up to 64 KiB a stream, and read to the end all the same, so that nobody waits
for us. Its stdin is empty, its environment what the step says and a few usual variables. It is on a
`leash`: whether the step times out, the run is stopped or the engine is killed, the program and all
its children end. There is no time limit here beyond the step's and the run's.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import msgspec

from squall.core.diagnostics import short
from squall.core.playbook.model import ExecProbe
from squall.core.playbook.wording import describe_probe
from squall.core.run.events import MOST_SEEN, Saw, kept
from squall.probes.reasons import said

LEASH: Final = Path(__file__).with_name("leash.py")
GONE_WITHIN: Final = 3.0
"""Seconds for a program that was let go to be gone; its leash takes one of them to make it go."""
_REST_WITHIN: Final = 1.0
"""Seconds for the last output of a program that has ended."""
_SIGNALLED: Final = 128


class ExecProber:
    """Runs one program per call, in parallel if asked to. `environment`: the usual variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    async def __call__(self, probe: ExecProbe, folder: Path) -> Saw | str:
        """Exit code, output and latency, or why it could not be run."""
        asked = describe_probe(probe)
        cwd = folder / probe.cwd
        try:
            leash = await _Leash.held()
        except OSError as error:
            return f"{asked}: nothing can be run: {said(error)}"
        try:
            told = await leash.run(probe.run, {**self._environment, **dict(probe.env)}, cwd)
        finally:
            await leash.let_go()
        if told.code is None:
            return f"{asked}: {_why_not(told, probe, cwd)}"
        code = told.code if told.code >= 0 else _SIGNALLED - told.code
        return Saw(
            values=(
                ("exit_code", code),
                ("latency", told.took),
                ("stdout", leash.stdout.text()),
                ("stderr", leash.stderr.text()),
            )
        )


def _why_not(told: "_Told", probe: ExecProbe, cwd: Path) -> str:
    """Why a program did not run, in a sentence."""
    program = short(probe.run[0])
    match told.what, told.errno:
        case "", _:
            return "whatever watched over it was killed"
        case "folder", errno.ENOENT | errno.ENOTDIR:
            return f"there is no folder {cwd}"
        case "program", errno.ENOENT | errno.ENOTDIR:
            where = f"in {cwd}" if "/" in program else "on the PATH"
            return f"there is no program '{program}' {where}"
        case "program", errno.EACCES:
            return f"'{program}' may not be executed"
        case "program", errno.ENOEXEC:
            return f"'{program}' is no program; a script begins with a line like #!/bin/sh"
        case what, number:
            return f"the {what} cannot be used: {os.strerror(number).lower()}"


class _Told(msgspec.Struct):
    """A line from the leash: who runs; how that ended and after how long; or why nothing runs."""

    program: int = 0
    code: int | None = None
    took: int = 0
    what: str = ""
    errno: int = 0


class _Sink(asyncio.Protocol):
    """Takes all that a program writes and keeps the beginning."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._first = bytearray()
        self._more = False

    def data_received(self, data: bytes) -> None:
        room = MOST_SEEN - len(self._first)
        self._first += data[:room]
        self._more = self._more or len(data) > room

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.ended.set()

    def text(self) -> str:
        """What was kept."""
        return kept(bytes(self._first), cut=self._more)


class _Leash:
    """One end of a leash. Whoever holds it owes `let_go`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        outputs: list[tuple[asyncio.ReadTransport, _Sink]],
    ) -> None:
        self._process = process
        self._reader, self._writer = channel
        self._outputs = outputs
        self._program = 0
        self.stdout, self.stderr = (sink for _, sink in outputs)

    @classmethod
    async def held(cls) -> Self:
        """A leash with nothing on it yet; raises `OSError`."""
        async with contextlib.AsyncExitStack() as opened:
            theirs = opened.enter_context(contextlib.ExitStack())
            mine, other = socket.socketpair()
            opened.callback(mine.close)
            theirs.callback(other.close)
            channel = await asyncio.open_unix_connection(sock=mine)
            opened.callback(channel[1].transport.abort)
            outputs, ends = [], []
            for _ in range(2):
                read, write = os.pipe()
                ends.append(write)
                theirs.callback(os.close, write)
                output = await _read(read)
                opened.callback(output[0].close)
                outputs.append(output)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LEASH)),
                stdin=other.fileno(),
                stdout=ends[0],
                stderr=ends[1],
                env={},
                start_new_session=True,
            )
            theirs.close()
            opened.pop_all()
            return cls(process, channel, outputs)

    async def run(self, run: tuple[str, ...], env: dict[str, str], cwd: Path) -> _Told:
        """Run a program to its end."""
        variables = (text for pair in env.items() for text in pair)
        asked = "\0".join((str(len(run)), *run, str(cwd), *variables)).encode()
        with contextlib.suppress(ConnectionError):
            self._writer.write(b"%d\n" % len(asked) + asked)
            async for line in self._reader:
                told = msgspec.json.decode(line, type=_Told)
                self._program = self._program or told.program
                if not told.program:
                    return told
        return _Told()

    async def let_go(self) -> None:
        """See it gone, with all that was on it."""
        self._writer.transport.abort()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GONE_WITHIN):
                    await self._process.wait()
            if self._process.returncode != 0:  # it did not get to do its work
                self._kill()
                await self._process.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REST_WITHIN):
                    await self.stdout.ended.wait()
                    await self.stderr.ended.wait()
        finally:
            if self._process.returncode is None:
                self._kill()
            for transport, _ in self._outputs:
                transport.close()

    def _kill(self) -> None:
        if self._program:
            with contextlib.suppress(OSError):
                os.killpg(self._program, signal.SIGKILL)
        if self._process.returncode is None:
            self._process.kill()


async def _read(pipe: int) -> tuple[asyncio.ReadTransport, _Sink]:
    file = os.fdopen(pipe, "rb", 0)
    try:
        transport, sink = await asyncio.get_running_loop().connect_read_pipe(_Sink, file)
    except BaseException:
        file.close()
        raise
    return transport, sink
