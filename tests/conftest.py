"""What holds for every test: asyncio is the loop, and no example is judged by how long it took."""

import pytest
from hypothesis import HealthCheck, settings

# Tests share two cores: how long one example takes says more about its neighbours than about it.
settings.register_profile("squall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("squall")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
