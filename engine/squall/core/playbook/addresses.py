"""Addresses as people write them: where a target listens, what stands behind it.

Used by `build` for playbooks, by the command line for ``--target``, and by who connects to targets.
"""

import re
from typing import Final

from squall.core.faults.kinds import Protocol
from squall.core.playbook.model import BUILTIN_ECHO, Address, Target

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never bound
_URL: Final = re.compile(r"https?://([^/?#@\s]+)([/?#]\S*)?")


def parse_address(written: str) -> Address | None:
    """Read ``127.0.0.1:7070``, ``localhost:0`` or ``[::1]:7070``; None if it is not an address."""
    host, colon, port = written.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not colon or not port.isascii() or not port.isdigit() or not _HOST.fullmatch(host):
        return None
    return Address(host=host, port=int(port)) if int(port) <= 65535 else None


def parse_upstream(written: str, protocol: Protocol = "http") -> Address | None:
    """Read ``http://HOST[:PORT]``, for TCP ``HOST:PORT``, or ``builtin:echo`` (None).

    Raises ValueError with the reason.
    """
    if written == BUILTIN_ECHO:
        return None
    scheme, separator, rest = written.partition("://")
    if protocol == "tcp":
        if separator and scheme != "tcp":
            raise ValueError("only HOST:PORT and builtin:echo can stand behind a TCP target")
        rest = rest or written
    elif scheme != "http" or not separator:
        raise ValueError("only http:// and builtin:echo can stand behind an HTTP target")
    rest = rest.removesuffix("/")
    bare = rest.rpartition("]")[2]
    address = parse_address(rest if ":" in bare or protocol == "tcp" else f"{rest}:80")
    if address is None or address.port == 0:
        raise ValueError("it is not a host and a port")
    return address


def parse_target(written: str) -> Target:
    """Read ``NAME=LISTEN=UPSTREAM``, as on the command line; raises ValueError with the reason.

    An upstream ``http://HOST[:PORT]`` is one that speaks HTTP, ``HOST:PORT`` one for bytes alone.
    """
    name, _, rest = written.partition("=")
    listen, _, upstream = rest.partition("=")
    if not name or not listen or not upstream:
        raise ValueError(f"'{written}' is not NAME=LISTEN=UPSTREAM")
    address = parse_address(listen)
    if address is None:
        raise ValueError(f"'{listen}' is not an address")
    carried = "://" not in upstream and upstream != BUILTIN_ECHO
    protocol: Protocol = "tcp" if carried or upstream.startswith("tcp://") else "http"
    behind = parse_upstream(upstream, protocol)
    return Target(name=name, listen=address, upstream=behind, protocol=protocol)


def is_url(written: str) -> bool:
    """Whether a probe can be sent there: http or https, a host, perhaps a port and a path."""
    parts = _URL.fullmatch(written)
    if parts is None:
        return False
    place = parts[1]
    bare = place.rpartition("]")[2]
    return parse_address(place if ":" in bare else f"{place}:80") is not None


def overlap(one: Address, other: Address) -> bool:
    """Whether two listeners want the same address; port 0 is always a free one."""
    hosts = {_same(one.host), _same(other.host)}
    return one.port == other.port != 0 and (len(hosts) == 1 or bool(hosts & _EVERYWHERE.keys()))


def reaches(upstream: Address | None, listen: Address) -> bool:
    """Whether what is sent to `upstream` arrives at `listen` on this machine."""
    if upstream is None or upstream.port != listen.port:
        return False
    host, here = _same(upstream.host), _same(listen.host)
    return host == here or (here in _EVERYWHERE and host in {*_EVERYWHERE, *_EVERYWHERE.values()})


def is_named(listen: Address, text: str) -> bool:
    """Whether a text holds an address at which one would reach what listens there."""
    host = _same(listen.host)
    hosts = {host, str(reachable(listen)).rpartition(":")[0]}
    if host in {"127.0.0.1", "::1", *_EVERYWHERE}:
        hosts |= {"localhost", "127.0.0.1", "[::1]"}
    names = "|".join(map(re.escape, sorted(hosts)))
    return bool(re.search(rf"(?<![\w.-])(?:{names}):{listen.port}(?!\d)", text, re.IGNORECASE))


def reachable(listen: Address) -> Address:
    """Where to connect to what listens there: everywhere is also here."""
    return Address(host=_EVERYWHERE.get(listen.host, listen.host), port=listen.port)


def _same(host: str) -> str:
    return "127.0.0.1" if host.lower() == "localhost" else host.lower()
