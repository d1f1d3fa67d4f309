"""How many connections a process has room for: every one of them needs a file descriptor.

Accepting until there is none left would leave nothing to dial upstream with, so that those who got
in would get no answers. So some are kept, and a client that comes when only those are left is
turned away in words. The kernel gives the lowest free number, so the number alone tells.
"""

import errno
import resource
from typing import Final

EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""What the kernel says when there is none left, for this process or for all of them."""

_CLIENTS: Final = 3 / 4
"""The part of the descriptors that clients may take: not all of them ask at the same time."""


def most_for_clients() -> int:
    """The descriptor from which on a client is turned away."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return 2**31
    return int(limit * _CLIENTS)
