"""A client that sends one request after the other over one connection, in a process of its own.

``client.py PORT`` says when answers begin to have another status: status and monotonic nanoseconds.
``client.py PORT SECONDS`` says how many nanoseconds the median exchange took.
"""

import socket
import statistics
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def exchange(client: socket.socket) -> bytes:
    """The status of the answer; empty when the connection is over."""
    try:
        client.sendall(REQUEST)
        return client.recv(65536)[9:12]
    except ConnectionError:
        return b""


def changes(client: socket.socket) -> None:
    last = b""
    while status := exchange(client):
        if status != last:
            print(status.decode(), time.monotonic_ns(), flush=True)
        last = status


def median(client: socket.socket, seconds: float) -> None:
    times = []
    end = time.monotonic_ns() + seconds * 1e9
    while time.monotonic_ns() < end:
        began = time.monotonic_ns()
        exchange(client)
        times.append(time.monotonic_ns() - began)
    print(statistics.median(times))


if __name__ == "__main__":
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(sys.argv) > 2:
            median(connection, float(sys.argv[2]))
        else:
            changes(connection)
