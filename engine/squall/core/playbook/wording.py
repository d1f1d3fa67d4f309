"""A load or a probe in a few words, for whoever shows it: drawings, timelines, rehearsals.

The twin of `core.faults.wording`: labels, not the language; nothing reads them back.
"""

import json
import shlex
from typing import Final, assert_never

from squall.core.diagnostics import short
from squall.core.faults.effects import Failures
from squall.core.playbook.model import (
    Blank,
    Constant,
    ExecProbe,
    HttpProbe,
    Load,
    Poisson,
    Probe,
    Ramp,
    TcpProbe,
)

_NOT_DONE: Final = frozenset({"name", "when", "expect", "duration", "loop", "delay", "timeout"})
_FAILURES: Final = {
    "status": "answered 500 or above",
    "reset": "reset",
    "refused": "refused",
    "timeout": "timed out",
    "malformed": "not HTTP",
    "unsent": "unsent",
}


def describe_load(load: Load) -> str:
    """How many and in which shape: ``50 requests/s``, ``5 rising to 50 requests/s``."""
    rate = f"{load.rate:.6g} requests/s"
    match load.shape:
        case Constant():
            return rate
        case Poisson():
            return f"{rate} at random"
        case Ramp(start=start):
            return f"{start:.6g} {'rising' if start <= load.rate else 'falling'} to {rate}"
        case _:
            assert_never(load.shape)


def describe_blank(blank: Blank) -> str:
    """What a step will do once its values are known, as it is written: ``http: {get: …}``."""
    keys = json.loads(blank.text)
    return ", ".join(f"{key}: {_flow(keys[key])}" for key in keys if key not in _NOT_DONE)


def _flow(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return value
        case _:
            return json.dumps(value)


def describe_probe(probe: Probe) -> str:
    """What is asked: ``GET http://127.0.0.1:8080/health``, ``tcp 127.0.0.1:5432``, ``exec ls``."""
    match probe:
        case HttpProbe(method=method, url=url):
            return f"{method} {_without_password(url)}"
        case TcpProbe(connect=address, tls=tls):
            return f"{'tls' if tls else 'tcp'} {address}"
        case ExecProbe(run=run):
            return f"exec {short(shlex.join(run))}"
        case _:
            assert_never(probe)


def _without_password(url: str) -> str:
    """The address as it may be shown: what stands before an ``@`` can be a secret."""
    scheme, colon, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{colon}{authority.rpartition('@')[2]}{slash}{path}"


def describe_failures(failures: Failures) -> str:
    """What became of requests that failed: ``31 answered 500 or above, 9 reset``; or nothing."""
    many = {kind: getattr(failures, kind) for kind in _FAILURES}
    return ", ".join(f"{many[kind]:,} {words}" for kind, words in _FAILURES.items() if many[kind])
