"""Every code squall can name, and what it means.

The registry `squall lint`, `squall explain` and their documentation read. A code never changes its
meaning and is never used again. SQ0xx: the text; SQ1xx: its shape; SQ2xx: names, order, references;
SQ3xx: safety; SQ4xx: what cannot be done now, which no finding carries; SQ5xx: other formats.
"""

from collections.abc import Iterable
from typing import Final

from squall.core.diagnostics import Severity, nearest
from squall.core.playbook.rules.code import Code
from squall.core.playbook.rules.foreign import FOREIGN
from squall.core.playbook.rules.names import NAMES
from squall.core.playbook.rules.project import PROJECT
from squall.core.playbook.rules.refusals import REFUSALS
from squall.core.playbook.rules.safety import SAFETY
from squall.core.playbook.rules.schedules import SCHEDULES
from squall.core.playbook.rules.shape import SHAPE
from squall.core.playbook.rules.text import TEXT
from squall.core.playbook.rules.values import VALUES

CODES: Final[dict[str, Code]] = {
    code: about
    for rules in (TEXT, SHAPE, NAMES, VALUES, SAFETY, SCHEDULES, PROJECT)
    for code, about in rules.items()
}
"""What findings carry."""

EVERY: Final[dict[str, Code]] = {**CODES, **REFUSALS, **FOREIGN}
"""Those, and what refusals and findings about other formats carry."""

_LAYERS: Final = {
    "SQ0": "text", "SQ1": "shape", "SQ2": "names", "SQ3": "safety", "SQ4": "refusal",
    "SQ5": "foreign",
}  # fmt: skip


def meant_code(written: str, known: Iterable[str]) -> str | None:
    """The code that was probably meant: of the same layer, and one character off."""
    word = written.upper()
    near = {code for code in known if code[:3] == word[:3] and _is_one_off(word, code)}
    return nearest(word, near)


def _is_one_off(one: str, other: str) -> bool:
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) <= 1
    short, long = sorted((one, other), key=len)
    return short in {long[:place] + long[place + 1 :] for place in range(len(long))}


def layer(code: str) -> str:
    """What a code is about: ``text``, ``shape``, ``names``, ``safety`` and so on."""
    return _LAYERS[code[:3]]


def may_be_suppressed(code: str) -> bool:
    """Whether a comment with a reason may keep it from being reported.

    What is about safety may, as somebody may know better; other errors leave nothing that runs.
    """
    about = EVERY[code]
    return not about.binding and (about.severity is not Severity.ERROR or layer(code) == "safety")
