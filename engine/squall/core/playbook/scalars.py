"""What a scalar of YAML means, after the core schema of YAML 1.2 and nothing else.

``no``, ``on``, ``1:30``, ``012`` and dates are texts; so is a number too long to be meant. Called
by `source` for every value and key; knows nothing of places or findings.
"""

import re
from typing import Final

Scalar = bool | int | float | str | None

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_PLAIN: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_LONGEST_NUMBER: Final = 40
_NUMERIC: Final = frozenset("+-.0123456789")
"""What a number can begin with."""

TAGS: Final = "tag:yaml.org,2002:"
RESOLVED: Final = frozenset({"bool", "float", "int", "null"})
"""The tags whose values are read as if they stood there plainly, quoted or not."""


def meaning(text: str, tag: str | None, *, plain: bool) -> Scalar:
    """What a scalar means: by its tag if it has one, else by its looks if it is `plain`."""
    if tag is not None:
        plain = tag.removeprefix(TAGS) in RESOLVED
    if not plain:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if len(text) > _LONGEST_NUMBER or text[0] not in _NUMERIC:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(infinite[1] + "inf")
    return float("nan") if text in {".nan", ".NaN", ".NAN"} else text
