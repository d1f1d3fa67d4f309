"""What holds for every test: asyncio is the loop, and no example is judged by how long it took."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# Tests share two cores: how long one example takes says more about its neighbours than about it.
settings.register_profile("squall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("squall")

# A shell that starts the suite in the background has it ignore these, and so all that it starts.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
