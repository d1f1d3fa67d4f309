"""Every condition of a match must hold, and no pattern can take for ever."""

import time

import pytest

from squall.core.faults.kinds import Match, Share
from squall.core.faults.matching import LONGEST_PATH, Matcher, paths_of, problem_with


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
        ("~" + ".*" * 9, "more than 3 open repetitions"),
        ("/**/a" * 3, "more than 2 times"),
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


@pytest.mark.parametrize(
    ("networks", "client", "expected"),
    [
        (("10.0.0.0/8",), "10.200.3.4", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8",), "::ffff:10.0.0.1", True),
        (("::ffff:10.0.0.0/104",), "10.1.2.3", True),
        (("::ffff:10.0.0.0/104",), "::ffff:10.1.2.3", True),
        (("::ffff:10.0.0.0/104",), "11.1.2.3", False),
        (("127.0.0.1",), "127.0.0.1", True),
        (("127.0.0.1",), "127.0.0.2", False),
        (("2001:db8::/32",), "2001:db8:1::9", True),
        (("2001:db8::/32",), "2001:db9::1", False),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("::/0",), "10.0.0.1", False),
        (("0.0.0.0/0", "::/0"), "2001:db8::1", True),
        (("10.0.0.0/8",), "", False),
        (("10.0.0.0/8",), "no address", False),
    ],
)
def test_a_client_is_known_by_its_network(networks, client, expected):
    matcher = Matcher(Match(client=networks))
    assert not matcher.plain
    assert matcher.admits((), client, 0) is expected


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(min_body=10), {0: False, 9: False, 10: True, 99: True, -1: False}),
        (Match(max_body=10), {0: True, 10: True, 11: False, -1: False}),
        (Match(min_body=0), {0: True, -1: False}),
        (Match(max_body=0), {0: True, 1: False, -1: False}),
        (Match(min_body=2, max_body=3), {1: False, 2: True, 3: True, 4: False, -1: False}),
    ],
)
def test_a_body_is_as_long_as_asked(match, expected):
    matcher = Matcher(match)
    assert {size: matcher.admits((), "10.0.0.1", size) for size in expected} == expected


def admitted(share, key, count=4000):
    matcher = Matcher(Match(share=Share(share)), key)
    return [matcher.admits((), f"10.0.{n // 256}.{n % 256}", 0) for n in range(count)]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_about_the_share_of_clients_that_was_asked_for_is_in(share):
    found = sum(admitted(share, 7))
    assert abs(found - 4000 * share) <= 4 * (4000 * share * (1 - share)) ** 0.5


def test_who_is_in_a_share_stays_in_it_and_in_a_larger_one():
    assert admitted(0.3, 7) == admitted(0.3, 7)
    assert admitted(0.3, 7) != admitted(0.3, 8)
    assert all(more for some, more in zip(admitted(0.3, 7), admitted(0.6, 7), strict=True) if some)
    assert not any(admitted(0.0, 7, 200))


GLOBS = ("/orders/*", "/orders/**", "/a?c", "/x", "**/items", "/[a]|b", "/orders/1")
PATHS = ("/orders/1", "/orders/1/2", "/abc", "/x", "/y", "/q/items", "/[a]|b", "b", "/", "")


def test_many_globs_at_once_find_what_any_of_them_does():
    for count in range(1, len(GLOBS) + 1):
        matchers = [Matcher(Match(path=glob)) for glob in GLOBS[:count]]
        found = paths_of(matchers)
        for path in PATHS:
            one = any(matcher.names("GET", path, "") for matcher in matchers)
            assert bool(found.search(path)) is one


@pytest.mark.parametrize("match", [Match(), Match(path="~^/x"), Match(method=("GET",))])
def test_what_is_no_glob_is_asked_one_by_one(match):
    assert paths_of([Matcher(Match(path="/x")), Matcher(match)]) is None
    assert paths_of([]) is None


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/api/*-*-*-*-*-*", "/api/" + "-" * 2000 + "/x"),
        ("/**/a*b**c", "/" + "ab" * 1000),
        ("~/a*a*a*c$", "/" + "a" * 119),
        ("~^/.*a.*b$", "/" + "a" * 389),
    ],
)
def test_no_path_keeps_the_edge_from_its_other_work(pattern, path):
    began = time.process_time()
    assert not matches(Match(path=pattern), path=path)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/*a?b", "/aaxb"),
        ("/*-*.js", "/x-y-z.js"),
        ("/**/items/*", "/items/a/items/b"),
        ("/a*b?c", "/aXbYbZc"),
        ("/*/*", "/a/"),
    ],
)
def test_a_star_finds_its_place_whatever_stands_before(pattern, path):
    assert matches(Match(path=pattern), path=path)
