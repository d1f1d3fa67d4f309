"""Every mistake in an expression is told at once, at its column, in words for people."""

import pytest

from squall.core.playbook.expressions import Kind, Range, always_in, kind_of, mistakes_in, names_in

SCOPE: dict[str, Kind] = {
    "inputs.base": "duration",
    "inputs.many": "int",
    "loop.index": "int",
    "status": "int",
    "latency": "duration",
    "body": "string",
    "json": "dyn",
    "headers": "map",
    "measured.error_rate": "double",
    "measured.p95": "duration",
    "steps.light.ran": "bool",
    "steps.light.outcome": "string",
    "steps.light_load.measured.p99": "duration",
}


def told(text: str, wanted: Kind | None = None) -> list[str]:
    """Each mistake as ``column+length message | hint``."""
    return [
        f"{each.column}+{each.length} {each.message}" + (f" | {each.hint}" if each.hint else "")
        for each in mistakes_in(text, SCOPE, wanted)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "status == 200",
        "status >= 200 && status < 300 || body.contains('ok')",
        "latency < duration('300ms') && latency <= inputs.base + duration('1s')",
        "measured.error_rate < 0.05 && measured.p95 < duration('1s')",
        "json.items.all(item, item.price > 0) && json.items[0].name == 'x'",
        "has(json.id) ? json.id != '' : false",
        "'content-type' in headers && headers['content-type'].startsWith('text/')",
        "steps.light.ran && steps.light.outcome in ['succeeded', 'failed']",
        "loop.index % 2 == 0",
        "body.matches(r'^\\d+$') || body.matches('^[a-z]+\\\\d')",
        "double(status) / 2.0 > 1.5 && int('3') == 3 && string(status) == \"200\"",
        "(latency) > duration('1ms') // a word about it",
        "status\n  == 200\n&& body != ''",
        "size(json.items) > 0 && type(json.id) == string",
    ],
)
def test_a_good_condition_has_no_mistakes(text: str) -> None:
    assert told(text, "bool") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("statuss == 200", ["1+7 'statuss' is not known here | did you mean 'status'?"]),
        (
            "200 == inputs.bas",
            ["8+10 'inputs.bas' is not known here | did you mean 'inputs.base'?"],
        ),
        ("jsn.items == 1", ["1+3 'jsn' is not known here | did you mean 'json'?"]),
        (
            "steps.lite.ran",
            ["1+14 'steps.lite.ran' is not known here | did you mean 'steps.light.ran'?"],
        ),
        (
            "inputs.zzz == 1",
            ["1+10 'inputs.zzz' is not known here | known: inputs.base, inputs.many"],
        ),
        (
            "measured == 1",
            ["1+8 'measured' is not a value by itself | it has measured.error_rate, measured.p95"],
        ),
        (
            "steps.light-load.measured.p99 > latency",
            [
                (
                    "1+29 'steps.light-load.measured.p99' is not one name | write"
                    " 'steps.light_load.measured.p99': a name has _ for every hyphen and space"
                )
            ],
        ),
        ("body == None", ["9+4 'None' is not known here | did you mean 'null'?"]),
        ("loop", ["1+4 'loop' is not a value by itself | it has loop.index"]),
        (
            "json.all(status, true)",
            ["10+6 'status' has a meaning here already | give the item another name"],
        ),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_one_meant(
    text: str, expected: list[str]
) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "latency < 300",
            (
                "1+13 'latency' is a duration and 300 is a whole number: they cannot be compared"
                " | write duration('300ms')"
            ),
        ),
        (
            "latency < '300ms'",
            (
                "1+17 'latency' is a duration and '300ms' is a text: they cannot be compared"
                " | write duration('300ms')"
            ),
        ),
        (
            "measured.error_rate < 1",
            (
                "1+23 'measured.error_rate' is a decimal number and 1 is a whole number:"
                " they cannot be compared | write 1.0, not 1"
            ),
        ),
        (
            "status == 200.0",
            (
                "1+15 'status' is a whole number and 200.0 is a decimal number:"
                " they cannot be compared | write 200, not 200.0"
            ),
        ),
        (
            "status == '200'",
            (
                "1+15 'status' is a whole number and '200' is a text: they cannot be compared"
                " | write 200, without quotes"
            ),
        ),
        (
            "body == 200",
            (
                "1+11 'body' is a text and 200 is a whole number: they cannot be compared"
                " | write '200', in quotes"
            ),
        ),
        (
            "status > measured.error_rate",
            (
                "1+28 'status' is a whole number and 'measured.error_rate' is a decimal number:"
                " they cannot be compared | write double(status)"
            ),
        ),
        (
            "body + status == ''",
            (
                "1+13 'body' is a text and 'status' is a whole number: '+' does not go with them"
                " | write string(status)"
            ),
        ),
        (
            "latency * 2 > inputs.base",
            "1+11 'latency' is a duration and 2 is a whole number: '*' does not go with them",
        ),
        (
            "'x' in body",
            "1+11 'body' is a text; 'in' looks into a list or a mapping | write body.contains('x')",
        ),
        (
            "status && true",
            (
                "1+14 'status' is a whole number; '&&' joins what is true or false"
                " | write status == 200"
            ),
        ),
        ("!status", "1+7 'status' is a whole number; '!' stands before true or false"),
        (
            "status ? true : false",
            "1+21 'status' is a whole number; before '?' stands what is true or false",
        ),
        (
            "true ? 1 : 'a'",
            "1+14 1 is a whole number and 'a' is a text; both values of a choice are of one kind",
        ),
        (
            "json.all(x, status)",
            "1+19 'status' is a whole number; all() asks what is true or false",
        ),
        ("body[0] == 'a'", "1+7 'body' is a text and has no items"),
        ("headers[1] == 'a'", "1+10 1 is a whole number; this is asked by a text"),
        ("status.all(x, true)", "1+6 'status' is a whole number and has no items"),
        ("body.length > 1", "1+11 'body' is a text and has no 'length' | did you mean .size()?"),
        ("status.contains('x')", "1+20 'status' is a whole number and has no contains()"),
        ("body.contains(1)", "1+16 contains() does not take a whole number"),
        ("size(status) > 1", "1+12 size() does not take a whole number"),
        ("99999999999999999999 > 1", "1+20 this number is too large"),
        (
            "has(status)",
            (
                "5+6 has() asks whether a field is there, as in has(json.id)"
                " | whether a step ran is told by steps.NAME.ran"
            ),
        ),
        (
            "{1.5: 2}",
            "1+8 a key of a mapping is a text, a whole number, true or false",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_by_its_kinds(text: str, expected: str) -> None:
    assert told(text, "bool") == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1+1 there is no expression here"),
        ("  // nothing", "1+1 there is no expression here"),
        ("status = 200", "8+1 '=' compares nothing | write =="),
        ("status === 200", "8+3 '===' is not known | write =="),
        ("status == 200 and true", "15+3 'and' is not known | write &&"),
        ("not true", "1+3 'not' is not known | write !"),
        ("status == 200 & true", "15+1 '&' is not known | and is written &&"),
        ("status ==", "8+2 a value is missing behind '=='"),
        ("&& true", "1+2 a value is missing before '&&'"),
        ("(status == 200", "1+1 this '(' is never closed | add )"),
        ("status == 200)", "14+1 nothing is open that this ')' could close | leave it out"),
        ("status in [200, 201", "11+1 this '[' is never closed | add ]"),
        ("body == 'ok", "9+1 this quote is never closed | add ' where the text ends"),
        ("body == ‘ok’", "9+1 ‘ is no quotation mark here | write ' or \""),
        ("body == '\\d'", "10+2 '\\d' has no meaning in a text"),
        ("latency < 300ms", "11+5 '300ms' is no number | a duration is written duration('300ms')"),
        ("status < 1_000", "10+5 '1_000' is no number | did you mean 1000?"),
        ("measured.error_rate < 10%", "25+1 '%' gives the rest of a division | write 10% as 0.1"),
        ("status 200", "8+3 an operator is missing before '200'"),
        ("true ? 1", "6+1 this '?' has no ':' | a choice is written CONDITION ? VALUE : OTHER"),
        ("if status", "1+2 'if' has a meaning of its own and cannot be a name"),
        ("${{ status == 200 }}", "1+3 this is an expression already | leave out ${{ and }}"),
        ("größe > 1", "1+5 'größe' is no name"),
        ("json.`a-b` == 1", "6+1 '`' means nothing here"),
        ("json. == 1", "5+1 a name is missing behind this '.'"),
        ("json.all(1, true)", "10+1 all() begins with a name for each item"),
        ("foo(1) == 1", "1+3 there is no function 'foo'"),
        ("len(body) > 1", "1+3 there is no function 'len' | did you mean 'size'?"),
        ("body.startswith('a')", "6+10 there is no function 'startswith'"),
        ("contains(body, 'a')", "1+8 contains() is written behind its value"),
        ("latency.duration() > latency", "9+8 duration() is written before its value"),
        ("size(body, body) > 1", "1+4 size() takes one value, not 2"),
        ("duration('300') < latency", "10+5 '300' is no duration | write '300ms' or '300s'"),
        ("duration('1d') < latency", "10+4 '1d' is no duration"),
        ("body.matches('(')", "14+3 the pattern is none: missing ): ("),
    ],
)
def test_what_cannot_be_read_is_told_in_plain_words(text: str, expected: str) -> None:
    (found,) = told(text)
    assert found.startswith(expected)


