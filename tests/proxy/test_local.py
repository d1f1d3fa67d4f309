"""Why a target cannot listen, said so that a person can mend it."""

import errno
import socket

import pytest

from squall.core.diagnostics import Refused
from squall.core.faults.effects import Inject, Rejected, Report
from squall.core.playbook.model import Address, Target
from squall.core.timing import SECOND, Duration
from squall.proxy.local import LocalEdge, refusal

UPSTREAM = Address(host="10.0.0.9", port=8080)


def problem(number: int) -> OSError:
    return OSError(number, "what the system says")


@pytest.mark.parametrize(
    ("port", "raised", "code", "message"),
    [
        (
            7070,
            problem(errno.EADDRINUSE),
            "SQ410",
            "target 'shop' cannot listen: 127.0.0.1:7070 is already in use",
        ),
        (
            80,
            problem(errno.EACCES),
            "SQ411",
            "target 'shop' cannot listen at 127.0.0.1:80: ports below 1024 need privileges",
        ),
        (
            7070,
            problem(errno.EPERM),
            "SQ411",
            "target 'shop' cannot listen at 127.0.0.1:7070: it is not permitted",
        ),
        (
            7070,
            problem(errno.ELOOP),
            "SQ412",
            "target 'shop' would forward to itself: what the system says",
        ),
        (
            7070,
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "SQ413",
            "target 'shop' cannot listen at 127.0.0.1:7070: Name or service not known",
        ),
    ],
)
def test_every_reason_has_its_code_and_sentence(
    port: int, raised: OSError, code: str, message: str
) -> None:
    target = Target(name="shop", listen=Address(host="127.0.0.1", port=port), upstream=UPSTREAM)
    refused: Refused = refusal(target, raised)
    assert (refused.code, refused.message) == (code, message)
    assert refused.hint


def test_the_hint_can_be_typed() -> None:
    listen = Address(host="127.0.0.1", port=7070)
    target = Target(name="shop", listen=listen, upstream=UPSTREAM)
    assert (
        "--target shop=HOST:PORT=10.0.0.9:8080" in refusal(target, problem(errno.EADDRINUSE)).hint
    )


@pytest.mark.parametrize("host", ["no..host", "x" * 300, "no host"])
async def test_a_host_that_is_no_host_is_refused(host: str) -> None:
    edge = LocalEdge()
    target = Target(name="shop", listen=Address(host=host, port=0), upstream=None)
    with pytest.raises(Refused) as refused:
        await edge.open([target])
    assert refused.value.code == "SQ413"
    await edge.close(drain=Duration(0))


async def test_an_inject_before_the_edge_is_open_is_rejected() -> None:
    edge = LocalEdge()
    edge.send(
        Inject(
            lease="1:main/hit#1@shop",
            seq=1,
            run="1",
            path="main/hit#1",
            place="main/hit",
            target="shop",
            scenarios=(),
            seed=0,
            ttl=Duration(SECOND),
        )
    )
    await edge.close(drain=Duration(0))
    reports: list[Report] = [report async for report in edge.reports()]
    assert reports == [Rejected(lease="1:main/hit#1@shop", seq=1, reason="the edge is not open")]
