"""``${{ }}`` in values: where it stands, what is wrong with it, what is put in its place."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.expressions import (
    Answer,
    Failure,
    Kind,
    fill,
    rendered,
    template_mistakes,
    templates_in,
)

SCOPE: dict[str, Kind] = {
    "inputs.base": "duration",
    "inputs.share": "double",
    "inputs.names": "list",
    "inputs.host": "string",
    "inputs.many": "int",
    "inputs.deep": "bool",
}
VALUES = {
    "inputs.base": 250_000_000,
    "inputs.share": 0.1,
    "inputs.names": ["a", "b"],
    "inputs.host": "localhost",
    "inputs.many": 3,
    "inputs.deep": True,
}


def render(text: str) -> Answer:
    return rendered(text, SCOPE, VALUES)


@pytest.mark.parametrize(
    ("text", "expressions"),
    [
        ("", []),
        ("no ${ here }", []),
        ("${{ inputs.base }}", [(0, 18, "inputs.base", 5, True)]),
        ("${{inputs.a}}/${{ b}}", [(0, 13, "inputs.a", 4, True), (14, 21, "b", 19, True)]),
        ("${{ '}}' }}", [(0, 11, "'}}'", 5, True)]),
        ('${{ "a}}\\"}}" }}!', [(0, 16, '"a}}\\"}}"', 5, True)]),
        ("${{ {'a': {'b': 1}} }}", [(0, 22, "{'a': {'b': 1}}", 5, True)]),
        ("${{ 'never closed }} x", [(0, 20, "'never closed", 5, True)]),
        ("a ${{ b", [(2, 7, "b", 7, False)]),
        ("${{}}", [(0, 5, "", 4, True)]),
        ("${{\n  a\n}}", [(0, 10, "a", 7, True)]),
    ],
)
def test_templates_are_found_with_their_places(
    text: str, expressions: list[tuple[int, int, str, int, bool]]
) -> None:
    assert [tuple(each) for each in templates_in(text)] == expressions


@pytest.mark.parametrize(
    ("data", "filled"),
    [
        ("${{ inputs.base }}", "250ms"),
        ("  ${{ inputs.base + duration('1s') }} ", "1s250ms"),
        ("${{ inputs.share }}", 0.1),
        ("${{ inputs.names }}", ["a", "b"]),
        ("${{ inputs.many * 2 }}", 6),
        ("${{ inputs.deep }}", True),
        ("${{ null }}", None),
        ("http://${{ inputs.host }}:${{ 8000 + inputs.many }}/", "http://localhost:8003/"),
        ("in ${{ inputs.base }} or ${{ inputs.share }}", "in 250ms or 0.1"),
        ("${{ 2.0 }} ${{ inputs.deep }} ${{ inputs.names }}", '2 true ["a", "b"]'),
        ("${{ '${{' }} stays", "${{ stays"),
        ({"a": ["${{ inputs.many }}", 1, None]}, {"a": [3, 1, None]}),
        ({"${{ inputs.many }}": 1}, {"${{ inputs.many }}": 1}),
    ],
)
def test_what_a_template_gives_is_put_in_its_place(data: object, filled: object) -> None:
    found = fill(data, render)  # type: ignore[arg-type]
    assert found == (filled, ())
    assert type(found.data) is type(filled)


def test_a_template_that_fails_stays_and_is_told_with_its_path() -> None:
    found = fill(
        {"a": [{"b": "x${{ inputs.many / 0 }}y${{ inputs.many }}"}], "c": "${{ d }}"}, render
    )
    assert found.data == {"a": [{"b": "x${{ inputs.many / 0 }}y3"}], "c": "${{ d }}"}
    assert [(path, each.expression, why) for path, each, why in found.failures] == [
        (("a", 0, "b"), "inputs.many / 0", Failure("inputs.many / 0: it divides by zero")),
        (("c",), "d", Failure("d: 'd' is not known here")),
    ]


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        ("${{ inputs.base }}", "duration", []),
        ("${{ inputs.bse }}", None, [(5, 10, "'inputs.bse' is not known here")]),
        (
            "x ${{ inputs.bse }} ${{ 1 + }}",
            None,
            [(7, 10, "'inputs.bse' is not known here"), (27, 1, "a value is missing behind '+'")],
        ),
        ("${{ inputs.host", None, [(1, 3, "this ${{ is never closed")]),
        ("${{ }}", None, [(5, 1, "there is no expression here")]),
        (
            "${{ inputs.host }}",
            "int",
            [(5, 11, "this is a text; what is wanted is a whole number")],
        ),
        ("a${{ inputs.many }}", "string", []),
    ],
)
def test_mistakes_in_templates_are_told_at_their_columns_in_the_text(
    text: str, wanted: Kind | None, told: list[tuple[int, int, str]]
) -> None:
    found = template_mistakes(text, SCOPE, wanted)
    assert [(each.column, each.length, each.message) for each in found] == told


@given(st.text("${}'\"\\ a.rb", max_size=80))
def test_any_text_is_taken_apart_and_put_together_again(text: str) -> None:
    found = templates_in(text)
    assert all(text[each.start : each.end].startswith("${{") for each in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    kept = fill(text, lambda _: Failure("left"))
    assert kept.data == text
    assert len(kept.failures) == sum(each.closed for each in found)
