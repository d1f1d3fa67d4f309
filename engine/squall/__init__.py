"""GitOps for chaos engineering: playbooks in git, real faults on real traffic, always undone.

For programs: `load`, `loads` and `Playbook` make playbooks, `run`, `run_sync` and `start` run them,
`faults` puts faults before a service without one. Importing squall imports nothing else; what it
offers comes from `squall.library` when it is first asked for.
"""

__version__ = "0.1.0"

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


TYPE_CHECKING = False
if TYPE_CHECKING:
    from squall.library import *
else:

    def __getattr__(name: str) -> object:
        """Fetch what the library offers (PEP 562), and keep it."""
        if name not in __all__:
            raise AttributeError(f"module 'squall' has no attribute '{name}'")
        from importlib import import_module  # noqa: PLC0415 - see above

        globals()[name] = found = getattr(import_module("squall.library"), name)
        return found


def __dir__() -> list[str]:
    """What there is, asked for or not."""
    return sorted({*globals(), *__all__})
