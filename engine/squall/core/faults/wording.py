"""Faults in a few words, for whoever shows them: drawings, the live view, lists, summaries.

One wording for all of them, so that a person reads the same "30 % errors (503)" everywhere. These
are labels, not the language: nothing reads them back.
"""

from typing import Final, assert_never

from squall.core.faults.kinds import (
    EVERY,
    Distribution,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Match,
    Normal,
    PacketLoss,
    Pareto,
    Resets,
    Scenario,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.timing import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND

_RESETS: Final = {"reset": "RST", "close": "FIN", "http_503": "503"}
_UNITS: Final = (
    ("d", DAY),
    ("h", HOUR),
    ("min", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("µs", MICROSECOND),
)


def describe(fault: Fault) -> str:
    """One fault: ``latency 100 ms``, ``30 % errors (503)``, ``5 % resets``."""
    match fault:
        case Latency():
            return _latency(fault)
        case Errors():
            named = fault.codes != Errors(rate=fault.rate).codes
            codes = f" ({', '.join(map(str, fault.codes))})" if named else ""
            return f"{share(fault.rate)} errors{codes}"
        case Timeouts():
            answer = "" if fault.answer else ", no answer"
            return f"{share(fault.rate)} time-outs ({span(fault.after)}{answer})"
        case Resets():
            kind = "" if fault.kind == "reset" else f" ({_RESETS[fault.kind]})"
            return f"{share(fault.rate)} resets{kind}"
        case PacketLoss():
            return f"{share(fault.rate)} packet loss"
        case _:
            assert_never(fault)


def describe_scenario(scenario: Scenario) -> str:
    """All its faults, and what they are narrowed to: ``30 % errors (503), POST /orders/*``."""
    faults = " + ".join(describe(fault) for fault in scenario.faults) or scenario.name
    narrowed = describe_match(scenario.match)
    return f"{faults}, {narrowed}" if narrowed else faults


def describe_match(match: Match) -> str:
    """Which requests: ``GET or HEAD /orders/* of shop.example with x-tenant: a``; empty for all."""
    words = [" or ".join(match.method), match.path]
    words += [f"of {match.host}"] if match.host else []
    if match.headers:
        words.append("with " + ", ".join(f"{name}: {value}" for name, value in match.headers))
    return " ".join(word for word in words if word)


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


def _latency(fault: Latency) -> str:
    words = f"latency {_distribution(fault.delay)}"
    if fault.jitter_share:
        words += f" ± {share(fault.jitter_share)}"
    elif fault.jitter:
        words += f" ± {span(fault.jitter)}"
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
