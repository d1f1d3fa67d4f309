"""What of a fault MockForge's `ChaosConfig` has no words for.

Called by `mockforge`, once for each fault of a step; `chaos_config` writes what it has words for.
"""

from collections.abc import Iterator

from squall.core.faults.kinds import (
    EVERY,
    Bandwidth,
    Burst,
    CircuitBreaker,
    Connections,
    Corruption,
    Errors,
    Fault,
    Fixed,
    Latency,
    PartialResponses,
    RateLimit,
    Resets,
    Timeouts,
    Uniform,
)
from squall.core.timing import MILLISECOND, SECOND, Duration, format_duration


def unsaid(fault: Fault) -> Iterator[str]:
    """A sentence for each thing that gets lost, or is written only nearly."""
    match fault:
        case Latency():
            yield from _latency(fault)
        case Errors():
            yield from _errors(fault)
        case Timeouts():
            yield from _in_milliseconds(fault.after)
            if fault.answer is None:
                yield "MockForge's time-outs end with 504"
        case Resets():
            yield from _resets(fault)
        case PartialResponses():
            if fault.keep is not None or fault.keep_share != 0.5:
                yield "how much of an answer is kept cannot be said"
        case Corruption():
            if fault.direction != "response":
                yield "MockForge corrupts answers alone"
        case _:
            yield from _limiting(fault)


def _latency(fault: Latency) -> Iterator[str]:
    delay = fault.delay
    match delay:
        case Fixed():
            yield from _in_milliseconds(delay.value)
        case Uniform():
            yield from _in_milliseconds(delay.min, delay.max)
        case _:
            yield "MockForge knows fixed delays and evenly drawn ones; a fixed one is written"
    if fault.jitter and not isinstance(delay, Fixed):
        yield "its jitter is a share of the delay"
    elif isinstance(delay, Fixed) and fault.jitter > delay.value:
        yield "its jitter is at most the delay"
    if fault.direction != "request":
        yield "MockForge holds requests back, not answers"


def _errors(fault: Errors) -> Iterator[str]:
    if fault.body is not None or fault.headers:
        yield "the body and headers of an error cannot be said"
    if isinstance(fault.pattern, Burst):
        if fault.pattern.interval:
            yield from _in_milliseconds(fault.pattern.interval)
        else:
            yield "MockForge's bursts count time, not requests; their share is written"


def _resets(fault: Resets) -> Iterator[str]:
    if fault.kind != "http_503" and fault.at != "connect":
        yield f"MockForge breaks a connection when it is made, not at the {fault.at}"


def _limiting(fault: Fault) -> Iterator[str]:
    match fault:
        case RateLimit():
            if fault.limit % 1:
                yield "MockForge counts whole requests a second"
            if fault.by.startswith("header:"):
                yield "it cannot count by a header; all are counted together"
            if fault.answer != 429:
                yield "MockForge turns requests away with 429"
        case Bandwidth():
            if fault.limit % 1:
                yield "MockForge counts whole bytes a second"
            if fault.direction != "both" or fault.rate != EVERY:
                yield "it limits every connection, both ways"
        case Connections():
            yield from _in_milliseconds(fault.timeout)
        case CircuitBreaker():
            yield from _in_milliseconds(fault.timeout, fault.window)


def _in_milliseconds(*durations: Duration) -> Iterator[str]:
    for duration in durations:
        if duration % MILLISECOND:
            yield f"MockForge counts whole milliseconds; this is {format_duration(duration)}"


def in_seconds(duration: Duration) -> Iterator[str]:
    """What gets lost when a duration is counted in whole seconds."""
    if duration % SECOND:
        yield f"MockForge counts whole seconds; {format_duration(duration)} is rounded up"
