"""What the `http` step says of an answer, and of every way not to get one."""

import asyncio

import pytest

from squall.core.playbook.model import HttpProbe
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.http import HttpProber


def ask(url: str, **fields) -> HttpProbe:
    return HttpProbe(**{"method": "GET", "url": url, **fields})


def answering(status: str, *headers: str, body: bytes = b""):
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return answer


async def test_a_good_answer_is_told_with_its_status(serve) -> None:
    address = await serve(answering("200 OK", body=b"fine"))
    went_well, seen = await HttpProber()(ask(f"http://{address}/health"))
    assert went_well
    assert seen.startswith(f"GET http://{address}/health answered 200 in ")


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "503 Unavailable"])
async def test_a_status_from_400_on_is_a_failure(serve, status: str) -> None:
    address = await serve(answering(status))
    went_well, seen = await HttpProber()(ask(f"http://{address}/"))
    assert not went_well
    assert seen.startswith(f"GET http://{address}/ answered {status[:3]}")


async def test_method_headers_and_body_are_sent_as_written(serve) -> None:
    heads: list[bytes] = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    address = await serve(answer)
    probe = ask(f"http://{address}/x", method="POST", headers=(("X-Who", "zoë"),), body="grüße")
    went_well, _ = await HttpProber()(probe)
    assert went_well
    [head] = heads
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"x-who: " + "zoë".encode() in head.replace(b"X-Who", b"x-who")
    assert f"content-length: {len('grüße'.encode())}".encode() in head.lower()


@pytest.mark.parametrize(("follow", "well", "status"), [(True, False, 410), (False, True, 302)])
async def test_a_redirect_is_followed_only_when_asked(serve, follow, well, status) -> None:
    gone = await serve(answering("410 Gone"))
    first = await serve(answering("302 Found", f"Location: http://{gone}/"))
    went_well, seen = await HttpProber()(ask(f"http://{first}/", follow=follow))
    assert went_well is well
    assert f"answered {status}" in seen


async def test_a_refused_connection_is_named(refused) -> None:
    went_well, seen = await HttpProber()(ask(f"http://{refused}/"))
    assert (went_well, seen) == (False, f"GET http://{refused}/: connection refused")


async def test_an_unknown_host_is_named() -> None:
    went_well, seen = await HttpProber()(ask("http://nowhere.invalid/"))
    assert (went_well, seen) == (False, "GET http://nowhere.invalid/: no such host")


async def test_no_answer_is_given_up(serve) -> None:
    async def silence(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        return

    address = await serve(silence)
    prober = HttpProber(patience=Duration(300 * MILLISECOND))
    assert await prober(ask(f"http://{address}/")) == (
        False,
        f"GET http://{address}/: no answer within 0.3 s",
    )


async def test_a_trickled_body_does_not_hold_the_probe(serve) -> None:
    async def trickle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")

    address = await serve(trickle)
    prober = HttpProber(patience=Duration(300 * MILLISECOND))
    async with asyncio.timeout(5):
        went_well, seen = await prober(ask(f"http://{address}/"))
    assert not went_well
    assert "no answer within" in seen


async def test_a_connection_cut_before_the_answer_is_a_failure(serve) -> None:
    async def cut(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    address = await serve(cut)
    went_well, seen = await HttpProber()(ask(f"http://{address}/"))
    assert not went_well
    assert seen.startswith(f"GET http://{address}/: ")
    assert "disconnected" in seen


async def test_what_is_no_http_is_a_failure(serve) -> None:
    async def babble(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n\r\n")
        writer.close()

    address = await serve(babble)
    went_well, seen = await HttpProber()(ask(f"http://{address}/"))
    assert not went_well
    assert seen.startswith(f"GET http://{address}/: ")


async def test_passwords_in_the_address_are_not_shown(refused) -> None:
    _, seen = await HttpProber()(ask(f"http://me:secret@{refused}/a@b"))
    assert seen == f"GET http://{refused}/a@b: connection refused"


async def test_the_environment_has_no_say(serve, refused, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{refused}")
    monkeypatch.setenv("ALL_PROXY", f"http://{refused}")
    address = await serve(answering("200 OK"))
    went_well, _ = await HttpProber(patience=Duration(10 * SECOND))(ask(f"http://{address}/"))
    assert went_well


async def test_cancelling_ends_the_question_at_once(serve) -> None:
    asked = asyncio.Event()

    async def silence(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        asked.set()

    address = await serve(silence)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(HttpProber()(ask(f"http://{address}/")))
        await asked.wait()
        task.cancel()
    assert task.cancelled()
