"""Names of other tools as names that a playbook can use.

Called by `orchestrations`: without the characters that mean something in paths, and unlike every
sibling's, also where expressions see them.
"""

import re
from typing import Final

from squall.core.diagnostics import short
from squall.core.playbook.foreign.record import Record
from squall.core.playbook.names import identifier

_UNFIT: Final = re.compile(r"[/#\[\]@\x00-\x1f\x7f-\x9f]|^ +")


def fit(read: Record, key: str, name: str, taken: set[str]) -> str:
    """A name that a playbook can use, and no sibling has."""
    fitting = as_name(name)
    number, free = 1, fitting
    while identifier(free) in taken:
        number += 1
        free = f"{fitting[:95]} {number}"
    taken.add(identifier(free))
    if free != name or not read.given(key):
        why = "a name holds no / # [ ] or @" if number == 1 else "a step before it has its name"
        read.note(key, "SQ504", f"'{short(name)}' is written as '{free}'", why)
    return free


def as_name(name: str) -> str:
    """The name without what a name cannot hold."""
    return _UNFIT.sub(lambda found: "" if found[0].isspace() else "_", name)[:100] or "_"
