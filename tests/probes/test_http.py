"""What the `http` step sees of an answer, and says of every way not to get one."""

import asyncio
import gzip

import pytest

from squall.core.playbook.model import HttpProbe
from squall.core.run.events import CUT, MOST_SEEN, Saw
from squall.core.timing import MILLISECOND, SECOND, Duration
from squall.probes.http import HttpProber


def ask(url: str, **fields) -> HttpProbe:
    return HttpProbe(**{"method": "GET", "url": url, **fields})


def answering(status: str, *headers: str, body: bytes = b""):
    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)

    return answer


async def test_a_good_answer_is_told_with_all_that_was_seen(serve) -> None:
    address = await serve(
        answering("200 OK", "X-Who: me", "x-who: you", body='{"größe": [1]}'.encode())
    )
    saw = await HttpProber()(ask(f"http://{address}/health"))
    assert isinstance(saw, Saw)
    seen = saw.named()
    assert (seen["status"], seen["body"], seen["json"]) == (200, '{"größe": [1]}', {"größe": [1]})
    assert seen["headers"]["x-who"] == "me, you"
    assert 0 < seen["latency"] < 5 * SECOND


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "503 Unavailable"])
async def test_an_answer_is_an_answer_whatever_its_status(serve, status: str) -> None:
    address = await serve(answering(status, body=b"sorry"))
    saw = await HttpProber()(ask(f"http://{address}/"))
    assert isinstance(saw, Saw)
    assert (saw.named()["status"], saw.named()["body"]) == (int(status[:3]), "sorry")


async def test_of_a_long_body_the_beginning_is_kept_with_a_note(serve) -> None:
    address = await serve(answering("200 OK", body=b"x" * (MOST_SEEN + 1)))
    saw = await HttpProber()(ask(f"http://{address}/"))
    assert isinstance(saw, Saw)
    assert saw.named()["body"] == "x" * MOST_SEEN + CUT
    exact = await serve(answering("200 OK", body=b"x" * MOST_SEEN))
    saw = await HttpProber()(ask(f"http://{exact}/"))
    assert isinstance(saw, Saw)
    assert saw.named()["body"] == "x" * MOST_SEEN


async def test_a_body_is_read_in_the_letters_it_is_written_in(serve) -> None:
    latin = await serve(
        answering("200 OK", "Content-Type: text/plain; charset=latin-1", body=b"gr\xfc\xdfe")
    )
    saw = await HttpProber()(ask(f"http://{latin}/"))
    assert isinstance(saw, Saw)
    assert saw.named()["body"] == "grüße"
    unknown = await serve(answering("200 OK", "Content-Type: text/x; charset=klingon", body=b"ok"))
    saw = await HttpProber()(ask(f"http://{unknown}/"))
    assert isinstance(saw, Saw)
    assert saw.named()["body"] == "ok"


async def test_a_body_that_comes_compressed_is_opened_as_far_as_it_is_kept(serve) -> None:
    heads: list[bytes] = []
    bomb = gzip.compress(b"0" * 50_000_000)

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
        writer.write(f"Content-Length: {len(bomb)}\r\n\r\n".encode() + bomb)

    address = await serve(answer)
    saw = await HttpProber()(ask(f"http://{address}/"))
    assert isinstance(saw, Saw)
    assert saw.named()["body"] == "0" * MOST_SEEN + CUT
    assert b"accept-encoding: identity" in heads[0].lower()


async def test_method_headers_and_body_are_sent_as_written(serve) -> None:
    heads: list[bytes] = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    address = await serve(answer)
    probe = ask(f"http://{address}/x", method="POST", headers=(("X-Who", "zoë"),), body="grüße")
    assert isinstance(await HttpProber()(probe), Saw)
    [head] = heads
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"x-who: " + "zoë".encode() in head.replace(b"X-Who", b"x-who")
    assert f"content-length: {len('grüße'.encode())}".encode() in head.lower()


@pytest.mark.parametrize(("follow", "status"), [(True, 410), (False, 302)])
async def test_a_redirect_is_followed_only_when_asked(serve, follow, status) -> None:
    gone = await serve(answering("410 Gone"))
    first = await serve(answering("302 Found", f"Location: http://{gone}/"))
    saw = await HttpProber()(ask(f"http://{first}/", follow=follow))
    assert isinstance(saw, Saw)
    assert saw.named()["status"] == status


async def test_a_refused_connection_is_named(refused) -> None:
    seen = await HttpProber()(ask(f"http://{refused}/"))
    assert seen == f"GET http://{refused}/: connection refused"


async def test_an_unknown_host_is_named() -> None:
    seen = await HttpProber()(ask("http://nowhere.invalid/"))
    assert seen == "GET http://nowhere.invalid/: no such host"


async def test_no_answer_is_given_up(serve) -> None:
    async def silence(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        return

    address = await serve(silence)
    prober = HttpProber(patience=Duration(300 * MILLISECOND))
    seen = await prober(ask(f"http://{address}/"))
    assert seen == f"GET http://{address}/: no answer within 0.3 s"


async def test_a_trickled_body_does_not_hold_the_probe(serve) -> None:
    async def trickle(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")

    address = await serve(trickle)
    prober = HttpProber(patience=Duration(300 * MILLISECOND))
    async with asyncio.timeout(5):
        seen = await prober(ask(f"http://{address}/"))
    assert seen == f"GET http://{address}/: no answer within 0.3 s"


async def test_a_connection_cut_before_the_answer_is_a_failure(serve) -> None:
    async def cut(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    address = await serve(cut)
    seen = await HttpProber()(ask(f"http://{address}/"))
    assert isinstance(seen, str)
    assert seen.startswith(f"GET http://{address}/: ")
    assert "disconnected" in seen


async def test_what_is_no_http_is_a_failure(serve) -> None:
    async def babble(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9\r\n\r\n")
        writer.close()

    address = await serve(babble)
    seen = await HttpProber()(ask(f"http://{address}/"))
    assert isinstance(seen, str)
    assert seen.startswith(f"GET http://{address}/: ")


async def test_passwords_in_the_address_are_not_shown(refused) -> None:
    seen = await HttpProber()(ask(f"http://me:secret@{refused}/a@b"))
    assert seen == f"GET http://{refused}/a@b: connection refused"


async def test_the_environment_has_no_say(serve, refused, monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{refused}")
    monkeypatch.setenv("ALL_PROXY", f"http://{refused}")
    address = await serve(answering("200 OK"))
    seen = await HttpProber(patience=Duration(10 * SECOND))(ask(f"http://{address}/"))
    assert isinstance(seen, Saw)


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
