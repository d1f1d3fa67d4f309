"""Which answers are failures by themselves, and what is kept of what was seen."""

import pytest

from squall.core.playbook.model import Address, ExecProbe, HttpProbe, TcpProbe
from squall.core.run.answers import wrong_by_itself
from squall.core.run.events import CUT, MOST_SEEN, ActionEnded, Saw, decode, encode, kept
from squall.core.timing import MILLISECOND

ASK = HttpProbe(method="GET", url="http://me:secret@shop/")
RUN = ExecProbe(run=("./check", "all of it"))


@pytest.mark.parametrize("status", [200, 204, 302, 399])
def test_a_status_below_400_is_none(status: int) -> None:
    assert wrong_by_itself(ASK, Saw(values=(("status", status), ("latency", 1)))) == ""


def test_a_status_from_400_on_is_one() -> None:
    saw = Saw(values=(("status", 503), ("latency", 12 * MILLISECOND)))
    assert wrong_by_itself(ASK, saw) == "GET http://shop/ answered 503 in 12 ms"


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "words"),
    [
        (0, "", "trouble", ""),
        (3, "", "", "exec ./check 'all of it' ended with exit code 3"),
        (1, "a\nb\n", "", "exec ./check 'all of it' ended with exit code 1: b"),
        (1, "a", "x\n  y\x1b[0m\n\n", "exec ./check 'all of it' ended with exit code 1: y\\x1b[0m"),
        (137, "", "", "exec ./check 'all of it' was ended by SIGKILL"),
        (200, "", "", "exec ./check 'all of it' ended with exit code 200"),
    ],
)
def test_an_exit_code_other_than_0_is_one(code, stdout, stderr, words) -> None:
    saw = Saw(values=(("exit_code", code), ("stdout", stdout), ("stderr", stderr)))
    assert wrong_by_itself(RUN, saw) == words


def test_whatever_is_received_over_tcp_is_none() -> None:
    probe = TcpProbe(connect=Address(host="db", port=5432))
    assert wrong_by_itself(probe, Saw(values=(("received", "-ERR"),))) == ""


def test_what_was_seen_survives_the_journal_and_can_be_told_apart() -> None:
    saw = Saw(values=(("status", 200), ("body", "[1]")), headers=(("a", "b"),))
    event = ActionEnded(at=1, path="main/a#1", outcome="succeeded", saw=saw)
    assert decode(encode(event)) == event
    assert len({event, decode(encode(event))}) == 1


@pytest.mark.parametrize("body", ["", "no", "[" * 50_000, "1e999999999", '"\\ud800"'])
def test_what_is_no_json_is_none(body: str) -> None:
    named = Saw(values=(("status", 200), ("body", body))).named()
    assert named["headers"] == {}
    assert "json" not in named


def test_a_text_is_kept_up_to_a_limit() -> None:
    assert kept(b"x" * MOST_SEEN) == "x" * MOST_SEEN
    assert kept(b"x" * (MOST_SEEN + 1)) == "x" * MOST_SEEN + CUT
    assert kept(b"x", cut=True) == "x" + CUT
    assert kept("grüße".encode("latin-1"), charset="latin-1") == "grüße"
