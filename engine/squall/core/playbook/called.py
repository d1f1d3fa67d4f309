"""What `build` asks of whoever knows the playbooks that steps call.

Answered by `calling`; by `Nobody` where no playbook can be called.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from squall.core.playbook.model import Group, Loop, Step, Target
from squall.core.playbook.source import Path
from squall.core.timing import Duration

Node = Mapping[str, Any]


class Call(NamedTuple):
    """What a step that calls a playbook comes to."""

    group: Group
    loop: Loop | None
    timeout: Duration


class Calls(Protocol):
    """The playbooks that steps call; `targets` and `finally_` are those they bring along."""

    targets: dict[str, Target]
    finally_: list[Step]

    def call(self, path: Path, node: Node, scope: tuple[Target, ...]) -> Call | None:
        """What the step at `path` calls, on these targets; None if nothing was meant."""
        ...


class Nobody:
    """For playbooks that cannot call any."""

    def __init__(self) -> None:
        self.targets: dict[str, Target] = {}
        self.finally_: list[Step] = []

    def call(self, path: Path, node: Node, scope: tuple[Target, ...]) -> Call | None:  # noqa: ARG002
        """Nothing."""
        return None
