"""MockForge's `request_matcher` as a scenario's ``match``.

Called by `faults`. Its conditions hold together, as in a match; what a match cannot ask is said.
"""

from collections.abc import Iterator
from typing import Final

from squall.core.diagnostics import Severity
from squall.core.faults.matching import network
from squall.core.playbook.foreign.record import Record, each
from squall.core.playbook.source import Data
from squall.core.sizes import LARGEST

Node = dict[str, Data]

_SIZES: Final = ("min_body_size_bytes", "max_body_size_bytes")


def read_match(read: Record, *, at_connect: bool) -> Node:
    """Which requests; what strikes at connect is asked for the client alone."""
    node: Node = {}
    clients = [address for address in read.texts("source_ips") if _is_network(read, address)]
    if clients:
        node["client"] = list(clients)
    headers: Node = dict(_headers(read))
    least = read.whole("min_body_size_bytes", 0, most=LARGEST)
    most = read.whole("max_body_size_bytes", 0, most=LARGEST)
    sizes: Node = {"min": least} if least else {}
    if read.given("max_body_size_bytes"):
        sizes["max"] = most
        if most < least:
            message = "'max_body_size_bytes' is less than 'min_body_size_bytes'"
            read.note("max_body_size_bytes", "SQ505", message, severity=Severity.ERROR)
    if at_connect and (headers or sizes):
        key = "headers" if headers else next(k for k in _SIZES if read.given(k))
        why = "a connection error strikes before there is a request to look at"
        read.note(key, "SQ501", f"'{key}' has no counterpart beside it: {why}")
    else:
        node |= {"headers": headers} if headers else {}
        node |= {"body_size": sizes} if sizes else {}
    read.leave("chunked_only", "nothing asks how a body is framed", "more requests are met")
    read.close()
    return node


def _is_network(read: Record, address: str) -> bool:
    try:
        network(address.strip())
    except ValueError as wrong:
        read.note("source_ips", "SQ505", str(wrong), severity=Severity.ERROR)
        return False
    return True


def _headers(read: Record) -> Iterator[tuple[str, Data]]:
    seen: set[str] = set()
    for header in each(read.records("headers")):
        name, value = header.text("name").lower(), header.text("value")
        if not header.given("value"):
            why = "a match compares a header with a value; that it is there at all cannot be asked"
            header.note("name", "SQ501", f"header '{name}' without a value is left out: {why}")
        elif name in seen:
            message = f"header '{name}' is asked for twice: the first value is written"
            header.note("name", "SQ504", message)
        elif not _is_token(name) or not value.isprintable():
            message = f"'{name}: {value}' is no header that can be sent"
            header.note("name", "SQ505", message, severity=Severity.ERROR)
        else:
            seen.add(name)
            yield name, value


def _is_token(name: str) -> bool:
    return bool(name) and name.isascii() and all(c.isalnum() or c in "!#%&'*+.^_`|~-" for c in name)
