"""Whatever is written as YAML is read back as the same."""

from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.source import read
from squall.core.playbook.writing import to_yaml

TRICKY = st.sampled_from(
    ["no", "on", "1:30", "012", "0o17", "0x1f", "1e3", ".5", "1.", "~", "null", "true", "", " a",
     "a ", "- a", "a: b", "#a", "*a", "&a", "!a", "<<", "=", "2001-01-01", ".inf", ".NaN", "+1",
     "1_000", "a\nb", "a\n", "\ta", "'", '"', "%", "@a", "`a", "{a}", "[a]", "yes", "é", "日本",
     "😀"]
)  # fmt: skip
TEXTS = TRICKY | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn")), max_size=20)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
DATA = st.recursive(
    st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(TEXTS, DATA, min_size=1, max_size=5))
def test_data_survives_being_written(data: dict) -> None:
    source = read(to_yaml(data).encode(), "x")
    assert source.diagnostics == ()
    [document] = source.documents
    assert document.data == data


def test_what_stands_twice_is_written_twice() -> None:
    shared = {"latency": "1s"}
    assert "&" not in to_yaml({"a": shared, "b": shared})
