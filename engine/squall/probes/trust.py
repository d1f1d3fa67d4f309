"""Whose certificates probes believe: those that come with httpx, whatever the environment says.

Loading them takes tens of milliseconds, and importing httpx more; both happen with the first probe
that speaks TLS or HTTP, off the event loop, and once.
"""

import asyncio
import ssl


class Trust:
    """The certificates, once somebody needs them; `context` is what to believe instead."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context

    async def context(self) -> ssl.SSLContext:
        """What to check a server's certificate with."""
        if self._context is None:
            self._context = await asyncio.to_thread(_load)
        return self._context


def _load() -> ssl.SSLContext:
    import httpx  # noqa: PLC0415 - slow to import

    return httpx.create_ssl_context(trust_env=False)
