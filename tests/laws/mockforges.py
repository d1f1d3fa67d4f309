"""MockForge's structures, in full and with nothing in them that squall has no word for."""

from typing import Any

from hypothesis import strategies as st

from squall.core.playbook.names import identifier

NAMES = st.text("abcdefgh ABC-_.1é", min_size=1, max_size=12).filter(
    lambda name: name.strip() == name
)
SECONDS = st.integers(1, 100_000)
MILLISECONDS = st.integers(0, 100_000)
POSITIVE = st.integers(1, 100_000)
PROBABILITIES = st.integers(1, 1000).map(lambda part: part / 1000)
PERCENTS = st.integers(1, 1000).map(lambda part: part / 10)
CODES = st.lists(st.integers(400, 599), min_size=1, max_size=5)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


@st.composite
def latencies(draw) -> dict[str, Any]:
    fixed = draw(maybe(MILLISECONDS))
    between = None if fixed is not None else sorted(draw(st.tuples(MILLISECONDS, MILLISECONDS)))
    return {
        "enabled": True,
        "fixed_delay_ms": fixed,
        "random_delay_range_ms": between,
        "jitter_percent": draw(st.just(0.0) | PERCENTS),
        "probability": draw(st.just(1.0) | PROBABILITIES),
    }


PATTERNS = st.fixed_dictionaries(
    {"type": st.just("burst"), "count": POSITIVE, "interval_ms": POSITIVE}
) | st.fixed_dictionaries(
    {
        "type": st.just("sequential"),
        "sequence": st.lists(st.integers(200, 599), min_size=1, max_size=4),
    }
)


@st.composite
def injections(draw) -> dict[str, Any]:
    """With at least one fault on; what is off is as squall writes it."""
    on = draw(st.sets(st.integers(0, 4), min_size=1))
    pattern = draw(maybe(PATTERNS)) if 0 in on else None
    rate = draw(PROBABILITIES)
    if pattern is not None and pattern["type"] == "burst":
        rate = 1.0
    elif pattern is not None:
        codes = pattern["sequence"]
        rate = sum(code >= 400 for code in codes) / len(codes)
    kind = draw(st.sampled_from(["http503", "tcp_reset", "tcp_close"]))
    node = {
        "enabled": True,
        "http_errors": draw(CODES) if 0 in on else [],
        "http_error_probability": rate if 0 in on else 0.0,
        "connection_errors": 1 in on,
        "connection_error_probability": draw(PROBABILITIES) if 1 in on else 0.0,
        "connection_error_kind": kind if 1 in on else "http503",
        "timeout_errors": 2 in on,
        "timeout_ms": draw(MILLISECONDS) if 2 in on else 0,
        "timeout_probability": draw(PROBABILITIES) if 2 in on else 0.0,
        "partial_responses": 3 in on,
        "partial_response_probability": draw(PROBABILITIES) if 3 in on else 0.0,
        "payload_corruption": 4 in on,
        "payload_corruption_probability": draw(PROBABILITIES) if 4 in on else 0.0,
        "corruption_type": draw(st.sampled_from(["random_bytes", "truncate", "bit_flip"]))
        if 4 in on
        else "none",
        "error_pattern": pattern,
        "mockai_enabled": False,
        "request_matcher": None,
    }
    requests_only = 1 not in on or kind == "http503"
    node["request_matcher"] = draw(maybe(matchers(requests=requests_only)))
    return node


@st.composite
def matchers(draw, *, requests: bool) -> dict[str, Any]:
    names = draw(st.sets(st.sampled_from(["x-a", "x-b", "accept"]), max_size=2)) if requests else ()
    least = draw(maybe(st.integers(1, 1000))) if requests else None
    most = draw(maybe(st.integers(1000, 9999))) if requests else None
    ips = draw(st.sets(st.sampled_from(["10.0.0.0/8", "127.0.0.1/32", "::1/128"]), min_size=1))
    return {
        "source_ips": sorted(ips),
        "headers": [
            {"name": name, "value": draw(st.sampled_from(["1", "a b"]))} for name in sorted(names)
        ],
        "min_body_size_bytes": least,
        "max_body_size_bytes": most,
        "chunked_only": None,
    }


