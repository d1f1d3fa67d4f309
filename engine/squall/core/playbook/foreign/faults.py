"""MockForge's ChaosConfig as scenarios of the playbook language.

Called by `orchestrations`. MockForge's numbers and defaults hold; what it switches off is left out,
and said to be. Its `request_matcher` narrows injected faults alone, where a scenario's `match`
narrows all of it: such a config becomes two scenarios.
"""

from typing import Final, NamedTuple

from squall.core.diagnostics import Severity
from squall.core.faults.kinds import Errors, Share
from squall.core.playbook.foreign.matchers import read_match
from squall.core.playbook.foreign.quantities import flow, milliseconds, percent, share
from squall.core.playbook.foreign.record import Record
from squall.core.playbook.source import Data
from squall.core.sizes import LARGEST
from squall.core.timing import LONGEST, MILLISECOND

Node = dict[str, Data]

MOST: Final = 1_000_000
"""The largest count the language takes."""
MOST_BYTES: Final = LARGEST
CODES: Final = Errors(rate=Share(0)).codes
SECTIONS: Final = (
    "latency", "fault_injection", "rate_limit", "traffic_shaping", "circuit_breaker", "bulkhead"
)  # fmt: skip
_KINDS: Final = {
    "http503": {"kind": "http_503"},
    "tcp_reset": {"at": "connect"},
    "tcp_close": {"kind": "close", "at": "connect"},
}


class Part(NamedTuple):
    """One scenario of those that a config becomes; `suffix` tells its name from the first's."""

    suffix: str
    node: Node


def scenarios(config: Record) -> list[Part]:
    """The scenarios that come to this config; none when it does nothing."""
    if not _on(config, "chaos"):
        return []
    plain: Node = {**_latency(config)}
    injected, match = _injected(config)
    limits = _rate_limits(config)
    plain |= limits[0] if limits else {}
    plain |= _shaping(config) | _circuit_breaker(config) | _bulkhead(config)
    if match and injected:
        parts = [Part("_matched" if plain else "", {**injected, "match": match})]
        parts = [Part("", plain), *parts] if plain else parts
    else:
        parts = [Part("", plain | injected)] if plain or injected else []
    parts += [Part("_per_endpoint", limit) for limit in limits[1:]]
    config.close()
    if not parts:
        config.idle("enabled", "nothing in it is switched on")
    return parts


def _on(read: Record, what: str) -> bool:
    """Whether a config or a section is switched on; says so when it is not and holds anything."""
    given = read.given("enabled")
    if read.flag("enabled"):
        return True
    if not given and read.holds():
        hint = "write enabled: true to have it imported"
        message = f"{what} has no 'enabled', and without it MockForge has it off: left out"
        read.note("enabled", "SQ503", message, hint)
    elif read.holds("enabled"):
        read.idle("enabled", f"{what} is switched off, with all that stands beside it")
    return False


def _section(config: Record, key: str) -> Record | None:
    """A section that is switched on."""
    read = config.inner(key)
    return read if read is not None and _on(read, f"'{key}'") else None


def _short(node: Node, key: str) -> Data:
    """The shorthand, where the full form would say no more."""
    return node[key] if node.keys() == {key} else node


def _latency(config: Record) -> Node:
    read = _section(config, "latency")
    if read is None:
        return {}
    fixed = read.milliseconds("fixed_delay_ms", 0) if read.given("fixed_delay_ms") else None
    between = read.wholes("random_delay_range_ms")
    jitter, rate = read.number("jitter_percent", 0, most=100), read.number("probability", 1, most=1)
    read.close()
    if between is not None and (len(between) != 2 or between[0] > between[1]):
        message = "'random_delay_range_ms' takes the shortest and the longest delay"
        read.note("random_delay_range_ms", "SQ505", message, severity=Severity.ERROR)
        return {}
    if fixed is not None and between is not None:
        read.idle("random_delay_range_ms", "'fixed_delay_ms' comes first")
    if rate == 0 or (fixed is None and between is None):
        why = "nothing is ever delayed" if rate == 0 else "it says no delay"
        read.idle("probability" if rate == 0 else "enabled", why)
        return {}
    node: Node = {}
    if fixed is not None:
        node["fixed"] = milliseconds(fixed)
    elif between is not None:
        node["uniform"] = {"min": milliseconds(between[0]), "max": milliseconds(between[1])}
    if jitter:
        node["jitter"] = percent(jitter)
    if rate < 1:
        node["rate"] = share(rate)
    return {"latency": _short(node, "fixed")}


