"""Faults, from checked data to the model: every shorthand in full, every default spelled out.

Called by `scenarios`, which knows what stands around them. One function a fault, named as in the
language; what a schema cannot say of a fault is found here, at its place.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from squall.core.faults.kinds import (
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Distribution,
    Down,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LimitData,
    LogNormal,
    Normal,
    PacketLoss,
    Pareto,
    PartialResponses,
    RateLimit,
    Resets,
    Sequence,
    Share,
    Slicer,
    SlowClose,
    Timeouts,
    Uniform,
)
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration

_DISTRIBUTIONS: Final = ("fixed", "uniform", "normal", "lognormal", "pareto", "exponential")

Node = Mapping[str, Any]


def build_fault(places: Places, path: Path, key: str, written: Any) -> Fault:
    """One fault of a scenario: its key, and what is written there."""
    if key == "down":
        return Down()
    if key == "latency":
        return _latency(places, path, written)
    name = _SHORT[key]
    if isinstance(written, dict):
        return _FULL[key](_Reader(places, path, written, short=False))
    return _FULL[key](_Reader(places, path, {name: written}, short=True))


class _Reader:
    """Reads the keys of one fault; a shorthand is its one key, at the fault's own place."""

    def __init__(self, places: Places, path: Path, node: Node, *, short: bool) -> None:
        self.places = places
        self.path = path
        self.node = node
        self._short = short

    def at(self, key: str) -> Path:
        return self.path if self._short else (*self.path, key)

    def share(self, key: str, default: Share | float = 1) -> Share:
        return self.places.share(self.at(key), self.node.get(key, default))

    def duration(self, key: str, default: Duration) -> Duration:
        written = self.node.get(key)
        return default if written is None else self.places.duration(self.at(key), written)

    def lasting(self, key: str, default: Duration) -> Duration:
        written = self.node.get(key)
        return default if written is None else self.places.lasting(self.at(key), written, default)

    def size(self, key: str, default: int = 0) -> int:
        written = self.node.get(key)
        return default if written is None else self.places.size(self.at(key), written)

    def whole(self, key: str, default: int) -> int:
        return int(self.node.get(key, default))


def _latency(places: Places, path: Path, written: Any) -> Latency:
    if not isinstance(written, dict):
        return Latency(delay=Fixed(value=places.duration(path, written)))
    seen = [key for key in _DISTRIBUTIONS if key in written]
    if len(seen) != 1:
        what = " and ".join(f"'{key}'" for key in seen) or "none"
        places.note(path, "SQ108", f"a latency has one distribution, not {what}",
                   "one of " + ", ".join(_DISTRIBUTIONS))  # fmt: skip
        return Latency(delay=Fixed(value=Duration(0)))
    jitter = written.get("jitter", "0%")
    share, spread = Share(0.0), Duration(0)
    if jitter.strip().endswith("%"):
        share = places.share((*path, "jitter"), jitter)
    else:
        spread = places.duration((*path, "jitter"), jitter)
    return Latency(
        delay=_distribution(places, (*path, seen[0]), seen[0], written[seen[0]]),
        jitter=spread,
        jitter_share=share,
        rate=places.share((*path, "rate"), written.get("rate", 1)),
        direction=written.get("direction", "request"),
    )


def _distribution(places: Places, path: Path, key: str, node: Any) -> Distribution:
    def time(name: str) -> Duration:
        return places.duration((*path, name), node[name])

    match key:
        case "fixed":
            return Fixed(value=places.duration(path, node))
        case "uniform":
            low, high = time("min"), time("max")
            if low > high:
                places.note(path, "SQ106", "'min' is longer than 'max'", "swap them")
            return Uniform(min=low, max=high)
        case "normal":
            return Normal(mean=time("mean"), stddev=time("stddev"))
        case "lognormal":
            return LogNormal(median=time("median"), sigma=float(node["sigma"]))
        case "pareto":
            return Pareto(scale=time("scale"), shape=float(node["shape"]))
    return Exponential(mean=time("mean"))


def _errors(read: _Reader) -> Errors:
    node = read.node
    pattern = _pattern(read)
    if "rate" not in node and node.get("pattern", "random") == "random":
        hint = "for example rate: 10%, or a pattern"
        read.places.note(read.path, "SQ102", "'rate' is missing", hint, key=True)
    if pattern is not None and "rate" in node:
        message = "a pattern takes the place of 'rate'"
        read.places.note(read.at("rate"), "SQ108", message, "leave one of them out", key=True)
    headers = node.get("headers", {})
    codes = tuple(int(code) for code in node.get("codes", Errors(rate=Share(0)).codes))
    return Errors(
        rate=read.share("rate", 0) if pattern is None else _comes_to(pattern),
        codes=codes,
        pattern=pattern,
        body=node.get("body"),
        headers=tuple(sorted((name.lower(), value) for name, value in headers.items())),
    )


def _pattern(read: _Reader) -> Burst | Sequence | None:
    written = read.node.get("pattern", "random")
    if written == "random":
        return None
    path = (*read.path, "pattern")
    if "sequence" in written:
        return Sequence(codes=tuple(int(code) for code in written["sequence"]))
    burst, at = written["burst"], (*path, "burst")
    seen = [key for key in ("per", "interval") if key in burst]
    if len(seen) != 1:
        message = f"a burst has 'per' or 'interval', not {'both' if seen else 'none of them'}"
        hint = "per: of how many requests; interval: of how much time"
        read.places.note(at, "SQ108", message, hint)
        return None
    count = int(burst["count"])
    if "interval" in burst:
        interval = read.places.lasting((*at, "interval"), burst["interval"], Duration(1))
        return Burst(count=count, interval=interval)
    per = int(burst["per"])
    if count > per:
        message = f"'count' {count} is more than 'per' {per}"
        read.places.note((*at, "count"), "SQ106", message, "at most so many can fail")
    return Burst(count=count, per=max(per, count))


