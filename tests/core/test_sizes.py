"""Sizes and flows as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.sizes import LARGEST, parse_flow, parse_size


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("100KB", 100_000),
        ("64KiB", 65_536),
        ("1.5MB", 1_500_000),
        (" 1 GB ", 10**9),
        ("0B", 0),
        ("2GiB", 2**31),
        ("1MiB", 2**20),
        (512, 512),
        (512.0, 512),
        (0, 0),
        (LARGEST, LARGEST),
        (LARGEST + 1, None),
        ("1000001GB", None),
        (-1, None),
        (0.5, None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        ("100", None),
        ("100kb", None),
        ("1,5MB", None),
        ("-1KB", None),
        ("1e3B", None),
        ("٣KB", None),
        ("", None),
        ("9" * 99 + "B", None),
    ],
)
def test_a_size_is_a_number_of_bytes(written, size):
    assert parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "flow"),
    [
        ("100KB/s", 100_000.0),
        ("64KiB / s", 65_536.0),
        ("1B/s", 1.0),
        (0.5, 0.5),
        (64_000, 64_000.0),
        ("100KB", None),
        ("100KB/m", None),
        ("0B/s", None),
        (0, None),
        (-1, None),
        (float("nan"), None),
    ],
)
def test_a_flow_is_bytes_a_second(written, flow):
    assert parse_flow(written) == flow


@given(st.text(max_size=20))
def test_no_text_is_too_strange_to_be_refused(written):
    assert parse_size(written) is None or parse_size(written) >= 0
    assert parse_flow(written) is None or parse_flow(written) > 0
