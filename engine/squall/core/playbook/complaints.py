"""What a YAML parser complains about, in the words of whoever wrote the file.

Called by `source`. libyaml and PyYAML's own parser name the same troubles alike.
"""

from typing import Final

MAX_DEPTH: Final = 64
_KINDER: Final = (
    ("mapping values are not allowed", "a ':' stands where no key can be",
     "quote the text, or check the indentation"),
    ("did not find expected ',' or ']'", "a '[' is not closed", "add ']' or a comma"),
    ("did not find expected ',' or '}'", "a '{' is not closed", "add '}' or a comma"),
    ("did not find expected node content", "a value or a closing bracket is missing before this",
     "close every '[' and '{'"),
    ("found unexpected end of stream", "a quoted text is not closed", "add the closing quote"),
    ("did not find expected key", "the indentation does not fit", "align it with the lines above"),
    ("could not find expected ':'", "a key has no ':'", "write 'key: value'"),
    ("did not find expected '-' indicator", "the indentation does not fit", "align the list"),
    ("cannot start any token", "this character cannot start a value", "put the text in quotes"),
    ("invalid Unicode character escape", "this escape is only half of a character",
     "write the character itself"),
    ("unknown escape character", "this escape has no meaning in double quotes",
     "write \\\\ for a backslash, or use single quotes"),
    ("incompatible YAML document", "this is not YAML 1.2", "remove the %YAML line"),
)  # fmt: skip
_TOO_DEEP: Final = "exceeded maximum nesting depth"


def in_plain_words(problem: str) -> tuple[str, str, str]:
    """The code of the parser's complaint, the complaint as a sentence, and what to do about it."""
    if _TOO_DEEP in problem:  # the parser looks further ahead than we count
        return "SQ005", f"the file nests deeper than {MAX_DEPTH} levels", ""
    for needle, message, hint in _KINDER:
        if needle in problem:
            return "SQ001", message, hint
    return "SQ001", f"this is not YAML: {problem}", ""
