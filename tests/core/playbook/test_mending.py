"""What ``--fix`` does to a file: only what is certain, nothing around it, and never harm."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.diagnostics import Edit, Position, Severity, Span
from squall.core.playbook.load import Loaded, load
from squall.core.playbook.mending import as_one, edited, mended
from squall.core.playbook.source import read
from squall.worktree import catalogue_texts, schema_text

SCHEMA, CATALOGUE = schema_text(), catalogue_texts()
CORPUS = Path(__file__).parents[2] / "corpus"
GOOD = {path.name: path.read_bytes() for path in sorted((CORPUS / "good").iterdir())}
EVERY = GOOD | {
    path.name: path.read_bytes()
    for path in sorted((CORPUS / "bad").iterdir())
    if path.suffix in {".yaml", ".json"} and path.stat().st_size < 20_000
}


def linted(data: bytes, file: str = "f.yaml") -> Loaded:
    return load(data, file, SCHEMA, catalogue=CATALOGUE)


def fixed(text: str, file: str = "f.yaml") -> str:
    return mended(text.encode(), lambda data: linted(data, file), lambda _: True).data.decode()


def step(keys: str) -> str:
    return f"name: x\nsteps:\n- {{name: a, duration: 1s, {keys}}} # why\n"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("scenario: {latencey: 1s}", "scenario: {latency: 1s}"),
        ('scenario: {"latencey": 1s}', 'scenario: {"latency": 1s}'),
        ("scenario: {errors: 10}", "scenario: {errors: 10%}"),
        ("scenario: {errors: {rate: 100}}", "scenario: {errors: {rate: 100%}}"),
        ("scenario: {latency: 100 ms}", "scenario: {latency: 100ms}"),
        ('scenario: {latency: "1.5 Seconds"}', 'scenario: {latency: "1.5s"}'),
        ("scenario: {errors: 1%}, on_timeout: contnue",
         "scenario: {errors: 1%}, on_timeout: continue"),
        ("scenario: {resets: {rate: 1%, kind: 'refus'}}",
         'scenario: {resets: {rate: 1%, kind: "refuse"}}'),
        ("scenario: {latency: 1s, match: {host: 1}}",
         'scenario: {latency: 1s, match: {host: "1"}}'),
        ("scenario: {latency: 1s, match: {headers: {1: a}}}",
         'scenario: {latency: 1s, match: {headers: {"1": a}}}'),
        ("scenaro: {latencey: 10 sec, erors: 10}", "scenario: {latency: 10s, errors: 10%}"),
        ("scenario: {latency: 1s}, timeout_ms: 5000", "scenario: {latency: 1s}, timeout: 5000ms"),
        ("scenario: {latency: {fixed: 1s, jitter_percent: 10, probability: 0.5}}",
         "scenario: {latency: {fixed: 1s, jitter: 10%, rate: 0.5}}"),
        ("scenario: {latency: {fixed: 1s, direction: upstream}}, onTimeout: Continue, timeout: 2s",
         "scenario: {latency: {fixed: 1s, direction: request}}, on_timeout: continue, timeout: 2s"),
        ('scenario: {latency: 1s}, when: "${{ 1 < inputs.a }}"',
         'scenario: {latency: 1s}, when: "1 < inputs.a"'),
        ("scenario: {latency: 1s}, loop: {max: 3}", "scenario: {latency: 1s}, loop: {times: 3}"),
    ],
)  # fmt: skip
def test_what_is_certain_is_set_right(written: str, meant: str) -> None:
    assert fixed(step(written)) == step(meant)


@pytest.mark.parametrize(
    "written",
    [
        "scenario: {latency: 1s, latencey: 2s}",  # there already
        "scenario: {latencey: 1s, latenci: 2s}",  # two for one place
        "scenario: {errors: 1%}, timeouts: 5%",  # spelt well, in the wrong place
        "scenario: {latency: 1s, timeout: 5%}",
        "scenario: {errors: 1.5}",  # per cent, or a slip of the decimal point
        "scenario: {errors: 250}",
        "scenario: {latency: 1 month}",
        "scenario: {latency: 1M}",
        "scenario: {delays: 1s}",
        "scenario: {latency: 1s}, &b on_tmeout: fail",
        "scenario: {latency: 1s}, on_timeout: &b fial",
        "scenario: {&b latencey: 1s}",
        "scenario: {latency: 1s, match: {host: !!int '1'}}",
        "scenario: slow_g3",  # a name that somebody gave
        "scenario: {latency: 1s}, targets: shpo",
    ],
)
def test_what_is_not_certain_is_left_alone(written: str) -> None:
    assert fixed(step(written)) == step(written)


def test_a_json_file_stays_json() -> None:
    text = '{"name": "x", "steps": [{"name": 1, "durations": 1, "scenario": {"errors": 10}}]}'
    assert fixed(text, "f.json") == (
        '{"name": "x", "steps": [{"name": "1", "duration": 1, "scenario": {"errors": "10%"}}]}'
    )


def test_line_ends_and_the_byte_order_mark_stay() -> None:
    text = "\ufeff# é\r\nname: x\r\nsteps:\r\n- {name: ü, wait: 1 s} # why\r\n"
    assert fixed(text) == text.replace("1 s", "1s")


def test_only_what_is_asked_for_is_touched() -> None:
    text = step("scenario: {latencey: 1s, errors: 10}")
    only = mended(text.encode(), linted, lambda finding: finding.code == "SQ106")
    assert only.data.decode() == step("scenario: {latencey: 1s, errors: 10%}")
    assert only.fixes == 1


@st.composite
def misspelt(draw) -> tuple[str, bytes]:
    """A good playbook with a slip of the finger in one of its keys."""
    name = draw(st.sampled_from(sorted(GOOD)))
    text = GOOD[name].decode()
    spans = sorted(
        {
            each.locate(path, key=True)
            for each in read(GOOD[name], name).documents
            for path in each.keys
        }
    )
    span = draw(st.sampled_from(spans))
    word = text.splitlines()[span.start.line - 1][span.start.column - 1 : span.end.column - 1]
    at = draw(st.integers(0, len(word) - 1))
    left, here, right = word[:at], word[at], word[at + 1 :]
    slips = [left + right, left + here + here + right, left + "x" + right]
    slip = draw(st.sampled_from([*slips, left + right[:1] + here + right[1:]]))
    slipped, _ = edited(text, [(Edit(span, slip),)])
    return name, slipped.encode()


def errors(loaded: Loaded) -> int:
    return sum(finding.severity is Severity.ERROR for finding in loaded.diagnostics)


@given(misspelt())
def test_a_file_with_a_slip_lints_no_worse_once_it_is_fixed(slip: tuple[str, bytes]) -> None:
    name, data = slip
    before = linted(data, name)
    after = mended(data, lambda each: linted(each, name), lambda _: True)
    again = linted(after.data, name)
    assert errors(again) <= errors(before)
    assert len(again.playbooks) >= len(before.playbooks)


@given(st.sampled_from(sorted(EVERY)), st.randoms(use_true_random=False))
def test_no_mutation_makes_fixing_do_harm(name: str, random) -> None:
    data = bytearray(EVERY[name])
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(data) + 1)
        data[at : at + random.randint(0, 2)] = random.choice([b"", b"x", b"'", b"\n", b": ", b"10"])
    before = linted(bytes(data), name)
    after = mended(bytes(data), lambda each: linted(each, name), lambda _: True)
    again = linted(after.data, name)
    unreadable = [
        sum(finding.code.startswith("SQ0") for finding in each.diagnostics)
        for each in (before, again)
    ]
    assert unreadable[1] <= unreadable[0]
    assert mended(after.data, lambda each: linted(each, name), lambda _: True).fixes == 0


def span(start: int, end: int) -> Span:
    return Span(Position(1, start), Position(1, end))


def test_fixes_that_meet_wait_for_the_next_round() -> None:
    fixes = [
        (Edit(span(1, 3), "XY"),), (Edit(span(2, 4), "no"),), (Edit(span(3, 3), "no"),),
        (Edit(span(5, 5), "<"), Edit(span(6, 6), ">")),
    ]  # fmt: skip
    assert edited("abcdef", fixes) == ("XYcd<e>f", 2)


def test_what_is_filled_in_from_elsewhere_is_left_alone() -> None:
    assert edited("a: ${{ b }}", [(Edit(span(4, 12), "c"),)]) == ("a: ${{ b }}", 0)


def test_a_fix_of_several_edits_is_told_as_one_to_who_knows_no_other() -> None:
    quotes = (Edit(span(3, 3), '"'), Edit(span(5, 5), '"'))
    assert as_one("abcdef", quotes) == Edit(span(3, 5), '"cd"')
