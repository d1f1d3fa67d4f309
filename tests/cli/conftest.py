"""Plans from text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from squall.core.playbook.compile import compile_plan
from squall.core.playbook.load import load
from squall.core.playbook.plan import Plan
from squall.worktree import schema_text

ROOT = Path(__file__).parents[2]
Planned = Callable[[str], Plan]


@pytest.fixture(scope="session")
def planned() -> Planned:
    schema = (ROOT / "schemas/playbook.schema.json").read_text(encoding="utf-8")

    def plan(text: str) -> Plan:
        loaded = load(text.encode(), "playbook.yaml", schema)
        assert loaded.playbooks, loaded.diagnostics
        return compile_plan(loaded.playbooks[0].playbook, schema_text())

    return plan
