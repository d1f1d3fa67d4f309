"""What the CEL library complains about, in the words of whoever wrote the expression.

Called by `programs`, which knows where a complaint points and hands in the node there. A complaint
that is not known here is passed on as it is, without the library's codes.
"""

import re
from typing import Final

from squall.core.diagnostics import short
from squall.core.playbook.expressions.functions import METHODS, meant
from squall.core.playbook.expressions.syntax import Node

Words = tuple[str, str]
"""Message and hint."""

_OVERLOAD: Final = re.compile(r"found no matching overload for '.*' applied to '\((.*)\)'")
_OPERAND: Final = re.compile(r"expression of type '(.*)' cannot be the (operand|range)")
_KINDS: Final = {
    "int": "a whole number", "uint": "an unsigned number", "double": "a decimal number",
    "string": "a text", "bytes": "bytes", "bool": "true or false", "list": "a list",
    "map": "a mapping", "duration": "a duration", "timestamp": "a moment",
    "null_type": "null", "null": "null", "type": "a type", "dyn": "anything",
}  # fmt: skip
_SAME: Final = {
    "int64": "int", "uint64": "uint",
    "google.protobuf.Duration": "duration", "google.protobuf.Timestamp": "timestamp",
}  # fmt: skip
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_WHOLE: Final = re.compile(r"[0-9]+")
_LENGTH: Final = re.compile(r"""(["'])(?:[0-9.]+(?:us|ms|s|m|h))+\1""")

_AT_WORK: Final = (
    (r'Key not found in map : (".*"|\S+)', "there is no {0} in the mapping; ask with has() first"),
    (r"Index error: index=(-?\d+) size=(\d+)", "there is no item {0} in a list of {1}"),
    (r"Index error.*", "a list is asked for an item by something that is no whole number"),
    (r"divide by zero", "it divides by zero"),
    (r"modulus by zero", "it divides by zero"),
    (r".*overflow.*", "a number gets too large"),
    (r"(?:Integer value|int too big|out of range).*", "a number is too large"),
    (r"cannot convert string to", "a text is no number"),
    (r"String to Duration conversion failed", "a text is no duration: write it like '300ms'"),
    (r"String to Timestamp conversion failed", "a text is no moment: write '2030-01-31T12:00:00Z'"),
    (r"invalid regular expression: (.*)", "the pattern is none: {0}"),
    (r"Iteration budget exceeded.*", "it goes round more than 10,000 times"),
    (r"No matching overloads found : <jump_condition>.*", "a condition is neither true nor false"),
    (r"No matching overloads found : <iter_range>.*", "something that is no list has no items"),
    (r"No matching overloads found : _(.*)_\((.*), (.*)\)", "'{0}' does not go with {1} and {2}"),
    (r"No matching overloads found : (.*?)\(.*", "what {0}() was given is of the wrong kind"),
    (r"No matching overloads found : _(.*)_", "'{0}' joins what is true or false"),
    (r"No matching overloads found : @in.*", "'in' looks into a list or a mapping"),
    (r"No matching overloads found : !_.*", "'!' stands before what is true or false"),
    (r"No matching overloads found : -_.*", "'-' stands before a number"),
    (r"Invalid map key type: .*", "a key of a mapping is a text, a whole number, true or false"),
    (r"Invalid container type: .*", "something that is no list or mapping has no items"),
    (r"Applying SELECT to non-message type", "a field is asked of something that is no mapping"),
    (r"Unexpected value type for '.*': (\w+).*", "a value is of another kind than it should be"),
)  # fmt: skip
_STATUS: Final = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


def at_work(complaint: str) -> str:
    """Why an evaluation failed, as half a sentence."""
    said = _STATUS.sub("", _STATUS.sub("", complaint))
    for pattern, words in _AT_WORK:
        if found := re.search(pattern, said, re.DOTALL):
            return words.format(*(short(_KINDS.get(_plain(part), part)) for part in found.groups()))
    return f"it cannot be worked out: {short(said)}"


def kind_in_words(name: str) -> str:
    """A type of the library as people say it: ``a list``."""
    return _KINDS.get(_plain(name), short(name))


def _plain(name: str) -> str:
    """The name of a type without what is in it."""
    plain = re.split(r"[(<]", name, maxsplit=1)[0].strip()
    return _SAME.get(plain, plain)


def while_reading(complaint: str, node: Node | None, text: str) -> Words:
    """What is wrong with the types in an expression, at the node the library points at."""
    if (found := _OVERLOAD.search(complaint)) and node is not None:
        return _mismatch(node, _split(found[1]), text)
    if (found := _OPERAND.search(complaint)) and node is not None:
        kind = kind_in_words(found[1])
        if found[2] == "range" or node.kind != "select":
            return f"'{_written(node, text)}' is {kind} and has no items", ""
        close = meant(node.text, METHODS)
        hint = f"did you mean .{close}()?" if close else ""
        return f"'{_written(node.parts[0], text)}' is {kind} and has no '{node.text}'", hint
    if "has() argument" in complaint:
        message = "has() asks whether a field is there, as in has(json.id)"
        return message, "whether a step ran is told by steps.NAME.ran"
    if "map key type" in complaint:
        return "a key of a mapping is a text, a whole number, true or false", ""
    if "invalid int literal" in complaint or "invalid uint literal" in complaint:
        return "this number is too large", ""
    if "recursion depth" in complaint:
        return "too much builds on each other here", "split it into several expressions"
    if "Syntax error" in complaint:
        return "this cannot be read as an expression", ""
    if found := re.search(r"reserved identifier: (\w+)", complaint):
        return f"'{found[1]}' has a meaning of its own and cannot be a name", ""
    return short(_STATUS.sub("", complaint), 200), ""