def _comes_to(pattern: Burst | Sequence) -> Share:
    """The share of requests that a pattern strikes; of a burst by time nobody knows it."""
    if isinstance(pattern, Sequence):
        return Share(sum(code >= 400 for code in pattern.codes) / len(pattern.codes))
    return Share(pattern.count / pattern.per if pattern.per else 1.0)


def _timeouts(read: _Reader) -> Timeouts:
    answer: Literal[504] | None = None if read.node.get("answer") == "none" else 504
    default = Timeouts(rate=Share(0)).after
    return Timeouts(rate=read.share("rate"), after=read.duration("after", default), answer=answer)


def _resets(read: _Reader) -> Resets:
    kind, at = read.node.get("kind", "reset"), read.node.get("at", "request")
    if kind == "refuse":
        if "at" in read.node and at != "connect":
            message = f"a connection is refused when it is made, not at '{at}'"
            read.places.note(read.at("at"), "SQ110", message, "remove 'at', or choose a kind")
        kind, at = "reset", "connect"
    if kind == "http_503" and at != "request":
        message = f"a 503 answers a request; it cannot come at '{at}'"
        read.places.note(read.at("at"), "SQ110", message, "remove 'at', or choose another kind")
        at = "request"
    return Resets(rate=read.share("rate"), kind=kind, at=at)


def _partial_responses(read: _Reader) -> PartialResponses:
    rate, keep = read.share("rate"), read.node.get("keep", "50%")
    if isinstance(keep, str) and keep.strip().endswith("%"):
        return PartialResponses(rate=rate, keep_share=read.share("keep", Share(0.5)))
    return PartialResponses(rate=rate, keep=read.size("keep"))


def _corruption(read: _Reader) -> Corruption:
    return Corruption(
        rate=read.share("rate"),
        kind=read.node.get("kind", "random_bytes"),
        direction=read.node.get("direction", "response"),
    )


def _rate_limit(read: _Reader) -> RateLimit:
    by = str(read.node.get("by", "all"))
    return RateLimit(
        limit=read.places.per_second(read.at("limit"), read.node["limit"]),
        burst=read.whole("burst", 10),
        by=by.lower() if by.startswith("header:") else by,
        answer=read.whole("answer", 429),
    )


def _bandwidth(read: _Reader) -> Bandwidth:
    return Bandwidth(
        limit=read.places.flow(read.at("limit"), read.node["limit"]),
        direction=read.node.get("direction", "both"),
        rate=read.share("rate"),
    )


def _packet_loss(read: _Reader) -> PacketLoss:
    return PacketLoss(rate=read.share("rate"))


def _connections(read: _Reader) -> Connections:
    return Connections(max=read.whole("max", 1), timeout=read.duration("timeout", Duration(0)))


def _slicer(read: _Reader) -> Slicer:
    size, variation = read.size("size"), read.size("variation")
    if not size:
        read.places.note(read.at("size"), "SQ106", "a piece has at least one byte")
    if variation > size:
        message = "'variation' is more than 'size'"
        read.places.note(read.at("variation"), "SQ106", message, "a piece cannot be less than none")
    return Slicer(
        size=max(size, 1),
        variation=variation,
        delay=read.duration("delay", Duration(0)),
        direction=read.node.get("direction", "response"),
        rate=read.share("rate"),
    )


def _slow_close(read: _Reader) -> SlowClose:
    return SlowClose(
        delay=read.duration("delay", Duration(0)),
        direction=read.node.get("direction", "response"),
        rate=read.share("rate"),
    )


def _limit_data(read: _Reader) -> LimitData:
    return LimitData(
        bytes=read.size("bytes"),
        direction=read.node.get("direction", "response"),
        rate=read.share("rate"),
    )


def _circuit_breaker(read: _Reader) -> CircuitBreaker:
    default = CircuitBreaker()
    return CircuitBreaker(
        failures=read.whole("failures", default.failures),
        successes=read.whole("successes", default.successes),
        timeout=read.lasting("timeout", default.timeout),
        half_open=read.whole("half_open", default.half_open),
        failure_rate=read.share("failure_rate", default.failure_rate),
        min_requests=read.whole("min_requests", default.min_requests),
        window=read.lasting("window", default.window),
    )


def _bulkhead(read: _Reader) -> Bulkhead:
    default = Bulkhead()
    return Bulkhead(
        max=read.whole("max", default.max),
        queue=read.whole("queue", default.queue),
        timeout=read.duration("timeout", default.timeout),
    )


_FULL: Final[Mapping[str, Callable[[_Reader], Fault]]] = {
    "errors": _errors,
    "timeouts": _timeouts,
    "resets": _resets,
    "partial_responses": _partial_responses,
    "corruption": _corruption,
    "rate_limit": _rate_limit,
    "bandwidth": _bandwidth,
    "packet_loss": _packet_loss,
    "connections": _connections,
    "slicer": _slicer,
    "slow_close": _slow_close,
    "limit_data": _limit_data,
    "circuit_breaker": _circuit_breaker,
    "bulkhead": _bulkhead,
}
_SHORT: Final = {
    **dict.fromkeys(_FULL, "rate"),
    "rate_limit": "limit",
    "bandwidth": "limit",
    "connections": "max",
    "slicer": "size",
    "slow_close": "delay",
    "limit_data": "bytes",
    "circuit_breaker": "failures",
    "bulkhead": "max",
}
"""The key that a shorthand gives the value of."""

FAULTS: Final = ("latency", *_FULL, "down")
"""Every fault of the language, by its key."""
