"""With no fault on its way an exchange is what it would be without an edge, byte for byte.

``SQUALL_EXCHANGES`` says how many are compared; `tests/campaign` does a million.
"""

import os

import pytest

from campaign.identity import Tally, compare, serve, until
from squall.core.faults.kinds import EVERY, Errors, Match

EXCHANGES = int(os.environ.get("SQUALL_EXCHANGES", "2000"))
SEED = 20


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


@pytest.mark.parametrize("way", ["directly", "through an edge", "beside a fault"])
async def test_every_byte_arrives_as_it_was_sent(stage, way):
    tally = Tally()
    server, upstream = await serve(SEED, tally)
    stage.servers.append(server)
    address = upstream
    if way != "directly":
        address = await stage.target(upstream)
    if way == "beside a fault":
        match = Match(path="/elsewhere")
        stage.put_on(stage.lease(Errors(rate=EVERY, codes=(503,)), match=match))
    await compare(SEED, address, tally, more=until(tally, EXCHANGES))
    assert tally.differences == []
    assert tally.exchanges >= EXCHANGES
    await stage.until(lambda: stage.plane.in_flight() == 0)
