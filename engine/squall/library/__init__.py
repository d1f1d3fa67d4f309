"""The Python interface: what ``import squall`` offers. Everything else is private.

`squall` itself imports nothing and forwards here. Read or write a playbook (`playbook`), run it and
watch it (`running`), look at what came of it (`outcome`), or put faults before a service without a
playbook (`proxy`). Every way in goes through `squall.app`.
"""

from squall.core.diagnostics import Refused
from squall.library.outcome import Delivery, Event, Measured, Outcome, StepOutcome, Steps
from squall.library.playbook import Finding, Invalid, Playbook, load, loads, step
from squall.library.proxy import Faults, Injected, Proxy, SyncProxy, faults
from squall.library.running import Running, RunOptions, run, run_sync, start

__all__ = [
    "Delivery",
    "Event",
    "Faults",
    "Finding",
    "Injected",
    "Invalid",
    "Measured",
    "Outcome",
    "Playbook",
    "Proxy",
    "Refused",
    "RunOptions",
    "Running",
    "StepOutcome",
    "Steps",
    "SyncProxy",
    "faults",
    "load",
    "loads",
    "run",
    "run_sync",
    "start",
    "step",
]
