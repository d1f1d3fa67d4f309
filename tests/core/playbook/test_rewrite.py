"""squall's one style, word for word."""

import pytest

from squall.core.playbook.rewrite import Unfaithful, rewritten
from squall.core.playbook.source import read


def styled(text: str, *, json: bool = False) -> str:
    source = read(text.encode(), "x")
    assert source.diagnostics == ()
    return rewritten(source, json=json).decode()


MESSY = """\


# yaml-language-server: $schema=../schemas/playbook.schema.json


name:   'slow'   # one
steps:
-   name: "hit"
    duration: 10s


    # about the faults
    scenario:   {latency: 1s,
      # why
      errors: {rate: 10%, codes: [ 500,503 ]}}  # flow
-   {name: rest, wait: 5s}
        # the end of the steps
# the end
description: >
      folded
      text
tags: [ 'no', "a b", '0 2 * * *', 'it''s', "012" ]
"""

STYLED = """\
# yaml-language-server: $schema=../schemas/playbook.schema.json

name: slow  # one
steps:
  - name: hit
    duration: 10s

    # about the faults
    scenario:
      {
        latency: 1s,
        # why
        errors: {rate: 10%, codes: [500, 503]}
      }  # flow
  - {name: rest, wait: 5s}
  # the end of the steps
# the end
description: >
  folded
  text
tags: ["no", a b, "0 2 * * *", "it's", "012"]
"""


def test_one_style() -> None:
    assert styled(MESSY) == STYLED
    assert styled(STYLED) == STYLED


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("a: 'no'\nb: \"on\"\nc: 'y'\n", 'a: "no"\nb: "on"\nc: "y"\n'),
        ("a: '1:30'\nb: '012'\nc: '1e3'\n", 'a: "1:30"\nb: "012"\nc: "1e3"\n'),
        ("a: 'true'\nb: 'null'\nc: '~'\n", 'a: "true"\nb: "null"\nc: "~"\n'),
        ("a: 012\nb: 1e3\nc: 1_000\nd: 0x1F\n", "a: 012\nb: 1e3\nc: 1_000\nd: 0x1F\n"),
        ("a: '5s'\nb: '1.5ms'\nc: '10%'\n", "a: 5s\nb: 1.5ms\nc: 10%\n"),
        ("a: '5'\nb: '1:30'\nc: '1e3'\n", 'a: "5"\nb: "1:30"\nc: "1e3"\n'),
        ("a: 'light'\nb: \"two words\"\n", "a: light\nb: two words\n"),
        ("a: '\\d \"x\"'\n", "a: '\\d \"x\"'\n"),
        ('a: "\\u00e9\\t"\n', 'a: "\\u00e9\\t"\n'),
        ("a: !!str '5'\n", "a: !!str '5'\n"),
        ("{'a': \"b\"}\n", "{a: b}\n"),
    ],
)
def test_quotes_go_only_where_no_reader_of_yaml_needs_them(written: str, new: str) -> None:
    assert styled(written) == new


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("a:  # b\n  c\n", "a:  # b\n  c\n"),
        ("a:\n  # b\n  - 1\n", "a:\n  # b\n  - 1\n"),
        ("a: &x # b\n  - 1\nc: *x\n", "a: &x  # b\n  - 1\nc: *x\n"),
        ("a: |   # b\n     c\n", "a: |  # b\n  c\n"),
        ("a:\n- 1\n# of b\nb: 2\n", "a:\n  - 1\n# of b\nb: 2\n"),
        ("a:\n- 1\n  # of a\nb: 2\n", "a:\n  - 1\n  # of a\nb: 2\n"),
        ("[ # a\n]\n", "[  # a\n]\n"),
        ("- # a\n  b: 1\n", "-  # a\n  b: 1\n"),
        ("a: 1\n--- # b\nc: 2\n", "a: 1\n---  # b\nc: 2\n"),
    ],
)
def test_comments_stay_where_they_are(written: str, new: str) -> None:
    assert styled(written) == new


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("--- {a: 1}\n---\n|\n x\n...\n", "---\n{a: 1}\n---\n|\n  x\n"),
        ("? a\n: b\n", "a: b\n"),
        ("- - 1\n  - 2\n", "- - 1\n  - 2\n"),
        ("a: |+\n   b\n\n\nc: 1\n", "a: |+\n  b\n\n\nc: 1\n"),
        ("a: |\n   b", "a: |-\n  b\n"),
        ("a: |4\n     b\n    c\n", "a: |2\n   b\n  c\n"),
        ("a: one\n      two\n", "a: one\n  two\n"),
        ("a: \n", "a:\n"),
        ("", ""),
        ("# only this", "# only this\n"),
    ],
)
def test_what_else_there_is(written: str, new: str) -> None:
    assert styled(written) == new


def test_what_does_not_fit_on_a_line_has_an_entry_a_line() -> None:
    codes = ", ".join(str(code) for code in range(500, 530))
    new = styled(f"a: {{codes: [{codes},\n 530]}}\n").splitlines()
    assert new[:4] == ["a:", "  {", "    codes: [", "      500,"]
    assert new[-2:] == ["    ]", "  }"]
    assert max(map(len, new)) <= 100


def test_what_stands_on_one_line_stays_there_as_comments_speak_of_lines() -> None:
    long = f"- {{name: a, tags: [{', '.join(['word'] * 30)}]}}  # squall: ignore[SQ304] meant\n"
    assert styled(long) == long


def test_line_ends_stay_and_a_byte_order_mark_goes() -> None:
    assert rewritten(read(b"\xef\xbb\xbfa:   1\r\nb: 2\r\n", "x")) == b"a: 1\r\nb: 2\r\n"


def test_json_stays_json() -> None:
    assert styled('{"a":[1,1.20,"\\u00e9"]}', json=True) == (
        '{\n  "a": [\n    1,\n    1.20,\n    "\\u00e9"\n  ]\n}\n'
    )


@pytest.mark.parametrize(
    ("written", "form", "why"),
    [
        ("%YAML 1.2\n---\na: 1\n", "yaml", "it has a line that begins with %: remove it"),
        ('? "a\n  b"\n: 1\n', "yaml", "a key is spread over several lines"),
        ("{a: 1}", "json", "it is YAML in a file that is named as JSON"),
    ],
)
def test_what_cannot_be_rewritten_is_refused_with_a_reason(
    written: str, form: str, why: str
) -> None:
    with pytest.raises(Unfaithful, match=why):
        styled(written, json=form == "json")
