"""Every case of the framing table, through a real edge; and where llhttp would decide otherwise."""

import httptools
import pytest

from proxy.framing_cases import ANSWERS, BREAK, CLOSE, PASS, REQUESTS, Case, get

NEXT = get(target=b"/next")
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


async def never_asked(wire):
    raise AssertionError("the upstream was asked")


REFUSED = {name: case for name, case in REQUESTS.items() if isinstance(case.verdict, int)}
TAKEN = {name: case for name, case in REQUESTS.items() if name not in REFUSED}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_a_request_is_refused_with_a_reason_and_goes_nowhere(stage, case):
    answer = await stage.ask(await stage.before(never_asked), case.raw + NEXT)
    assert answer.startswith(b"HTTP/1.1 %d " % case.verdict)
    assert answer.count(b"\r\nConnection: ") == 1, "what comes after it is not a request"
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert body.startswith(b"squall: ")
    assert len(body) > len(b"squall: \n")
    assert stage.accepted == 0
    assert stage.plane.in_flight() == 0


@pytest.mark.parametrize("case", TAKEN.values(), ids=TAKEN)
async def test_a_request_goes_on_as_it_is_and_ends_where_it_ends(stage, case):
    expected = case.raw if case.passed is None else case.passed
    seen = []

    async def script(wire):
        seen.append(await wire.receive(len(expected)))
        wire.send(DONE)
        seen.append(await (wire.rest() if case.verdict == CLOSE else wire.receive(len(NEXT))))
        wire.send(DONE)

    client = await stage.dial(await stage.before(script))
    client.send(case.raw + NEXT)
    if case.verdict == CLOSE:
        assert await client.rest() == DONE
        await stage.until(lambda: len(seen) == 2)
        assert seen == [expected, b""]
        assert stage.plane.felt("shop").requests == 1
    else:
        assert await client.receive(2 * len(DONE)) == 2 * DONE
        assert seen == [expected, NEXT]
        assert stage.plane.felt("shop").requests == 2


@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_goes_on_as_it_is_or_becomes_a_502(stage, case):
    expected = case.raw if case.passed is None else case.passed
    request = NEXT.replace(b"GET", case.method)

    async def script(wire):
        while await wire.until():
            wire.send(case.raw)
            if case.verdict == CLOSE:
                return
            await wire.drain()

    client = await stage.dial(await stage.before(script))
    client.send(request)
    if case.verdict == PASS:
        assert await client.receive(len(expected)) == expected
        client.send(request)
        assert await client.receive(len(expected)) == expected
        assert stage.accepted == (1 if case.passed is None else 2)
    elif case.verdict == CLOSE:
        assert await client.rest() == expected
    elif case.verdict == BREAK:
        with pytest.raises(ConnectionResetError):
            await client.rest()
    else:
        assert (await client.until()).startswith(b"HTTP/1.1 502 ")
        text = (await client.until(b"\n")).decode()
        assert "gave an answer that cannot be passed on: " in text


# -- where llhttp, the parser of Node.js and of httptools, decides otherwise -----------------------

HOST = "it leaves Host to its caller; refusing is a MUST (RFC 9112, 3.2)"
LIMIT = "it leaves limits to its caller; the clients of an edge share its memory and time"
METHOD = "it knows a list of methods; any token is one (RFC 9110, 9.1), and upstream decides"
LENIENT = "it forgives; what is forgiven in two ways is smuggled (RFC 9112, 3 and 11.2)"
AUTHORITY = "it leaves this to its caller; a URL has one host (RFC 9110, 4.2.1)"
CODING = (
    "it reads on; who reads HTTP/1.0 or cannot read the coding sees another end (RFC 9112, 6.1)"
)

