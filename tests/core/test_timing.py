"""Durations as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.timing import DAY, HOUR, LONGEST, MINUTE, format_duration, parse_duration


@pytest.mark.parametrize(
    ("duration", "written"),
    [
        (0, "0s"),
        (1, "0.001us"),
        (250_000, "250us"),
        (43_568_276, "43.568276ms"),
        (250_000_000, "250ms"),
        (1_500_000_000, "1s500ms"),
        (1_500_000_001, "1.500000001s"),
        (90 * MINUTE, "1h30m"),
        (DAY + HOUR + 2 * MINUTE + 1, "1d1h2m0.001us"),
    ],
)
def test_a_duration_is_written_as_a_playbook_has_it(duration: int, written: str) -> None:
    assert format_duration(duration) == written


@given(st.integers(0, LONGEST) | st.integers(0, 2 * MINUTE))
def test_what_is_written_is_read_as_the_same_duration(duration: int) -> None:
    assert parse_duration(format_duration(duration)) == duration
