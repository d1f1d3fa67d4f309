"""What a step does, as far as it is said in a few words: replays, approvals, and what fits beside.

Called by `build`; probes, loads and scenarios have modules of their own.
"""

from collections.abc import Mapping
from typing import Any, Final

from squall.core.playbook.model import Approve, Replay
from squall.core.playbook.places import Places
from squall.core.playbook.probes import PROBES
from squall.core.playbook.source import Path
from squall.core.timing import LONGEST

ACTIONS: Final = (
    "scenario", "replay", "load", *PROBES, "approve", "wait", "playbook", "steps", "parallel",
)  # fmt: skip

Node = Mapping[str, Any]


def build_replay(node: Node) -> Replay:
    """A recording that is replayed."""
    return Replay(
        recording=node["recording"],
        speed=str(node.get("speed", "realtime")),
        only=tuple(sorted(node.get("only", ()))),
        endpoint=node.get("endpoint", ""),
        mode=node.get("mode", "timeline"),
    )


def build_approve(places: Places, path: Path, node: Node) -> Approve:
    """A person who is waited for."""
    by, expires = node.get("by", ()), node.get("expires")
    return Approve(
        by=(by,) if isinstance(by, str) else tuple(sorted(by)),
        message=node.get("message", ""),
        expires=None if expires is None else places.lasting((*path, "expires"), expires, LONGEST),
    )


def one_action(places: Places, path: Path, node: Node, seen: list[str]) -> None:
    """Note that a step does nothing, or several things at once."""
    if seen:
        keys = " and ".join(f"'{key}'" for key in seen)
        message = f"a step does one thing; '{node['name']}' has {keys}"
        hint = "make two steps of it, side by side under 'parallel'"
        places.note((*path, seen[1]), "SQ108", message, hint, key=True)
    else:
        message = f"step '{node['name']}' does nothing"
        hint = "give it one of " + ", ".join(ACTIONS)
        places.note((*path, "name"), "SQ108", message, hint, key=True)


def check_duration(places: Places, path: Path, node: Node, key: str) -> None:
    """Note a `duration` that is missing beside an action, or has no meaning there."""
    timed = key in {"scenario", "load"}
    if timed and "duration" not in node:
        hint = "say how long, for example duration: 60s"
        places.note((*path, key), "SQ109", f"'{key}' needs a 'duration'", hint, key=True)
    elif not timed and key != "replay" and "duration" in node:
        hint = {
            "wait": "say how long in 'wait' itself",
            **dict.fromkeys(PROBES, "bound it with 'timeout'"),
        }.get(key, "a group takes as long as its steps; bound it with 'timeout'")
        message = f"'duration' has no meaning beside '{key}'"
        places.note((*path, "duration"), "SQ110", message, hint, key=True)
