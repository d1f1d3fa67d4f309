"""What `squall fmt` may never do: change a value, lose or move a comment, or change its mind."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laws.texts import Handwritten, handwritten
from squall.core.playbook.outline import order, outline
from squall.core.playbook.rewrite import Unfaithful, rewritten
from squall.core.playbook.source import read

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder in ("playbooks", "tests/corpus")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".yaml", ".json"}
]


def data(text: bytes) -> list[Any]:
    source = read(text, "x")
    assert source.diagnostics == ()
    return [document.data for document in source.documents]


def rewritten_lawfully(written: bytes, *, json: bool = False) -> str:
    """What becomes of a text that can be read, once it has kept every law."""
    source = read(written, "x")
    new = rewritten(source, json=json)
    assert data(new) == [document.data for document in source.documents]
    assert rewritten(read(new, "x"), json=json) == new
    lines = new.decode().replace("\r\n", "\n")
    if not json:
        text = source.text.replace("\r\n", "\n").replace("\r", "\n")
        assert list(order(outline(lines))) == list(order(outline(text)))
    assert lines.endswith("\n") or not lines
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_of_ours_keeps_what_it_says(path: Path) -> None:
    written = path.read_bytes()
    if not read(written, "x").diagnostics:
        rewritten_lawfully(written, json=path.suffix == ".json")


@settings(max_examples=150)
@given(handwritten())
def test_a_text_written_by_hand_keeps_what_it_says(written: Handwritten) -> None:
    text = written.text.encode()
    if read(text, "x").diagnostics:
        return
    new = rewritten_lawfully(text)
    found = [what[1] for what in order(outline(new)) if what[0] == "#"]
    assert found == [comment.rstrip() for comment in written.comments]


@given(st.data())
def test_a_changed_file_of_ours_keeps_what_it_says(draw: st.DataObject) -> None:
    path = draw.draw(st.sampled_from(FILES))
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = draw.draw(st.integers(0, len(line)))
        changed = [
            [line, "   # own"], [line + " # beside"], [line, ""], [], [line, line], ["  " + line],
            [line[:cut] + "\t" + line[cut:]], [line[:cut] + " " + line[cut:]],
            [line[:cut], "      " + line[cut:]], [line.replace(": ", ":   ")],
        ]  # fmt: skip
        lines[at : at + 1] = draw.draw(st.sampled_from(changed))
    text = "\n".join(lines).encode()
    if not read(text, "x").diagnostics:
        with contextlib.suppress(Unfaithful):  # a key over several lines
            rewritten_lawfully(text)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cn")), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from("abcd"), JSONS, min_size=1), st.sampled_from([None, 1, 4]))
def test_json_stays_json_and_says_the_same(value: dict[str, Any], indent: int | None) -> None:
    written = json.dumps(value, indent=indent).encode()
    if not read(written, "x").diagnostics:
        assert json.loads(rewritten_lawfully(written, json=True)) == value
