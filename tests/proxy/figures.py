"""What the kernel says of another process, for tests and campaigns that watch an edge from outside.

Linux only; `AVAILABLE` says whether it can be asked.
"""

import os
from pathlib import Path

AVAILABLE = Path("/proc/self/statm").exists()

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Bytes of memory it occupies."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu(pid: int) -> float:
    """Seconds of CPU time it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def descriptors(pid: int) -> int:
    """Files it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
