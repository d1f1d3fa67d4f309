"""How findings look to a person: in colour, and no wider than the terminal."""

import shutil
from collections.abc import Iterable, Mapping

import click

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.findings import as_text as findings_text

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(findings: Iterable[Diagnostic], texts: Mapping[str, str], *, context: bool) -> str:
    """The findings with codes and carets coloured; `context` shows the source lines."""
    width = shutil.get_terminal_size((200, 24)).columns
    return findings_text(findings, texts, context=context, paint=_painted, width=width)


def _painted(text: str, severity: Severity) -> str:
    return click.style(text, fg=_COLOURS[severity], bold=True)
