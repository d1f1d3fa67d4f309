"""What an editor shows: the real YAML language server, told of the schemas as their page says.

The server is the npm package ``yaml-language-server``; where it is not installed these are skipped.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
PAGE = (SCHEMAS / "README.md").read_text()
READ_OTHERWISE = {"plain_words.yaml"}  # to the server's YAML 012 is a number
GOOD = [
    path
    for path in sorted([*(ROOT / "tests/corpus/good").iterdir(), *ROOT.glob("playbooks/*.yaml")])
    if path.name not in READ_OTHERWISE
]
SERVER = shutil.which("yaml-language-server")
MODELINE = f"# yaml-language-server: $schema={SCHEMAS / 'playbook.draft-07.schema.json'}\n"
PATIENCE = 30  # seconds of silence, before whoever waits is told

pytestmark = pytest.mark.skipif(
    SERVER is None, reason="yaml-language-server is not installed: npm install -g has it"
)


class Editor:
    """One editor with its language server: opens files, asks, and keeps what it is told."""

    def __init__(self, process: subprocess.Popen[bytes], settings: dict[str, Any]) -> None:
        self.process = process
        self.settings = settings
        self.asked = 0
        self.marks: dict[str, list[dict[str, Any]]] = {}
        folder = {"uri": ROOT.as_uri(), "name": "squall"}
        capabilities = {
            "workspace": {"configuration": True, "workspaceFolders": True},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}},
        }
        self.request(
            "initialize",
            processId=os.getpid(), rootUri=folder["uri"], workspaceFolders=[folder],
            capabilities=capabilities,
        )  # fmt: skip
        self.notify("initialized")
        self.open("file:///wrong.squall.yaml", "nme: x\n")
        while not self.marks.get("file:///wrong.squall.yaml"):
            self._heard()  # its settings are in force when it marks this

    def notify(self, method: str, **params: object) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, **params: object) -> Any:
        """Ask, and wait for the answer."""
        self.asked += 1
        self._send({"id": self.asked, "method": method, "params": params})
        while True:
            message = self._heard()
            if message.get("id") == self.asked and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def open(self, uri: str, text: str) -> None:
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)

    def marks_in(self, uri: str) -> list[str]:
        """What the server marks in an open file, once it has looked at it."""
        while uri not in self.marks:
            self._heard()
        return [mark["message"] for mark in self.marks[uri]]

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        position = {"line": line, "character": character}
        return self.request(f"textDocument/{method}", textDocument={"uri": uri}, position=position)

    def _heard(self) -> dict[str, Any]:
        """The next message; what the server asks of its editor is answered."""
        output = self.process.stdout
        assert output is not None
        length = 0
        silent = threading.Timer(PATIENCE, self.process.kill)
        silent.start()
        while line := output.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server has gone, or said nothing for too long"
        message: dict[str, Any] = json.loads(output.read(length))
        silent.cancel()
        method, params = message.get("method"), message.get("params", {})
        if method == "textDocument/publishDiagnostics":
            self.marks[params["uri"]] = params["diagnostics"]
        elif method == "workspace/configuration":
            result = [self.settings.get(item["section"]) for item in params["items"]]
            self._send({"id": message["id"], "result": result})
        elif "id" in message and method:
            self._send({"id": message["id"], "result": None})
        return message

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    assert SERVER is not None
    [documented] = re.findall(r'^{\n  "yaml.*?^}', PAGE, re.MULTILINE | re.DOTALL)
    yaml = {
        "schemas": json.loads(documented)["yaml.schemas"], "schemaStore": {"enable": False},
        "validate": True, "hover": True, "completion": True,
    }  # fmt: skip
    with subprocess.Popen(
        [SERVER, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        editor = Editor(process, {"yaml": yaml})
        yield editor
        editor.request("shutdown")
        editor.notify("exit")


STEP = """name: x
steps:
  - name: a
    duration: 60s
    scenario:
      latency: 100ms
    continue_on_failure: true
    on_timeout:\x20
    \x20
"""


@pytest.mark.parametrize("how", ["modeline", "settings"])
def test_keys_of_a_step_are_completed(editor: Editor, how: str) -> None:
    uri = f"file:///{how}.squall.yaml" if how == "settings" else "file:///modeline.yaml"
    before = 0 if how == "settings" else 1
    editor.open(uri, STEP if how == "settings" else MODELINE + STEP)
    offered = editor.at("completion", uri, before + 8, 4)["items"]
    labels = {item["label"] for item in offered}
    assert {"expect", "when", "loop", "replay", "exec", "targets"} <= labels
    assert not {"name", "duration", "scenario"} & labels  # they are there already
    [expect] = [item for item in offered if item["label"] == "expect"]
    assert "What must hold" in str(expect["documentation"])


def test_choices_are_completed(editor: Editor) -> None:
    uri = "file:///choices.squall.yaml"
    editor.open(uri, STEP)
    labels = {item["label"] for item in editor.at("completion", uri, 7, 16)["items"]}
    assert {"fail", "continue"} <= labels


def hover(editor: Editor, uri: str, line: int, character: int) -> str:
    return editor.at("hover", uri, line, character)["contents"]["value"]


def test_what_a_key_means_is_shown_with_an_example(editor: Editor) -> None:
    uri = "file:///hover.squall.yaml"
    editor.open(uri, STEP)
    shown = hover(editor, uri, 3, 6)
    assert "Duration" in shown
    assert "How long; of scenario, load and replay." in shown
    assert "60s" in shown
    assert "Hold requests back" in hover(editor, uri, 5, 8)


def test_an_unknown_key_is_marked(editor: Editor) -> None:
    uri = "file:///unknown.squall.yaml"
    editor.open(uri, "name: x\nsteps:\n  - name: a\n    weit: 5s\n")
    assert editor.marks_in(uri) == ["Property weit is not allowed."]
    uri = "file:///deep.squall.yaml"
    step = "  - {name: a, duration: 1s, scenario: {latency: {fixd: 1s}}}\n"
    editor.open(uri, f"name: x\nsteps:\n{step}")
    assert editor.marks_in(uri) == ["Property fixd is not allowed."]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_nothing_is_marked_in_a_good_playbook(editor: Editor, path: Path) -> None:
    # One with a modeline is found by it, where it lies; the others by their ending.
    modeline = path.read_text().startswith("# yaml-language-server:")
    uri = path.as_uri() if modeline else f"file:///{path.name}.squall.yaml"
    editor.open(uri, path.read_text())
    assert editor.marks_in(uri) == []


def test_values_that_are_filled_in_later_are_not_marked(editor: Editor) -> None:
    uri = "file:///filled.squall.yaml"
    text = (
        "name: x\n"
        "inputs: {base: {type: duration}}\n"
        "loop: {times: '${{ inputs.times }}'}\n"
        "steps:\n"
        "  - name: a\n"
        "    duration: ${{ inputs.base }}\n"
        "    on_timeout: ${{ inputs.then }}\n"
        "    scenario: {latency: '${{ inputs.base }}', errors: {codes: '${{ inputs.codes }}'}}\n"
    )
    editor.open(uri, text)
    assert editor.marks_in(uri) == []


def test_a_project_file_is_known_by_its_name(editor: Editor) -> None:
    uri = "file:///shop/squall.yaml"
    editor.open(uri, "limits: {targets: 2, error_share: 50%}\nlimitz: {}\n")
    assert editor.marks_in(uri) == ["Property limitz is not allowed."]
    assert "What no run may exceed" in hover(editor, uri, 0, 3)
