"""One question over HTTP: the `http` step.

Says what was seen, whatever the status, or in a sentence that names the request why nothing was: a
connection that fails, an answer that never comes or breaks off. Nothing is taken from the
environment (no proxies, no netrc): a playbook means the same everywhere. The step's own `timeout`
is the machine's business; the limit here only keeps a probe without one from waiting for ever.
This module is httpx's door: it is slow to import, so that happens with the first probe, off the
event loop.
"""

import asyncio
import re
import zlib
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from squall.core.playbook.model import HttpProbe
from squall.core.playbook.wording import describe_probe
from squall.core.run.events import MOST_SEEN, Saw, kept
from squall.core.timing import SECOND, Duration
from squall.probes.reasons import why
from squall.probes.trust import Trust

if TYPE_CHECKING:
    import httpx

PATIENCE: Final = Duration(30 * SECOND)
MOST_READ: Final = 1 << 20
"""How much of an answer is read, to see that it is whole, before the connection is closed."""

_CHARSET: Final = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)


class HttpProber:
    """Asks once per call."""

    def __init__(self, *, patience: Duration = PATIENCE, trust: Trust | None = None) -> None:
        self._patience = patience
        self._trust = trust or Trust()

    async def __call__(self, probe: HttpProbe) -> Saw | str:
        """Status, latency, body and headers of the answer, or why there is none."""
        asked = describe_probe(probe)
        context = await self._trust.context()
        import httpx  # noqa: PLC0415 - the door of a slow library, which `context` has imported

        client = httpx.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=probe.follow,
            timeout=self._patience / SECOND,
        )
        try:
            async with asyncio.timeout(self._patience / SECOND), client:
                return await self._ask(client, probe)
        except TimeoutError:
            return f"{asked}: no answer within {self._patience / SECOND:g} s"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"{asked}: {why(error)}"

    @staticmethod
    async def _ask(client: "httpx.AsyncClient", probe: HttpProbe) -> Saw:
        headers = [(name.encode(), value.encode()) for name, value in probe.headers]
        if "accept-encoding" not in dict(probe.headers):
            headers.append((b"accept-encoding", b"identity"))
        body = None if probe.body is None else probe.body.encode()
        began = monotonic_ns()
        async with client.stream(probe.method, probe.url, headers=headers, content=body) as answer:
            read, first = 0, bytearray()
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                first += chunk[: MOST_SEEN - len(first)]
                if read > MOST_READ:
                    break
            took = monotonic_ns() - began
        return Saw(
            values=(
                ("status", answer.status_code),
                ("latency", took),
                ("body", _text(bytes(first), read > len(first), answer.headers)),
            ),
            headers=tuple((name.lower(), value) for name, value in answer.headers.items()),
        )


def _text(data: bytes, more: bool, headers: "httpx.Headers") -> str:  # noqa: FBT001
    """A body as text; one that came compressed, though nobody asked for it, is opened first."""
    if headers.get("content-encoding", "").lower() in {"gzip", "deflate"}:
        try:
            opened = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, MOST_SEEN + 1)
        except zlib.error:
            opened = data
        more, data = more or len(opened) > MOST_SEEN, opened
    charset = _CHARSET.search(headers.get("content-type", ""))
    return kept(data, cut=more, charset=charset[1] if charset else "utf-8")