# -- fault injection ------------------------------------------------------------------------------


def _injected(config: Record) -> tuple[Node, Node]:
    """What is injected, and what it is narrowed to."""
    read = _section(config, "fault_injection")
    if read is None:
        return {}, {}
    node: Node = {}
    for key, fault in (
        ("errors", _errors(read)),
        ("timeouts", _timeouts(read)),
        ("resets", _resets(read)),
        ("partial_responses", _by_chance(read, "partial_responses", "partial_response")),
        ("corruption", _corruption(read)),
    ):
        if fault is not None:
            node[key] = fault
    read.leave("mockai_enabled", "answers are the service's own here")
    matcher = read.inner("request_matcher")
    at_connect = "at" in _inside(node, "resets")
    match = {} if matcher is None else read_match(matcher, at_connect=at_connect)
    read.close()
    return node, match


def _inside(node: Node, key: str) -> Node:
    inner = node.get(key)
    return inner if isinstance(inner, dict) else {}


def _errors(read: Record) -> Data:
    codes = _codes(read)
    given = read.given("http_error_probability")
    rate = read.number("http_error_probability", 0.1, most=1)
    pattern = read.inner("error_pattern")
    if not (given or pattern or read.given("http_errors")):
        read.note(
            "http_error_probability", "SQ504",
            "without 'http_errors' and 'http_error_probability' MockForge's defaults hold: "
            "10 % errors are written", "remove 'errors' from the playbook if none are meant",
        )  # fmt: skip
    node: Node = {"codes": list(codes)} if codes != list(CODES) else {}
    if pattern is None:
        if not codes or not rate:
            return None
        return _short({"rate": share(rate), **node}, "rate")
    if given:
        read.idle("http_error_probability", "'error_pattern' takes its place")
    made = _pattern(pattern, codes)
    pattern.close()
    return None if made is None else _short({**made, **node}, "rate")


def _codes(read: Record) -> list[int]:
    written = read.wholes("http_errors")
    if written is None:
        return list(CODES)
    fitting = [code for code in written if 400 <= code <= 599][:50]
    for code in dict.fromkeys(code for code in written if code not in fitting):
        message = f"status {code} has no counterpart: an error has a status of 400 to 599"
        read.note("http_errors", "SQ501", message)
    if len(written) > 50:
        read.note("http_errors", "SQ504", "a playbook takes 50 codes: the first 50 are written")
    return fitting


def _pattern(read: Record, codes: list[int]) -> Node | None:
    match read.text("type"):
        case "burst":
            count, interval = read.whole("count", 0), read.milliseconds("interval_ms", 0)
            if count and interval and codes:
                return {"pattern": {"burst": {"count": count, "interval": milliseconds(interval)}}}
            read.idle("count", "such a burst strikes nothing")
        case "random":
            rate = read.number("probability", 0, most=1)
            if rate and codes:
                return {"rate": share(rate)}
            read.idle("probability", "nothing is ever struck")
        case "sequential":
            sequence = read.wholes("sequence") or []
            if all(100 <= code <= 599 for code in sequence) and 0 < len(sequence) <= 1000:
                return {"pattern": {"sequence": list(sequence)}}
            message = "'sequence' takes 1 to 1000 statuses from 100 to 599"
            read.note("sequence", "SQ505", message, severity=Severity.ERROR)
        case other:
            message = f"'type' takes burst, random or sequential, not '{other}'"
            read.note("type", "SQ505", message, severity=Severity.ERROR)
    return None


def _rate(read: Record, flag: str, stem: str) -> float:
    """The probability of a fault with a switch of its own; 0 when it is off."""
    on = read.flag(flag)
    rate = read.number(f"{stem}_probability", 0.05, most=1)
    if on and not rate:
        read.idle(flag, f"'{stem}_probability' is 0")
    return rate if on else 0.0


def _by_chance(read: Record, flag: str, stem: str) -> Data:
    rate = _rate(read, flag, stem)
    return share(rate) if rate else None


def _timeouts(read: Record) -> Data:
    rate, after = _rate(read, "timeout_errors", "timeout"), read.milliseconds("timeout_ms", 5000)
    if not rate:
        return None
    node: Node = {"rate": share(rate)}
    if after != 5000:
        node["after"] = milliseconds(after)
    return _short(node, "rate")