def test_all_mistakes_of_an_expression_are_told_at_once_from_left_to_right() -> None:
    text = "statuss == 1 && latency < 5 && foo(body) && body.matches('[') && inputs.bse == status"
    columns = [each.column for each in mistakes_in(text, SCOPE)]
    assert columns == [1, 17, 32, 58, 66]


def test_columns_count_code_points_whatever_the_line() -> None:
    text = "body == '😀é' &&\nstatuss == 200 &&\nlatency < 1"
    first, second = mistakes_in(text, SCOPE)
    assert text[first.column - 1 :].startswith("statuss")
    assert text[second.column - 1 :].startswith("latency < 1")


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        (
            "status",
            "bool",
            ["1+6 this is a whole number; what is wanted is true or false | write status == 200"],
        ),
        ("latency", "int", ["1+7 this is a duration; what is wanted is a whole number"]),
        ("json.id", "bool", []),
        ("status", "double", []),
        ("status", None, []),
        (
            "bytes(body)",
            None,
            ["1+11 this gives bytes, which has no use here | string() makes a text of it"],
        ),
    ],
)
def test_what_an_expression_gives_is_of_the_kind_that_is_wanted(
    text: str, wanted: Kind | None, expected: list[str]
) -> None:
    assert told(text, wanted) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("latency + inputs.base", "duration"),
        ("status == 200", "bool"),
        ("[status]", "list"),
        ("headers", "map"),
        ("json.id", "dyn"),
        ("statuss", None),
        ("status ==", None),
        ("status == body", None),
    ],
)
def test_the_kind_an_expression_gives_is_known_beforehand(text: str, kind: Kind | None) -> None:
    assert kind_of(text, SCOPE) == kind


