"""Findings that only several playbooks together can have: names, circles, runs that meet.

Called with all the files that were read. What it looks at is bounded, so that ten thousand
schedules cost seconds at most: a year of firings, and fewer where there are very many.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import gcd
from typing import Final, Protocol

from squall.core.diagnostics import Diagnostic, Severity, Span, nearest, printable
from squall.core.playbook.addresses import overlap
from squall.core.playbook.model import Address
from squall.core.playbook.neighbours import Neighbour, Stand
from squall.core.playbook.order import find_circles
from squall.core.schedule.horizon import A_YEAR, beginning, has_known_times
from squall.core.schedule.model import Every, Schedule
from squall.core.schedule.triggers import next_after
from squall.core.timing import SECOND, Instant, format_duration, format_instant

_FIRINGS: Final = 20_000
"""How many firings are looked at in all, besides the first few of each schedule."""
_SERVICES: Final = 100
"""How many services at one port are told apart."""
_GUESSES: Final = 100
"""How many names that are missing are compared with those there are."""
_PAIRS: Final = 100_000
"""How many pairs of schedules without known times are compared on each address."""


class HasPlaybooks(Protocol):
    """A file that was looked at."""

    @property
    def neighbours(self) -> tuple[Neighbour, ...]:
        """Its playbooks that make sense, as others see them."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _One:
    """A playbook of some file, and what is found about it."""

    seen: Neighbour
    found: list[Diagnostic]

    @property
    def name(self) -> str:
        return self.seen.name.name

    def note(
        self, span: Span, code: str, message: str, hint: str, *, severity: Severity = Severity.ERROR
    ) -> None:
        self.found.append(
            Diagnostic(
                file=self.seen.file,
                span=span,
                code=code,
                message=printable(message),
                hint=printable(hint),
                severity=severity,
            )
        )

    def __str__(self) -> str:
        return str(self.seen)


def check_across(files: Iterable[HasPlaybooks]) -> list[Diagnostic]:
    """What the playbooks of all these files do to each other, in the order of the files."""
    ones = [_One(seen, []) for file in files for seen in file.neighbours]
    by_name: dict[str, _One] = {}
    for one in ones:
        _name(one, by_name)
    close: dict[str, str | None] = {}
    for one in by_name.values():
        _others(one, by_name, close)
    _circles(by_name)
    _addresses(ones)
    _meetings(ones)
    return [finding for one in ones for finding in one.found]


def _name(one: _One, by_name: dict[str, _One]) -> None:
    first = by_name.setdefault(one.name, one)
    if first is not one:
        where = f"{first.seen.file}:{first.seen.name.span.start.line}"
        one.note(
            one.seen.name.span, "SQ211", f"playbook '{one.name}' stands in {where} too",
            "a playbook's name is its identity: give each its own",
        )  # fmt: skip


def _others(one: _One, by_name: dict[str, _One], close: dict[str, str | None]) -> None:
    """The names of other playbooks a playbook holds. What is not among these may be elsewhere.

    `close` are the names they may be misspelt for, as far as that was looked up.
    """
    before = one.seen.renamed_from
    if before is not None and before.name in by_name and before.name != one.name:
        one.note(
            before.span, "SQ254", f"{by_name[before.name]} still has the name this one had before",
            "remove the old playbook, or leave 'renamed_from' out", severity=Severity.WARNING,
        )  # fmt: skip
    for other in one.seen.depends_on:
        if other.name in by_name:
            continue
        if other.name not in close and len(close) < _GUESSES:
            close[other.name] = nearest(other.name, by_name)
        meant = close.get(other.name)
        if meant is not None:
            one.note(
                other.span, "SQ253", f"there is no playbook '{other.name}' in these files",
                f"did you mean '{meant}'?", severity=Severity.WARNING,
            )  # fmt: skip


def _addresses(ones: Sequence[_One]) -> None:
    """One address that playbooks put before different services."""
    first: dict[int, list[tuple[_One, Stand]]] = defaultdict(list)
    for one in ones:
        for stand in one.seen.stands:
            known = first[stand.listen.port]
            if not _same_service(one, stand, known) and len(known) < _SERVICES:
                known.append((one, stand))


def _same_service(one: _One, stand: Stand, others: Sequence[tuple[_One, Stand]]) -> bool:
    """Whether it is known already, or another is; the latter is a finding."""
    for other, its in others:
        if not overlap(stand.listen, its.listen):
            continue
        if other is not one and (its.behind, its.protocol) != (stand.behind, stand.protocol):
            one.note(
                stand.span, "SQ213",
                f"{stand.listen} stands before {stand.behind} here, and before {its.behind} in "
                f"{other.seen}",
                "a target is its address: give each service its own",
                severity=Severity.WARNING,
            )  # fmt: skip
        return True
    return False


