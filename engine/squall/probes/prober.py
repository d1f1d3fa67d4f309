"""Whatever a probe asks, asked: the engine's `Prober`.

Hands each kind of probe to the module that can do it. What came back is judged elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from squall.core.playbook.model import ExecProbe, HttpProbe, Probe, TcpProbe
from squall.core.run.events import Saw
from squall.probes.exec import ExecProber
from squall.probes.http import HttpProber
from squall.probes.tcp import TcpProber
from squall.probes.trust import Trust


class Prober:
    """Asks any number of questions at once. `environment`: what every program gets of ours."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        trust = Trust()
        self._http = HttpProber(trust=trust)
        self._tcp = TcpProber(trust=trust)
        self._exec = ExecProber(environment)

    async def __call__(self, probe: Probe, folder: Path) -> Saw | str:
        """What was seen, or in a sentence why nothing was."""
        match probe:
            case HttpProbe():
                return await self._http(probe)
            case TcpProbe():
                return await self._tcp(probe)
            case ExecProbe():
                return await self._exec(probe, folder)
            case _:
                assert_never(probe)
