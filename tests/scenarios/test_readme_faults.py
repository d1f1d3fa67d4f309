"""The faults that the README shows are what a client meets."""

import http.client
import re
import time
from contextlib import closing
from pathlib import Path

import pytest

from scenarios.running import Squall
from squall.core.playbook.faults import FAULTS

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.partition("## See a fault")[2].partition("\n## ")[0]
SCENARIOS = re.findall(r"scenario: (\{.*\}+)[}`]", SECTION)


def ask(port: int) -> tuple[int, bytes, float]:
    began = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read(), time.monotonic() - began


@pytest.mark.parametrize("number", range(3))
def test_what_the_readme_shows_happens(tmp_path: Path, number: int) -> None:
    playbook = f"name: x\nsteps:\n  - {{name: hit, duration: 10m, scenario: {SCENARIOS[number]}}}\n"
    squall = Squall(tmp_path, playbook)
    squall.wait_for(type="step_entered", path="main/hit#1", phase="active")
    try:
        if number == 0:
            status, _, taken = ask(squall.port)
            assert (status, taken >= 0.8) == (200, True)
        elif number == 1:
            with pytest.raises(http.client.IncompleteRead) as broken:
                ask(squall.port)
            assert (len(broken.value.partial), broken.value.expected) == (20, 20)
        else:
            assert [ask(squall.port)[0] for _ in range(3)] == [200, 200, 429]
    finally:
        squall.process.terminate()
        squall.end()


def test_every_fault_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE)
    assert sorted(rows) == sorted(FAULTS)
