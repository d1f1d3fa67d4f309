"""Listening, refusing for a while, and listening again at the very same address."""

import asyncio

import pytest

from squall.core.playbook.model import Address
from squall.proxy import listener
from squall.proxy.builtin import EchoBytes
from squall.proxy.timers import Timers


@pytest.fixture
def anyio_backend(both_loops):
    return both_loops


async def test_an_address_on_a_free_port_survives_refusing(stage):
    timers = Timers(asyncio.get_running_loop())
    here = Address(host="127.0.0.1", port=0)
    listening = await listener.listen(here, EchoBytes, timers)
    address = listening.address
    for _ in range(3):
        await (await stage.dial(address)).close()
        listening.refuse()
        with pytest.raises(ConnectionRefusedError):
            await stage.dial(address)
        listening.accept()
        assert listening._socket.getsockname()[1] == address.port
        assert listening._starting is not None
        await listening._starting
    wire = await stage.dial(address)
    wire.send(b"here")
    assert await wire.receive(4) == b"here"
    listening.close()
    timers.close()
