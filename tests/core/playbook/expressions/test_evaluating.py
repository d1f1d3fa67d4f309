"""Expressions come to values; one that cannot says why in a sentence and raises nothing."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.expressions import (
    Failure,
    Kind,
    evaluate,
    holds,
    rendered,
    shown,
    unguarded,
)
from squall.core.timing import LONGEST, MILLISECOND, SECOND

SCOPE: dict[str, Kind] = {
    "inputs.base": "duration",
    "loop.index": "int",
    "loop.item": "dyn",
    "status": "int",
    "latency": "duration",
    "body": "string",
    "json": "dyn",
    "headers": "map",
    "measured.error_rate": "double",
    "steps.light.ran": "bool",
    "steps.light.status": "int",
}
VALUES = {
    "inputs.base": 1_500_000_001,
    "loop.index": 2,
    "loop.item": "b",
    "status": 503,
    "latency": 12 * MILLISECOND,
    "body": "hello " * 30,
    "json": {"items": [{"id": 1}, {"id": 2.5}], "name": None},
    "headers": {"content-type": "text/html"},
    "measured.error_rate": 0.25,
    "steps.light.ran": False,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("status == 503", True),
        ("status", 503),
        ("latency", 12 * MILLISECOND),
        ("latency < duration('12ms1ns')", True),
        ("inputs.base + duration('1ns')", 1_500_000_002),
        ("latency - duration('1s')", 12 * MILLISECOND - SECOND),
        ("latency // as it was", 12 * MILLISECOND),
        ("body.startsWith('hello')", True),
        ("json.items.map(item, item.id)", [1, 2.5]),
        ("json.items.exists(item, item.id > 2)", True),
        ("json.name == null", True),
        ("json.name", None),
        ("has(json.nothing)", False),
        ("headers['content-type']", "text/html"),
        ("loop.index * 2", 4),
        ("loop.item + 'c'", "bc"),
        ("{'a': status, 'b': [measured.error_rate]}", {"a": 503, "b": [0.25]}),
        ("[latency, duration('-1s')]", ["12ms", "-1s"]),
        ("{1: 2, 'a': 3}[1]", 2),
        ("{false: 3}", {"false": 3}),
        ("string(timestamp('2030-01-31T12:00:00Z'))", "2030-01-31T12:00:00Z"),
        ("steps.light.ran && steps.light.status == 200", False),
        ("steps.light.status == 200 && steps.light.ran", False),
        ("!steps.light.ran || steps.light.status == 200", True),
        ("steps.light.ran ? steps.light.status : 0", 0),
    ],
)
def test_an_expression_comes_to_a_value(text: str, value: object) -> None:
    assert evaluate(text, SCOPE, VALUES) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("steps.light.status", "it is not there"),
        ("steps.light.status == 200", "steps.light.status is not there"),
        ("json.nothing == 1", 'there is no "nothing" in the mapping; ask with has() first'),
        ("json.items[7].id == 1", "there is no item 7 in a list of 2"),
        ("json.items.id == 1", "a field is asked of something that is no mapping"),
        ("status / (status - 503) == 1", "it divides by zero"),
        ("status * 9223372036854775807 == 1", "a number gets too large"),
        ("int(body) == 1", "a text is no number"),
        ("duration(body) == latency", "a text is no duration: write it like '300ms'"),
        ("body.matches(loop.item + '(')", "the pattern is none: missing ): b("),
        ("json.items[1].id + 1 == 3", "'+' does not go with a decimal number and a whole number"),
        ("json.items[1] > 1", "'>' does not go with a mapping and a whole number"),
        ("loop.item.all(x, true)", "something that is no list has no items"),
        ("json ? true : false", "a condition is neither true nor false"),
        ("json && true", "'&&' joins what is true or false"),
        (
            "status == '503'",
            "'status' is a whole number and '503' is a text: they cannot be compared",
        ),
        ("statuss == 503", "'statuss' is not known here"),
        ("status ==", "a value is missing behind '=='"),
    ],
)
def test_an_evaluation_that_fails_says_why(text: str, reason: str) -> None:
    assert evaluate(text, SCOPE, VALUES) == Failure(f"{text}: {reason}")


def test_a_condition_holds_or_does_not_or_fails() -> None:
    assert holds("status == 503", SCOPE, VALUES) is True
    assert holds("status == 200", SCOPE, VALUES) is False
    assert holds("json.items", SCOPE, VALUES) == Failure(
        "json.items: it is a list, neither true nor false"
    )
    assert holds("json.nothing", SCOPE, VALUES) == Failure(
        'json.nothing: there is no "nothing" in the mapping; ask with has() first'
    )


@given(st.integers(0, LONGEST), st.integers(0, LONGEST))
def test_durations_are_exact_to_the_nanosecond(one: int, other: int) -> None:
    scope: dict[str, Kind] = {"one": "duration", "other": "duration"}
    values = {"one": one, "other": other}
    assert evaluate("one - other", scope, values) == one - other
    assert evaluate("one < other", scope, values) == (one < other)
    assert evaluate("true ? one : other", scope, values) == one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_holds_can_be_looked_at(value: object) -> None:
    found = evaluate("json == json && size([json]) == 1", SCOPE, {"json": value})  # type: ignore[dict-item]
    assert isinstance(found, bool)


def test_a_text_is_whole_whatever_characters_it_holds() -> None:
    # The library ends a text at NUL: what is behind it would be neither seen nor compared.
    values = {"body": "a\0b\ud800"}
    assert evaluate("body == 'a'", SCOPE, values) is False
    assert evaluate("size(body)", SCOPE, values) == 4
    assert evaluate("size(json)", SCOPE, {"json": {"a\0b": 1, "a\0c": 2}}) == 2


def test_data_without_bottom_is_a_failure() -> None:
    value: object = 1
    for _ in range(900):
        value = [value]
    found = evaluate("size(json) == 1", SCOPE, {"json": value})  # type: ignore[dict-item]
    assert found == Failure("size(json) == 1: a value nests deeper than 64 levels")


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("steps.light.ran && steps.light.status == 200", []),
        ("steps.light.status == 200 && steps.light.ran", []),
        ("!steps.light.ran || steps.light.status == 200", []),
        ("steps.light.ran ? steps.light.status == 200 : true", []),
        ("!steps.light.ran ? true : steps.light.status == 200", []),
        ("steps.light.outcome == 'succeeded' && steps.light.status == 200", []),
        ("steps.light.outcome != 'succeeded' || steps.light.status == 200", []),
        ("(steps.a.ran && status == 1) && steps.a.json.items.all(x, x > steps.a.status)", []),
        ("!(steps.a.ran && steps.b.ran) || steps.a.status == steps.b.status", []),
        ("steps.light.ran", []),
        ("steps.light.outcome == 'failed'", []),
        ("steps.light.status == 200", [("steps.light.status", 1)]),
        ("steps.a.ran && steps.b.status == 1", [("steps.b.status", 16)]),
        ("steps.a.ran || steps.a.status == 1", [("steps.a.status", 16)]),
        ("(steps.a.ran || steps.b.ran) && steps.a.status == 1", [("steps.a.status", 33)]),
        ("steps.a.ran ? 1 : steps.a.status", [("steps.a.status", 19)]),
        ("steps.a.outcome == 'failed' && steps.a.json.x == 1", [("steps.a.json.x", 32)]),
        ("status == 200 && measured.p99 > latency", []),
        ("steps.a.status ==", []),
    ],
)
def test_what_a_step_saw_is_guarded_by_whether_it_ran(
    text: str, uses: list[tuple[str, int]]
) -> None:
    assert list(unguarded(text)) == uses


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status == 200", "status was 503"),
        ("status < 300 && latency < duration('1ms')", "status was 503, latency was 12 ms"),
        ("status == 200 || status == 201", "status was 503"),
        ("json.name == 'x'", "json.name was null"),
        ("json.nothing == 1", "json.nothing was not there"),
        ("json.items[0].id == 2", 'json.items was [{"id": 1}, {"id": 2.5}]'),
        ("measured.error_rate < 0.1", "measured.error_rate was 0.25"),
        ("steps.light.status == 200", "steps.light.status was not there"),
        ("body.contains('x')", f'body was "{("hello " * 30)[:56]}...'),
        ("1 == 2", ""),
        ("status ==", ""),
    ],
)
def test_what_a_failed_expectation_saw_is_shown(text: str, said: str) -> None:
    assert shown(text, SCOPE, VALUES) == said


def test_an_expression_is_rendered_as_a_playbook_would_have_it() -> None:
    assert rendered("inputs.base", SCOPE, VALUES) == "1.500000001s"
    assert rendered("duration('250ms')", SCOPE, VALUES) == "250ms"
    assert rendered("latency - duration('1s')", SCOPE, VALUES) == "-988ms"
    assert rendered("status", SCOPE, VALUES) == 503
    assert rendered("status / 0", SCOPE, VALUES) == Failure("status / 0: it divides by zero")


def test_threads_share_programs() -> None:
    def work(number: int) -> list[object]:
        text = f"json.items.map(item, item.id * {number % 7 + 1}.0 > 3.0)"
        return [evaluate(text, SCOPE, {"json": {"items": [{"id": 1.0}]}}) for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(64)))
    assert found == [[[number % 7 + 1 > 3]] * 50 for number in range(64)]


def python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_library_is_loaded_with_the_first_expression_that_needs_it() -> None:
    said = python(
        "import sys\n"
        "from squall.core.playbook.expressions import evaluate\n"
        "evaluate('status', {'status': 'int'}, {'status': 1})\n"
        "print('cel_expr_python' in sys.modules)\n"
        "evaluate('status == 1', {'status': 'int'}, {'status': 1})\n"
        "print('cel_expr_python' in sys.modules)\n"
    )
    assert said.split() == ["False", "True"]


def test_where_the_library_is_missing_that_is_said_in_a_sentence() -> None:
    said = python(
        "import sys\n"
        "sys.modules['cel_expr_python'] = None\n"  # as if there were no wheel for this system
        "from squall.core.playbook.expressions import evaluate, mistakes_in\n"
        "print(*mistakes_in('status == 1', {'status': 'int'}, 'bool')[0])\n"
        "print(evaluate('status == 1', {'status': 'int'}, {'status': 1}).reason)\n"
    )
    first, second = said.splitlines()
    sentence = "expressions cannot be worked out: the package cel-expr-python is not installed"
    assert first.startswith(f"1 11 {sentence}")
    assert second == f"status == 1: {sentence}"
