"""The README's picture of a terminal shows what the linter prints.

``SQUALL_WRITE_PICTURES=1 pytest tests/house/test_pictures.py`` draws it anew.
"""

import io
import os
import re
from pathlib import Path

import click
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from squall.core.diagnostics import Severity
from squall.core.playbook.findings import as_text
from squall.core.playbook.load import load
from squall.worktree import schema_text

HERE = Path(__file__).parent
PLAYBOOK = HERE / "tour" / "checkout_storm.yaml"
PICTURE = HERE.parents[1] / ".github" / "lint.svg"
WIDTH = 96
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
THEME = TerminalTheme(
    (24, 26, 31), (220, 223, 228),
    [(24, 26, 31), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239),
     (198, 120, 221), (86, 182, 194), (220, 223, 228)],
)  # fmt: skip


def painted(text: str, severity: Severity) -> str:
    return click.style(text, fg=COLOURS[severity], bold=True)


def drawn() -> str:
    loaded = load(PLAYBOOK.read_bytes(), PLAYBOOK.name, schema_text())
    texts = {PLAYBOOK.name: loaded.text}
    said = as_text(loaded.diagnostics, texts, context=True, paint=painted, width=WIDTH)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ squall lint {PLAYBOOK.name}\n{said}"))
    svg = console.export_svg(title="squall lint", theme=THEME, unique_id="lint")
    fonts = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # from another host
    return fonts.sub("", svg).replace("Fira Code", "ui-monospace, Menlo, Consolas")


def test_the_picture_of_the_linter_is_what_it_prints() -> None:
    if os.environ.get("SQUALL_WRITE_PICTURES"):
        PICTURE.write_text(drawn(), encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn()
