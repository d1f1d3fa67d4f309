"""One question over HTTP: the `http` step.

The engine's `Prober`. A connection that fails, an answer that never comes and a status of 400 or
above are failures, each told in a sentence that names the request. Nothing is taken from the
environment (no proxies, no netrc): a playbook means the same everywhere. The step's own `timeout`
is the machine's business; the limit here only keeps a probe without one from waiting for ever.
This module is httpx's door: it is slow to import, so that happens with the first probe, off the
event loop.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from squall.core.playbook.model import HttpProbe
from squall.core.timing import MILLISECOND, SECOND, Duration

if TYPE_CHECKING:
    import httpx

PATIENCE: Final = Duration(30 * SECOND)
MOST_READ: Final = 1 << 20
"""How much of an answer is read before the connection is closed; only its status matters."""


class HttpProber:
    """Asks, and says in a sentence what was seen."""

    def __init__(self, *, patience: Duration = PATIENCE) -> None:
        self._patience = patience
        self._trust: ssl.SSLContext | None = None

    async def __call__(self, probe: HttpProbe) -> tuple[bool, str]:
        """Whether the answer came with a status below 400, and what was seen instead or so."""
        began = monotonic_ns()
        asked = f"{probe.method} {_without_password(probe.url)}"
        try:
            async with asyncio.timeout(self._patience / SECOND):
                status = await self._ask(probe)
        except TimeoutError:
            return False, f"{asked}: no answer within {self._patience / SECOND:g} s"
        except _Unanswered as unanswered:
            return False, f"{asked}: {unanswered}"
        took = (monotonic_ns() - began) / MILLISECOND
        return status < 400, f"{asked} answered {status} in {took:.0f} ms"

    async def _ask(self, probe: HttpProbe) -> int:
        client = await asyncio.to_thread(self._client, follow=probe.follow)
        import httpx  # noqa: PLC0415 - imported by the thread above; this only names it

        headers = [(name.encode(), value.encode()) for name, value in probe.headers]
        body = None if probe.body is None else probe.body.encode()
        try:
            async with (
                client,
                client.stream(probe.method, probe.url, headers=headers, content=body) as answer,
            ):
                read = 0
                async for chunk in answer.aiter_raw():
                    read += len(chunk)
                    if read > MOST_READ:
                        break
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Unanswered(_why(error)) from error

    def _client(self, *, follow: bool) -> "httpx.AsyncClient":
        """A client for one question; loading the certificate store takes tens of milliseconds."""
        import httpx  # noqa: PLC0415 - the door of a slow library

        if self._trust is None:
            self._trust = httpx.create_ssl_context(trust_env=False)
        return httpx.AsyncClient(
            verify=self._trust,
            trust_env=False,
            follow_redirects=follow,
            timeout=self._patience / SECOND,
        )


class _Unanswered(Exception):  # noqa: N818 - it names what happened
    """No status came back; the text says why."""


def _why(error: Exception) -> str:
    """The reason a person can act on, which hides at the bottom of a chain of exceptions."""
    for cause in _causes(error):
        # Without a number it only sums up others: "All connection attempts failed".
        if isinstance(cause, OSError) and cause.errno is not None:
            return _said(cause)
    return str(error) or type(error).__name__


def _said(error: OSError) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "no such host"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or error})"
        case _:
            return (error.strerror or str(error)).lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, what it stands for, and what led to that, outermost first."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        here = waiting.pop(0)
        if id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        if isinstance(here, BaseExceptionGroup):
            waiting.extend(here.exceptions)
        waiting.extend(each for each in (here.__cause__, here.__context__) if each is not None)


def _without_password(url: str) -> str:
    """The address as it may be shown: what stands before an ``@`` can be a secret."""
    scheme, colon, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{colon}{authority.rpartition('@')[2]}{slash}{path}"
