"""Requests for the same thing share an endpoint, and too many endpoints share one."""

import pytest

from squall.core.faults import endpoint as module
from squall.core.faults.endpoint import OTHER, Endpoints, endpoint_of


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("/orders", "/orders"),
        ("/orders/17", "/orders/*"),
        ("/orders/17/items/3", "/orders/*/items/*"),
        ("/orders/17?page=2", "/orders/*"),
        ("/v1/orders", "/v1/orders"),
        ("/deadbeef", "/*"),
        ("/DEADBEEF00", "/*"),
        ("/facade", "/facade"),
        ("/deadbeefs", "/deadbeefs"),
        ("/u/123e4567-e89b-12d3-a456-426614174000/x", "/u/*/x"),
        ("/u/123e4567-e89b-12d3-a456-42661417400", "/u/123e4567-e89b-12d3-a456-42661417400"),
        ("/1/2/3", "/*/*/*"),
        ("/١٢", "/١٢"),
        ("*", "*"),
    ],
)
def test_variable_segments_are_stars(path, expected):
    assert endpoint_of("GET", path) == f"GET {expected}"


def test_methods_are_told_apart():
    assert endpoint_of("GET", "/") != endpoint_of("POST", "/")


def test_a_long_path_is_kept_short():
    assert len(endpoint_of("GET", "/x" * 30_000)) == module.LONGEST


def test_the_known_stay_known_when_the_table_is_full(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    table = Endpoints()
    names = [table.name("GET", path) for path in ("/a", "/b", "/c", "/d", "/a")]
    assert names == ["GET /a", "GET /b", OTHER, OTHER, "GET /a"]
    assert table.others == 2
