"""Faults as MockForge's `ChaosConfig`, as near as it comes.

Called by `mockforge`, which says what of a playbook gets lost, and by recordings, which show what
was on. Where there are several of one kind, the strongest is shown.
"""

from collections.abc import Iterable
from typing import Final, assert_never

from squall.core.faults.kinds import (
    Bandwidth,
    Bulkhead,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Distribution,
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Normal,
    PacketLoss,
    Pareto,
    PartialResponses,
    RateLimit,
    Resets,
    Sequence,
    Share,
    Timeouts,
    Uniform,
    share_of,
)
from squall.core.playbook.foreign.quantities import as_percent
from squall.core.timing import MILLISECOND, Duration

Config = dict[str, object]
_CONNECTION_KINDS: Final = {"reset": "tcp_reset", "close": "tcp_close", "http_503": "http503"}
INJECTED: Final = (Errors, Timeouts, Resets, PartialResponses, Corruption)
"""The faults of its `fault_injection`, which a `request_matcher` narrows."""


def chaos_config(faults: Iterable[Fault], matcher: Config | None = None) -> Config:
    """MockForge's `ChaosConfig` that comes nearest to these faults together.

    `matcher` is the `request_matcher` that narrows those which are injected.
    """
    known = tuple(faults)
    latencies = [fault for fault in known if isinstance(fault, Latency)]
    limits = [fault for fault in known if isinstance(fault, RateLimit)]
    breakers = [fault for fault in known if isinstance(fault, CircuitBreaker)]
    bulkheads = [fault for fault in known if isinstance(fault, Bulkhead)]
    injected = [fault for fault in known if isinstance(fault, INJECTED)]
    shaping = [fault for fault in known if isinstance(fault, PacketLoss | Bandwidth | Connections)]
    return {
        "enabled": bool(known),
        "latency": _latency(max(latencies, key=_strength)) if latencies else None,
        "fault_injection": _fault_injection(injected, matcher) if injected else None,
        "rate_limit": _rate_limit(limits) if limits else None,
        "traffic_shaping": _shaping(shaping) if shaping else None,
        "circuit_breaker": _breaker(breakers[0]) if breakers else None,
        "bulkhead": _bulkhead(min(bulkheads, key=lambda one: one.max)) if bulkheads else None,
    }


def _strength(fault: Latency) -> float:
    return _usual(fault.delay) * fault.rate


def _usual(delay: Distribution) -> Duration:
    """The one delay that stands best for a distribution."""
    match delay:
        case Fixed():
            return delay.value
        case Uniform():
            return Duration((delay.min + delay.max) // 2)
        case Normal() | Exponential():
            return delay.mean
        case LogNormal():
            return delay.median
        case Pareto():
            return delay.scale
        case _:
            assert_never(delay)


def _latency(fault: Latency) -> Config:
    delay, usual = fault.delay, _usual(fault.delay)
    uniform = isinstance(delay, Uniform)
    jitter = as_percent(fault.jitter_share) or (fault.jitter / usual * 100 if usual else 0.0)
    return {
        "enabled": True,
        "fixed_delay_ms": None if uniform else usual // MILLISECOND,
        "random_delay_range_ms": [delay.min // MILLISECOND, delay.max // MILLISECOND]
        if isinstance(delay, Uniform)
        else None,
        "jitter_percent": min(jitter, 100.0),
        "probability": fault.rate,
    }


def _fault_injection(faults: Iterable[Fault], matcher: Config | None) -> Config:
    known = list(faults)
    errors = [fault for fault in known if isinstance(fault, Errors)]
    timeouts = [fault for fault in known if isinstance(fault, Timeouts)]
    resets = [fault for fault in known if isinstance(fault, Resets)]
    partial = [fault for fault in known if isinstance(fault, PartialResponses)]
    corrupted = [fault for fault in known if isinstance(fault, Corruption)]
    kind = max(resets, key=lambda fault: fault.rate).kind if resets else "http_503"
    patterns = [fault.pattern for fault in errors if fault.pattern is not None]
    return {
        "enabled": True,
        "http_errors": list(errors[0].codes)
        if len(errors) == 1
        else sorted({code for fault in errors for code in fault.codes}),
        "http_error_probability": _highest(errors),
        "connection_errors": bool(resets),
        "connection_error_probability": _highest(resets),
        "connection_error_kind": _CONNECTION_KINDS[kind],
        "timeout_errors": bool(timeouts),
        "timeout_ms": max((fault.after for fault in timeouts), default=0) // MILLISECOND,
        "timeout_probability": _highest(timeouts),
        "partial_responses": bool(partial),
        "partial_response_probability": _highest(partial),
        "payload_corruption": bool(corrupted),
        "payload_corruption_probability": _highest(corrupted),
        "corruption_type": max(corrupted, key=share_of).kind if corrupted else "none",
        "error_pattern": _pattern(patterns[0]) if patterns else None,
        "mockai_enabled": False,
        "request_matcher": matcher,
    }


def _pattern(pattern: Burst | Sequence) -> Config | None:
    """A burst that counts requests has no counterpart: MockForge's count time."""
    if isinstance(pattern, Sequence):
        return {"type": "sequential", "sequence": list(pattern.codes)}
    if not pattern.interval:
        return None
    return {
        "type": "burst",
        "count": pattern.count,
        "interval_ms": pattern.interval // MILLISECOND,
    }


def _highest(faults: Iterable[Fault]) -> Share:
    return max(map(share_of, faults), default=Share(0.0))


def _rate_limit(faults: Iterable[RateLimit]) -> Config:
    known = list(faults)
    strictest = min(known, key=lambda one: one.limit)
    by = {fault.by for fault in known}
    return {
        "enabled": True,
        "requests_per_second": max(1, round(strictest.limit)),
        "burst_size": strictest.burst,
        "per_ip": "client" in by,
        "per_endpoint": "endpoint" in by,
    }


def _shaping(faults: Iterable[Fault]) -> Config:
    known = list(faults)
    limits = [fault.limit for fault in known if isinstance(fault, Bandwidth)]
    places = [fault for fault in known if isinstance(fault, Connections)]
    return {
        "enabled": True,
        "bandwidth_limit_bps": round(min(limits, default=0)),
        "packet_loss_percent": as_percent(
            _highest(one for one in known if isinstance(one, PacketLoss))
        ),
        "max_connections": min((one.max for one in places), default=0),
        "connection_timeout_ms": max((one.timeout for one in places), default=30_000 * MILLISECOND)
        // MILLISECOND,
    }


def _breaker(fault: CircuitBreaker) -> Config:
    return {
        "enabled": True,
        "failure_threshold": fault.failures,
        "success_threshold": fault.successes,
        "timeout_ms": fault.timeout // MILLISECOND,
        "half_open_max_requests": fault.half_open,
        "failure_rate_threshold": as_percent(fault.failure_rate),
        "min_requests_for_rate": fault.min_requests,
        "rolling_window_ms": fault.window // MILLISECOND,
    }


def _bulkhead(fault: Bulkhead) -> Config:
    return {
        "enabled": True,
        "max_concurrent_requests": fault.max,
        "max_queue_size": fault.queue,
        "queue_timeout_ms": fault.timeout // MILLISECOND,
    }
