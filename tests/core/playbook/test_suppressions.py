"""Comments that keep findings back: where they act, what they need, what they cannot do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.core.playbook.comments import comments
from squall.core.playbook.load import Loaded, load
from squall.worktree import schema_text

SCHEMA = schema_text()
SHORT = "{name: rest, wait: 2s, timeout: 1s}"
ENDLESS = "loop: {forever: true}, steps: [{name: b, wait: 1s}]"


def linted(text: str) -> Loaded:
    return load(text.encode(), "f.yaml", SCHEMA)


def codes(text: str) -> list[str]:
    return [finding.code for finding in linted(text).diagnostics]


def steps(*lines: str) -> str:
    """Some steps, from the fourth line on."""
    target = 'targets: {t: {http: {listen: "127.0.0.1:1", upstream: "builtin:echo"}}}'
    return "\n".join(["name: x", target, "steps:", *lines, ""])


def test_a_comment_at_the_end_of_a_line_acts_on_that_line() -> None:
    text = steps(f"- {SHORT}  # squall: ignore[SQ304] it is to time out")
    loaded = linted(text)
    assert loaded.diagnostics == ()
    [(finding, by)] = loaded.suppressed
    assert (finding.code, finding.span.start.line, by.reason) == ("SQ304", 4, "it is to time out")


def test_a_comment_on_a_line_of_its_own_acts_on_the_next_that_says_something() -> None:
    said = ["# squall: ignore[SQ304] meant", "", "# and why not", f"- {SHORT}"]
    assert codes(steps(*said)) == []
    assert codes(steps(*said, "- {name: more, wait: 2s, timeout: 1s}")) == ["SQ304"]


def test_one_comment_may_name_several_codes_and_one_line_have_several_comments() -> None:
    line = "- {name: a, timeout: 1s, on_timeout: continue, loop: {forever: true}, wait: 0s}"
    assert codes(steps(line)) == ["SQ302"]
    both = "- {name: a, timeout: 1s, steps: [{name: b, wait: 3s, timeout: 2s}]}"
    assert codes(steps(both)) == ["SQ304", "SQ304"]
    assert codes(steps("# squall: ignore[SQ302, SQ304] meant", line)) == ["SQ012"]
    assert codes(steps("# squall: ignore[SQ302] a", "# squall: ignore[SQ012] b", line)) == ["SQ013"]


def test_a_whole_file_is_passed_over_by_a_comment_of_its_own() -> None:
    text = steps(f"- {SHORT}", "- {name: more, wait: 2s, timeout: 1s}")
    assert codes("# squall: ignore-file[SQ304] all of these are to time out\n" + text) == []
    assert codes(text.replace("x", "x # squall: ignore-file[SQ304] meant", 1)) == [
        "SQ011", "SQ304", "SQ304",
    ]  # fmt: skip


def test_an_error_about_safety_that_is_suppressed_leaves_a_playbook_that_runs() -> None:
    line = f"- {{name: a, {ENDLESS}}}"
    assert linted(steps(line)).failed
    loaded = linted(steps("# squall: ignore[SQ301] somebody watches", line))
    assert not loaded.failed
    assert [one.playbook.name for one in loaded.playbooks] == ["x"]


@pytest.mark.parametrize(
    ("comment", "expected", "message"),
    [
        ("ignore[SQ304]", "SQ011", "'ignore' gives no reason, so it suppresses nothing"),
        ("ignore[SQ304] --", "SQ011", "'ignore' gives no reason, so it suppresses nothing"),
        ("ignore it is meant", "SQ011", "'ignore' does not say which code"),
        ("ignore[] it is meant", "SQ011", "'ignore' does not say which code"),
        ("ingore[SQ304] it is meant", "SQ011", "'ingore' means nothing here"),
        ("ignore[SQ999] it is meant", "SQ011", "there is no code 'SQ999'"),
        ("ignore[sq304] it is meant", "SQ011", "there is no code 'sq304'"),
        ("ignore[SQ101] it is meant", "SQ013", "SQ101 cannot be suppressed"),
        ("ignore[SQ013] it is meant", "SQ013", "SQ013 cannot be suppressed"),
    ],
)
def test_a_comment_that_cannot_be_heeded_is_a_warning(comment, expected, message) -> None:
    loaded = linted(steps(f"- {SHORT} # squall: {comment}"))
    [complaint, finding] = sorted(loaded.diagnostics, key=lambda each: each.code)
    assert (complaint.code, complaint.message) == (expected, message)
    assert complaint.severity == "warning"
    assert finding.code == "SQ304"
    assert not loaded.failed


def test_what_suppresses_nothing_is_a_warning_at_the_code() -> None:
    [finding] = linted(steps("- {name: a, wait: 1s} # squall: ignore[SQ304] meant")).diagnostics
    assert (finding.code, finding.message) == (
        "SQ012", "there is no SQ304 on line 4 to suppress",
    )  # fmt: skip
    assert (finding.span.start.column, finding.span.end.column) == (40, 45)


def test_nothing_is_said_to_be_idle_while_errors_hide_what_else_there_is() -> None:
    assert codes(steps("- {name: a, wiat: 1s} # squall: ignore[SQ304] meant")) == ["SQ101"]


@pytest.mark.parametrize(
    "text",
    [
        'name: "x # squall: ignore[SQ304] no comment"\nsteps: [%s]\n',
        "name: x\ndescription: |\n  # squall: ignore[SQ304] no comment\nsteps: [%s]\n",
        "name: x\ndescription: >\n  a\n\n  # squall: ignore[SQ304] no comment\nsteps: [%s]\n",
        "name: x\ndescription: a#squall:ignore[SQ304]no\nsteps: [%s]\n",
    ],
)
def test_a_hash_in_a_text_is_no_comment(text: str) -> None:
    assert "SQ304" in codes(text % SHORT)


def test_comments_are_found_wherever_yaml_has_them() -> None:
    text = (
        "# first\r\n"
        "%YAML 1.2\n"
        "---  # second\n"
        "a: b # third\n"
        "ü: [1, # fourth\n"
        "  '#', \"#\", c#d] # fifth\n"
        "e: |\n"
        "  # text\n"
        "# sixth\n"
        "f:\n"
        "  - g\n"
        "    # seventh\n"
        "  # eighth\n"
        "h: &i {j: k} # ninth"
    )
    found = list(comments(text.replace("%YAML 1.2\n", "")))
    assert [comment.text for comment in found] == [
        "# first", "# second", "# third", "# fourth", "# fifth", "# sixth", "# seventh",
        "# eighth", "# ninth",
    ]  # fmt: skip
    assert [comment.alone for comment in found] == [
        True, False, False, False, False, True, True, True, False,
    ]  # fmt: skip


@given(st.text(alphabet="ab:#'\"|-[]{},&*!\n \r\té", max_size=60))
def test_comments_are_never_what_the_parser_reads(text: str) -> None:
    import yaml

    try:
        before = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError):
        list(comments(text))
        return
    lines = text.splitlines(keepends=True)
    for comment in comments(text):
        line = lines[comment.place.line - 1]
        at = comment.place.column - 1
        assert line[at:].startswith(comment.text)
        end = line[len(line.rstrip("\r\n")) :]
        lines[comment.place.line - 1] = line[:at] + "#" + end
    assert list(yaml.safe_load_all("".join(lines))) == before
