"""Every condition of a match must hold, and no pattern can take for ever."""

import pytest

from squall.core.faults.kinds import Match
from squall.core.faults.matching import LONGEST_PATH, Matcher, problem_with


def matches(match, method="GET", path="/", host="shop", headers=()):
    matcher = Matcher(match)
    return matcher.names(method, path, host) and matcher.admits(headers, "127.0.0.1", 0)


def test_nothing_asked_matches_everything():
    assert matches(Match(), "BREW", "*", "", ())


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/orders", "/orders", True),
        ("/orders", "/orders/", False),
        ("/orders/*", "/orders/1", True),
        ("/orders/*", "/orders/1/items", False),
        ("/orders/**", "/orders/1/items", True),
        ("/**/items", "/orders/1/items", True),
        ("/*/items", "/orders/1/items", False),
        ("*", "/orders", False),
        ("**", "/orders/1", True),
        ("/v?/x", "/v1/x", True),
        ("/v?/x", "/v//x", False),
        ("/a.b", "/axb", False),
        ("/[a]", "/[a]", True),
        ("~^/api/v[0-9]+/", "/api/v2/x", True),
        ("~^/api/v[0-9]+/", "/x/api/v2/", False),
        ("~orders", "/my/orders/1", True),
        ("~\\.(png|jpg)$", "/a.png", True),
        ("~(?i)ORDERS", "/orders", True),
    ],
)
def test_paths(pattern, path, expected):
    assert matches(Match(path=pattern), path=path) is expected


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("shop", "shop", True),
        ("shop", "shop:8080", True),
        ("shop:8080", "shop:8080", True),
        ("shop:8080", "shop", False),
        ("SHOP", "shop", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("shop", "", False),
    ],
)
def test_hosts(pattern, host, expected):
    assert matches(Match(host=pattern), host=host) is expected


def test_methods():
    match = Match(method=("GET", "post"))
    assert matches(match, "POST")
    assert not matches(match, "PUT")


def test_all_headers_asked_for_must_be_there():
    match = Match(headers=(("x-user", "42"), ("x-beta", "on")))
    assert matches(match, headers=[("x-beta", "on"), ("x-user", "41"), ("x-user", "42")])
    assert not matches(match, headers=[("x-user", "42")])
    assert not matches(match, headers=[("x-user", "42"), ("x-beta", "ON")])


def test_every_condition_must_hold():
    match = Match(method=("GET",), path="/a", host="shop", headers=(("x", "1"),))
    facts = {"method": "GET", "path": "/a", "host": "shop", "headers": [("x", "1")]}
    assert matches(match, **facts)
    for name, other in (("method", "PUT"), ("path", "/b"), ("host", "x"), ("headers", [])):
        assert not matches(match, **{**facts, name: other})


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("~(a+)+$", "repetition inside a repetition"),
        ("~(a*b?)*c", "repetition inside a repetition"),
        ("~((?:a|b*)+)", "repetition inside a repetition"),
        (r"~(.)\1", "back reference"),
        ("~" + ".*" * 9, "more than 6 repetitions"),
        ("/*" * 9, "more than 6 stars"),
        ("~(", "not a regular expression"),
        ("~[z-a]", "not a regular expression"),
        ("~" + "(" * 400, "not a regular expression"),
        ("/" * 600, "longer than 512"),
    ],
)
def test_patterns_that_cannot_be_used_are_explained(pattern, words):
    assert words in (problem_with(pattern) or "")
    with pytest.raises(ValueError, match=words):
        Matcher(Match(path=pattern))


@pytest.mark.parametrize("pattern", ["~^/a{1,3}(b{2})*$", "~[a-z]+/[0-9]+", "/api/**", "~a|b|c"])
def test_usual_patterns_have_no_problem(pattern):
    assert problem_with(pattern) is None


def test_a_path_of_any_length_is_answered_soon():
    endless = "/" + "a" * 60_000
    assert not matches(Match(path="~a.*a.*b"), path=endless)
    assert not matches(Match(path="/*a*a*b"), path=endless)
    assert matches(Match(path="~a"), path="/a" + "b" * (LONGEST_PATH - 2))
