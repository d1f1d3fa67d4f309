"""A playbook as a value: what was written, with every shorthand and default spelled out.

Built by `build` from checked data, compiled by `compile`, stored with each run. Encoded with
`canonical`, its bytes are the same for the same meaning whatever the text looked like; their digest
identifies what a run was made from.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

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
from squall.core.playbook.kind import Kind
from squall.core.schedule.model import Schedule, Window
from squall.core.timing import HOUR, SECOND, Duration

Outcome = Literal["succeeded", "failed", "timed_out", "cancelled", "skipped", "omitted"]
"""How a step ended. `skipped`: its own condition was false; `omitted`: an earlier one failed."""

InputKind = Literal["string", "integer", "number", "boolean", "duration", "share", "size", "list"]
"""What an input may be declared as."""

STEPS: Final = ("steps", "parallel", "finally")
"""The keys under which steps stand."""

BUILTIN_ECHO: Final = "builtin:echo"


class Address(Value, frozen=True, kw_only=True):
    """A host and a port to listen on or to forward to."""

    host: str
    port: int

    def __str__(self) -> str:
        """As people write it: ``127.0.0.1:7070``, ``[::1]:7070``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Target(Value, frozen=True, kw_only=True):
    """Where faults go: a listener, what is behind it (None: the built-in echo), what it speaks.

    Steps may choose targets by their `labels`. `shared`: two runs may have faults there at once.
    """

    name: str
    listen: Address
    upstream: Address | None
    protocol: Protocol = "http"
    labels: tuple[tuple[str, str], ...] = ()
    shared: bool = False


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
    """Ask once over HTTP. Header values and the body may hold references to secrets."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    follow: bool = False


class TcpProbe(Value, frozen=True, kw_only=True, tag="tcp"):
    """Connect once, send a text, take what comes back. The text may hold references to secrets."""

    connect: Address
    send: str | None = None
    tls: bool = False


class ExecProbe(Value, frozen=True, kw_only=True, tag="exec"):
    """Run a program, without a shell, in `cwd` as seen from the playbook's folder.

    The values of `env`, which come on top of a few usual ones, may hold references to secrets.
    """

    run: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "."


Probe = HttpProbe | TcpProbe | ExecProbe
"""One question to the system under test."""


class Wait(Value, frozen=True, kw_only=True, tag="wait"):
    """Wait."""

    duration: Duration


class Given(Value, frozen=True, kw_only=True):
    """An input with its value, as JSON; a `template` has it only once a run gets there."""

    name: str
    kind: InputKind
    value: str = "null"
    template: str = ""

    def decoded(self) -> Any:
        """The value itself."""
        return msgspec.json.decode(self.value)


class Output(Value, frozen=True, kw_only=True):
    """What a playbook tells whoever called it: an expression over its steps, and what it gives.

    The `kind` is worked out where the playbook is called.
    """

    name: str
    expression: str
    kind: Kind = "dyn"


class Called(Value, frozen=True, kw_only=True):
    """The playbook whose steps a group stands for: names inside it are its own.

    `loops`: the loop of the step is that of the called playbook, and not of whoever calls it.
    `tidies`: the steps are those of its `finally`.
    """

    playbook: str
    inputs: tuple[Given, ...] = ()
    outputs: tuple[Output, ...] = ()
    abort_if: tuple[str, ...] = ()
    loops: bool = False
    tidies: bool = False


class Group(Value, frozen=True, kw_only=True, tag="group"):
    """Steps one after the other, or side by side (then ordered only by their `needs`)."""

    steps: "tuple[Step, ...]"
    parallel: bool = False
    called: Called | None = None

    def walk(self) -> "Iterator[Step]":
        """Every step in it, those of groups in it behind each."""
        for step in self.steps:
            yield step
            if isinstance(step.action, Group):
                yield from step.action.walk()


class Replay(Value, frozen=True, kw_only=True, tag="replay"):
    """Replay a recording against the step's targets."""

    recording: str
    speed: str = "realtime"
    only: tuple[str, ...] = ()
    endpoint: str = ""
    mode: Literal["timeline", "sequence"] = "timeline"


