"""What modifies a step, from checked data to the model: needs, retry, loop, what may go wrong.

Called by `build` for each step and for the playbook itself. What a schema cannot say is noted at
its place.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from squall.core.playbook.fixes import Fix, instead
from squall.core.playbook.model import Backoff, Loop, Need, Retry, Tolerance
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.timing import Duration

LOOPS: Final = ("times", "each", "until", "while", "forever")
_COUNTED: Final = frozenset({"times", "each"})
"""Loops that know their rounds before the first."""

Node = Mapping[str, Any]


def build_needs(node: Node) -> tuple[Need, ...]:
    """The siblings a step waits for, in the order of their names."""
    written = node.get("needs", ())
    if isinstance(written, dict):
        needs = [Need(step=name, outcomes=tuple(sorted(o))) for name, o in written.items()]
    else:
        needs = [Need(step=name) for name in dict.fromkeys(written)]
    return tuple(sorted(needs, key=lambda need: need.step))


def build_retry(places: Places, path: Path, node: Node) -> Retry | None:
    """How often a step is tried, and when again."""
    written = node.get("retry")
    if written is None:
        return None
    backoff = written.get("backoff", {})
    at = (*path, "retry", "backoff")
    default = Backoff()
    initial = _duration(places, at, backoff, "initial")
    cap = _duration(places, at, backoff, "cap")
    if cap is not None and cap < (default.initial if initial is None else initial):
        message = "'cap' is shorter than the first wait"
        places.note((*at, "cap"), "SQ106", message, "make it longer, or 'initial' shorter")
    return Retry(
        attempts=int(written["attempts"]),
        outcomes=tuple(sorted(written.get("outcomes", ("failed", "timed_out")))),
        backoff=Backoff(
            initial=default.initial if initial is None else initial,
            factor=float(backoff.get("factor", default.factor)),
            cap=default.cap if cap is None else cap,
            jitter=places.share((*at, "jitter"), backoff.get("jitter", 0)),
        ),
    )


def build_loop(places: Places, path: Path, node: Node) -> Loop | None:
    """How often a step, or the playbook, goes round."""
    written = node.get("loop")
    if written is None:
        return None
    at = (*path, "loop")
    ways = [key for key in LOOPS if key in written]
    if not ways:
        _no_way(places, at, written)
        return None
    if len(ways) > 1:
        what = " and ".join(f"'{key}'" for key in ways)
        message = f"a loop says once when it ends, not {what}"
        places.note(at, "SQ108", message, "leave one of them", key=True)
    elif "max" in written and ways[0] in _COUNTED:
        message = f"'max' has no meaning beside '{ways[0]}'"
        places.note((*at, "max"), "SQ110", message, "leave it out", key=True)
    elif "max_parallel" in written and ways[0] not in _COUNTED:
        message = f"'max_parallel' has no meaning beside '{ways[0]}'"
        hint = "rounds side by side cannot depend on one another: say 'times' or 'each'"
        places.note((*at, "max_parallel"), "SQ110", message, hint, key=True)
    if written.get("each") == [] and places.document.written_at((*at, "each")) == []:
        hint = 'for example ["checkout", "cart"]; only a list that is put in may be empty'
        places.note((*at, "each"), "SQ107", "there is nothing in it", hint)
    each = places.document.late.get((*at, "each"), "")
    return Loop(
        times=int(written["times"]) if "times" in written else None,
        each=json.dumps(written["each"]) if "each" in written and not each else "",
        each_of=each,
        until=written.get("until", ""),
        while_=written.get("while", ""),
        max=int(written["max"]) if "max" in written else None,
        every=_duration(places, at, written, "every") or Duration(0),
        max_parallel=int(written.get("max_parallel", 1)),
    )


def _no_way(places: Places, at: Path, written: Node) -> None:
    """A loop that does not say when it ends; one with 'max' alone means to go round so often."""
    hint = "one of " + ", ".join(LOOPS)
    fix: Fix = ()
    if "max" in written:
        hint = f"'max' bounds one of {', '.join(LOOPS[2:])}; to go round so often, say 'times'"
        span = places.document.locate((*at, "max"), key=True)
        fix = () if places.document.aliases else instead(span, "max", "times")
    places.note(at, "SQ108", "a loop has to say when it ends", hint, key=True, fix=fix)


def build_tolerance(node: Node) -> Tolerance | None:
    """Which outcomes of a step are allowed to go wrong."""
    written = node.get("continue_on_failure", False)
    if isinstance(written, bool):
        return Tolerance() if written else None
    outcomes = tuple(sorted(written.get("outcomes", ("failed", "timed_out"))))
    most = int(written["max"]) if "max" in written else None
    return Tolerance(outcomes=outcomes, max=most)


def _duration(places: Places, path: Path, node: Node, key: str) -> Duration | None:
    return places.duration((*path, key), node[key]) if key in node else None
