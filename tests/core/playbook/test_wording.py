"""A load, its failures and a probe in a few words."""

import pytest

from squall.core.faults.effects import Failures
from squall.core.playbook.model import (
    EVEN,
    Address,
    ExecProbe,
    HttpProbe,
    Load,
    Poisson,
    Probe,
    Ramp,
    Shape,
    TcpProbe,
)
from squall.core.playbook.wording import describe_failures, describe_load, describe_probe


@pytest.mark.parametrize(
    ("rate", "shape", "words"),
    [
        (50, EVEN, "50 requests/s"),
        (0.5, EVEN, "0.5 requests/s"),
        (50, Poisson(), "50 requests/s at random"),
        (50, Ramp(start=0), "0 rising to 50 requests/s"),
        (10, Ramp(start=200.0), "200 falling to 10 requests/s"),
    ],
)
def test_a_load_says_how_many_and_in_which_shape(rate: float, shape: Shape, words: str) -> None:
    assert describe_load(Load(rate=rate, shape=shape)) == words


def test_failures_are_counted_by_what_became_of_them() -> None:
    assert describe_failures(Failures()) == ""
    every = Failures(status=1000, reset=2, refused=3, timeout=4, malformed=5, unsent=6)
    assert describe_failures(every) == (
        "1,000 answered 500 or above, 2 reset, 3 refused, 4 timed out, 5 not HTTP, 6 unsent"
    )


STORE = Address(host="::1", port=6379)


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (HttpProbe(method="GET", url="http://shop/a@b"), "GET http://shop/a@b"),
        (HttpProbe(method="GET", url="http://me:secret@shop/a@b"), "GET http://shop/a@b"),
        (TcpProbe(connect=STORE, send="hidden"), "tcp [::1]:6379"),
        (TcpProbe(connect=STORE, tls=True), "tls [::1]:6379"),
        (ExecProbe(run=("ls", "-l", "a b"), env=(("K", "hidden"),)), "exec ls -l 'a b'"),
        (ExecProbe(run=("x", "y" * 100)), f"exec x {'y' * 55}..."),
        (ExecProbe(run=("printf", "a\nb")), "exec printf 'a\\nb'"),
    ],
)
def test_a_probe_says_what_is_asked_and_nothing_that_may_be_secret(
    probe: Probe, words: str
) -> None:
    assert describe_probe(probe) == words
