"""Files in squall's one style: comments, order and meaning as they were, or not at all.

Called by ``squall fmt`` and by whoever writes playbooks. What comes out is read again and compared
with what went in, values and comments: a text that would change is refused with the reason. JSON
stays JSON. Files are the caller's.
"""

from typing import Final

import msgspec

from squall.core.playbook.layout import CannotLayOut, lay_out
from squall.core.playbook.outline import order, outline
from squall.core.playbook.source import Source, read

_BOM: Final = b"\xef\xbb\xbf"


class Unfaithful(ValueError):  # noqa: N818 - it names what the result would be
    """The text cannot be rewritten without changing what it says; the reason is its message."""


def rewritten(source: Source, *, json: bool = False) -> bytes:
    """The file in squall's style, with the line ends it has and no byte-order mark.

    `source` was read without findings. Raises `Unfaithful`.
    """
    windows = "\r\n" in source.text[: source.text.find("\n") + 1]
    text = source.text.replace("\r\n", "\n").replace("\r", "\n")
    new = _json(text) if json else formatted(text)
    if _data(new) != [document.data for document in source.documents]:
        raise Unfaithful("its values would not be the same")
    return (new.replace("\n", "\r\n") if windows else new).encode()


def formatted(text: str) -> str:
    """A YAML text in squall's style; raises `Unfaithful`."""
    before = outline(text)
    if before.directives:
        raise Unfaithful("it has a line that begins with %: remove it")
    try:
        new = lay_out(before)
    except CannotLayOut as why:
        raise Unfaithful(str(why)) from None
    if list(order(outline(new))) != list(order(before)):
        raise Unfaithful("a comment or a value would stand elsewhere")
    return new


def _json(text: str) -> str:
    try:
        return msgspec.json.format(text.encode(), indent=2).decode() + "\n"
    except msgspec.DecodeError as wrong:
        raise Unfaithful(f"it is YAML in a file that is named as JSON: {wrong}") from None


def _data(text: str) -> list[object]:
    return [document.data for document in read(text.encode(), "").documents]