class Approve(Value, frozen=True, kw_only=True, tag="approve"):
    """Wait for a person; `by` are the roles that may say yes, `expires` how long it is waited."""

    by: tuple[str, ...] = ()
    message: str = ""
    expires: Duration | None = None


Action = Injection | Replay | Load | Probe | Approve | Wait | Group


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
    """Go round `times`, once for `each`, `until` or `while` something holds, or for ever.

    One of the five says when it ends; `max` bounds the rounds of the last three. `each` is a list
    as JSON, or an expression that gives one. Rounds begin `every` so often at most, and
    `max_parallel` of them at once.
    """

    times: int | None = None
    each: str = ""
    each_of: str = ""
    until: str = ""
    while_: str = ""
    max: int | None = None
    every: Duration = Duration(0)
    max_parallel: int = 1

    def items(self) -> list[Any]:
        """What it goes round for, where that is written out."""
        items: list[Any] = msgspec.json.decode(self.each) if self.each else []
        return items

    @property
    def rounds(self) -> int | None:
        """How often it goes round at most; None where nobody can say."""
        if self.each:
            return len(self.items())
        return self.max if self.times is None else self.times

    @property
    def endless(self) -> bool:
        """Whether it could go round for ever: nothing counts its rounds in advance."""
        return self.times is None and not self.each and not self.each_of

    @property
    def forever(self) -> bool:
        """Whether only something around it can end it."""
        return self.endless and self.max is None and not (self.until or self.while_)

    @property
    def fewest(self) -> int:
        """How often it goes round at least."""
        return 1 if self.until else 0


class SteadyState(Value, frozen=True, kw_only=True):
    """What holds when all is well: checks, each a probe with what is expected of it.

    Looked at `every` so often, it counts as broken after `failures` looks in a row; after the
    faults it has to hold again `recover_within` so long.
    """

    checks: "tuple[Step, ...]"
    every: Duration = Duration(5 * SECOND)
    failures: int = 1
    recover_within: Duration = Duration(0)


class Tolerance(Value, frozen=True, kw_only=True):
    """Which outcomes are allowed to go wrong, and how many times over all iterations."""

    outcomes: tuple[Outcome, ...] = ("failed", "timed_out")
    max: int | None = None


class Blank(Value, frozen=True, kw_only=True):
    """A step with values that are known only while a run is on its way: its text, to be filled.

    `text` is the step's own keys as JSON, with their ``${{ }}``; `scope` the targets around it,
    `scenarios` those it calls by name.
    """

    text: str
    scope: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = ()


class Step(Value, frozen=True, kw_only=True):
    """One step: a name, an action, and what modifies it.

    `when`, `expect` and `abort_if` are expressions. A step with a `blank` has an example for an
    action until it is filled.
    """

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
    when: str = ""
    expect: tuple[str, ...] = ()
    abort_if: tuple[str, ...] = ()
    blank: Blank | None = None


class Limits(Value, frozen=True, kw_only=True):
    """What no run may go beyond; None: as far as it likes.

    `targets`: how many have faults at once. `error_share`: the share of a target's requests that
    are made to fail. `duration`: of a whole run. `concurrent_runs`: in one state folder.
    """

    targets: int | None = None
    error_share: Share | None = None
    duration: Duration | None = None
    concurrent_runs: int | None = None


NO_LIMITS: Final = Limits()


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
    inputs: tuple[Given, ...] = ()
    outputs: tuple[Output, ...] = ()
    abort_if: tuple[str, ...] = ()
    steady_state: SteadyState | None = None
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
    limits: Limits = NO_LIMITS

    def walk(self) -> Iterator[Step]:
        """Every step of it, those of `finally` last."""
        yield from self.body.walk()
        yield from Group(steps=self.finally_).walk()


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
