"""How findings look to a person: in colour, and no wider than the terminal."""

import shutil
from collections.abc import Iterable, Mapping
from typing import TextIO

import click

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.findings import as_text as findings_text

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def as_text(
    findings: Iterable[Diagnostic], texts: Mapping[str, str], stream: TextIO, *, context: bool
) -> str:
    """The findings as they fit a stream, with codes and carets coloured.

    `context` shows the source lines, as a terminal has them in any case.
    """
    width = columns(stream)
    context = context or width is not None
    return findings_text(findings, texts, context=context, paint=_painted, width=width)


def columns(stream: TextIO) -> int | None:
    """How wide the terminal is, if the stream is one."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def _painted(text: str, severity: Severity) -> str:
    return click.style(text, fg=_COLOURS[severity], bold=True)
