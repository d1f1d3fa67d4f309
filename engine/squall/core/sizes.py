"""Sizes and flows as people write them: ``100KB``, ``64KiB``, ``1.5MB/s``.

1 KB is 1,000 bytes, 1 KiB 1,024. Past this module sizes are whole numbers of bytes and flows are
bytes a second.
"""

import re
from typing import Final

_UNITS: Final = {
    "B": 1,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KiB": 1_024,
    "MiB": 1_024**2,
    "GiB": 1_024**3,
}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)", re.ASCII)
LARGEST: Final = 10**15
"""A petabyte: anything larger is a typing error."""


def parse_size(written: str | float) -> int | None:
    """Read ``100KB`` or a whole number of bytes; None if it is not a size."""
    if isinstance(written, bool):
        return None
    if isinstance(written, int | float):
        return int(written) if 0 <= written <= LARGEST and written % 1 == 0 else None
    found = _SIZE.fullmatch(written.strip())
    if found is None or len(written) > 64:
        return None
    size = round(float(found[1]) * _UNITS[found[2]])
    return size if size <= LARGEST else None


def parse_flow(written: str | float) -> float | None:
    """Read ``100KB/s`` or a number of bytes a second; None if it is not one, or nothing flows."""
    if isinstance(written, str):
        size, slash, second = written.partition("/")
        if not slash or second.strip() != "s":
            return None
        written = parse_size(size) or 0
    return float(written) if 0 < written <= LARGEST else None
