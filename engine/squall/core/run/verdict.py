"""How a run ended, in one word and one sentence, and as an exit code."""

from typing import Final

from squall.core.run.facts import Verdict
from squall.core.run.state import State

EXIT_CODES: Final[dict[Verdict, int]] = {
    "passed": 0,
    "warned": 0,
    "failed": 1,
    "aborted": 3,
    "inconclusive": 4,
    "cancelled": 130,
    "interrupted": 130,
}


def exit_code(verdict: Verdict, *, strict: bool = False) -> int:
    """What the command line exits with; `strict` counts warnings as failures."""
    if verdict == "warned" and strict:
        return 1
    return EXIT_CODES[verdict]


def decide(state: State) -> tuple[Verdict, str]:
    """The verdict of a run whose steps are over. A fault that is still on outweighs all else."""
    if state.leaked:
        return "failed", state.leaked
    if state.ending is not None:
        return state.ending
    if state.edge_lost:
        return "failed", state.edge_lost
    if not state.main.passed:
        return "failed", state.main.reason
    if state.finally_.ended and not state.finally_.passed:
        return "failed", f"finally: {state.finally_.reason}"
    if state.unwell is not None:
        return state.unwell
    if state.warning:
        return "warned", state.warning
    return "passed", ""
