"""What stands between a playbook and its next run, as values: a suspension, others, a person.

Part of `model.Playbook`, built by `timetable`. Schedules and windows are `core.schedule`'s; whether
a gate is open now is decided where runs are admitted.
"""

from datetime import datetime
from typing import Literal

from squall.core.faults.kinds import Value
from squall.core.timing import Duration

OnChange = Literal["finish", "restart", "cancel", "patch"]
OnDelete = Literal["cancel", "finish"]
OnSuspend = Literal["finish", "pause", "cancel"]
OnCrash = Literal["rollback", "resume", "fail"]


class Suspension(Value, frozen=True, kw_only=True):
    """No run starts, until then or until it is taken out of the text."""

    reason: str = ""
    until: datetime | None = None


class Dependency(Value, frozen=True, kw_only=True):
    """The last run of that playbook must have passed, and ended at most so long ago."""

    name: str
    passed_within: Duration | None = None


class Approval(Value, frozen=True, kw_only=True):
    """A person with one of these roles must say yes to each new generation.

    Without roles anybody who may start runs may; a yes is good for `expires`, or for ever.
    """

    by: tuple[str, ...] = ()
    expires: Duration | None = None
