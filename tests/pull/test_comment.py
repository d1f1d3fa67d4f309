"""The workflow's comment: one for each pull request, written anew, by GitHub's own client.

The service it talks to is a few lines here that keep comments as GitHub's interface does.
"""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from pull.runner import BAD, ROOT, Runner

WORKFLOW = yaml.safe_load((ROOT / "engine/squall/templates/github.yml").read_text())
[STEP] = [each for each in WORKFLOW["jobs"]["lint"]["steps"] if each.get("name") == "Comment"]
COMMENTS = "/repos/acme/shop/issues/7/comments"

pytestmark = pytest.mark.skipif(not shutil.which("gh"), reason="GitHub's client is not installed")


class Issue(BaseHTTPRequestHandler):
    """Pull request 7 of acme/shop; `gh` sees it as a proxy."""

    comments: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        found = self.comments if COMMENTS in self.path else None
        self.answer(200 if found is not None else 404, found)

    def do_POST(self) -> None:
        assert COMMENTS in self.path
        user = {"login": "github-actions[bot]", "type": "Bot"}
        comment = {"id": len(self.comments) + 100, "user": user, "body": self.read()["body"]}
        self.comments.append(comment)
        self.answer(201, comment)

    def do_PATCH(self) -> None:
        number = int(self.path.rsplit("/", 1)[1])
        [comment] = [each for each in self.comments if each["id"] == number]
        comment["body"] = self.read()["body"]
        self.answer(200, comment)

    def read(self) -> dict[str, str]:
        read: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return read

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def comments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The comments of pull request 7, one by a person already there."""
    mark = "<!-- squall lint -->\nmine"
    Issue.comments[:] = [{"id": 1, "user": {"login": "ada", "type": "User"}, "body": mark}]
    with ThreadingHTTPServer(("127.0.0.1", 0), Issue) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GH_HOST", "github.localhost")
        monkeypatch.setenv("GH_CONFIG_DIR", str(tmp_path / "gh"))
        yield Issue.comments
        server.shutdown()


def comment(runner: Runner) -> None:
    linted = runner.step("lint", {"paths": "playbooks", "select": "SQ101", "sarif": ""})
    done = runner.run(
        STEP["run"],
        {
            "GH_TOKEN": "none", "GH_ENTERPRISE_TOKEN": "none", "PULL": "7",
            "TEXT": linted.outputs["comment"], "FINDINGS": linted.outputs["findings"],
        },
    )  # fmt: skip
    assert done.exit_code == 0, done.log


def test_there_is_one_comment_and_it_keeps_up(runner, pull, comments, shop: Path) -> None:
    comment(runner)
    assert len(comments) == 1
    pull({"playbooks/bad.yaml": BAD.format(name="bad")})
    comment(runner)
    [theirs, ours] = comments
    assert "playbooks/bad.yaml:4:48: SQ101" in ours["body"]
    (shop / "playbooks/bad.yaml").unlink()
    comment(runner)
    assert comments == [theirs, ours]
    assert ours["body"] == "<!-- squall lint -->\n### squall: nothing to say\n"
    assert theirs["body"].endswith("mine")
