"""Which playbook a call means, and what is wrong with it."""

from collections.abc import Mapping

import pytest

from squall.core.playbook.calls import Calls, resolve
from squall.core.playbook.places import Places
from squall.core.playbook.snapshot import Snapshot, beside
from squall.core.playbook.source import read

CALL = "name: {}\nsteps: [{{name: go, playbook: {}}}]\n"
WARM = """
name: warm up
inputs:
  base: {type: duration}
  rounds: {type: integer, default: 3}
steps: [{name: a, wait: 1s}]
"""


def resolved(text: str, files: Mapping[str, str]) -> tuple[Calls, list[str]]:
    """What the calls of ``chaos/main.yaml`` mean among these files, and what is said of them."""
    everything = {"chaos/main.yaml": text, **files}
    document = read(text.encode(), "chaos/main.yaml").documents[0]
    places = Places(document, "chaos/main.yaml")
    snapshot = Snapshot(lambda: tuple(everything), lambda file: everything[file].encode())
    calls = resolve(places, snapshot)
    return calls, [f"{f.span.start.line} {f.code} {f.message}" for f in places.found]


def said(text: str, **files: str) -> list[str]:
    return resolved(text, {f"chaos/{name}.yaml": each for name, each in files.items()})[1]


def test_a_playbook_is_found_by_its_name_wherever_it_stands() -> None:
    calls, found = resolved(CALL.format("x", "other"), {"deep/y.yaml": CALL.format("other", "z")})
    assert found == []
    assert [(path, one.file, one.name) for path, one in calls.items()] == [
        (("steps", 0, "playbook"), "deep/y.yaml", "other")
    ]


@pytest.mark.parametrize("path", ["./y.yaml", "../chaos/y.yaml", "./y.yaml#other"])
def test_a_playbook_is_found_by_its_path_from_the_file_that_calls(path: str) -> None:
    calls, found = resolved(
        CALL.format("x", f'"{path}"'), {"chaos/y.yaml": CALL.format("other", "z")}
    )
    assert found == []
    assert [one.name for one in calls.values()] == ["other"]


def test_a_call_inside_groups_is_found() -> None:
    text = "name: x\nparallel: [{name: g, steps: [{name: go, playbook: {name: other}}]}]\n"
    calls, _ = resolved(text, {"y.yaml": CALL.format("other", "z")})
    assert list(calls) == [("parallel", 0, "steps", 0, "playbook")]


def test_files_are_read_only_as_far_as_needed() -> None:
    asked: list[str] = []
    texts = {"a.yaml": CALL.format("x", "./b.yaml"), "b.yaml": WARM, "c.yaml": WARM}

    def text(file: str) -> bytes:
        asked.append(file)
        return texts[file].encode()

    snapshot = Snapshot(lambda: tuple(texts), text)
    quiet = read(b"name: x\nsteps: [{name: a, wait: 1s}]", "a.yaml").documents[0]
    assert resolve(Places(quiet, "a.yaml"), snapshot) == {}
    assert asked == []
    document = read(texts["a.yaml"].encode(), "a.yaml").documents[0]
    resolve(Places(document, "a.yaml"), snapshot)
    assert asked == ["b.yaml"]


def test_a_name_written_with_escapes_is_the_same_name() -> None:
    escaped = 'name: "\\x6fther"\nsteps: [{name: a, wait: 1s}]\n'
    calls, found = resolved(CALL.format("x", "other"), {"y.yaml": escaped})
    assert (found, [one.file for one in calls.values()]) == ([], ["y.yaml"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("wram up", "SQ221 there is no playbook 'wram up'"),
        ("./warn.yaml", "SQ221 there is no playbook file chaos/warn.yaml"),
        ("./warm.yaml#cool", "SQ221 there is no playbook 'cool' in chaos/warm.yaml"),
        ("../outside.yaml", "SQ221 there is no playbook file outside.yaml"),
        ("./two.yaml", "SQ221 chaos/two.yaml holds 2 playbooks"),
        ("./empty.yaml", "SQ221 there is no playbook in chaos/empty.yaml"),
        ("twin", "SQ221 playbook 'twin' stands in chaos/two.yaml and chaos/twin.yaml"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(call: str, message: str) -> None:
    twin = CALL.format("twin", "z")
    found = said(
        CALL.format("x", f'"{call}"'),
        warm=WARM,
        two=f"{twin}---\n{CALL.format('b', 'z')}",
        twin=twin,
        empty="kind: Pod\n",
    )
    assert found == [f"2 {message}"]


def test_playbooks_that_call_each_other_are_told_with_the_whole_circle() -> None:
    found = said(CALL.format("x", "y"), y=CALL.format("y", "./z.yaml"), z=CALL.format("z", "x"))
    assert found == ["2 SQ222 these playbooks call each other: x → y → z → x"]


def test_a_playbook_that_calls_itself_is_a_circle() -> None:
    assert said(CALL.format("x", "x")) == ["2 SQ222 these playbooks call each other: x → x"]


def test_a_circle_further_down_would_not_end_either() -> None:
    found = said(CALL.format("x", "y"), y=CALL.format("y", "z"), z=CALL.format("z", "y"))
    assert found == ["2 SQ222 these playbooks call each other: y → z → y"]


def test_two_ways_to_one_playbook_are_no_circle() -> None:
    text = "name: x\nsteps: [{name: a, playbook: y}, {name: b, playbook: z}]\n"
    leaf = "name: z\nsteps: [{name: a, wait: 1s}]\n"
    assert said(text, y=CALL.format("y", "z"), z=leaf) == []


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ("{base: 250ms}", []),
        ("{base: 2, rounds: 5}", []),
        ('{base: "${{ steps.look.latency }}"}', []),
        ("{}", ["SQ223 playbook 'warm up' needs 'base', a duration, and is not given it"]),
        ("{base: 1s, round: 2}", ["SQ223 playbook 'warm up' has no input 'round'"]),
        ("{base: soon}", ["SQ223 input 'base' of 'warm up': 'soon' is no duration"]),
        ("{base: 1s, rounds: a}", ["SQ223 input 'rounds' of 'warm up': 'a' is no integer"]),
    ],
)
def test_inputs_are_held_against_what_is_declared(inputs: str, found: list[str]) -> None:
    text = CALL.format("x", f"{{name: warm up, inputs: {inputs}}}")
    assert said(text, warm=WARM) == [f"2 {each}" for each in found]


@pytest.mark.parametrize(
    ("file", "path", "found"),
    [
        ("a.yaml", "./b.yaml", "b.yaml"),
        ("x/a.yaml", "../b.yaml", "b.yaml"),
        ("a.yaml", "../b.yaml", "../b.yaml"),
        ("../x/a.yaml", "../../b.yaml", "../../b.yaml"),
        ("/x/a.yaml", "../b.yaml", "/b.yaml"),
        ("/x/a.yaml", "./y/../b.yaml", "/x/b.yaml"),
    ],
)
def test_paths_are_seen_from_the_folder_of_the_file(file: str, path: str, found: str) -> None:
    assert beside(file, path) == found
