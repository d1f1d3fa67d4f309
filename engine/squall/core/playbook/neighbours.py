"""A playbook as others see it: what is asked of it when several files are looked at together.

`load` says it of each playbook, `across` asks whether any two get in each other's way. It holds no
more than that, so that ten thousand of them fit in memory, and a linter can keep it for the next
time.
"""

from msgspec import Struct

from squall.core.diagnostics import Span
from squall.core.playbook.model import BUILTIN_ECHO, Address
from squall.core.schedule.model import Schedule
from squall.core.timing import Duration


class Named(Struct, frozen=True):
    """The name of another playbook, and where it is written."""

    name: str
    span: Span


class Timed(Struct, frozen=True):
    """A schedule that is enabled, and where it says when it fires."""

    schedule: Schedule
    span: Span


class Stand(Struct, frozen=True):
    """A target of the playbook's own: where it listens, what is behind it, where that is said."""

    listen: Address
    upstream: Address | None
    protocol: str
    span: Span

    @property
    def behind(self) -> str:
        """What stands behind it, as people write it."""
        return str(self.upstream or BUILTIN_ECHO)


class Neighbour(Struct, frozen=True, kw_only=True):
    """One playbook; `takes` is what its run takes at least, `depends_span` where that key stands.

    `waits_for` are the playbooks it depends on as they are meant, `depends_on` as they are written.
    """

    file: str
    name: Named
    addresses: tuple[Address, ...]
    takes: Duration
    renamed_from: Named | None = None
    waits_for: tuple[str, ...] = ()
    depends_on: tuple[Named, ...] = ()
    depends_span: Span | None = None
    schedules: tuple[Timed, ...] = ()
    stands: tuple[Stand, ...] = ()

    def __str__(self) -> str:
        return f"'{self.name.name}' ({self.file}:{self.name.span.start.line})"
