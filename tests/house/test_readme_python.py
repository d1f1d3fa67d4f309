"""What the README shows in Python runs as it stands, one block after the other, on real traffic."""

import ast
import inspect
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
THEIRS = "http://127.0.0.1:8080"
"""Where the README's reader has a service."""


@pytest.fixture
async def service():
    """A service of our own, in place of the reader's."""
    from squall.core.playbook.model import Address, Target
    from squall.core.timing import SECOND, Duration
    from squall.proxy.local import LocalEdge

    edge = LocalEdge()
    echo = Target(name="echo", listen=Address(host="127.0.0.1", port=0), upstream=None)
    addresses = await edge.open([echo])
    yield f"http://{addresses['echo']}"
    await edge.close(drain=Duration(SECOND))


async def test_every_block_does_what_it_says(service, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SQUALL_STATE", raising=False)
    assert len(BLOCKS) >= 3
    names: dict[str, object] = {}
    for number, block in enumerate(BLOCKS, 1):
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(block.replace(THEIRS, service), f"README.md, {number}", "exec", flags)
        doing = eval(code, names)
        if inspect.isawaitable(doing):
            await doing
    assert "step_entered slow active" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"complex_test.yaml", ".squall"}
