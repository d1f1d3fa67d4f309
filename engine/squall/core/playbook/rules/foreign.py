"""SQ5xx: what gets lost or changed between a playbook and another tool's format.

``squall import`` and ``squall export`` tell these; the linter never does, so they have no examples.
"""

from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.rules.code import Code

FOREIGN: Final = {
    "SQ501": Code(
        "no counterpart",
        "A playbook has no word for this, so what it did is not done.",
        severity=Severity.WARNING,
        advice="Look whether it matters, and write what the hint says in its place.",
    ),
    "SQ502": Code(
        "unknown to the other tool",
        "The format has no such key there; its own tool passes over it too.",
        severity=Severity.WARNING,
        advice="Spell it right, or remove it.",
    ),
    "SQ503": Code(
        "without effect",
        "It is switched off, or something beside it comes first, so the playbook leaves it out.",
        severity=Severity.NOTE,
        advice="Nothing is to be done, unless it was meant to be on.",
    ),
    "SQ504": Code(
        "written otherwise",
        "The playbook says something else: a default, a name it can use, the nearest bound.",
        severity=Severity.WARNING,
        advice="Read what was written in its place, and set it right if it is not meant.",
    ),
    "SQ505": Code(
        "not of its kind",
        "The other tool could not read this value either.",
        advice="Write a value of the kind the finding names.",
    ),
    "SQ506": Code(
        "not exported",
        "The other tool has no word for this, or only one that comes near.",
        severity=Severity.WARNING,
        advice="Look whether it matters there.",
    ),
}
