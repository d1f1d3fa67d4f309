"""What an answer means by itself: which ones are failures when nobody says what to expect.

Called by `attempts` for a probe that saw something; a step's own ``expect`` takes its place.
"""

from typing import Final

from squall.core.diagnostics import short
from squall.core.playbook.model import ExecProbe, HttpProbe, Probe
from squall.core.playbook.wording import describe_probe
from squall.core.run.events import CUT, Saw
from squall.core.timing import MILLISECOND

_SIGNALLED: Final = 128
_SIGNALS: Final = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    6: "SIGABRT",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
}
"""Those whose numbers are the same everywhere."""


def wrong_by_itself(probe: Probe, saw: Saw) -> str:
    """In a sentence why this is a failure: a status of 400 or above, an exit code other than 0.

    Empty when it is none.
    """
    seen = dict(saw.values)
    match probe:
        case HttpProbe():
            status = int(seen.get("status", 0))
            took = int(seen.get("latency", 0)) / MILLISECOND
            answered = f"{describe_probe(probe)} answered {status} in {took:.0f} ms"
            return answered if status >= 400 else ""
        case ExecProbe():
            code = int(seen.get("exit_code", 0))
            return f"{describe_probe(probe)} {_ended(code)}{_last_words(seen)}" if code else ""
        case _:
            return ""


def _ended(code: int) -> str:
    """How a program ended."""
    signal = _SIGNALS.get(code - _SIGNALLED)
    return f"was ended by {signal}" if signal else f"ended with exit code {code}"


def _last_words(seen: dict[str, int | float | str]) -> str:
    """The last line a program wrote, where programs say what is wrong."""
    for name in ("stderr", "stdout"):
        lines = str(seen.get(name, "")).removesuffix(CUT).strip().splitlines()
        if lines:
            return f": {short(lines[-1].strip(), 200)}"
    return ""