RATE_LIMITS = st.fixed_dictionaries(
    {
        "enabled": st.just(True),
        "requests_per_second": POSITIVE,
        "burst_size": POSITIVE,
        "per_ip": st.booleans(),
        "per_endpoint": st.booleans(),
    }
)
BREAKERS = st.fixed_dictionaries(
    {
        "enabled": st.just(True),
        "failure_threshold": POSITIVE,
        "success_threshold": POSITIVE,
        "timeout_ms": POSITIVE,
        "half_open_max_requests": POSITIVE,
        "failure_rate_threshold": PERCENTS,
        "min_requests_for_rate": POSITIVE,
        "rolling_window_ms": POSITIVE,
    }
)
BULKHEADS = st.fixed_dictionaries(
    {
        "enabled": st.just(True),
        "max_concurrent_requests": POSITIVE,
        "max_queue_size": st.integers(0, 1000),
        "queue_timeout_ms": MILLISECONDS,
    }
)


@st.composite
def shapings(draw) -> dict[str, Any]:
    most = draw(st.integers(0, 1000))
    limit, loss = draw(st.integers(0, 10**9)), draw(st.just(0.0) | PERCENTS)
    return {
        "enabled": True,
        "bandwidth_limit_bps": limit or (0 if most or loss else 1000),
        "packet_loss_percent": loss,
        "max_connections": most,
        "connection_timeout_ms": draw(MILLISECONDS) if most else 30_000,
    }


@st.composite
def configs(draw) -> dict[str, Any]:
    node = {
        "latency": draw(maybe(latencies().filter(_delays))),
        "fault_injection": draw(maybe(injections())),
        "rate_limit": draw(maybe(RATE_LIMITS)),
        "traffic_shaping": draw(maybe(shapings())),
        "circuit_breaker": draw(maybe(BREAKERS)),
        "bulkhead": draw(maybe(BULKHEADS)),
    }
    return {"enabled": any(node.values()), **node}


def _delays(latency: dict[str, Any]) -> bool:
    return latency["fixed_delay_ms"] is not None or latency["random_delay_range_ms"] is not None


@st.composite
def steps(draw, name: str, scenario: str) -> dict[str, Any]:
    config = draw(configs())
    return {
        "name": name,
        "scenario": {
            "name": scenario if config["enabled"] else name,
            "description": draw(maybe(st.just("what it stands for")))
            if config["enabled"]
            else None,
            "chaos_config": config,
            "duration_seconds": 0,
            "start_time": None,
            "end_time": None,
            "tags": [],
        },
        "duration_seconds": draw(SECONDS),
        "delay_before_seconds": draw(st.just(0) | SECONDS),
        "continue_on_failure": draw(st.booleans()),
    }


@st.composite
def orchestrations(draw) -> dict[str, Any]:
    """In full, as MockForge writes them, with nothing that squall has no word for."""
    count = draw(st.integers(1, 4))
    names = draw(
        st.lists(
            NAMES,
            min_size=count,
            max_size=count,
            unique_by=identifier,
        )
    )
    others = [draw(st.sampled_from([name, f"scenario {i}"])) for i, name in enumerate(names)]
    looping = draw(st.booleans())
    return {
        "name": draw(NAMES),
        "description": draw(maybe(st.just("a description"))),
        "steps": [draw(steps(*pair)) for pair in zip(names, others, strict=True)],
        "parallel": draw(st.booleans()),
        "loop_orchestration": looping,
        "max_iterations": draw(st.integers(0, 5)) if looping else 1,
        "tags": draw(st.lists(NAMES, max_size=3)),
    }


SCHEDULES = st.one_of(
    st.fixed_dictionaries({"type": st.just("Once"), "at": st.just("2026-01-01T00:00:00Z")}),
    st.fixed_dictionaries({"type": st.just("Delayed"), "delay_seconds": SECONDS}),
    st.fixed_dictionaries(
        {
            "type": st.just("Periodic"),
            "interval_seconds": SECONDS,
            "max_executions": st.integers(0, 9),
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("Cron"),
            "hour": maybe(st.integers(0, 23)),
            "minute": st.integers(0, 59),
            "day_of_week": maybe(st.integers(0, 6)),
            "max_executions": st.integers(0, 9),
        }
    ),
)


@st.composite
def scenarios(draw) -> dict[str, Any]:
    return {
        "name": draw(NAMES),
        "description": draw(maybe(st.just("a description"))),
        "chaos_config": draw(configs().filter(lambda config: config["enabled"])),
        "duration_seconds": draw(SECONDS),
        "start_time": None,
        "end_time": None,
        "tags": draw(st.lists(NAMES, max_size=3)),
    }


@st.composite
def scheduled(draw) -> dict[str, Any]:
    return {
        "id": draw(NAMES),
        "scenario": draw(scenarios()),
        "schedule": draw(SCHEDULES),
        "enabled": draw(st.booleans()),
        "execution_count": 0,
        "last_executed": None,
        "next_execution": None,
    }
