"""What the machine wants done, as imperatives: its only output.

A driver performs them in order. `Inject` puts harm on and must wait until the journal holds the
event that caused it; everything else is performed at once, whether or not the journal can be
written.
"""

from squall.core.faults.effects import Inject, Revert
from squall.core.faults.kinds import Value
from squall.core.playbook.model import Load, Probe
from squall.core.run.facts import RunFact
from squall.core.timing import Duration


class StartTimer(Value, frozen=True, kw_only=True, tag="start_timer"):
    """Bring back `TimerFired(timer)` when run time reaches `due`. The same id replaces."""

    timer: str
    due: int


class CancelTimer(Value, frozen=True, kw_only=True, tag="cancel_timer"):
    """Forget a timer; one that has fired already is no error."""

    timer: str


class StartProbe(Value, frozen=True, kw_only=True, tag="start_probe"):
    """Do the probe, bring back `ActionEnded(path)`."""

    path: str
    probe: Probe


class StartLoad(Value, frozen=True, kw_only=True, tag="start_load"):
    """Send the load to the named targets for `duration`, bring back `ActionEnded(path)`."""

    path: str
    load: Load
    targets: tuple[str, ...]
    duration: Duration


class CancelAction(Value, frozen=True, kw_only=True, tag="cancel_action"):
    """Stop a probe or a load; it still brings back its `ActionEnded`."""

    path: str


class Announce(Value, frozen=True, kw_only=True, tag="announce"):
    """Tell whoever watches."""

    fact: RunFact


class Suppose(Value, frozen=True, kw_only=True, tag="suppose"):
    """Note what is taken for granted of a step where a rehearsal cannot know."""

    path: str
    what: str


Command = (
    Inject
    | Revert
    | StartTimer
    | CancelTimer
    | StartProbe
    | StartLoad
    | CancelAction
    | Announce
    | Suppose
)
