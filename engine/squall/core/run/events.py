"""What can happen to a run, as facts in the past tense: the machine's only input.

Every event has `at`: nanoseconds of run time, never decreasing, made by the driver. The journal of
a run is the list of its events, so a field added here needs a default, and a change of meaning a
new `MACHINE` version.
"""

from contextlib import suppress
from typing import Any, Final, Literal

import msgspec

from squall.core.faults.effects import Applied, EdgeLost, Felt, Lapsed, Lifted, Rejected
from squall.core.faults.kinds import Value

MACHINE: Final = 2
"""The version of the machine's meaning: journals of another version are not folded."""


MOST_SEEN: Final = 64 * 1024
"""How many bytes are kept of a text that a probe saw."""

CUT: Final = "\n[cut after 64 KiB]"
"""What stands at the end of a text of which more was seen."""


class Saw(Value, frozen=True, kw_only=True):
    """What a probe saw, by the names expressions know it under.

    ``latency`` is in nanoseconds; ``exit_code`` is 128 and more for a signal, as in a shell. Texts
    are at most `MOST_SEEN` long, and `CUT` then. Header names are in lower case. In a rehearsal a
    load may have seen its ``measured`` figures.
    """

    values: tuple[tuple[str, int | float | str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def named(self) -> dict[str, Any]:
        """Everything by its name, with ``json`` where what was seen is JSON."""
        seen: dict[str, Any] = dict(self.values)
        if "status" in seen:
            seen["headers"] = dict(self.headers)
        text = seen.get("body", seen.get("stdout"))
        if text:
            with suppress(msgspec.DecodeError, RecursionError):  # most texts are none
                seen["json"] = msgspec.json.decode(text)
        return seen


def kept(data: bytes, *, cut: bool = False, charset: str = "utf-8") -> str:
    """Bytes as a text to be kept; `cut` says that they are the first of more."""
    try:
        text = data[:MOST_SEEN].decode(charset, "replace")
    except LookupError:
        text = data[:MOST_SEEN].decode("utf-8", "replace")
    return text + CUT if cut or len(data) > MOST_SEEN else text


class Event(Value, frozen=True, kw_only=True):
    """Something that happened `at` this many nanoseconds of run time."""

    at: int


class RunCreated(Event, frozen=True, kw_only=True, tag="run_created"):
    """The first event of a run. `run` is its id in the state folder; `seed` fixes its dice.

    `rehearsal`: the world is assumed, and what it would say is not known.
    `folder` is where its playbook lies, for programs that are run from there.
    """

    run: str
    seed: int
    machine: int = MACHINE
    rehearsal: bool = False
    folder: str = ""


class EdgeReported(Event, frozen=True, kw_only=True, tag="edge_reported"):
    """The edge answered an effect, or lost a lease, or died."""

    report: Applied | Rejected | Lifted | Lapsed | EdgeLost


class TimerFired(Event, frozen=True, kw_only=True, tag="timer_fired"):
    """A timer that was started came due. One that was cancelled since changes nothing."""

    timer: str


class ActionEnded(Event, frozen=True, kw_only=True, tag="action_ended"):
    """A probe or a load that was started has ended; `path` is the step attempt it belonged to.

    A probe that saw something has succeeded as far as the world is concerned: whether that is what
    was wanted is the machine's to say.
    """

    path: str
    outcome: Literal["succeeded", "failed"]
    reason: str = ""
    felt: Felt | None = None
    saw: Saw | None = None


class Measured(Event, frozen=True, kw_only=True, tag="measured"):
    """What clients of a target, or of a load, felt over the last second, for guards to look at."""

    source: str
    felt: Felt


class PauseRequested(Event, frozen=True, kw_only=True, tag="pause_requested"):
    """Lift the faults and freeze the steps' timers."""

    by: str


class ResumeRequested(Event, frozen=True, kw_only=True, tag="resume_requested"):
    """Put the faults back with the time that was left."""

    by: str


class StopRequested(Event, frozen=True, kw_only=True, tag="stop_requested"):
    """Undo everything, run `finally`, end as cancelled."""

    by: str
    reason: str = ""


class TerminateRequested(Event, frozen=True, kw_only=True, tag="terminate_requested"):
    """Undo everything and end as cancelled, without `finally`."""

    by: str
    reason: str = ""


class JournalFailed(Event, frozen=True, kw_only=True, tag="journal_failed"):
    """The journal cannot be written: undo everything and abort."""

    reason: str


class EngineRestarted(Event, frozen=True, kw_only=True, tag="engine_restarted"):
    """The engine that drove this run died; every lease it held has been undone already."""

    reason: str = "the engine was killed"


RunEvent = (
    RunCreated
    | EdgeReported
    | TimerFired
    | ActionEnded
    | Measured
    | PauseRequested
    | ResumeRequested
    | StopRequested
    | TerminateRequested
    | JournalFailed
    | EngineRestarted
)

_DECODER: Final = msgspec.json.Decoder(RunEvent)


def encode(event: RunEvent) -> bytes:
    """The event as one line of JSON, for the journal."""
    return msgspec.json.encode(event)


def decode(line: bytes) -> RunEvent:
    """Read what `encode` wrote; raises `msgspec.DecodeError` for anything else."""
    event: RunEvent = _DECODER.decode(line)
    return event
