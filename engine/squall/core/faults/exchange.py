"""One exchange and what can become of it: the words in which the edge and the decision speak.

An exchange is a request and its answer or, at a target that only carries bytes, a whole connection.
The edge describes it as an `Exchange`; `decision` answers with a `Decision`, which the edge carries
out: have a place, wait, end it, or let it go on, with stages on its bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from squall.core.faults.effects import FaultEvent
from squall.core.faults.limits import Slot

Tell = Callable[[FaultEvent], None]
"""Whom to tell of a fault that was injected."""

UNKNOWN: Final = -1
"""The length of a body that comes in chunks or until its connection is closed."""

CONNECTION: Final = "connection"
"""The endpoint under which what happens to whole connections is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The facts of one request, or of one connection, for which `method` and `path` are empty.

    `path` may have a query; `host` and header names in lower case. `connection` tells connections
    of a client apart; a `live` one was there before the faults. `at` is wall time, `now` a clock
    that never goes back, both in nanoseconds. `body` is the length of the request's body or
    `UNKNOWN`.
    """

    target: str
    method: str = ""
    path: str = ""
    host: str = ""
    headers: Sequence[tuple[str, str]] = ()
    client: str = ""
    connection: int = 0
    live: bool = False
    body: int = 0
    at: int = 0
    now: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with `status` instead of asking upstream; `reason` names the fault.

    `body` takes the place of a sentence that says so. `last`: the connection ends with it.
    """

    status: int
    reason: str
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """Break the client's connection."""

    kind: Literal["reset", "close"]


@dataclass(frozen=True, slots=True)
class Silence:
    """Never answer."""


Ending = Answer | Break | Silence
"""How an exchange ends that does not reach its upstream."""


@dataclass(frozen=True, slots=True)
class Touch:
    """One fault that acts on one exchange: what it costs and, if it is the one, how it ends."""

    event: FaultEvent
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A place that must be had before anything else; `turned_away` if it is not had in time."""

    lease: str
    slot: Slot
    entered: Callable[[int], None]
    """To be called, with the time, when the place is had; then the decision goes on."""
    turned_away: Callable[[int], Ending]
    """To be called when the deadline has passed without it."""
