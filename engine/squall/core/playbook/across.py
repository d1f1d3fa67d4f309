"""Findings that only several playbooks together can have: names, circles, runs that meet.

Called with all the files that were read. What it looks at is bounded, so that ten thousand
schedules cost seconds at most: a year of firings, and fewer where there are very many.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import gcd
from typing import Final

from squall.core.diagnostics import Diagnostic, Severity, nearest
from squall.core.playbook.addresses import overlap
from squall.core.playbook.endings import lasts
from squall.core.playbook.firing import A_YEAR, beginning, has_known_times
from squall.core.playbook.load import Loaded
from squall.core.playbook.model import Address, Playbook, Target
from squall.core.playbook.order import find_circles
from squall.core.playbook.places import Places
from squall.core.playbook.source import Document, Path
from squall.core.playbook.targets import shown_upstream
from squall.core.playbook.timetable import when, written_schedules
from squall.core.schedule.model import Every, Schedule
from squall.core.schedule.triggers import next_after
from squall.core.timing import SECOND, Instant, format_duration, format_instant

_FIRINGS: Final = 20_000
"""How many firings are looked at in all, besides the first few of each schedule."""
_SERVICES: Final = 100
"""How many services at one port are told apart."""
_PAIRS: Final = 100_000
"""How many pairs of schedules without known times are compared on each address."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _One:
    """A playbook of some file, and what is found about it."""

    playbook: Playbook
    places: Places

    @property
    def name(self) -> str:
        return self.playbook.name

    @property
    def document(self) -> Document:
        return self.places.document

    def __str__(self) -> str:
        line = self.document.locate(("name",)).start.line
        return f"'{self.name}' ({self.places.file}:{line})"


def check_across(loaded: Sequence[Loaded]) -> list[Diagnostic]:
    """What the playbooks of all these files do to each other, in the order of the files."""
    ones = [
        _One(playbook=one.playbook, places=Places(one.document, file.file))
        for file in loaded
        for one in file.playbooks
    ]
    by_name: dict[str, _One] = {}
    for one in ones:
        _name(one, by_name)
    for one in by_name.values():
        _others(one, by_name)
    _circles(by_name)
    _addresses(ones)
    _meetings(ones)
    return [finding for one in ones for finding in one.places.found]


def _name(one: _One, by_name: dict[str, _One]) -> None:
    first = by_name.setdefault(one.name, one)
    if first is not one:
        line = first.document.locate(("name",)).start.line
        one.places.note(
            ("name",), "SQ211", f"playbook '{one.name}' stands in {first.places.file}:{line} too",
            "a playbook's name is its identity: give each its own",
        )  # fmt: skip


def _others(one: _One, by_name: dict[str, _One]) -> None:
    """The names of other playbooks a playbook holds. What is not among these may be elsewhere."""
    before = one.playbook.renamed_from
    if before in by_name and before != one.name:
        one.places.note(
            ("renamed_from",), "SQ254", f"{by_name[before]} still has the name this one had before",
            "remove the old playbook, or leave 'renamed_from' out", severity=Severity.WARNING,
        )  # fmt: skip
    for path, name in _depends_on(one):
        close = None if name in by_name else nearest(name, by_name)
        if close is not None:
            one.places.note(
                path, "SQ253", f"there is no playbook '{name}' in these files",
                f"did you mean '{close}'?", severity=Severity.WARNING,
            )  # fmt: skip


def _depends_on(one: _One) -> Iterator[tuple[Path, str]]:
    data = one.document.data
    written = data.get("depends_on") if isinstance(data, dict) else None
    for index, entry in enumerate(written if isinstance(written, list) else ()):
        yield ("depends_on", index), str(entry["name"] if isinstance(entry, dict) else entry)


def _addresses(ones: Sequence[_One]) -> None:
    """One address that playbooks put before different services."""
    first: dict[int, list[tuple[_One, Target]]] = defaultdict(list)
    for one in ones:
        data = one.document.data
        written = data.get("targets") if isinstance(data, dict) else None
        own = written if isinstance(written, dict) else {}
        for target in one.playbook.targets:
            if target.name not in own or not target.listen.port:
                continue
            known = first[target.listen.port]
            if not _same_service(one, target, known) and len(known) < _SERVICES:
                known.append((one, target))


def _same_service(one: _One, target: Target, others: Sequence[tuple[_One, Target]]) -> bool:
    """Whether it is known already, or another is; the latter is a finding."""
    for other, its in others:
        if not overlap(target.listen, its.listen):
            continue
        if other is not one and _behind(its) != _behind(target):
            one.places.note(
                ("targets", target.name, target.protocol, "listen"), "SQ213",
                f"{target.listen} stands before {shown_upstream(target)} here, and before "
                f"{shown_upstream(its)} in {other}",
                "a target is its address: give each service its own",
                severity=Severity.WARNING,
            )  # fmt: skip
        return True
    return False


def _behind(target: Target) -> tuple[Address | None, str]:
    return target.upstream, target.protocol


def _circles(by_name: dict[str, _One]) -> None:
    waits = {
        name: [need.name for need in one.playbook.depends_on if need.name in by_name]
        for name, one in by_name.items()
    }
    for circle in find_circles(waits):
        if len(circle) > 1:  # one that waits for itself is told of without the others
            way = " → ".join(str(by_name[name]) for name in circle)
            by_name[circle[0]].places.note(
                ("depends_on",), "SQ252",
                f"these playbooks wait for each other, and none would ever run: {way} → "
                f"'{circle[0]}'",
                "remove one of the dependencies", key=True,
            )  # fmt: skip


# -- runs that meet -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Timed:
    """A schedule, and the addresses its runs hold for how long."""

    one: _One
    at: Path
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
        timed = list(_timed(one))
        for port in {target.listen.port for target in one.playbook.targets} - {0}:
            at_port[port] += timed
    groups = [group for group in at_port.values() if len({each.one for each in group}) > 1]
    told: set[_One] = set()
    for group in groups:
        _at_known_times(group, told, _FIRINGS // len(groups) + 2 * len(group))
        _sooner_or_later(group, told)


def _timed(one: _One) -> Iterator[_Timed]:
    data = one.document.data
    assert isinstance(data, dict)
    takes = max(lasts(one.playbook), SECOND)
    written = written_schedules(data)
    for (path, _), schedule in zip(written, one.playbook.schedule, strict=True):
        if schedule.enabled:
            yield _Timed(
                one=one,
                at=when(path, schedule),
                schedule=schedule,
                addresses=tuple(target.listen for target in one.playbook.targets),
                takes=takes + schedule.jitter,
                since=beginning(schedule),
            )


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
            timed.one.places.note(
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
                timed.one.places.note(
                    timed.at, "SQ359",
                    f"sooner or later a run meets one of {other.one} on {address}: they take "
                    f"{format_duration(timed.takes)} and {format_duration(other.takes)} at least",
                    "run them less often: two runs never fault one target at once",
                    severity=Severity.WARNING,
                )  # fmt: skip
                told.update({timed.one, other.one})
                break