DISAGREEMENTS = {
    "a method in lower case": METHOD,
    "a method nobody knows": METHOD,
    "a method of signs": METHOD,
    "two spaces before the target": LENIENT,
    "two spaces after the target": LENIENT,
    "HTTP/0.9": "it still speaks it; to upstream it would be another protocol",
    "another protocol": "it speaks RTSP too",
    "a bare line feed first": LENIENT,
    "a bare carriage return first": LENIENT,
    "raw UTF-8": "it wants ASCII; clients send this, it means one thing, and upstream decides",
    "asterisk for GET": "it leaves this to its caller; only OPTIONS has it (RFC 9112, 3.2.4)",
    "CONNECT": "it leaves this to its caller; a reverse proxy has no tunnels to elsewhere",
    "an absolute target with two users": AUTHORITY,
    "an absolute target without a host": AUTHORITY,
    "an absolute target with only a port": AUTHORITY,
    "an absolute target with a bad host": AUTHORITY,
    "another scheme": AUTHORITY,
    "a long target": LIMIT,
    "no Host": HOST,
    "two Hosts": HOST,
    "the same Host twice": HOST,
    "two Hosts in two spellings": HOST,
    "two Hosts in 1.0": HOST,
    "two Hosts in one": HOST,
    "a port that is no number": HOST,
    "a signed port": HOST,
    "space in the Host": HOST,
    "a path in the Host": HOST,
    "a user in the Host": HOST,
    "a URL for a Host": HOST,
    "a query in the Host": HOST,
    "raw UTF-8 in the Host": HOST,
    "too many fields": LIMIT,
    "too big a head": LIMIT,
    "space around chunked": "it stumbles over a tab; white space is space or tab (RFC 9110, 5.6.3)",
    "chunked in 1.0": CODING,
    "gzip and chunked in two fields": LENIENT,
    "an empty item before chunked": LENIENT,
    "a coding nobody knows before chunked": CODING,
    "space around an extension": "it wants none; who reads must take it (RFC 9112, 7.1.1)",
    "trailers about framing": "it takes trailers for fields; they change nothing (RFC 9110, 6.5.1)",
    "too long an extension": LIMIT,
    "too many trailers": LIMIT,
    "a size of many zeros": LENIENT,
}
"""Cases on which the edge and llhttp decide differently, with what llhttp does and why not we."""

ANSWER_DISAGREEMENTS = {
    "a status below 100": LENIENT,
    "NUL in a phrase": LENIENT,
    "HTTP/2": "it leaves this to its caller; the edge speaks HTTP/1.1",
    "an empty line first": LENIENT,
    "two answers": "it reads both; upstream was asked once, and the second would answer the next",
    "chunks in 1.0": CODING,
    "chunks twice": CODING,
    "a coding nobody knows": CODING,
    "too many fields": LIMIT,
}


class Heard:
    """What httptools makes of bytes."""

    def __init__(self) -> None:
        self.complete = 0

    def on_message_complete(self) -> None:
        self.complete += 1


def taken_by_llhttp(parser: type, case: Case) -> bool:
    """Whether it reads at least one message, interim answers apart, and nothing it refuses."""
    heard = Heard()
    made = parser(heard)
    try:
        made.feed_data(case.raw)
    except httptools.HttpParserUpgrade:
        return True
    except httptools.HttpParserError:
        return False
    return heard.complete >= 1 or case.verdict == CLOSE


def taken_whole(case: Case) -> bool:
    """Whether the edge takes all of it, empty lines before it apart."""
    goes_on = case.raw if case.passed is None else case.passed
    return case.verdict in {PASS, CLOSE} and case.raw.endswith(goes_on)


def disagreements(parser: type, cases: dict[str, Case]) -> set[str]:
    return {
        name
        for name, case in cases.items()
        if taken_by_llhttp(parser, case) is not taken_whole(case)
    }


def test_every_disagreement_with_llhttp_about_requests_is_settled():
    assert disagreements(httptools.HttpRequestParser, REQUESTS) == set(DISAGREEMENTS)


def test_every_disagreement_with_llhttp_about_answers_is_settled():
    to_get = {name: case for name, case in ANSWERS.items() if case.method == b"GET"}
    assert disagreements(httptools.HttpResponseParser, to_get) == set(ANSWER_DISAGREEMENTS)
