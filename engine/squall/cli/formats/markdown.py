"""Findings as the text of a comment on a pull request, in Markdown.

For forges that show no finding at its line, or few. Whatever comes from a playbook stands between
fences longer than any in it, so that nothing there is a link, a mention or a picture. Who posts it
is the workflow's business; it finds its comment again by the first line.
"""

import re
from dataclasses import replace
from typing import Final

from squall.cli.formats.report import WORST_FIRST, Report
from squall.core.playbook.findings import as_text, counted

MARK: Final = "<!-- squall lint -->"
_ROOM: Final = 60_000
"""Characters; GitHub takes 65,536."""


def write(report: Report) -> str:
    """The findings as a terminal shows them, the worst first, as many as there is room for."""
    ordered = sorted(report.findings, key=lambda finding: WORST_FIRST.index(finding.severity))
    texts = {report.path(file): text for file, text in report.texts.items()}
    shown: list[str] = []
    room = _ROOM
    for finding in ordered:
        placed = replace(finding, file=report.path(finding.file))
        block = as_text([placed], texts, context=True)
        room -= len(block) + 1
        if room < 0:
            break
        shown.append(block)
    lines = [MARK, f"### squall: {counted(ordered) or 'nothing to say'}"]
    if shown:
        text = "\n".join(shown)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        lines += ["", f"{fence}text", text, fence]
    if len(shown) < len(ordered):
        lines += ["", f"And {len(ordered) - len(shown)} more."]
    return "\n".join(lines)
