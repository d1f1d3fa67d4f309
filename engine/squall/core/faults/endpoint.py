"""Endpoints: which requests count as asking for the same thing.

An endpoint is a method and a path without its query, where every segment that is a number, a UUID
or eight and more hexadecimal digits is written ``*``: ``GET /orders/*``. Draws and counts are kept
per endpoint. A target that is asked for too many different paths does not make memory grow: see
`Endpoints`.
"""

import re
from functools import lru_cache
from typing import Final

MOST: Final = 10_000
"""Endpoints told apart per target; what comes after them shares one."""

OTHER: Final = "other"
LONGEST: Final = 256
"""Characters of an endpoint that are kept: longer ones with the same beginning are the same."""

_VARIABLE: Final = re.compile(
    r"(?<=/)(?:\d+|[0-9A-Fa-f]{8,}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?=/|$)",
    re.ASCII,
)


def endpoint_of(method: str, path: str) -> str:
    """The endpoint of a request; `path` may still have its query."""
    # What is cut off cannot matter: a segment never gets longer by being replaced.
    return _endpoint_of(method, path.partition("?")[0][: 8 * LONGEST])


@lru_cache(maxsize=4096)
def _endpoint_of(method: str, plain: str) -> str:
    return f"{method} {_VARIABLE.sub('*', plain)}"[:LONGEST]


class Endpoints:
    """The endpoints one target has been asked for, at most `MOST` of them and `OTHER`."""

    __slots__ = ("_known", "others")

    def __init__(self) -> None:
        self._known: set[str] = set()
        self.others = 0
        """How many requests went to `OTHER`."""

    def name(self, method: str, path: str) -> str:
        """The endpoint under which this request is counted."""
        endpoint = endpoint_of(method, path)
        if endpoint in self._known:
            return endpoint
        if len(self._known) < MOST:
            self._known.add(endpoint)
            return endpoint
        self.others += 1
        return OTHER
