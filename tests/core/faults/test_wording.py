"""The words for faults: the same wherever a person meets them."""

import pytest

from squall.core.faults.kinds import (
    Errors,
    Exponential,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    Match,
    Normal,
    PacketLoss,
    Pareto,
    Resets,
    Scenario,
    Share,
    Timeouts,
    Uniform,
)
from squall.core.faults.wording import describe, describe_match, describe_scenario, span
from squall.core.timing import HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, Duration


def ms(count: float) -> Duration:
    return Duration(round(count * MILLISECOND))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Latency(delay=Fixed(value=ms(100))), "latency 100 ms"),
        (Latency(delay=Fixed(value=ms(2000)), jitter=ms(5)), "latency 2 s ± 5 ms"),
        (
            Latency(delay=Uniform(min=ms(1), max=ms(20)), jitter_share=Share(0.1), rate=Share(0.5)),
            "latency 1 ms to 20 ms ± 10 % for 50 %",
        ),
        (
            Latency(delay=Normal(mean=ms(200), stddev=ms(20))),
            "latency normal 200 ms, σ 20 ms",
        ),
        (
            Latency(delay=LogNormal(median=ms(100), sigma=0.5)),
            "latency lognormal 100 ms, σ 0.5",
        ),
        (Latency(delay=Pareto(scale=ms(50), shape=2.5)), "latency pareto from 50 ms, shape 2.5"),
        (Latency(delay=Exponential(mean=ms(100))), "latency exponential 100 ms"),
        (Errors(rate=Share(0.1)), "10 % errors"),
        (Errors(rate=Share(0.005), codes=(503, 429)), "0.5 % errors (503, 429)"),
        (Timeouts(rate=Share(0.05)), "5 % time-outs (5 s)"),
        (Timeouts(rate=Share(1.0), answer=None), "100 % time-outs (5 s, no answer)"),
        (Resets(rate=Share(0.05)), "5 % resets"),
        (Resets(rate=Share(0.05), kind="close"), "5 % resets (FIN)"),
        (Resets(rate=Share(0.05), kind="http_503"), "5 % resets (503)"),
        (PacketLoss(rate=Share(0.1)), "10 % packet loss"),
    ],
)
def test_a_fault_in_a_few_words(fault: Fault, words: str) -> None:
    assert describe(fault) == words


def test_a_scenario_names_its_faults_and_what_they_are_narrowed_to() -> None:
    faults = (Latency(delay=Fixed(value=ms(100))), PacketLoss(rate=Share(0.1)))
    assert describe_scenario(Scenario(faults=faults)) == "latency 100 ms + 10 % packet loss"
    narrowed = Scenario(faults=faults[1:], match=Match(method=("GET", "HEAD"), path="/a/*"))
    assert describe_scenario(narrowed) == "10 % packet loss, GET or HEAD /a/*"


def test_a_match_says_every_condition() -> None:
    match = Match(host="shop.example", headers=(("x-canary", "yes"), ("x-tenant", "a")))
    assert describe_match(match) == "of shop.example with x-canary: yes, x-tenant: a"
    assert describe_match(Match()) == ""


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0, "0 s"),
        (5, "5 ns"),
        (250 * MICROSECOND, "250 µs"),
        (1500 * MILLISECOND, "1.5 s"),
        (60 * SECOND, "1 min"),
        (90 * SECOND, "1 min 30 s"),
        (HOUR, "1 h"),
        (HOUR + 3 * MINUTE + 4 * SECOND, "1 h 3 min"),
        (49 * HOUR, "2 d 1 h"),
    ],
)
def test_a_duration_as_people_say_it(duration: int, words: str) -> None:
    assert span(duration) == words
