"""Faults in a few words, for whoever shows them: drawings, the live view, lists, summaries.

One wording for all of them, so that a person reads the same "30 % errors (503)" everywhere. These
are labels, not the language: nothing reads them back.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Direction,
    Distribution,
    Down,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LimitData,
    LogNormal,
    Match,
    Normal,
    PacketLoss,
    Pareto,
    PartialResponses,
    RateLimit,
    Resets,
    Scenario,
    Sequence,
    Share,
    Slicer,
    SlowClose,
    Timeouts,
    Uniform,
    possible,
)
from squall.core.timing import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND

_RESETS: Final = {"reset": "RST", "close": "FIN", "http_503": "503"}
_CORRUPTIONS: Final = {
    "random_bytes": "random bytes", "bit_flip": "bits flipped", "truncate": "cut short"
}  # fmt: skip
_UNITS: Final = (
    ("d", DAY),
    ("h", HOUR),
    ("min", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("µs", MICROSECOND),
)


def describe(fault: Fault) -> str:
    """One fault: ``latency 100 ms``, ``30 % errors (503)``, ``bandwidth 100 KB/s``."""
    match fault:
        case Latency():
            return _latency(fault)
        case Errors():
            return _errors(fault)
        case Timeouts():
            answer = "" if fault.answer else ", no answer"
            return f"{share(fault.rate)} time-outs ({span(fault.after)}{answer})"
        case Resets():
            return f"{share(fault.rate)} resets{_reset(fault)}"
        case PartialResponses():
            kept = share(fault.keep_share) if fault.keep is None else size(fault.keep)
            return f"{share(fault.rate)} partial responses ({kept} kept)"
        case Corruption():
            way = _way(fault.direction, "response")
            return f"{share(fault.rate)} corruption ({_CORRUPTIONS[fault.kind]}{way})"
        case PacketLoss():
            return f"{share(fault.rate)} packet loss"
        case _:
            return _limiting(fault)


def _limiting(fault: Fault) -> str:
    """Those that limit something rather than strike by chance."""
    match fault:
        case RateLimit():
            by = {"all": "", "client": " a client", "endpoint": " an endpoint"}
            who = by.get(fault.by, f" a value of {fault.by.removeprefix('header:')}")
            return f"rate limit {fault.limit:g}/s{who}"
        case Bandwidth():
            words = f"bandwidth {size(fault.limit)}/s{_way(fault.direction, 'both')}"
        case Connections():
            wait = f", {span(fault.timeout)} to wait" if fault.timeout else ""
            return f"at most {_count(fault.max, 'connection')}{wait}"
        case Slicer():
            gap = f", {span(fault.delay)} apart" if fault.delay else ""
            words = f"slices of {size(fault.size)}{gap}{_way(fault.direction, 'response')}"
        case SlowClose():
            words = f"close {span(fault.delay)} late{_way(fault.direction, 'response')}"
        case LimitData():
            words = f"closed after {size(fault.bytes)}{_way(fault.direction, 'response')}"
        case Down():
            return "down"
        case CircuitBreaker():
            failures = _count(fault.failures, "failure")
            return f"circuit breaker ({failures}, {span(fault.timeout)} open)"
        case Bulkhead():
            return f"bulkhead of {fault.max}, {fault.queue} queued"
        case _:
            raise AssertionError(fault)
    return words if fault.rate == EVERY else f"{words} for {share(fault.rate)}"


def describe_scenario(scenario: Scenario) -> str:
    """All its faults, and what they are narrowed to: ``30 % errors (503), POST /orders/*``."""
    faults = " + ".join(describe(fault) for fault in scenario.faults) or scenario.name
    narrowed = describe_match(scenario.match)
    return f"{faults}, {narrowed}" if narrowed else faults


def meaningless(scenario: Scenario) -> Iterator[str]:
    """What of it has no meaning for bytes alone: ``'10 % errors'``, ``a match of requests``."""
    for fault in scenario.faults:
        if not possible(fault, "tcp"):
            yield f"'{describe(fault)}'"
    match = scenario.match
    if match.method or match.path or match.host or match.headers or match.min_body is not None:
        yield "a match of requests"
    elif match.max_body is not None:
        yield "a match of bodies"


def describe_match(match: Match) -> str:
    """Which requests: ``GET or HEAD /orders/* of shop.example with x-tenant: a``; empty for all."""
    words = [" or ".join(match.method), match.path]
    words += [f"of {match.host}"] if match.host else []
    if match.headers:
        words.append("with " + ", ".join(f"{name}: {value}" for name, value in match.headers))
    if match.client:
        words.append("from " + " or ".join(match.client))
    words += [_body(match)]
    words += [f"for {share(match.share)} of clients"] if match.share < EVERY else []
    return " ".join(word for word in words if word)


def _body(match: Match) -> str:
    least, most = match.min_body, match.max_body
    if least is None:
        return "" if most is None else f"with a body of at most {size(most)}"
    if most is None:
        return f"with a body of at least {size(least)}"
    return f"with a body of {size(least)} to {size(most)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count: float) -> str:
    """Bytes as people say them, 1,000 to a KB: ``100 KB``, ``1.5 MB``."""
    for unit, each in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= each:
            return f"{count / each:.4g} {unit}"
    return f"{count:.4g} B"


def share(part: Share) -> str:
    """A share as people say it: ``10 %``, ``0.5 %``."""
    return f"{part * 100:.4g} %"


def span(duration: int) -> str:
    """A duration as people say it, in at most two units: ``100 ms``, ``1.5 s``, ``1 min 30 s``."""
    if duration == 0:
        return "0 s"
    if duration < MINUTE:
        unit, size = next(
            ((unit, size) for unit, size in _UNITS[3:] if duration >= size), ("ns", 1)
        )
        return f"{duration / size:.4g} {unit}"
    largest = next(i for i, (_, size) in enumerate(_UNITS) if duration >= size)
    (unit, size), (next_unit, next_size) = _UNITS[largest], _UNITS[largest + 1]
    whole, rest = divmod(duration, size)
    below = rest // next_size
    return f"{whole} {unit} {below} {next_unit}" if below else f"{whole} {unit}"


def _errors(fault: Errors) -> str:
    named = fault.codes != Errors(rate=fault.rate).codes
    codes = f" ({', '.join(map(str, fault.codes))})" if named else ""
    match fault.pattern:
        case None:
            return f"{share(fault.rate)} errors{codes}"
        case Burst(count=count, per=per, interval=interval):
            each = f"{per} requests" if per else span(interval)
            return f"{count} errors every {each}{codes}"
        case Sequence(codes=sequence):
            return f"errors in turn ({', '.join(map(str, sequence))})"


def _reset(fault: Resets) -> str:
    words = [] if fault.kind == "reset" else [_RESETS[fault.kind]]
    words += [] if fault.at == "request" else [f"at {fault.at}"]
    return f" ({', '.join(words)})" if words else ""


def _way(direction: Direction, usual: Direction) -> str:
    if direction == usual:
        return ""
    return {"request": " upwards", "response": " downwards", "both": " both ways"}[direction]


def _latency(fault: Latency) -> str:
    words = f"latency {_distribution(fault.delay)}"
    if fault.jitter_share:
        words += f" ± {share(fault.jitter_share)}"
    elif fault.jitter:
        words += f" ± {span(fault.jitter)}"
    words += {"request": "", "response": " on answers", "both": " each way"}[fault.direction]
    return words if fault.rate == EVERY else f"{words} for {share(fault.rate)}"


def _distribution(delay: Distribution) -> str:
    match delay:
        case Fixed():
            return span(delay.value)
        case Uniform():
            return f"{span(delay.min)} to {span(delay.max)}"
        case Normal():
            return f"normal {span(delay.mean)}, σ {span(delay.stddev)}"
        case LogNormal():
            return f"lognormal {span(delay.median)}, σ {delay.sigma:.4g}"
        case Pareto():
            return f"pareto from {span(delay.scale)}, shape {delay.shape:.4g}"
        case Exponential():
            return f"exponential {span(delay.mean)}"
        case _:
            assert_never(delay)
