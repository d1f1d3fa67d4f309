"""Expressions: conditions, and values put into other values; CEL with flat, typed names.

`syntax` reads a text, `names` knows its scope, `programs` is the door to the library that checks
types and works it out, `templates` finds and fills ``${{ }}``. Everything a caller needs is here.
Nothing raises: what is wrong with a text is a `Mistake`, what is wrong with values a `Failure`.
"""

from squall.core.playbook.expressions.always import ANYTHING, Always, Range, always_in
from squall.core.playbook.expressions.names import Scope, names_in, unguarded
from squall.core.playbook.expressions.programs import (
    evaluate,
    holds,
    kind_of,
    mistakes_in,
)
from squall.core.playbook.expressions.shown import shown
from squall.core.playbook.expressions.templates import (
    Filled,
    Template,
    fill,
    rendered,
    template_mistakes,
    templates_in,
)
from squall.core.playbook.expressions.tokens import Mistake
from squall.core.playbook.expressions.values import Answer, Failure
from squall.core.playbook.kind import Kind

__all__ = [
    "ANYTHING", "Always", "Answer", "Failure", "Filled", "Kind", "Mistake", "Range", "Scope",
    "Template",
    "always_in", "evaluate", "fill", "holds", "kind_of", "mistakes_in", "names_in", "rendered",
    "shown", "template_mistakes", "templates_in", "unguarded",
]  # fmt: skip