def test_the_names_in_an_expression_come_with_their_columns() -> None:
    text = "inputs.base > latency && json.items.all(item, item.id in loop.item && status == 1)"
    assert names_in(text) == (
        ("inputs.base", 1),
        ("latency", 15),
        ("json.items", 26),
        ("loop.item", 58),
        ("status", 71),
    )
    assert names_in("status ==") == ()


def whole(text: str) -> bool | None:
    """What the whole of a condition always is."""
    ranges = {"status": Range(100, 999), "measured.error_rate": Range(0, 1), "latency": Range(0)}
    found = always_in(text, SCOPE, lambda name: ranges.get(name, Range()))
    return found[0].so if found and found[0].length == len(text) else None


@pytest.mark.parametrize(
    ("text", "always"),
    [
        ("1 == 1", True),
        ("true", True),
        ("status == 200 || true", True),
        ("false && status == 200", False),
        ("status == 200", None),
        ("steps.light.ran", None),
        ("steps.light.ran || !steps.light.ran", True),
        ("status == status", None),
        ("1 + 1", None),
        ("status ==", None),
        ("status >= 0", True),
        ("0 <= status", True),
        ("status > 100", None),
        ("status == 20", False),
        ("status != 200 || status != 404", True),
        ("status == 200 && status == 404", False),
        ("status < 300 || status >= 300", True),
        ("status < 300 || status > 300", None),
        ("status > 200 && status < 201", False),
        ("status > 200 && status < 202", None),
        ("!(status in [200, 201]) || status < 300", True),
        ("status in [200, 201]", None),
        ("status in [1, 2]", False),
        ("measured.error_rate <= 1.0", True),
        ("measured.error_rate < 1.0", None),
        ("measured.error_rate > 0.4 && measured.error_rate < 0.6", None),
        ("latency < duration('0s')", False),
        ("latency > duration('-1s')", True),
        ("latency > duration('0s')", None),
        ("body == 'a' && body == 'b'", False),
        ("body != 'a' || body != 'b'", True),
        ("body == 'a' || body == 'b'", None),
        ("body < 'a' || body >= 'a'", None),
        ("status == 200 ? latency >= duration('0s') : status != 200", True),
        ("json.id == 3 || status >= 0", True),
        ("json.id == 3 || json.id != 3", None),
        (" || ".join(f"status == {n}" for n in range(100, 130)), None),
    ],
)
def test_what_is_so_whatever_the_values_is_known(text: str, *, always: bool | None) -> None:
    assert whole(text) is always


def test_the_part_of_a_condition_that_is_always_so_is_named() -> None:
    found = always_in("body == 'a' && status >= 0", SCOPE, lambda _: Range(0))
    assert [(each.column, each.length, each.so, each.name) for each in found] == [
        (16, 11, True, "status")
    ]
