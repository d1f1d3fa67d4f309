"""The comments of a YAML text: one scan of the gaps between what the parser sees.

Called by `suppressions` for the few files that speak to the linter. A ``#`` in a text or in a block
of text is none. What stands behind a place that cannot be read is not looked at.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from squall.core.diagnostics import Position

if TYPE_CHECKING:
    import yaml


class Comment(NamedTuple):
    """A comment with its ``#``; `alone` when nothing stands before it in its line."""

    place: Position
    text: str
    alone: bool


def comments(text: str) -> Iterator[Comment]:
    """Every comment, in order."""
    lines = text.splitlines()
    for begin, end in _gaps(text):
        for number in range(begin.line, min(end.line, len(lines)) + 1):
            line = lines[number - 1]
            first = begin.column - 1 if number == begin.line else 0
            last = end.column - 1 if number == end.line else len(line)
            at = line.find("#", first, last)
            if at >= 0:
                yield Comment(Position(number, at + 1), line[at:], not line[:at].strip())


def _gaps(text: str) -> Iterator[tuple[Position, Position]]:
    """From the end of each event to the start of the next."""
    import yaml  # noqa: PLC0415 - start-up: hardly any file speaks to the linter

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    behind = Position(1, 1)
    try:
        for event in yaml.parse(text, Loader=loader):
            start = _position(event.start_mark)
            if behind < start:
                yield behind, start
            behind = max(behind, _position(event.end_mark))
    except yaml.YAMLError:
        return


def _position(mark: "yaml.Mark | yaml._yaml.Mark | None") -> Position:
    assert mark is not None
    return Position(mark.line + 1, mark.column + 1)
