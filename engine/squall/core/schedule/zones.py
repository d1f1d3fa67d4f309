"""Clocks on walls: time zones, and the hours that are missing or come twice in them.

The only door to `zoneinfo`. A wall time is a `datetime` without a zone, in whole seconds. Zones
come from the machine, or from the tzdata package where it has none.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

from squall.core.diagnostics import nearest
from squall.core.timing import SECOND, Instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK: Final = 7 * 86_400


class Change(NamedTuple):
    """A clock is put forward or back: from `before` to `after`, both wall times of one moment."""

    at: Instant
    before: datetime
    after: datetime


@lru_cache(maxsize=128)
def zone(name: str) -> tzinfo | None:
    """The zone of that name, or None if there is none."""
    if name == "UTC":
        return UTC
    import zoneinfo  # noqa: PLC0415 - start-up: most playbooks name no zone

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=128)
def nearest_zone(name: str) -> str | None:
    """The zone somebody most likely meant."""
    names = _names()
    cities = {known.rpartition("/")[2]: known for known in names if "/" in known}
    asked = name.casefold().replace(" ", "_")
    found = asked if asked in names else cities.get(asked) or nearest(asked, names)
    return names[found] if found else None


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Every zone there is, by its name in lower case."""
    import zoneinfo  # noqa: PLC0415 - as in `zone`

    return {known.casefold(): known for known in sorted(zoneinfo.available_timezones())}


def wall(instant: Instant, place: tzinfo) -> datetime:
    """What a clock shows then; its `fold` is 1 when it shows that for the second time."""
    return _on_earth(instant // SECOND, place).replace(tzinfo=None)


def instants(shown: datetime, place: tzinfo) -> tuple[Instant, ...]:
    """The moments at which a clock shows this: one, none in a gap, two when it is put back."""
    if place is UTC:
        return (_instant(shown),)
    early, late = _offsets(shown, place)
    if early < late:
        return ()
    first = _instant(shown - early)
    return (first,) if early == late else (first, _instant(shown - late))


def instant_of(moment: datetime, place: tzinfo) -> Instant | None:
    """When a written time is: the first of two, None in a gap. An offset of its own goes first."""
    if moment.tzinfo is not None:
        return _instant(moment.astimezone(UTC).replace(tzinfo=None))
    shown = moment.replace(microsecond=0)
    found = instants(shown, place)
    return Instant(found[0] + moment.microsecond * 1_000) if found else None


def change_at(shown: datetime, place: tzinfo) -> Change:
    """The change of the clock that makes this wall time missing or double."""
    early, late = _offsets(shown, place)
    low = _seconds(shown - max(early, late))
    return _between(low, _seconds(shown - min(early, late)), place)


@lru_cache(maxsize=128)
def changes(name: str, since: Instant, years: int) -> tuple[Change, ...]:
    """Every change of that zone's clocks in some years; those undone within a week may lack."""
    place = zone(name)
    assert place is not None
    return tuple(_changes(place, since // SECOND, years))


def _changes(place: tzinfo, low: int, years: int) -> Iterator[Change]:
    for high in range(low + _WEEK, low + years * 366 * 86_400, _WEEK):
        if _on_earth(low, place).utcoffset() != _on_earth(high, place).utcoffset():
            yield _between(low, high, place)
        low = high


def _between(low: int, high: int, place: tzinfo) -> Change:
    """The change later than `low` and not later than `high`."""
    before = _on_earth(low, place).utcoffset()
    after = _on_earth(high, place).utcoffset()
    assert before is not None
    assert after is not None
    while high - low > 1:
        middle = (low + high) // 2
        if _on_earth(middle, place).utcoffset() == before:
            low = middle
        else:
            high = middle
    moment = _EPOCH.replace(tzinfo=None) + timedelta(seconds=high)
    return Change(Instant(high * SECOND), moment + before, moment + after)


def _offsets(shown: datetime, place: tzinfo) -> tuple[timedelta, timedelta]:
    """How far ahead of UTC the zone is before and after a change near by."""
    early = shown.replace(tzinfo=place, fold=0).utcoffset()
    late = shown.replace(tzinfo=place, fold=1).utcoffset()
    assert early is not None
    assert late is not None
    return early, late


def _on_earth(seconds: int, place: tzinfo) -> datetime:
    return (_EPOCH + timedelta(seconds=seconds)).astimezone(place)


def _seconds(utc: datetime) -> int:
    return _instant(utc) // SECOND


def _instant(utc: datetime) -> Instant:
    since = utc - _EPOCH.replace(tzinfo=None)
    return Instant((since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000)
