"""Faults before a real service, without a playbook."""

import asyncio
import inspect
import json
import subprocess
import sys
import threading
import time

import pytest

import squall
from squall.worktree import schema_text


async def test_a_proxy_puts_its_faults_on_what_goes_through_it(service, ask) -> None:
    async with squall.faults(upstream=service.url, latency="60ms") as proxy:
        began = time.monotonic()
        assert await asyncio.to_thread(ask, proxy.url, "/orders/17") == 200
        assert time.monotonic() - began >= 0.06
    assert service.asked == ["GET /orders/17"]
    with pytest.raises(ConnectionRefusedError):
        ask(proxy.url)


async def test_faults_change_while_it_is_open(service, ask) -> None:
    async with squall.faults(upstream=service.url) as proxy:
        assert await asyncio.to_thread(ask, proxy.url) == 200
        await proxy.set(errors={"rate": "100%", "codes": [503]}, match={"method": "POST"})
        assert await asyncio.to_thread(ask, proxy.url) == 200
        assert await asyncio.to_thread(ask, proxy.url, "/", "POST") == 503
        await proxy.set(errors={"rate": "100%", "codes": [502]})
        assert await asyncio.to_thread(ask, proxy.url) == 502
        await proxy.clear()
        assert await asyncio.to_thread(ask, proxy.url, "/", "POST") == 200


async def test_other_faults_let_go_of_what_the_ones_before_hold(ask) -> None:
    async with squall.faults(latency="1h") as proxy:
        asking = asyncio.get_running_loop().run_in_executor(None, ask, proxy.url)
        while not (await proxy.delivered())[0].touched:
            pass
        await proxy.set(latency="1ms")
        assert await asyncio.wait_for(asking, 10) == 200


async def test_a_sequence_that_is_set_begins_at_its_beginning(ask) -> None:
    sequence = {"pattern": {"sequence": [503, 200]}}
    async with squall.faults(latency="1ms") as proxy:
        await asyncio.to_thread(ask, proxy.url)
        for _ in range(2):
            await proxy.set(errors=sequence)
            assert await asyncio.to_thread(ask, proxy.url) == 503


async def test_every_fault_is_told_as_soon_as_it_has_happened(ask) -> None:
    async with squall.faults(errors={"rate": "100%", "codes": [503]}) as proxy:
        for _ in range(3):
            await asyncio.to_thread(ask, proxy.url, "/orders/17")
        events = await proxy.events()
    assert [(each.fault, each.detail, each.ordinal) for each in events] == [
        ("errors", "503", 0), ("errors", "503", 1), ("errors", "503", 2)
    ]  # fmt: skip
    assert {(each.method, each.path, each.endpoint) for each in events} == {
        ("GET", "/orders/17", "GET /orders/*")
    }


async def test_what_was_delivered_counts_every_request_before(ask) -> None:
    async with squall.faults(
        latency="10ms", errors={"rate": "100%", "codes": [500]}, match={"path": "/slow"}
    ) as proxy:
        for path in ("/slow", "/slow", "/other"):
            await asyncio.to_thread(ask, proxy.url, path)
        latency, errors = await proxy.delivered()
        assert (latency.fault, latency.seen, latency.touched, latency.delivered) == (
            "latency", 2, 2, 1
        )  # fmt: skip
        assert latency.delay_p50 == pytest.approx(0.01, rel=0.02)  # from a sketch, exact to 1 %
        assert (errors.fault, errors.touched) == ("errors", 2)
        await proxy.clear()
        assert await proxy.delivered() == ()


async def test_the_same_seed_makes_the_dice_fall_the_same(ask) -> None:
    async def statuses(seed: int) -> list[int]:
        async with squall.faults(errors="50%", seed=seed) as proxy:
            return [await asyncio.to_thread(ask, proxy.url) for _ in range(12)]

    first = await statuses(7)
    assert first == await statuses(7)
    assert first != await statuses(8)


LANGUAGE = json.loads(schema_text())["$defs"]
EXAMPLES = [
    (key, example)
    for key, about in LANGUAGE["scenario"]["properties"].items()
    if "$ref" in about and key != "match"
    for example in LANGUAGE[key]["examples"]
]


@pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=str)
def test_every_fault_of_the_language_is_a_keyword(kind: str, example) -> None:
    assert squall.faults(**{kind: example})


async def test_scenarios_that_come_with_squall_go_by_their_names(ask) -> None:
    async with squall.faults("peak_traffic", errors={"rate": "100%", "codes": [503]}) as proxy:
        assert await asyncio.to_thread(ask, proxy.url) == 503
        assert [each.fault for each in await proxy.delivered()] == ["rate_limit", "errors"]
        with pytest.raises(squall.Invalid, match="did you mean 'slow_3g'"):
            await proxy.set("slow_3gg")


def test_what_is_wrong_with_the_faults_is_said_before_anything_listens() -> None:
    with pytest.raises(squall.Invalid) as invalid:
        squall.faults(latencey="1s", errors="150%", upstream="nowhere")
    assert [each.code for each in invalid.value.findings] == ["SQ105", "SQ101", "SQ106"]
    with pytest.raises(ValueError, match="out of range"):
        squall.faults(seed=2**63)


async def test_a_wrong_change_changes_nothing(ask) -> None:
    async with squall.faults(errors={"rate": "100%", "codes": [503]}) as proxy:
        with pytest.raises(squall.Invalid, match="did you mean 'latency'"):
            await proxy.set(latencey="1s")
        assert await asyncio.to_thread(ask, proxy.url) == 503


async def test_an_address_in_use_is_refused(service) -> None:
    listen = service.url.removeprefix("http://")
    with pytest.raises(squall.Refused, match="already in use"):
        async with squall.faults(listen=listen):
            pass


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with squall.faults():
            _ = 1 / 0


async def test_nothing_can_be_asked_of_a_proxy_that_is_closed() -> None:
    async with squall.faults(latency="1s") as proxy:
        pass
    with pytest.raises(squall.Refused, match="they are over"):
        await proxy.clear()


def test_a_program_without_a_loop_has_the_same(service, ask) -> None:
    with squall.faults(upstream=service.url, errors={"rate": "100%", "codes": [503]}) as proxy:
        assert ask(proxy.url) == 503
        assert [each.fault for each in proxy.events()] == ["errors"]
        assert proxy.delivered()[0].touched == 1
        proxy.set(latency="5ms")
        assert ask(proxy.url) == 200
        proxy.clear()
        assert proxy.delivered() == ()
        assert proxy.address == ("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    assert not [each for each in threading.enumerate() if each.name == "squall-faults"]
    with pytest.raises(ConnectionRefusedError):
        ask(proxy.url)
    with pytest.raises(squall.Refused, match="they are over"):
        proxy.clear()


def test_without_a_loop_too_an_address_in_use_is_refused(service) -> None:
    with (
        pytest.raises(squall.Refused, match="already in use"),
        squall.faults(listen=service.url.removeprefix("http://")),
    ):
        pass
    assert not [each for each in threading.enumerate() if each.name == "squall-faults"]


def test_a_program_that_forgets_to_close_ends_all_the_same() -> None:
    code = "import squall; kept = squall.faults(latency='1s'); kept.__enter__(); print('opened')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "opened\n"), done.stderr


def test_both_forms_offer_the_same() -> None:
    def offered(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(found).parameters) if callable(found) else []
            for name, found in vars(kind).items()
            if not name.startswith("_")
        }

    assert offered(squall.Proxy) == offered(squall.SyncProxy)
