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
    try:
        for _ in range(3):
            await echoed(stage, listening.address)
            listening.refuse()
            with pytest.raises(ConnectionRefusedError):
                await stage.dial(listening.address)
            listening.accept()
        await echoed(stage, listening.address)
    finally:
        listening.close()
        timers.close()


async def echoed(stage, address):
    wire = await stage.dial(address)
    wire.send(b"here")
    assert await wire.receive(4) == b"here"
    await wire.close()
