"""The words of an expression, and what is wrong with a text that is none.

Called by `syntax`. Follows the lexical grammar of CEL; what people write instead (``=``, ``and``,
``300ms``, typographic quotes) is answered with what to write. Says nothing about their order.
"""

import re
from typing import Final, Literal, NamedTuple, NoReturn

from squall.core.diagnostics import short


class Mistake(NamedTuple):
    """One thing wrong in a text: where (columns from 1, in code points), what, what to do."""

    column: int
    length: int
    message: str
    hint: str = ""


class Unreadable(Exception):  # noqa: N818 - never leaves the package
    """The text cannot be read past this mistake."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


def refuse(start: int, length: int, message: str, hint: str = "") -> NoReturn:
    """Give up reading at `start`, counted from 0."""
    raise Unreadable(Mistake(start + 1, max(1, length), message, hint))


class Token(NamedTuple):
    """A word, and where it starts, counted from 0."""

    kind: Literal["name", "number", "string", "mark", "end"]
    text: str
    start: int

    @property
    def end(self) -> int:
        """Just behind its last character."""
        return self.start + len(self.text)


_ESCAPED: Final = r"""\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}
    |"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'"""
_RAW: Final = r"""\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\r\n]*"|'[^'\r\n]*'"""
STRING: Final = rf"[bB]?(?:[rR](?:{_RAW})|(?:{_ESCAPED}))"
"""A quoted text, with its prefix; for `re.VERBOSE` and `re.DOTALL`."""
_TOKEN: Final = re.compile(
    rf"""(?P<space>(?:[ \t\r\n\f]|//[^\n]*)+)
    |(?P<string>{STRING})
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:[0-9]+)?\.[0-9]+(?:[eE][-+]?[0-9]+)?
        |[0-9]+[eE][-+]?[0-9]+|[0-9]+[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<wrong>\$\{{\{{|[!=]==|=~|~=|=>|<>|=(?!=)|(?<!&)&(?!&)|(?<!\|)\|(?!\|))
    |(?P<mark>==|!=|<=|>=|&&|\|\||[-+*/%!<>?:.,()\[\]{{}}])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:[abfnrtv\\?\"'`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
)
_RAW_PREFIX: Final = re.compile(r"[bB]?[rR]")
_SPACED: Final = re.compile(r"[0-9_]+")
_WORD: Final = re.compile(r"\w+")
_DURATION: Final = re.compile(r"(?:[0-9.]+(?:us|ms|s|m|h|d))+")
_INSTEAD: Final = {
    "${{": ("this is an expression already", "leave out ${{ and }}"),
    "===": ("'===' is not known", "write =="),
    "!==": ("'!==' is not known", "write !="),
    "=~": ("'=~' is not known", "write TEXT.matches('PATTERN')"),
    "~=": ("'~=' is not known", "write TEXT.matches('PATTERN')"),
    "=>": ("'=>' is not known", "at least is written >="),
    "<>": ("'<>' is not known", "write !="),
    "=": ("'=' compares nothing", "write =="),
    "&": ("'&' is not known", "and is written &&"),
    "|": ("'|' is not known", "or is written ||"),
}
_QUOTES: Final = "‘’“”„«»´"


def tokens_of(text: str) -> list[Token]:
    """Every word of the text and one for its end; raises `Unreadable` at the first that is none."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        refuse(error.start, 1, "this is half of a character")
    found: list[Token] = []
    start = 0
    while start < len(text):
        matched = _TOKEN.match(text, start)
        if matched is None:
            _refuse_mark(text, start)
        word = matched.group()
        match matched.lastgroup:
            case "string":
                _check_escapes(word, start)
                found.append(Token("string", word, start))
            case "number":
                _check_number(text, matched)
                found.append(Token("number", word, start))
            case "name":
                _check_name(text, matched)
                found.append(Token("name", word, start))
            case "mark":
                found.append(Token("mark", word, start))
            case "wrong":
                refuse(start, len(word), *_INSTEAD[word])
        start = matched.end()
    return [*found, Token("end", "", len(text))]


def _check_number(text: str, number: re.Match[str]) -> None:
    """``300ms`` is no number, and nor is ``1_000``."""
    if not (tail := _WORD.match(text, number.end())):
        return
    written = number.group() + tail.group()
    if duration := _DURATION.match(text, number.start()):
        written = duration.group()
        hint = f"a duration is written duration('{written}')"
    else:
        hint = f"did you mean {written.replace('_', '')}?" if _SPACED.fullmatch(written) else ""
    refuse(number.start(), len(written), f"'{short(written)}' is no number", hint)


def _check_name(text: str, name: re.Match[str]) -> None:
    """A name ends where its letters end, not at the first that is not of ASCII."""
    word = _WORD.match(text, name.start())
    if word is not None and word.end() != name.end():
        _refuse_letters(word)


def _refuse_letters(word: re.Match[str]) -> NoReturn:
    message = f"'{short(word.group())}' is no name: names have the letters a to z, digits and _"
    refuse(word.start(), len(word.group()), message, "a text stands in quotes")


def _check_escapes(word: str, start: int) -> None:
    """Every backslash begins something known."""
    if "\\" not in word or _RAW_PREFIX.match(word):
        return
    place = word.find("\\")
    while place >= 0:
        if not (escape := _ESCAPE.match(word, place)):
            message = f"'{short(word[place : place + 2])}' has no meaning in a text"
            hint = "write \\\\ for a backslash, or r'…' for a text in which it means itself"
            refuse(start + place, 2, message, hint)
        place = word.find("\\", escape.end())


def _refuse_mark(text: str, start: int) -> NoReturn:
    """Say of a character that begins no word what it might have been meant for."""
    mark = text[start]
    if mark in "\"'":
        refuse(start, 1, "this quote is never closed", f"add {mark} where the text ends")
    if mark in _QUOTES:
        refuse(start, 1, f"{mark} is no quotation mark here", "write ' or \"")
    if mark == "`":
        refuse(start, 1, "'`' means nothing here", "a field with any name is written json['NAME']")
    if word := _WORD.match(text, start):
        _refuse_letters(word)
    refuse(start, 1, f"'{short(mark)}' means nothing here")
