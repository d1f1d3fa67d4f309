"""What a connection becomes after 101 (Switching Protocols): bytes, both ways, without meaning.

Takes the place of the transaction that asked for it, on both sides. Either side may end first; what
the other still has to say goes through. It counts as in flight for as long as it lasts.
"""

from squall.proxy.route import Client, Route
from squall.proxy.upstream import UpstreamConnection


class Tunnel:
    """One upgraded connection."""

    __slots__ = ("_client", "_half_closed", "_over", "_route", "_upstream", "choked")

    def __init__(self, client: Client, route: Route, upstream: UpstreamConnection) -> None:
        self._client = client
        self._route = route
        self._upstream = upstream
        self._half_closed = False
        self._over = False
        self.choked = False
        upstream.user = self
        route.began()

    # -- from the client

    def take(self, data: bytes) -> int:
        """Pass on what the client says; an upstream that is just closing hears nothing."""
        if not self._upstream.transport.is_closing():
            self._upstream.transport.write(data)
        return len(data)

    def client_choked(self, choked: bool) -> None:  # noqa: FBT001 - as a transaction is called
        """Hold upstream back while the client takes nothing."""
        if self._upstream.transport.is_closing():
            return
        if choked:
            self._upstream.transport.pause_reading()
        else:
            self._upstream.transport.resume_reading()

    def client_ended(self) -> bool:
        """The client has sent its last byte; True while upstream may still have something."""
        if self._upstream.transport.is_closing():
            return False
        if self._half_closed:
            # Both have said all they had: what is still to be written is, then both close.
            self._end()
            self._upstream.transport.close()
            return False
        self._half_closed = True
        self._upstream.transport.write_eof()
        return True

    def client_gone(self) -> None:
        """The client has left."""
        if not self._over:
            self._end()
            self._upstream.discard()

    # -- from upstream

    def answer_arrived(self, data: bytes) -> None:
        """Pass on what upstream says."""
        self._client.write(data)

    def upstream_ended(self) -> bool:
        """Upstream has sent its last byte; True while the client may still have something."""
        if self._half_closed:
            return False
        self._half_closed = True
        self._client.end_of_stream()
        return True

    def upstream_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._end()
        self._client.sever(reset=error is not None)

    def upstream_choked(self, choked: bool) -> None:  # noqa: FBT001 - as upstream calls it
        """Hold the client back while upstream takes nothing."""
        self.choked = choked
        self._client.regulate()

    def _end(self) -> None:
        self._over = True
        self._upstream.user = None
        self._route.ended()
