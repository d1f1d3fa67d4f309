"""What a `load` step says: how many requests, in which shape, of which kinds.

Called by `build` once the schema holds. Finds what a schema cannot say: a rate of nothing, two
methods in one request, a header that would contradict the body. When each request is due follows
from the result, in `arrivals`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from squall.core.playbook.model import EVEN, Load, Poisson, Ramp, Request, Shape
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
FASTEST: Final = 100_000
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})

Node = Mapping[str, Any]


def build_load(places: Places, path: Path, node: Node) -> Load:
    """The load written at `path`, with harmless stand-ins for what then has errors."""
    rate = _rate(places, (*path, "requests"), node["requests"])
    if not rate:
        message = f"'{node['requests']}' is out of range: more than 0"
        places.note((*path, "requests"), "SQ106", message)
    mix = tuple(
        _request(places, (*path, "mix", i), request)
        for i, request in enumerate(node.get("mix", ()))
    )
    usual = Load(rate=rate)
    timeout = usual.timeout
    if "timeout" in node:
        timeout = places.lasting((*path, "timeout"), node["timeout"], Duration(1))
    connections = int(node.get("connections", usual.connections))
    return Load(
        rate=rate,
        # The default spelled out is the default itself: one meaning, one digest.
        mix=usual.mix if mix in {(), usual.mix} else mix,
        shape=_shape(places, (*path, "shape"), node.get("shape", "constant")),
        timeout=usual.timeout if timeout == usual.timeout else timeout,
        connections=usual.connections if connections == usual.connections else connections,
    )


def one_method(places: Places, path: Path, node: Node, methods: tuple[str, ...]) -> str:
    """The one of `methods` that is a key of this request."""
    seen = [method for method in methods if method in node]
    if len(seen) != 1:
        what = " and ".join(f"'{method}'" for method in seen) if seen else "none"
        message = f"one method is needed here, not {what}"
        places.note(path, "SQ108", message, "one of " + ", ".join(methods))
    return seen[0] if seen else "get"


def _shape(places: Places, path: Path, written: str | Node) -> Shape:
    match written:
        case "constant":
            return EVEN
        case "poisson":
            return Poisson()
        case str():
            return Ramp(start=0.0)
    start = written["ramp"].get("from", 0)
    return Ramp(start=_rate(places, (*path, "ramp", "from"), start))


def _rate(places: Places, path: Path, written: str | float) -> float:
    """Requests a second."""
    rate = float(written.split("/")[0]) if isinstance(written, str) else float(written)
    if rate > FASTEST:
        message = f"'{written}' is out of range: at most {FASTEST:,} a second"
        places.note(path, "SQ106", message, "that is more than one machine can send")
    return rate


def _request(places: Places, path: Path, node: Node) -> Request:
    method = one_method(places, path, node, METHODS)
    headers: dict[str, str] = {}
    for name, value in node.get("headers", {}).items():
        headers[name.lower()] = value
        if name.lower() in _FRAMING:
            message = f"'{name}' follows from the body"
            places.note((*path, "headers", name), "SQ110", message, "leave it out", key=True)
    body = node.get("body")
    if isinstance(body, dict | list):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        headers.setdefault("content-type", "application/json")
    return Request(
        method=method.upper(),
        path=node.get(method, "/"),
        weight=float(node.get("weight", 1)),
        headers=tuple(sorted(headers.items())),
        body=body,
    )
