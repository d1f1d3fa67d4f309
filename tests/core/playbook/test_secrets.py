"""Where secrets may stand, which a playbook needs, and what looks like one written in clear."""

from pathlib import Path

import pytest

from squall.core.playbook.load import load
from squall.core.playbook.model import Address, ExecProbe, HttpProbe, TcpProbe
from squall.core.playbook.secrets import filled, names_in, names_of, place_of
from squall.worktree import catalogue_texts, schema_text

ROOT = Path(__file__).parents[3]


def loaded(text: str):
    return load(text.encode(), "playbook.yaml", schema_text())


def found(text: str) -> list[tuple[str, int]]:
    return [
        (finding.code, finding.span.start.line)
        for finding in loaded(text).diagnostics
        if finding.code != "SQ210"
    ]


EVERYWHERE = """
name: x
steps:
  - name: a
    http:
      post: http://127.0.0.1:8080/
      headers: {x-key: "${{ secrets.HEADER }}"}
      body: "a ${{secrets.BODY}} b ${{ secrets.BODY_2 }}"
  - name: b
    parallel:
      - {name: c, tcp: {connect: "127.0.0.1:1", send: "AUTH ${{ secrets.SEND }}"}}
finally:
  - {name: d, exec: {run: [env], env: {KEY: "${{ secrets.ENV }}"}}}
"""


def test_a_playbook_tells_which_secrets_it_needs_and_where() -> None:
    [one] = loaded(EVERYWHERE).playbooks
    assert found(EVERYWHERE) == []
    assert names_of(one.playbook) == ("BODY", "BODY_2", "ENV", "HEADER", "SEND")
    assert one.document.locate(place_of(one.document, "SEND")).start.line == 11
    assert place_of(one.document, "NOWHERE") == ()


def test_references_stay_what_they_are_in_model_and_digest() -> None:
    [one] = loaded(EVERYWHERE).playbooks
    step = one.playbook.body.steps[0]
    assert isinstance(step.action, HttpProbe)
    assert step.action.headers == (("x-key", "${{ secrets.HEADER }}"),)


@pytest.mark.parametrize(
    "probe",
    [
        HttpProbe(method="GET", url="http://x/", headers=(("k", "a ${{ secrets.K }}"),)),
        HttpProbe(method="GET", url="http://x/", body="a ${{ secrets.K }}"),
        TcpProbe(connect=Address(host="x", port=1), send="a ${{ secrets.K }}"),
        ExecProbe(run=("x",), env=(("K", "a ${{ secrets.K }}"),)),
    ],
)
def test_a_value_takes_the_place_of_its_reference(probe) -> None:
    assert names_in(probe) == ("K",)
    whole = filled(probe, {"K": "value"}.__getitem__)
    assert "a value" in str(whole)
    assert names_in(whole) == ()


@pytest.mark.parametrize(
    "written",
    [
        "description: 'the password: see the wiki'",
        "curl --fail http://127.0.0.1:8080/token/secret",
        "Authorization is Bearer",
        "password=changeme",
        "postgres://app:password@db/shop",
        "postgres://app:${PASSWORD}@db/shop",
        "https://user@example.org/a:b@c",
        "the key to success is a-very-long-name-without-any-secret",
        "token=2024-01-01",
    ],
)
def test_what_is_no_secret_is_not_taken_for_one(written: str) -> None:
    text = "name: x\nsteps: [{name: a, exec: {run: [echo, 'ARGUMENT']}}]"
    assert found(text.replace("ARGUMENT", written.replace("'", "''"))) == []


@pytest.mark.parametrize(
    "written",
    [
        "--password=hunter2",
        '{"user": "me", "password": "hunter2"}',
        "postgres://app:hunter2@db/shop",
        "AKIAIOSFODNN7ABCDEFG",
        "x ghp_abcdefghijklmnopqrstuvwxyz0123456789 y",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "api_key=8f14e45fceea167a5a36dedd4bea2543",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_warned_of_without_telling_it(written: str) -> None:
    text = "name: x\nsteps: [{name: a, exec: {run: [echo, 'ARGUMENT']}}]"
    [finding] = [
        finding
        for finding in loaded(text.replace("ARGUMENT", written)).diagnostics
        if finding.code != "SQ210"
    ]
    assert (finding.code, finding.severity) == ("SQ340", "warning")
    assert written not in finding.message
    assert "hunter2" not in finding.message


def test_a_long_text_is_looked_through_in_no_time() -> None:
    for piece in ("password", "a.", "://", "secret-", "eyJ", "x"):
        text = f"name: x\nsteps: [{{name: a, tcp: {{connect: 'h:1', send: '{piece * 12_000}'}}}}]"
        assert loaded(text[:100_000] + ("" if len(text) < 100_000 else "'}}]")).playbooks


def test_the_examples_hold_no_secrets() -> None:
    for path in (ROOT / "playbooks").glob("*.yaml"):
        one = load(path.read_bytes(), path.name, schema_text(), catalogue=catalogue_texts())
        assert [f.code for f in one.diagnostics if f.code in {"SQ340", "SQ341"}] == []
