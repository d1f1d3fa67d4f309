"""Secrets are found, put into probes at the last moment, and seen by nobody afterwards."""

import base64
import json
import re
from urllib.parse import quote

import msgspec
import pytest

from squall.core.playbook.model import ExecProbe, HttpProbe
from squall.core.run.events import CUT, Saw
from squall.service.secrets import NoSecret, Revealed, Secrets
from squall.store.memory import MemoryStore

TOKEN = "s3cr/t+Tök&n 'x\"y"
ASK = """
steps:
  - {name: ask, http: {post: "http://echo", body: "key=${{ secrets.TOKEN }}"}}
finally:
  - {name: tidy, http: {get: "http://tidy", headers: {x-key: "${{ secrets.TOKEN }}"}}}
"""


def test_a_variable_comes_before_a_file(tmp_path) -> None:
    (tmp_path / "TOKEN").write_text("from the file\n")
    (tmp_path / "OTHER").write_text("other\r\n")
    secrets = Secrets({"TOKEN": "from the variable"}, tmp_path)
    probe = HttpProbe(
        method="GET", url="http://x/", headers=(("a", "${{ secrets.TOKEN }}, ${{secrets.OTHER}}"),)
    )
    filled = secrets.all_of(["TOKEN", "OTHER"]).put_into(probe)
    assert isinstance(filled, HttpProbe)
    assert filled.headers == (("a", "from the variable, other"),)


def test_what_a_secret_holds_is_never_taken_for_a_reference() -> None:
    revealed = Secrets({"AAAA": "${{ secrets.BBBB }}", "BBBB": "inner"}).all_of(["AAAA", "BBBB"])
    filled = revealed.put_into(ExecProbe(run=("x",), env=(("K", "${{ secrets.AAAA }}"),)))
    assert isinstance(filled, ExecProbe)
    assert filled.env == (("K", "${{ secrets.BBBB }}"),)


def test_one_that_is_missing_is_named_with_what_to_do(tmp_path) -> None:
    with pytest.raises(NoSecret) as refused:
        Secrets({}).all_of(["TOKEN"])
    assert (refused.value.code, refused.value.message) == ("SQ440", "the secret 'TOKEN' is not set")
    assert refused.value.hint == (
        "set SQUALL_SECRET_TOKEN, or SQUALL_SECRETS_DIR to a folder that has a file TOKEN"
    )
    with pytest.raises(NoSecret) as refused:
        Secrets({}, tmp_path).all_of(["TOKEN"])
    assert refused.value.hint == (
        f"set SQUALL_SECRET_TOKEN, or write it to the file {tmp_path}/TOKEN"
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is too short to be hidden: 4 characters at least"),
        (b"abc\n", "is too short to be hidden: 4 characters at least"),
        (b"\xff\xfe\xfd\xfc", "cannot be read: it is no text"),
        (b"x" * 70_000, "is longer than 65,536 characters"),
    ],
)
def test_a_file_that_can_be_no_secret_is_refused(tmp_path, content: bytes, why: str) -> None:
    (tmp_path / "TOKEN").write_bytes(content)
    assert Secrets({}, tmp_path).why_not("TOKEN") == f"the secret 'TOKEN' {why}"


@pytest.mark.parametrize(
    "spelt",
    [
        TOKEN,
        quote(TOKEN),
        re.sub("%..", lambda code: code[0].lower(), quote(TOKEN, safe="")),
        quote(TOKEN, safe="").replace("%20", "+"),
        json.dumps(TOKEN),
        repr(TOKEN),
        repr(TOKEN.encode()),
        TOKEN.encode().hex(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
        *(base64.b64encode(f"{user}:{TOKEN}!".encode()).decode() for user in ("a", "ab", "abc")),
    ],
)
def test_it_is_hidden_however_it_is_spelt(spelt: str) -> None:
    revealed = Secrets({"T": TOKEN}).all_of(["T"])
    hidden = revealed.hide(f"before {spelt} after")
    assert "***" in hidden
    assert TOKEN not in hidden
    # Of base64 only what stands around it is left.
    assert len(hidden) < len("before *** after") + 12
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")


def test_each_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7\nzzzzzzzzzzzzzz\n-----END KEY-----"
    revealed = Secrets({"KEY": key}).all_of(["KEY"])
    assert revealed.hide("log: zzzzzzzzzzzzzz\r\nlog: MIIEpAIBAAKCAQEA7") == "log: ***\r\nlog: ***"


def test_the_beginning_of_one_at_the_end_of_a_cut_text_is_hidden() -> None:
    revealed = Secrets({"T": "correct horse"}).all_of(["T"])
    assert revealed.hide(f"it is correct h{CUT}") == f"it is ***{CUT}"
    assert revealed.hide("it is correct h") == "it is correct h"


def test_everything_a_probe_saw_is_looked_through() -> None:
    revealed = Secrets({"T": "hunter22"}).all_of(["T"])
    saw = Saw(
        values=(("status", 200), ("body", "hunter22!")), headers=(("set-cookie", "k=hunter22"),)
    )
    assert revealed.hide_in(saw) == Saw(
        values=(("status", 200), ("body", "***!")), headers=(("set-cookie", "k=***"),)
    )


def test_neither_where_they_come_from_nor_what_was_found_shows_them() -> None:
    revealed = Secrets({"T": "hunter22"}).all_of(["T"])
    assert repr(revealed) == "Revealed(T)"
    assert "hunter22" not in repr(Revealed({}))


async def ended(world, plan):
    async with world.engine() as engine:
        running = await engine.start(plan, seed=1)
        updates = []

        async def read() -> None:
            updates.extend([update async for update in running.updates()])

        reading = read()
        outcome = await world.clock.run(running.outcome())
        await world.clock.run(reading)
    return outcome, updates


def everything_kept(store: MemoryStore) -> bytes:
    return repr(vars(store)).encode()


async def test_the_probe_gets_the_secret_and_the_journal_does_not(world, plan_of) -> None:
    world.secrets["TOKEN"] = "hunter22"
    outcome, updates = await ended(world, plan_of(ASK))
    assert outcome.run.verdict == "passed"
    assert world.probes.probes[0].body == "key=hunter22"
    assert world.probes.probes[1].headers == (("x-key", "hunter22"),)
    kept = everything_kept(world.store)
    assert b"you said key=***" in kept
    assert b"hunter22" not in kept + msgspec.json.encode(updates) + msgspec.json.encode(outcome)


@pytest.mark.parametrize("host", ["gone", "bug"])
async def test_reasons_do_not_tell_it(world, plan_of, host: str) -> None:
    world.secrets["TOKEN"] = "hunter22"
    step = (
        f"http: {{post: 'http://{host}', body: &t '${{{{ secrets.TOKEN }}}}', headers: {{k: *t}}}}"
    )
    outcome, _ = await ended(world, plan_of(f"steps: [{{name: ask, {step}}}]"))
    assert outcome.run.verdict == "failed"
    assert "***" in outcome.run.reason
    assert b"hunter22" not in everything_kept(world.store)


async def test_without_it_nothing_is_touched(world, plan_of) -> None:
    async with world.engine() as engine:
        with pytest.raises(NoSecret):
            await engine.start(plan_of(ASK), seed=1)
    assert world.edges == []
    assert world.store.records().runs() == ()
