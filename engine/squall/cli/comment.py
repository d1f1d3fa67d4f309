"""Findings as the text of a comment on a pull request, in Markdown.

Written by ``squall lint --format markdown``, for forges that show no place for a finding, or few.
Whatever comes from a playbook stands between fences longer than any in it, so that nothing there is
a link, a mention or a picture. Who posts it is the workflow's business; it finds its comment again
by the first line.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from squall.core.diagnostics import Diagnostic, Severity
from squall.core.playbook.findings import as_text

MARK: Final = "<!-- squall lint -->"
_MOST: Final = 60_000
"""Characters; GitHub takes 65,536."""


def as_comment(findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> str:
    """The findings as a terminal shows them, errors first, and as many as there is room for."""
    ranks = list(Severity)
    ordered = sorted(findings, key=lambda finding: ranks.index(finding.severity))
    shown: list[str] = []
    room = _MOST
    for finding in ordered:
        block = as_text([finding], texts, context=True)
        room -= len(block) + 1
        if room < 0:
            break
        shown.append(block)
    lines = [MARK, f"### squall: {_counted(findings)}"]
    if shown:
        text = "\n".join(shown)
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        lines += ["", f"{fence}text", text, fence]
    if len(shown) < len(ordered):
        lines += ["", f"And {len(ordered) - len(shown)} more."]
    return "\n".join(lines)


def _counted(findings: Sequence[Diagnostic]) -> str:
    numbers = [(sum(one.severity is each for one in findings), each.value) for each in Severity]
    said = [f"{number} {noun}{'s'[: number > 1]}" for number, noun in numbers if number]
    return ", ".join(said) or "nothing to say"
