"""Framing does not depend on how bytes are cut, and survives whatever it is fed."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from squall.proxy.bodies import body_of
from squall.proxy.heads import CHUNKED, UNTIL_CLOSE, Malformed, read_answer, read_request


@st.composite
def chunked_bodies(draw):
    parts = []
    for content in draw(st.lists(st.binary(min_size=1, max_size=40), max_size=5)):
        extension = draw(st.sampled_from([b"", b";a", b" ; a=b", b';q="x y"']))
        size = b"%0*x" % (draw(st.integers(1, 4)), len(content))
        parts += [size, extension, b"\r\n", content, b"\r\n"]
    parts += [b"0\r\n"]
    parts += draw(st.lists(st.sampled_from([b"X: y\r\n", b"Empty:\r\n"]), max_size=3))
    return b"".join([*parts, b"\r\n"])


def feed_in_pieces(body, data, cuts):
    """Feed `data` cut at these places; how many bytes were taken."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    taken = 0
    for start, stop in pairwise(places):
        step = body.feed(data[start:stop])
        taken += step
        if step < stop - start:
            break
    return taken


@given(chunked_bodies(), st.binary(max_size=20), st.lists(st.integers(0, 500), max_size=30))
def test_a_chunked_body_ends_where_it_ends(data, following, cuts):
    body = body_of(CHUNKED)
    assert feed_in_pieces(body, data + following, cuts) == len(data)
    assert body.done


@given(chunked_bodies(), st.integers(1, 500))
def test_a_chunked_body_cut_short_is_not_done(data, cut):
    body = body_of(CHUNKED)
    body.feed(data[: -min(cut, len(data))])
    assert not body.done


@given(st.integers(0, 100), st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_a_counted_body_is_counted(length, data, cuts):
    body = body_of(length)
    assert feed_in_pieces(body, data, cuts) == min(length, len(data))
    assert body.done == (len(data) >= length)


def test_a_body_until_the_end_takes_everything():
    body = body_of(UNTIL_CLOSE)
    assert body.feed(b"anything\r\n0\r\n\r\n") == 15
    assert not body.done


def outcome(body, data, cuts):
    try:
        return feed_in_pieces(body, data, cuts), body.done
    except Malformed as wrong:
        return wrong.why


CHUNK_BYTES = st.lists(
    st.sampled_from([b"0", b"3", b"a", b"\r", b"\n", b"\r\n", b";", b":", b" ", b"\x00", b"xyz"]),
    max_size=25,
).map(b"".join)


@given(CHUNK_BYTES, st.lists(st.integers(0, 60), max_size=10))
def test_nonsense_is_the_same_nonsense_however_it_is_cut(data, cuts):
    assert outcome(body_of(CHUNKED), data, cuts) == outcome(body_of(CHUNKED), data, [])


HEAD_PIECES = st.lists(
    st.sampled_from(
        [
            b"GET ",
            b"/ ",
            b"HTTP/1.1",
            b"HTTP/1.1 200 OK",
            b"\r\n",
            b"\n",
            b"\r",
            b":",
            b" ",
            b"\t",
            b"Host: a",
            b"Content-Length: 3",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b",",
            b"\x00",
            b"\xff",
        ]
    ),
    max_size=20,
).map(b"".join)


@given(HEAD_PIECES | st.binary(max_size=100))
@example(b"")
@example(b"\r\n\r\n")
def test_no_bytes_do_more_than_make_a_head_malformed(data):
    for read in (read_request, lambda raw: read_answer(raw, "GET")):
        try:
            head = read(data + b"\r\n\r\n")
        except Malformed:
            continue
        assert head.length >= UNTIL_CLOSE


@given(HEAD_PIECES)
def test_what_is_accepted_means_one_thing(data):
    """A head we accept has its lines, fields and lengths where any other reader has them."""
    raw = data + b"\r\n\r\n"
    try:
        head = read_request(raw)
    except Malformed:
        return
    assert raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n")
    assert raw.index(b"\r\n\r\n") == len(raw) - 4
    names = [name for name, _ in head.fields()]
    assert names.count("host") == 1
    assert names.count("content-length") + names.count("transfer-encoding") <= 1
    assert all(name and name == name.strip() for name in names)


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"/a?b", "/a?b", "here:80"),
        (b"http://There:8080/a?b", "/a?b", "there:8080"),
        (b"HTTP://user@there", "/", "there"),
        (b"http://there?q", "/?q", "there"),
    ],
)
def test_host_and_path_of_a_target(target, path, host):
    head = read_request(b"GET " + target + b" HTTP/1.1\r\nHost: Here:80\r\n\r\n")
    assert (head.path, head.host) == (path, host)


@pytest.mark.parametrize(
    ("version", "options", "persistent"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, Close\r\n", False),
        (b"1.1", b"Connection: keep-alive\r\nConnection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_who_persists(version, options, persistent):
    raw = b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + options + b"\r\n"
    assert read_request(raw).persistent is persistent
