"""Both ends of HTTP/1.1 as h11 reads it, which knows nothing of the edge."""

import asyncio
from dataclasses import dataclass, field

import h11

PATIENCE = 10


@dataclass
class Message:
    """A request or an answer, read to its end."""

    start: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)

    @property
    def status(self):
        return int(self.start)


class Peer:
    """A client, or a server, on one connection. What breaks the rules raises."""

    def __init__(self, wire, role):
        self.wire = wire
        self.parser = h11.Connection(role, max_incomplete_event_size=2**20)
        self.body = b""
        """What has come of the last message's body, also of one that was broken off."""

    def send(self, *events):
        for event in events:
            data = self.parser.send(event)
            if data:
                self.wire.send(data)

    def request(self, method="GET", path="/", body=b"", *, chunked=False, headers=()):
        fields = [("Host", "shop"), *headers]
        if chunked:
            fields.append(("Transfer-Encoding", "chunked"))
        elif body:
            fields.append(("Content-Length", str(len(body))))
        self.send(h11.Request(method=method, target=path, headers=fields))
        if body:
            self.send(h11.Data(data=body))
        self.send(h11.EndOfMessage())

    async def event(self):
        while True:
            event = self.parser.next_event()
            if event is not h11.NEED_DATA:
                return event
            self.parser.receive_data(await asyncio.wait_for(self.wire.reader.read(2**16), PATIENCE))

    async def message(self):
        """The next message; None when the connection has ended instead."""
        self.body, start, headers, interim = b"", "", [], []
        while True:
            event = await self.event()
            match event:
                case h11.InformationalResponse():
                    interim.append(event.status_code)
                case h11.Response():
                    start, headers = str(event.status_code), event.headers.raw_items()
                case h11.Request():
                    start = f"{event.method.decode()} {event.target.decode()}"
                    headers = event.headers.raw_items()
                case h11.Data():
                    self.body += bytes(event.data)
                case h11.EndOfMessage():
                    trailers = event.headers.raw_items()
                    return Message(start, headers, self.body, trailers, interim)
                case _:
                    return None

    async def ask(self, *args, **more):
        """One exchange, on a connection that is ready for the next one then."""
        self.request(*args, **more)
        answer = await self.message()
        if self.parser.our_state is h11.DONE and self.parser.their_state is h11.DONE:
            self.parser.start_next_cycle()
        return answer


async def whole(peer):
    """The next message; None when there is none, or it was broken off."""
    try:
        return await peer.message()
    except h11.RemoteProtocolError as wrong:
        if "closed connection" not in str(wrong):
            raise
        return None


def client(wire):
    return Peer(wire, h11.CLIENT)


def serving(answer, asked=None):
    """A script for an upstream: `answer(request)` is what it says, as bytes, or None to close."""

    async def script(wire):
        peer = Peer(wire, h11.SERVER)
        while (request := await whole(peer)) is not None:
            if asked is not None:
                asked.append(request)
            said = answer(request)
            wire.send(said)
            await wire.drain()
            if b"\r\nConnection: close" in said.partition(b"\r\n\r\n")[0]:
                return
            # What was said went past the parser: tell it, so that it takes the next request.
            peer.parser.send(h11.Response(status_code=204, headers=[]))
            peer.parser.send(h11.EndOfMessage())
            if peer.parser.our_state is not h11.DONE:
                return
            peer.parser.start_next_cycle()

    return script


def sized(payload):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(payload) + payload


def chunked(payload, size=1000, trailers=b"X-Sum: 1\r\n"):
    chunks = [payload[at : at + size] for at in range(0, len(payload), size)]
    coded = b"".join(b"%x;ext=1\r\n" % len(chunk) + chunk + b"\r\n" for chunk in chunks)
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
        + coded
        + b"0\r\n"
        + trailers
        + b"\r\n"
    )


def closing(payload):
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + payload


FRAMINGS = {"sized": sized, "chunked": chunked, "closing": closing}
