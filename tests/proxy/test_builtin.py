"""The echo service says what it was asked and gives a body back."""

import json

import pytest


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


def parts(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def test_a_question_is_described(stage):
    address = await stage.target(None)
    request = b"GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, body = parts(await stage.ask(address, request))
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body) == {"method": "GET", "path": "/a/b?c=d", "headers": 2}


async def test_head_is_answered_without_a_body(stage):
    address = await stage.target(None)
    request = b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    head, body = parts(await stage.ask(address, request))
    assert b"Content-Length: " in head
    assert body == b""


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 5", b"hello"),
        (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    ],
)
async def test_a_body_comes_back_as_it_was_framed(stage, framing, body):
    wire = await stage.dial(await stage.target(None))
    for _ in range(2):
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\n" + framing + b"\r\n\r\n")
        wire.send(body)
        head = await wire.until()
        assert framing in head
        assert b"Content-Type: text/x" in head
        assert await wire.receive(len(body)) == body


async def test_who_asks_first_is_told_to_continue(stage):
    wire = await stage.dial(await stage.target(None))
    wire.send(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert await wire.until() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"hi")
    await wire.until()
    assert await wire.receive(2) == b"hi"


async def test_targets_share_one_service(stage):
    for name in ("one", "two"):
        address = await stage.target(None, name)
        answer = await stage.ask(address, b"GET /%b HTTP/1.0\r\n\r\n" % name.encode())
        assert json.loads(parts(answer)[1])["path"] == f"/{name}"


async def test_a_large_body_is_echoed_without_being_kept(stage):
    wire = await stage.dial(await stage.target(None))
    size = 16_000_000
    wire.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)

    async def upload():
        for _ in range(16):
            wire.send(b"y" * 1_000_000)
            await wire.drain()

    uploading = stage.run(upload())
    await wire.until()
    received = 0
    while received < size:
        received += len(await wire.some())
    await uploading
    assert received == size
