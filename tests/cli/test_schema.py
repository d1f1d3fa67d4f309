"""The schemas as a person asks for them."""

import json

import jsonschema_rs
import pytest
from click.testing import CliRunner, Result

from squall.cli.main import squall
from squall.worktree import schema_names

PLAYBOOK = {"name": "x", "steps": [{"name": "a", "wait": "1s"}]}


def schema(*arguments: str) -> Result:
    return CliRunner().invoke(squall, ["schema", *arguments])


def test_the_list_says_what_each_describes() -> None:
    shown = schema().stdout.splitlines()
    assert len(shown) == len(schema_names())
    assert "playbook   What to do to which traffic, when, for how long." in shown
    rows = json.loads(schema("--json").stdout)["schemas"]
    assert [row["name"] for row in rows] == list(schema_names())
    assert all(row["title"] and row["description"] for row in rows)


@pytest.mark.parametrize("name", schema_names())
def test_each_is_printed_whole_by_itself(name: str) -> None:
    printed = json.loads(schema(name).stdout)
    own = jsonschema_rs.validator_for(printed)
    for example in printed["examples"]:
        own.validate(example)


def test_the_editors_build_is_another_form_of_the_same() -> None:
    printed = json.loads(schema("playbook", "--draft-07").stdout)
    assert printed["$schema"] == "http://json-schema.org/draft-07/schema#"
    own = jsonschema_rs.validator_for(printed)
    assert own.is_valid(PLAYBOOK)
    assert not own.is_valid({**PLAYBOOK, "stepz": []})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["playbok"], "there is no schema 'playbok'; did you mean 'playbook'?"),
        (["zzz"], "there are: event, finding, graph, playbook, project, recording"),
        (["event", "--draft-07"], "leave out --draft-07"),
        (["--draft-07"], "--draft-07 of which?"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(arguments: list[str], said: str) -> None:
    done = schema(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