def _mismatch(node: Node, kinds: list[str], text: str) -> Words:
    match node.kind:
        case "binary" if len(kinds) == 2:
            return _binary(node, kinds, text)
        case "macro":
            wrong = next((kind for kind in kinds if _plain(kind) not in {"bool", "dyn"}), kinds[0])
            said = _is(node.parts[2], wrong, text)
            return f"{said}; {node.text}() asks what is true or false", ""
        case "unary":
            needs = "true or false" if node.text == "!" else "a number"
            said = _is(node.parts[0], kinds[0], text)
            return f"{said}; '{node.text}' stands before {needs}", ""
        case "choice":
            asked, yes, no = node.parts
            if kinds[0] not in {"bool", "dyn"}:
                return f"{_is(asked, kinds[0], text)}; before '?' stands what is true or false", ""
            both = f"{_is(yes, kinds[1], text)} and {_is(no, kinds[2], text)}"
            return f"{both}; both values of a choice are of one kind", ""
        case "index":
            if _plain(kinds[0]) not in {"list", "map", "dyn"}:
                return f"{_is(node.parts[0], kinds[0], text)} and has no items", ""
            wanted = "a whole number" if _plain(kinds[0]) == "list" else "a text"
            return f"{_is(node.parts[1], kinds[1], text)}; this is asked by {wanted}", ""
        case "method" if _plain(kinds[0]) not in {"string", "dyn"}:
            return f"{_is(node.parts[0], kinds[0], text)} and has no {node.text}()", ""
        case "method":
            given = " and ".join(map(kind_in_words, kinds[1:]))
            return f"{node.text}() does not take {given}", ""
        case _:
            given = " and ".join(map(kind_in_words, kinds))
            return f"{node.text}() does not take {given}", ""


def _binary(node: Node, kinds: list[str], text: str) -> Words:
    """Two operands that do not fit; first what there is a remedy for."""
    operator = node.text
    left, right = node.parts
    if operator in {"&&", "||"}:
        wrong, kind = (left, kinds[0]) if kinds[0] not in {"bool", "dyn"} else (right, kinds[1])
        message = f"{_is(wrong, kind, text)}; '{operator}' joins what is true or false"
        return message, compared(wrong, kind, text)
    if operator == "in" and _plain(kinds[1]) not in {"list", "map", "dyn"}:
        hint = ""
        if kinds[1] == "string":
            hint = f"write {_written(right, text)}.contains({_written(left, text)})"
        return f"{_is(right, kinds[1], text)}; 'in' looks into a list or a mapping", hint
    both = f"{_is(left, kinds[0], text)} and {_is(right, kinds[1], text)}"
    if operator == "in":
        return f"{both}, which never holds such a thing", ""
    one, other = map(_plain, kinds)
    remedy = _remedy(one, other, right, text) or _remedy(other, one, left, text)
    if operator in _COMPARISONS:
        return f"{both}: they cannot be compared", remedy and f"write {remedy}"
    hint = f"write {remedy}" if remedy and operator in "+-" else ""
    return f"{both}: '{operator}' does not go with them", hint


def _remedy(kind: str, wrong: str, other: Node, text: str) -> str:
    """How `other`, which is of the wrong kind, would be written to be of the right one."""
    written = _written(other, text)
    literal = other.text if other.kind == "literal" else ""
    match kind, wrong:
        case "duration", "int" | "double":
            length = f"{written}ms" if _WHOLE.fullmatch(literal) else "300ms"
            return f"duration('{length}')"
        case "duration", "string" if not literal or _LENGTH.fullmatch(literal):
            return f"duration({written})"
        case "double", "int":
            whole = _WHOLE.fullmatch(literal)
            return f"{written}.0, not {written}" if whole else f"double({written})"
        case "int", "double" if literal.endswith(".0"):
            return f"{written[:-2]}, not {written}"
        case "int", "string" if _WHOLE.fullmatch(literal[1:-1]):
            return f"{literal[1:-1]}, without quotes"
        case "bool", "string" if literal[1:-1] in {"true", "false"}:
            return f"{literal[1:-1]}, without quotes"
        case "string", "int" | "double" | "bool":
            return f"'{written}', in quotes" if literal else f"string({written})"
    return ""


def compared(node: Node, kind: str, text: str) -> str:
    """A hint for something that is not true or false where that is wanted."""
    example = {"int": "> 0", "string": "== 'ok'", "double": "< 0.1",
               "duration": "< duration('1s')"}.get(_plain(kind))  # fmt: skip
    named = node.kind in {"name", "select"}
    if kind == "int" and node.text == "status":
        example = "== 200"
    return f"write {_written(node, text)} {example}" if example and named else ""


def _is(node: Node, kind: str, text: str) -> str:
    written = _written(node, text)
    said = written if node.kind == "literal" else f"'{written}'"
    return f"{said} is {kind_in_words(kind)}"


def _written(node: Node, text: str) -> str:
    return short(" ".join(text[node.start : node.end].split()), 40)


def _split(kinds: str) -> list[str]:
    """``int, map(string, int)``, at the outer commas."""
    found = [""]
    depth = 0
    for mark in kinds:
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            found.append("")
        else:
            found[-1] += mark
    return [kind.strip() for kind in found]
