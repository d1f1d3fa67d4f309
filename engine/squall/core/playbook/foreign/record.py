"""One mapping of a foreign document, read key by key.

The importers ask for what they know; `close` then says of every other key that nobody knows it.
What is of the wrong kind is an error at its place, and a default stands in, so that one mistake
does not hide the next.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from squall.core.diagnostics import Severity, nearest, short
from squall.core.playbook.places import Places
from squall.core.playbook.source import Data, Path
from squall.core.timing import LONGEST, MILLISECOND, SECOND

_T = TypeVar("_T")
_EMPTY: tuple[Data, ...] = (None, "", [], {}, False)


class Record:
    """Reads one mapping; `camel`: its keys may be written ``durationSeconds`` instead."""

    def __init__(
        self, places: Places, path: Path, node: Mapping[str, Data], *, camel: bool = False
    ) -> None:
        self.places = places
        self.path = path
        self._node = node
        self._camel = camel
        self._read: set[str] = set()
        self._known: list[str] = []

    def note(
        self, key: str, code: str, message: str, hint: str = "",
        severity: Severity = Severity.WARNING,
    ) -> None:  # fmt: skip
        """A finding at a key of this mapping, or at the mapping where it has no such key."""
        self.places.note(
            (*self.path, self._written(key)), code, message, hint, key=True, severity=severity
        )

    def given(self, key: str) -> bool:
        """Whether the key is there with anything but null."""
        return self._get(key) is not None

    def holds(self, *besides: str) -> bool:
        """Whether anything at all is said in here, these keys left out."""
        return any(value is not None for key, value in self._node.items() if key not in besides)

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        return self._typed(key, default, "a text", lambda value: isinstance(value, str))

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        kind = "true or false"
        return self._typed(key, default, kind, lambda value: isinstance(value, bool))

    def number(self, key: str, default: float, *, most: float = float("inf")) -> float:
        """A number from 0 to `most`."""
        top = "" if most == float("inf") else f" to {most:g}"
        kind = f"a number from 0{top}"
        return float(self._typed(key, default, kind, lambda value: _is_number(value, most)))

    def whole(self, key: str, default: int, *, least: int = 0, most: int = 2**64) -> int:
        """A whole number; one that squall cannot take is changed to the nearest it can."""
        kind = "a whole number from 0 on"
        value = int(self._typed(key, default, kind, _is_whole))
        within = max(least, min(value, most))
        if within != value:
            bound = "less" if value < least else "more"
            self.note(
                key, "SQ504", f"'{key}' {value} is {bound} than a playbook takes: "
                f"{within} is written instead",
            )  # fmt: skip
        return within

    def milliseconds(self, key: str, default: int) -> int:
        """A number of milliseconds, a hundred years at most."""
        return self.whole(key, default, most=LONGEST // MILLISECOND)

    def seconds(self, key: str, default: int) -> int:
        """A number of seconds, a hundred years at most."""
        return self.whole(key, default, most=LONGEST // SECOND)

    def wholes(self, key: str) -> list[int] | None:
        """A list of whole numbers; None where there is none."""
        kind = "a list of whole numbers"
        found: list[int] | None = self._typed(key, None, kind, _is_list_of(_is_whole))
        return found

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        is_text = _is_list_of(lambda value: isinstance(value, str))
        found: list[str] = self._typed(key, [], "a list of texts", is_text)
        return found

    def inner(self, key: str) -> "Record | None":
        """A mapping in this mapping; None where there is none."""
        node: Mapping[str, Data] | None = self._typed(
            key, None, "a mapping", lambda value: isinstance(value, dict)
        )
        return None if node is None else self._record((self._written(key),), node)

    def records(self, key: str) -> "list[Record]":
        """A list of mappings."""
        is_records = _is_list_of(lambda value: isinstance(value, dict))
        nodes: list[dict[str, Data]] = self._typed(key, [], "a list of mappings", is_records)
        return [self._record((self._written(key), at), node) for at, node in enumerate(nodes)]

    def raw(self, key: str) -> Data:
        """Whatever is there."""
        return self._get(key)

    def leave(self, key: str, why: str, hint: str = "") -> None:
        """Read a key that a playbook has no word for; a finding if it says anything."""
        if self._get(key) not in _EMPTY:
            written = self._written(key)
            self.note(key, "SQ501", f"'{written}' has no counterpart: {why}", hint)

    def idle(self, key: str, why: str) -> None:
        """Say that a key is left out because the other tool does nothing with it either."""
        written = self._written(key)
        self.note(key, "SQ503", f"'{written}' is left out: {why}", severity=Severity.NOTE)

    def close(self) -> None:
        """Say of every key nobody asked for that it is unknown."""
        for key in self._node:
            if key not in self._read:
                close = nearest(key, self._known)
                hint = f"did you mean '{close}'?" if close and close not in self._node else ""
                self.places.note(
                    (*self.path, key), "SQ502", f"'{short(key)}' is no key of MockForge's here",
                    hint, key=True, severity=Severity.WARNING,
                )  # fmt: skip

    def _record(self, path: Path, node: Mapping[str, Data]) -> "Record":
        return Record(self.places, (*self.path, *path), node, camel=self._camel)

    def _written(self, key: str) -> str:
        """The key as it stands in the document."""
        if self._camel and key not in self._node:
            camel = re.sub("_(.)", lambda found: found[1].upper(), key)
            return camel if camel in self._node else key
        return key

    def _get(self, key: str) -> Data:
        written = self._written(key)
        self._known.append(key)
        self._read.add(written)
        return self._node.get(written)

    def _typed(self, key: str, default: _T, kind: str, fits: Callable[[Data], bool]) -> _T:
        value = self._get(key)
        if value is None:
            return default
        if not fits(value):
            written = self._written(key)
            self.places.note(
                (*self.path, written), "SQ505", f"'{written}' takes {kind}, not '{short(value)}'"
            )
            return default
        found: _T = value  # type: ignore[assignment]  # `fits` has looked
        return found


def _is_number(value: Data, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_whole(value: Data) -> bool:
    return _is_number(value, 2**64 - 1) and float(str(value)).is_integer()


def _is_list_of(fits: Callable[[Data], bool]) -> Callable[[Data], bool]:
    def is_list(value: Data) -> bool:
        return isinstance(value, list) and all(map(fits, value))

    return is_list


def each(records: list[Record]) -> Iterator[Record]:
    """Every record, closed when the next is asked for."""
    for record in records:
        yield record
        record.close()
