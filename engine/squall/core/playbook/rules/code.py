"""The shape of an entry: what there is to say about a code once it has been found.

The modules beside this one are made of them; ``squall explain`` and SARIF show them.
"""

from dataclasses import dataclass

from squall.core.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for, in a line, why it matters, in a paragraph, and what to do about it.

    `severity` is the usual one. `bad` is found, `good` is not; an example that begins with ``-`` is
    the steps of a playbook. `fixable`: ``--fix`` can set it right where that is certain. `binding`:
    no comment may suppress it, whatever its severity. `across_files`: it takes several files.
    """

    title: str
    why: str
    severity: Severity = Severity.ERROR
    advice: str = ""
    bad: str = ""
    good: str = ""
    fixable: bool = False
    binding: bool = False
    across_files: bool = False
