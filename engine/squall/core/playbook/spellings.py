"""What other tools, and habit, call the things of the language: ``probability`` for a rate.

Called by `schema` for keys and choices it does not know. Letters say nothing here: ``toxicity`` is
not a misspelt ``rate``, and ``timeout_ms: 500`` would be five hundred seconds as ``timeout``. These
words have no meaning in a playbook; they only make what is said about them helpful.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

_OTHERS: Final[Mapping[str, str]] = {
    # The whole
    "name": "title id",
    "description": "summary desc doc",
    "tags": "labels",
    "inputs": "configuration parameters params variables vars arguments args with",
    "targets": "proxies target_services services hosts selector endpoints",
    "scenarios": "faults toxics experiments",
    "steady_state": "steady_state_hypothesis hypothesis health_checks probes",
    "checks": "probes",
    "abort_if": "stop_conditions stop_condition stop_if stop_when halt_if guards alerts",
    "steps": "method actions activities stages phases tasks jobs experiment",
    "finally": "rollbacks rollback cleanup teardown post_hooks always on_exit",
    "seed": "random_seed",
    "record": "recording",
    # Steps
    "scenario": "toxics toxic faults fault attack chaos chaos_config config inject",
    "expect": "tolerance assert assertions expected success_criteria verify check",
    "when": "if condition only_if",
    "needs": "depends_on dependencies requires after",
    "timeout": "deadline time_limit max_duration",
    "duration": "length time hold",
    "delay": "start_delay initial_delay delay_before wait_before pauses",
    "retry": "retries attempts max_retries retry_strategy",
    "attempts": "max_attempts retries count limit times",
    "continue_on_failure": "ignore_errors ignore_failure allow_failure continue_on_error fail_fast",
    "loop": "repeat foreach for_each iterate loop_orchestration iterations",
    "times": "count iterations repeat",
    "each": "items foreach for_each with_items values in",
    "every": "interval period frequency",
    "max_parallel": "parallelism max_concurrency concurrency",
    "parallel": "background concurrent",
    "wait": "sleep pause pauses",
    "playbook": "uses include call workflow",
    "load": "traffic",
    "requests": "rate rps requests_per_second",
    "approve": "approval manual",
    # Probes
    "exec": "run command cmd process script shell",
    "run": "command cmd args arguments",
    "env": "environment",
    "cwd": "workdir working_directory",
    "get": "url uri",
    "body": "data payload json content",
    "follow": "follow_redirects",
    "connect": "host address url",
    "send": "data payload write",
    # Faults
    "rate": "probability toxicity chance percentage percent likelihood",
    "latency": "delay lag slow fixed_delay",
    "fixed": "delay latency value fixed_delay",
    "errors": "abort http_errors error fault failures",
    "codes": "status status_code status_codes code http_status error_codes http_errors",
    "resets": "reset_peer tcp_reset connection_reset connection_errors",
    "partial_responses": "partial_response truncate",
    "corruption": "corrupt payload_corruption",
    "packet_loss": "loss drop",
    "rate_limit": "throttle requests_per_second",
    "bandwidth": "bandwidth_limit throttle_bandwidth",
    "limit": "requests_per_second rps bps bandwidth_limit bandwidth_limit_bps",
    "burst": "burst_size",
    "connections": "max_connections",
    "max": "max_connections max_concurrent_requests max_iterations limit",
    "queue": "max_queue_size",
    "failures": "failure_threshold",
    "successes": "success_threshold",
    "size": "average_size",
    "variation": "size_variation",
    "down": "outage blackhole",
    "direction": "stream",
    # Matching, targets
    "match": "filter request_matcher where",
    "path": "url endpoint uri",
    "client": "source_ips client_ip ip",
    "listen": "bind address port listen_address",
    "upstream": "backend to destination forward proxy_to server",
    # Schedules
    "cron": "expression cron_expression",
    "timezone": "tz time_zone",
    "once": "at",
    "missed": "catch_up",
    "deadline": "starting_deadline",
    "concurrency": "concurrency_policy",
}  # fmt: skip
_OURS: Final[Mapping[str, tuple[str, ...]]] = {
    word: tuple(ours for ours, words in _OTHERS.items() if word in words.split())
    for words in _OTHERS.values()
    for word in words.split()
}
_THE_SAME: Final = frozenset({"probability", "toxicity", "environment", "time_zone", "tz"})
"""Words whose values mean the same under the word of the language."""
_CHOICES: Final[Mapping[str, str]] = {
    "upstream": "request", "downstream": "response", "rst": "reset", "fin": "close",
    "tcp_reset": "reset", "tcp_close": "close", "http503": "http_503", "ignore": "continue",
    "success": "succeeded", "successful": "succeeded", "passed": "succeeded", "error": "failed",
    "failure": "failed", "timeout": "timed_out", "aborted": "cancelled", "forbid": "skip",
    "float": "number", "int": "integer", "bool": "boolean", "text": "string", "str": "string",
    "percent": "share", "percentage": "share", "array": "list", "time": "duration",
    "bytes": "size",
}  # fmt: skip
_UNITS: Final[Mapping[str, str]] = {
    "us": "us", "ms": "ms", "millis": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
    "seconds": "s", "min": "m", "minutes": "m", "hours": "h", "percent": "%", "pct": "%",
}  # fmt: skip
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Meant(NamedTuple):
    """The key of the language that is meant, and its value as text where that is another one.

    `certain`: nothing else can be meant.
    """

    key: str
    value: str = ""
    certain: bool = False


def meant_by(
    key: str, value: object, known: Collection[str], present: Collection[str]
) -> Meant | None:
    """What a key of another spelling means beside those that are `known` here.

    `present` are the keys that are there already, which are not meant again.
    """
    free = [each for each in known if each not in present]
    word = _CAPITAL.sub("_", key).replace("-", "_").lower()
    if word in free:
        return Meant(word, certain=True)
    base, _, unit = word.rpartition("_")
    if base and unit in _UNITS and type(value) in {int, float}:
        ours = base if base in free else _ours(base, free)
        if ours is not None:
            return Meant(ours, f"{value}{_UNITS[unit]}", certain=ours == base)
    theirs = _ours(word, free)
    return None if theirs is None else Meant(theirs, certain=word in _THE_SAME)


def _ours(word: str, free: Collection[str]) -> str | None:
    return next((ours for ours in _OURS.get(word, ()) if ours in free), None)


def choice_for(written: str, choices: Collection[str]) -> str | None:
    """The choice that another tool's word stands for."""
    word = _CAPITAL.sub("_", written).replace("-", "_").replace(" ", "_").lower()
    ours = word if word in choices else _CHOICES.get(word, "")
    return ours if ours in choices else None
