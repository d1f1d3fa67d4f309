"""What a program that uses squall looks like to a type checker; `mypy` reads it, nobody runs it."""

from typing import assert_type

import squall


async def program() -> None:
    """Every way in, with what comes out of it."""
    playbook = squall.Playbook("p", loop=3, tags=["a"]).step(
        "a",
        scenario={
            "latency": {"normal": {"mean": "1s", "stddev": "1ms"}},
            "match": {"method": ["GET"]},
        },
        duration=1.5,
    )
    assert_type(playbook, squall.Playbook)
    assert_type(squall.load("p.yaml").findings, tuple[squall.Finding, ...])
    outcome = await squall.run(playbook, seed=7, timeout="1m", state="x")
    assert_type(outcome, squall.Outcome)
    assert_type(outcome.steps["a"].measured.p99, float)
    assert_type(squall.run_sync("p.yaml"), squall.Outcome)
    async with squall.start(playbook) as running:
        assert_type(running, squall.Running)
        async for event in running:
            assert_type(event, squall.Event)
    async with squall.faults(latency="100ms", errors={"rate": "10%", "codes": [503]}) as proxy:
        assert_type(proxy, squall.Proxy)
        assert_type(await proxy.events(), tuple[squall.Injected, ...])
    with squall.faults(upstream="http://127.0.0.1:8080", seed=7, resets=0.1) as blocking:
        assert_type(blocking, squall.SyncProxy)
        assert_type(blocking.delivered(), tuple[squall.Delivery, ...])


async def mistakes() -> None:
    """What a type checker finds before anything runs."""
    await squall.run("p.yaml", sed=7)  # type: ignore[call-arg]
    squall.step("a", wate=1)  # type: ignore[call-arg]
    assert squall.replai  # type: ignore[attr-defined]