def _circles(by_name: dict[str, _One]) -> None:
    waits = {
        name: [other for other in one.seen.waits_for if other in by_name]
        for name, one in by_name.items()
    }
    for circle in find_circles(waits):
        if len(circle) > 1:  # one that waits for itself is told of without the others
            first = by_name[circle[0]]
            assert first.seen.depends_span is not None
            way = " → ".join(str(by_name[name]) for name in circle)
            first.note(
                first.seen.depends_span, "SQ252",
                f"these playbooks wait for each other, and none would ever run: {way} → "
                f"'{circle[0]}'",
                "remove one of the dependencies",
            )  # fmt: skip


# -- runs that meet -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Timed:
    """A schedule, and the addresses its runs hold for how long."""

    one: _One
    at: Span
    schedule: Schedule
    addresses: tuple[Address, ...]
    takes: int
    since: Instant

    def shared(self, other: "_Timed") -> Address | None:
        """An address that both hold; none if they are of one playbook."""
        if self.one is other.one:
            return None
        return next(
            (mine for mine in self.addresses for its in other.addresses if overlap(mine, its)),
            None,
        )


def _meetings(ones: Sequence[_One]) -> None:
    at_port: dict[int, list[_Timed]] = defaultdict(list)
    for one in ones:
        timed = _timed(one)
        for port in {address.port for address in one.seen.addresses} - {0} if timed else ():
            at_port[port] += timed
    groups = [group for group in at_port.values() if len({each.one for each in group}) > 1]
    told: set[_One] = set()
    for group in groups:
        _at_known_times(group, told, _FIRINGS // len(groups) + 2 * len(group))
        _sooner_or_later(group, told)


def _timed(one: _One) -> list[_Timed]:
    takes = max(one.seen.takes, SECOND)
    return [
        _Timed(
            one=one,
            at=timed.span,
            schedule=timed.schedule,
            addresses=one.seen.addresses,
            takes=takes + timed.schedule.jitter,
            since=beginning(timed.schedule),
        )
        for timed in one.seen.schedules
    ]


def _at_known_times(group: Sequence[_Timed], told: set[_One], budget: int) -> None:
    """Go through the firings of all in order of time, until each has met another or all is seen."""
    known = [timed for timed in group if has_known_times(timed.schedule)]
    firsts = [
        (next_after(timed.schedule, Instant(timed.since - 1), since=timed.since), number)
        for number, timed in enumerate(known)
    ]
    ahead = [(firing, number) for firing, number in firsts if firing is not None]
    heapify(ahead)
    horizon = max((timed.since for timed in known), default=0) + A_YEAR
    running: dict[_One, tuple[int, Instant, _Timed]] = {}
    while ahead and budget:
        budget -= 1
        firing, number = heappop(ahead)
        timed = known[number]
        if timed.one in told:
            continue
        for one in [one for one, (end, _, _) in running.items() if end <= firing]:
            del running[one]
        if _met(timed, firing, running):
            told.add(timed.one)
            continue
        end = running[timed.one][0] if timed.one in running else 0
        running[timed.one] = (max(end, firing + timed.takes), firing, timed)
        following = next_after(timed.schedule, firing, since=timed.since)
        if following is not None and following < horizon:
            heappush(ahead, (following, number))


def _met(timed: _Timed, firing: Instant, running: dict[_One, tuple[int, Instant, _Timed]]) -> bool:
    for _, began, other in running.values():
        address = timed.shared(other)
        if address is not None:
            timed.one.note(
                timed.at, "SQ359",
                f"the run at {format_instant(firing)} meets that of {other.one} on {address}, "
                f"which begins at {format_instant(began)} and takes "
                f"{format_duration(other.takes)} at least",
                "move one of them: two runs never fault one target at once",
                severity=Severity.WARNING,
            )  # fmt: skip
            return True
    return False


def _sooner_or_later(group: Sequence[_Timed], told: set[_One]) -> None:
    """Runs at even distances from a beginning nobody knows yet, when none keeps them apart."""
    pairs = _PAIRS
    for timed in group:
        trigger = timed.schedule.trigger
        if not isinstance(trigger, Every) or timed.one in told:
            continue
        for other in group:
            pairs -= 1
            if pairs < 0:
                return
            between: int = trigger.interval
            if isinstance(other.schedule.trigger, Every):
                between = gcd(between, other.schedule.trigger.interval)
            elif not has_known_times(other.schedule):
                continue
            address = timed.shared(other)
            if address is not None and timed.takes + other.takes > between:
                timed.one.note(
                    timed.at, "SQ359",
                    f"sooner or later a run meets one of {other.one} on {address}: they take "
                    f"{format_duration(timed.takes)} and {format_duration(other.takes)} at least",
                    "run them less often: two runs never fault one target at once",
                    severity=Severity.WARNING,
                )  # fmt: skip
                told.update({timed.one, other.one})
                break
