"""One question over a bare TCP or TLS connection: the `tcp` step.

Connects, sends the step's text if there is one, and takes what comes until the other side closes,
falls silent or has said 64 KiB. When something was sent, an answer is waited for; without, only as
long as a server takes that speaks first. Latency is the time until the first byte of an answer,
else until the connection stood. Who may be believed under TLS is `trust`'s to say.
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Final

from squall.core.playbook.model import TcpProbe
from squall.core.playbook.wording import describe_probe
from squall.core.run.events import MOST_SEEN, Saw, kept
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.http import PATIENCE
from squall.probes.reasons import said
from squall.probes.trust import Trust

SILENCE: Final = Duration(250 * MILLISECOND)
"""How long somebody who could say more says nothing before it is taken for all."""


class TcpProber:
    """Asks once per call."""

    def __init__(
        self,
        *,
        patience: Duration = PATIENCE,
        silence: Duration = SILENCE,
        trust: Trust | None = None,
    ) -> None:
        self._patience = patience
        self._silence = silence
        self._trust = trust or Trust()

    async def __call__(self, probe: TcpProbe) -> Saw | str:
        """Latency and what was received, or why nothing could be."""
        asked = describe_probe(probe)
        context = await self._trust.context() if probe.tls else None
        heard = _Heard()
        try:
            async with asyncio.timeout(self._patience / SECOND):
                began = monotonic_ns()
                reader, writer = await asyncio.open_connection(
                    probe.connect.host, probe.connect.port, ssl=context
                )
                heard.at = monotonic_ns()
                try:
                    if probe.send:
                        writer.write(probe.send.encode())
                    await self._listen(reader, heard, patiently=bool(probe.send))
                finally:
                    writer.transport.abort()
        except TimeoutError:
            if not heard.data:
                return f"{asked}: no answer within {self._patience / SECOND:g} s"
        except OSError as error:
            return f"{asked}: {said(error)}"
        if probe.send and not heard.data:
            return f"{asked}: it was closed without an answer"
        return Saw(
            values=(("latency", heard.at - began), ("received", kept(bytes(heard.data)))),
        )

    async def _listen(
        self, reader: asyncio.StreamReader, heard: "_Heard", *, patiently: bool
    ) -> None:
        """Take what the other side says. `patiently`: it may take its time to begin."""
        while len(heard.data) <= MOST_SEEN:
            within = None if patiently and not heard.data else self._silence / SECOND
            try:
                async with asyncio.timeout(within):
                    piece = await reader.read(MOST_SEEN)
            except TimeoutError:
                return
            if not piece:
                return
            if not heard.data:
                heard.at = monotonic_ns()
            heard.data += piece


@dataclass(slots=True)
class _Heard:
    """What has come so far, and when the first of it did; before, when the connection stood."""

    data: bytearray = field(default_factory=bytearray)
    at: int = 0
