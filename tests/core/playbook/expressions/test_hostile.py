"""No text and no value makes an expression raise, hang or take the machine's memory."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from squall.core.playbook.expressions import (
    Failure,
    Kind,
    Range,
    always_in,
    evaluate,
    kind_of,
    mistakes_in,
    names_in,
    shown,
    unguarded,
)

SCOPE: dict[str, Kind] = {
    "status": "int",
    "latency": "duration",
    "body": "string",
    "json": "dyn",
    "headers": "map",
    "items": "list",
    "share": "double",
    "steps.a.ran": "bool",
    "steps.a.status": "int",
    "loop.index": "int",
}
LONG = 64 * 1024
VALUES = {
    "status": 200,
    "latency": 1_000_001,
    "body": "a" * LONG,
    "json": {"items": [{"id": number} for number in range(5_000)]},
    "headers": {"a": "b"},
    "items": list(range(9_000)),
    "share": 0.5,
    "steps.a.ran": False,
    "loop.index": 1,
}
WORDS = st.sampled_from([
    *SCOPE, "x", "y", "json.items", "json.items[0].id", "'a'", '"b', "r'\\d'", "'1s'",
    "1", "2.5", "3u", "0x1f", "300ms", "true", "null", "é", "😀", "\\", "\x00", "\n", " ", "//",
    "==", "!=", "<", ">", "&&", "||", "!", "-", "+", "*", "/", "%", "?", ":", "in", "=", "&",
    ".", ",", "(", ")", "[", "]", "{", "}", "${{", "}}", "google.protobuf.Duration{",
    ".all(x, ", ".exists(x, ", ".map(x, ", ".filter(y, ", ".exists_one(x, ", "has(", "size(",
    "duration(", "matches(", ".matches(", ".contains(", "string(", "int(",
])  # fmt: skip


def look(text: str) -> None:
    """Everything that can be asked of a text, within a second of work."""
    before = time.thread_time()
    mistakes = mistakes_in(text, SCOPE, "bool")
    for mistake in mistakes:
        assert mistake.message
        assert 1 <= mistake.column <= len(text) + 1
        assert "\n" not in mistake.message
    names_in(text)
    unguarded(text)
    shown(text, SCOPE, VALUES)
    always_in(text, SCOPE, lambda _: Range(0))
    found = evaluate(text, SCOPE, VALUES)
    assert time.thread_time() - before < 1
    if mistakes == () and kind_of(text, SCOPE) == "bool":
        assert isinstance(found, bool | Failure)


@given(st.text(max_size=60))
@example("'\ud800' == body")
@example("\ud800")
@example("\x00")
@settings(deadline=None)
def test_any_text_is_looked_at_without_ado(text: str) -> None:
    look(text)


@given(st.lists(WORDS, max_size=25).map(" ".join) | st.lists(WORDS, max_size=25).map("".join))
@settings(deadline=None, max_examples=400)
def test_any_row_of_words_is_looked_at_without_ado(text: str) -> None:
    look(text)


def nested(depth: int, opening: str, inner: str, closing: str) -> str:
    return opening * depth + inner + closing * depth


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_001,
        nested(400, "(", "1", ")"),
        nested(400, "[", "1", "]"),
        nested(300, "!", "true", ""),
        nested(400, "-", "1", ""),
        nested(90, "size([", "1", "])"),
        nested(100, "true?1:", "2", ""),
        nested(110, "{'a':", "1", "}") + ".a == 1",
        "json" + ".a" * 450 + " == 1",
        "1" + "-1" * 450 + " == 1",
        "status==1" + "||status==1" * 85,
        "['a']" + ".map(x, x + x)" * 60 + " == []",
        "[body]" + ".map(x, x + x + x + x)" * 20 + " == []",
        "items.all(x, items.all(y, items.all(z, x + y + z > 0)))",
        "items.map(x, items.map(y, items)) == []",
        "[body].exists(a, [a + a].exists(b, [b + b].exists(c, [c + c].exists(d, d == ''))))",
        "body.matches('(.{1,40}){1,25}=')",
        "body.matches(json.items[0].id) || body.matches('(.{1,40})' + '{1,25}=')",
        "items.all(x, body.matches('(a*)*' + string(x)))",
        "body.matches('(a|a)*b') && body.matches('a{1000}{1000}')",
        "body.matches('(x+x+)+y') && body.matches('.*.*.*.*.*=')",
        "body.contains(body + body) || body.matches(body + body)",
        "json.items.all(x, json.items.exists(y, x.id == y.id))",
        "(" + "body+" * 190 + "body) == ''",
        "[" + "items+" * 150 + "items] == []",
        "items.map(x, x) == [] || items.filter(x, true) == []",
        "items.map(x, body).map(x, size(x)) == []",
        "items.map(x, body + string(x)).exists(x, x == '')",
    ],
)
def test_a_hostile_expression_ends_soon(text: str) -> None:
    look(text)


def test_texts_that_double_with_every_macro_are_refused_before_they_do() -> None:
    chain = "['a']" + ".map(x, x + x)" * 25 + ".exists(x, x == '')"
    (mistake,) = mistakes_in(chain, {})
    assert mistake.message == "this could take too long to work out"
    assert isinstance(evaluate(chain, {}, {}), Failure)


def test_what_a_service_answers_cannot_stop_an_evaluation() -> None:
    values = {"json": {"items": ["a" * 60] * 200}, "body": "a" * LONG}
    assert evaluate("json.items.all(x, body.contains(x))", SCOPE, values) is True
    assert evaluate("json.items.map(x, x + x).size()", SCOPE, values) == 200


@pytest.mark.parametrize(
    "pattern",
    [
        r"r'([0-9]{1,3}\.){3}[0-9]{1,3}'",
        r"'^HTTP/1\\.[01] 200'",
        r"r'(?i)\b(error|failed|exception)\b'",
        r"r'\p{L}+-[^x]{1,20}\s*$'",
    ],
)
def test_patterns_people_write_look_at_the_longest_body_there_is(pattern: str) -> None:
    assert evaluate(f"body.matches({pattern})", SCOPE, VALUES) is False


@pytest.mark.parametrize(
    "pattern", ["'(.{1,40}){1,25}='", "r'((a{1,90}b){1,11})*='", "'.' + '{1,9}='", "'\\\\Q(=\\\\E'"]
)
def test_patterns_that_could_take_seconds_are_refused_for_long_texts(pattern: str) -> None:
    found = evaluate(f"body.matches({pattern})", SCOPE, VALUES)
    assert isinstance(found, Failure)
    assert found.reason.endswith("it would take too long with values of this size")
    short: dict[str, object] = {"body": "a" * 200}
    assert evaluate(f"body.matches({pattern})", SCOPE, short) is False  # type: ignore[arg-type]
