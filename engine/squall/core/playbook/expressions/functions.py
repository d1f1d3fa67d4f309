"""The functions an expression may use: CEL's own, and how many values each takes.

Called by `syntax` and `names`. What they take and give is checked by the library; here a misspelt
one is answered with the one that was meant.
"""

from typing import Final

from squall.core.diagnostics import nearest, short
from squall.core.playbook.expressions.tokens import Mistake

TYPES: Final = frozenset(
    {"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"}
)
"""Names that stand for a type: ``type(json.id) == string``."""
_PARTS: Final = ("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear",
                 "Hours", "Minutes", "Seconds", "Milliseconds")  # fmt: skip
FUNCTIONS: Final[dict[str, tuple[int, ...]]] = {
    "has": (1,), "size": (1,), "matches": (2,), "duration": (1,), "timestamp": (1,),
    "int": (1,), "uint": (1,), "double": (1,), "string": (1,), "bytes": (1,), "bool": (1,),
    "dyn": (1,), "type": (1,),
}  # fmt: skip
"""What is written before its values, with how many there can be."""
MACROS: Final[dict[str, tuple[int, ...]]] = {
    "all": (2,), "exists": (2,), "exists_one": (2,), "filter": (2,), "map": (2, 3),
}  # fmt: skip
"""Methods of a list whose first value is a name for each of its items."""
METHODS: Final[dict[str, tuple[int, ...]]] = {
    "size": (0,), "contains": (1,), "startsWith": (1,), "endsWith": (1,), "matches": (1,),
    **{f"get{part}": (0, 1) for part in _PARTS}, **MACROS,
}  # fmt: skip
"""What is written behind a value and a dot."""

_MEANT: Final = {"len": "size", "length": "size", "count": "size", "includes": "contains",
                 "any": "exists", "some": "exists", "every": "all", "float": "double",
                 "str": "string", "integer": "int", "number": "double", "regex": "matches",
                 "match": "matches"}  # fmt: skip
_COUNTS: Final = ("no values", "one value", "two values", "three values")


def meant(name: str, known: dict[str, tuple[int, ...]]) -> str | None:
    """The function a person most likely meant."""
    close = _MEANT.get(name.lower()) or nearest(name, known)
    return close if close in known else None


def misuse(name: str, count: int, start: int, *, method: bool) -> Mistake | None:
    """What is wrong with using a function of this name in this way, by name and count alone."""
    known, others = (METHODS, FUNCTIONS) if method else (FUNCTIONS, METHODS)
    if name in known:
        if count in known[name]:
            return None
        takes = " or ".join(_COUNTS[number] for number in known[name])
        hint = f"for example .{name}(item, item > 1)" if name in MACROS else ""
        return Mistake(start + 1, len(name), f"{name}() takes {takes}, not {count}", hint)
    if name in others:
        message = f"{name}() is written {'before' if method else 'behind'} its value"
        hint = f"write {name}(VALUE)" if method else f"write VALUE.{name}(…)"
        return Mistake(start + 1, len(name), message, hint)
    close = meant(name, known) or meant(name, others)
    hint = f"did you mean '{close}'?" if close else f"functions: {', '.join(known)}"
    return Mistake(start + 1, len(name), f"there is no function '{short(name)}'", hint)