def _resets(read: Record) -> Data:
    rate = _rate(read, "connection_errors", "connection_error")
    kind = read.text("connection_error_kind", "http503")
    if kind not in _KINDS:
        known = ", ".join(_KINDS)
        message = f"'connection_error_kind' takes {known}, not '{kind}'"
        read.note("connection_error_kind", "SQ505", message, severity=Severity.ERROR)
        return None
    return {"rate": share(rate), **_KINDS[kind]} if rate else None


def _corruption(read: Record) -> Data:
    rate = _rate(read, "payload_corruption", "payload_corruption")
    kind = read.text("corruption_type", "none")
    if kind not in {"none", "random_bytes", "truncate", "bit_flip"}:
        message = f"'corruption_type' takes none, random_bytes, truncate, bit_flip, not '{kind}'"
        read.note("corruption_type", "SQ505", message, severity=Severity.ERROR)
    elif kind == "none" and rate:
        read.idle("payload_corruption", "'corruption_type' is none")
    elif kind != "none" and not rate:
        read.idle("corruption_type", "'payload_corruption' is off")
    elif rate:
        return _short({"rate": share(rate), **_kind(kind)}, "rate")
    return None


def _kind(kind: str) -> Node:
    return {} if kind == "random_bytes" else {"kind": kind}


# -- limits ---------------------------------------------------------------------------------------


def _rate_limits(config: Record) -> list[Node]:
    """One, or two where both clients and endpoints are counted."""
    read = _section(config, "rate_limit")
    if read is None:
        return []
    limit = read.whole("requests_per_second", 100, most=MOST) or 100
    burst = read.whole("burst_size", 10, most=MOST) or 10
    by = [name for name, key in (("client", "per_ip"), ("endpoint", "per_endpoint"))
          if read.flag(key)]  # fmt: skip
    read.close()
    node: Node = {"limit": f"{limit}/s"} | ({} if burst == 10 else {"burst": burst})
    return [
        {"rate_limit": _short({**node, **({"by": who} if who else {})}, "limit")}
        for who in by or [""]
    ]


def _shaping(config: Record) -> Node:
    read = _section(config, "traffic_shaping")
    if read is None:
        return {}
    node: Node = {}
    limit = read.whole("bandwidth_limit_bps", 0, most=MOST_BYTES)
    loss = read.number("packet_loss_percent", 0, most=100)
    most = read.whole("max_connections", 0, most=MOST)
    timeout = read.milliseconds("connection_timeout_ms", 30_000)
    read.close()
    if limit:
        node["bandwidth"] = flow(limit)
    if loss:
        node["packet_loss"] = percent(loss)
    if most:
        full: Node = {"max": most} | ({"timeout": milliseconds(timeout)} if timeout else {})
        node["connections"] = _short(full, "max")
    elif timeout not in {0, 30_000}:
        read.idle("connection_timeout_ms", "without 'max_connections' nobody waits")
    return node


def _circuit_breaker(config: Record) -> Node:
    read = _section(config, "circuit_breaker")
    if read is None:
        return {}
    rate = read.number("failure_rate_threshold", 50, most=100)
    times = {
        "timeout": (read.whole("timeout_ms", 60_000, least=1, most=LONGEST // MILLISECOND), 60_000),
        "window": (
            read.whole("rolling_window_ms", 10_000, least=1, most=LONGEST // MILLISECOND),
            10_000,
        ),
    }
    node: Node = {"failures": read.whole("failure_threshold", 5, least=1, most=MOST)}
    for name, key, default in (
        ("successes", "success_threshold", 2),
        ("half_open", "half_open_max_requests", 3),
        ("min_requests", "min_requests_for_rate", 10),
    ):
        count = read.whole(key, default, least=1, most=MOST)
        node |= {} if count == default else {name: count}
    if rate != 50:
        node["failure_rate"] = percent(rate)
    for name, (time, usual) in times.items():
        node |= {} if time == usual else {name: milliseconds(time)}
    read.close()
    return {"circuit_breaker": _short(node, "failures")}


def _bulkhead(config: Record) -> Node:
    read = _section(config, "bulkhead")
    if read is None:
        return {}
    node: Node = {"max": read.whole("max_concurrent_requests", 100, least=1, most=MOST)}
    queue = read.whole("max_queue_size", 10, most=MOST)
    timeout = read.milliseconds("queue_timeout_ms", 5000)
    node |= {} if queue == 10 else {"queue": queue}
    node |= {} if timeout == 5000 else {"timeout": milliseconds(timeout)}
    read.close()
    return {"bulkhead": _short(node, "max")}
