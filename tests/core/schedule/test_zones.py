"""Clocks on walls."""

from datetime import datetime

import pytest

from squall.core.schedule.zones import change_at, changes, instants, nearest_zone, wall, zone
from squall.core.timing import HOUR, MINUTE, SECOND, Instant

BERLIN = zone("Europe/Berlin")
NEW_YEAR_2026 = Instant(1_767_225_600 * SECOND)


@pytest.mark.parametrize("name", ["Nowhere", "Europe", "../etc/passwd", "/etc", "", "a\0b", "PST"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone(name) is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Moon/Tranquility Base", None),
    ],
)
def test_the_zone_that_was_meant_is_found(written: str, meant: str | None) -> None:
    assert nearest_zone(written) == meant


def test_a_wall_time_is_once_never_or_twice() -> None:
    assert len(instants(datetime(2026, 6, 1, 2, 30), BERLIN)) == 1
    assert instants(datetime(2026, 3, 29, 2, 30), BERLIN) == ()
    first, second = instants(datetime(2026, 10, 25, 2, 30), BERLIN)
    assert second - first == HOUR
    assert [wall(first, BERLIN).fold, wall(second, BERLIN).fold] == [0, 1]


def test_a_change_is_found_to_the_second() -> None:
    change = change_at(datetime(2026, 3, 29, 2, 30), BERLIN)
    assert change.before == datetime(2026, 3, 29, 2)
    assert change.after == datetime(2026, 3, 29, 3)
    assert wall(Instant(change.at - 1), BERLIN) == datetime(2026, 3, 29, 1, 59, 59)


def test_every_change_of_some_years_is_found() -> None:
    found = changes("Europe/Berlin", NEW_YEAR_2026, 3)
    assert [f"{change.after:%Y-%m-%d %H:%M}" for change in found] == [
        "2026-03-29 03:00", "2026-10-25 02:00", "2027-03-28 03:00", "2027-10-31 02:00",
        "2028-03-26 03:00", "2028-10-29 02:00",
    ]  # fmt: skip
    assert changes("UTC", NEW_YEAR_2026, 3) == ()
    lord_howe = changes("Australia/Lord_Howe", NEW_YEAR_2026, 1)
    moved = {abs((change.after - change.before).total_seconds()) for change in lord_howe}
    assert moved == {30 * MINUTE / SECOND}
