"""YAML in, plain data and places out; nothing a file holds can end the interpreter."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from squall.core.diagnostics import Position
from squall.core.playbook.codes import CODES
from squall.core.playbook.files import MAX_BYTES
from squall.core.playbook.source import MAX_NODES, Document, read


def data(text: str):
    source = read(text.encode(), "f.yaml")
    assert source.diagnostics == ()
    return source.documents[0].data


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("1:30", "1:30"), ("012", "012"),
        ("2020-01-01", "2020-01-01"), ("1_000", "1_000"), ("0b1", "0b1"), ("=", "="),
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None),
        ("12", 12), ("-3", -3), ("0x1F", 31), ("0o17", 15), (".5", 0.5), ("1e3", 1000.0),
        ("'12'", "12"), ('"true"', "true"), ("+1", 1), ("1.20", 1.2), ("!!str 5", "5"),
        ('!!int "5"', 5), ("! 5", "5"), ("!!float 5", 5), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(written: str, meant: object) -> None:
    assert data(f"a: {written}\n") == {"a": meant}


def test_every_key_and_value_has_its_place() -> None:
    document = read(b"a:\n  - b: 1\n    'c d': [x, y]\n", "f").documents[0]
    assert document.locate(("a", 0, "c d"), key=True).start == Position(3, 5)
    assert document.locate(("a", 0, "c d", 1)).start == Position(3, 16)
    assert document.locate(("a", 0, "c d", 1)).end == Position(3, 17)
    assert document.locate(("a", 0, "nowhere", 7)).start == Position(2, 5)


def test_columns_count_code_points() -> None:
    [finding] = read("é🌩: 1\né🌩: 2\n".encode(), "f").diagnostics
    assert (finding.span.start, finding.span.end) == (Position(2, 1), Position(2, 3))


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 50_000])
def test_deep_nesting_is_a_finding_not_a_crash(text: str) -> None:
    [finding] = read(text.encode(), "f").diagnostics
    assert finding.code in {"SQ005", "SQ004"}


def test_too_many_values_are_refused() -> None:
    [finding] = read(b"[" + b"1," * (MAX_NODES + 1) + b"]", "f").diagnostics
    assert finding.code == "SQ005"


def test_large_files_are_refused_before_they_are_parsed() -> None:
    [finding] = read(b"a" * (MAX_BYTES + 1), "f").diagnostics
    assert finding.code == "SQ002"


def test_an_alias_is_the_same_value_and_errors_point_at_where_it_is_written() -> None:
    document = read(b"a: &x {b: 1}\nc: *x\n", "f").documents[0]
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}
    assert document.locate(("c", "b")) == document.locate(("a", "b"))


def test_a_recursive_alias_is_a_finding() -> None:
    [finding] = read(b"a: &x [*x]\n", "f").diagnostics
    assert finding.message == "alias *x stands inside the value it repeats"


@pytest.mark.parametrize("written", [".inf", "-.INF", ".nan", "1e999"])
def test_a_number_is_finite(written: str) -> None:
    [finding] = read(f"a: {written}\n".encode(), "f").diagnostics
    assert (finding.code, finding.span.start) == ("SQ007", Position(1, 4))


@pytest.mark.parametrize("written", ["1", "1.5", "true", "~", "null"])
def test_a_key_is_text(written: str) -> None:
    [finding] = read(f"{written}: a\n".encode(), "f").diagnostics
    assert finding.code == "SQ004"
    assert read(f"'{written}': a\n".encode(), "f").diagnostics == ()


@pytest.mark.parametrize(
    "text", ["a: !foo 1", "a: !!python/object:os.system x", "a: !x [1]", "!k a: 1", "!!set {a: 1}"]
)
def test_tags_are_refused(text: str) -> None:
    [finding] = read(text.encode(), "f").diagnostics
    assert finding.code == "SQ008"


def test_aliases_of_aliases_count_by_their_depth() -> None:
    nest = "[" * 40
    text = f"a: &a {nest}1{']' * 40}\nb: {nest}*a{']' * 40}\n"
    [finding] = read(text.encode(), "f").diagnostics
    assert (finding.code, finding.span.start) == ("SQ005", Position(2, 44))


def test_places_inside_aliases_inside_aliases() -> None:
    document = read(b"a: &a {k: 1}\nb: &b {x: *a}\nc: *b\n", "f").documents[0]
    assert document.locate(("c", "x", "k")) == document.locate(("a", "k"))
    assert document.locate(("c", "x")).start == Position(2, 11)
    assert document.locate(("c",)).start == Position(3, 4)


def test_many_aliases_cost_no_more_than_what_they_repeat() -> None:
    text = "a: &a {k: 1}\nb:\n" + "- *a\n" * 20_000
    assert read(text.encode(), "f").diagnostics == ()


def test_empty_documents_are_none() -> None:
    assert read(b"---\n---\n# nothing\n", "f").documents == ()


def placed(document: Document) -> tuple[object, ...]:
    """What is in it, and where each key and value stands."""
    keys = {path: document.locate(path, key=True) for path in document.keys}
    return document.data, keys, {path: document.locate(path) for path in document.values}


def test_without_libyaml_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a: &x [1, no, 'q']\nb: {c: *x, d: |\n  text\n  }\n"
    fast = read(b"a: &x [1, no, 'q']\nb: {c: *x}\n", "f")
    monkeypatch.setattr("squall.core.playbook.source._LOADER", yaml.SafeLoader)
    slow = read(b"a: &x [1, no, 'q']\nb: {c: *x}\n", "f")
    assert (slow.text, slow.diagnostics) == (fast.text, fast.diagnostics)
    assert list(map(placed, slow.documents)) == list(map(placed, fast.documents))
    [finding] = read(text, "f").diagnostics
    assert finding.code == "SQ001"
    [finding] = read(b"[" * 100_000, "f").diagnostics
    assert finding.code == "SQ005"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), json_values, min_size=1))
def test_json_is_read_as_json(value) -> None:
    written = json.dumps(value, ensure_ascii=False)
    source = read(written.encode("utf-8", "replace"), "f.json")
    if "<<" not in written and written.isprintable():
        assert source.diagnostics == ()
        assert source.documents[0].data == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(raw: bytes) -> None:
    source = read(raw, "f")
    for finding in source.diagnostics:
        assert finding.code in CODES
        assert finding.span.start.line >= 1
