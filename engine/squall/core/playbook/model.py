"""A playbook as a value: what was written, with every shorthand and default spelled out.

Built by `build` from checked data, compiled by `compile`, stored with each run. Encoded with
`canonical`, its bytes are the same for the same meaning whatever the text looked like; their digest
identifies what a run was made from.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from squall.core.faults.kinds import Protocol, Scenario, Share, Value
from squall.core.playbook.gates import (
    Approval,
    Dependency,
    OnChange,
    OnCrash,
    OnDelete,
    OnSuspend,
    Suspension,
)
from squall.core.schedule.model import Schedule, Window
from squall.core.timing import HOUR, SECOND, Duration

Outcome = Literal["succeeded", "failed", "timed_out", "cancelled", "skipped", "omitted"]
"""How a step ended. `skipped`: its own condition was false; `omitted`: an earlier one failed."""

BUILTIN_ECHO: Final = "builtin:echo"


class Address(Value, frozen=True, kw_only=True):
    """A host and a port to listen on or to forward to."""

    host: str
    port: int

    def __str__(self) -> str:
        """As people write it: ``127.0.0.1:7070``, ``[::1]:7070``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(Value, frozen=True, kw_only=True):
    """Where faults go: a listener, what is behind it (None: the built-in echo), what it speaks."""

    name: str
    listen: Address
    upstream: Address | None
    protocol: Protocol = "http"


class Injection(Value, frozen=True, kw_only=True, tag="scenario"):
    """Keep scenarios on the step's targets for its duration."""

    scenarios: tuple[Scenario, ...]


class Request(Value, frozen=True, kw_only=True):
    """One kind of request of a load, sent in proportion to its weight.

    Header names are in lower case and replace those that would be sent otherwise.
    """

    method: str
    path: str
    weight: float = 1.0
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None


class Constant(Value, frozen=True, kw_only=True, tag="constant"):
    """Requests at even distances."""


class Poisson(Value, frozen=True, kw_only=True, tag="poisson"):
    """Requests at random distances, as independent users send them."""


class Ramp(Value, frozen=True, kw_only=True, tag="ramp"):
    """The rate goes evenly from `start` a second to the load's own, over its duration."""

    start: float


Shape = Constant | Poisson | Ramp

EVEN: Final = Constant()
PATIENCE: Final = Duration(10 * SECOND)
CONNECTIONS: Final = 512


class Load(Value, frozen=True, kw_only=True, tag="load"):
    """Send `rate` requests a second to each target, open loop.

    A request without a whole answer `timeout` after it was due is given up. At most `connections`
    to each target are open at once; requests beyond wait, and their waiting counts.
    """

    rate: float
    mix: tuple[Request, ...] = (Request(method="GET", path="/"),)
    shape: Shape = EVEN
    timeout: Duration = PATIENCE
    connections: int = CONNECTIONS


class HttpProbe(Value, frozen=True, kw_only=True, tag="http"):
    """Ask once over HTTP; a status of 400 or above, or no answer, is a failure."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    follow: bool = False


class Wait(Value, frozen=True, kw_only=True, tag="wait"):
    """Wait."""

    duration: Duration


class Group(Value, frozen=True, kw_only=True, tag="group"):
    """Steps one after the other, or side by side (then ordered only by their `needs`)."""

    steps: "tuple[Step, ...]"
    parallel: bool = False


Action = Injection | Load | HttpProbe | Wait | Group


class Need(Value, frozen=True, kw_only=True):
    """This step starts after that sibling.

    Without `outcomes` the sibling must have concluded well; with them, its raw outcome must be
    one of these.
    """

    step: str
    outcomes: tuple[Outcome, ...] = ()


class Backoff(Value, frozen=True, kw_only=True):
    """How long to wait before the next attempt: initial × factor^n, at most cap, ± jitter."""

    initial: Duration = Duration(SECOND)
    factor: float = 2.0
    cap: Duration = Duration(60 * SECOND)
    jitter: Share = Share(0.0)


class Retry(Value, frozen=True, kw_only=True):
    """Try again when an attempt ends in one of `outcomes`, `attempts` times in all."""

    attempts: int
    outcomes: tuple[Outcome, ...] = ("failed", "timed_out")
    backoff: Backoff = Backoff()


class Loop(Value, frozen=True, kw_only=True):
    """Repeat `times`, or for ever when None."""

    times: int | None


class Tolerance(Value, frozen=True, kw_only=True):
    """Which outcomes are allowed to go wrong, and how many times over all iterations."""

    outcomes: tuple[Outcome, ...] = ("failed", "timed_out")
    max: int | None = None


class Step(Value, frozen=True, kw_only=True):
    """One step: a name, an action, and what modifies it."""

    name: str
    action: Action
    targets: tuple[str, ...] = ()
    duration: Duration | None = None
    delay: Duration = Duration(0)
    timeout: Duration | None = None
    on_timeout: Literal["fail", "continue"] = "fail"
    needs: tuple[Need, ...] = ()
    retry: Retry | None = None
    loop: Loop | None = None
    continue_on_failure: Tolerance | None = None
    expect_traffic: bool = False


class Playbook(Value, frozen=True, kw_only=True):
    """A whole playbook. `body` is a group like any other; `finally_` may not inject."""

    name: str
    body: Group
    targets: tuple[Target, ...]
    description: str = ""
    tags: tuple[str, ...] = ()
    loop: Loop | None = None
    timeout: Duration = Duration(HOUR)
    finally_: tuple[Step, ...] = ()
    seed: int | None = None
    record: bool = False
    schedule: tuple[Schedule, ...] = ()
    windows: tuple[Window, ...] = ()
    suspend: Suspension | None = None
    depends_on: tuple[Dependency, ...] = ()
    approval: Approval | None = None
    renamed_from: str | None = None
    on_change: OnChange = "finish"
    on_delete: OnDelete = "cancel"
    on_suspend: OnSuspend = "finish"
    on_crash: OnCrash = "rollback"


def canonical(playbook: Playbook) -> bytes:
    """The playbook as JSON that depends on its meaning only, readable by `from_canonical`."""
    return msgspec.json.encode(_said(playbook))


def _said(value: object) -> object:
    """Plain data without what equals its default; msgspec leaves out what *is* the default."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kept: dict[str, object] = {} if config.tag is None else {str(config.tag_field): config.tag}
        for field in msgspec.structs.fields(value):
            held = getattr(value, field.name)
            if held != field.default:
                kept[field.encode_name] = _said(held)
        return kept
    if isinstance(value, Mapping):
        return {key: _said(value[key]) for key in sorted(value)}
    return [_said(one) for one in value] if isinstance(value, tuple | list) else value


def from_canonical(data: bytes) -> Playbook:
    """Read what `canonical` wrote; raises `msgspec.DecodeError` for anything else."""
    return msgspec.json.decode(data, type=Playbook)


def digest(playbook: Playbook) -> str:
    """``sha256:`` and 64 hexadecimal digits over the canonical form."""
    return "sha256:" + hashlib.sha256(canonical(playbook)).hexdigest()
