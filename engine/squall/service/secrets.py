"""Secrets: found where the engine's settings say, put into a probe, kept out of all that is seen.

`operations` asks for those of a playbook before a run begins; `effects` puts them into each probe
at the last moment and takes them out of whatever came back, so that neither the journal nor anybody
who reads it ever meets one. Where they may stand is `core`'s to say. Values are read anew for each
run and written nowhere.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

from msgspec.structs import replace

from squall.core.diagnostics import Refused
from squall.core.playbook.model import Probe
from squall.core.playbook.secrets import filled, names_in
from squall.core.run.events import CUT, Saw

VARIABLE: Final = "SQUALL_SECRET_"
FOLDER: Final = "SQUALL_SECRETS_DIR"
SHORTEST: Final = 4
"""Anything shorter would be found, and hidden, in the middle of words."""
LONGEST: Final = 64 * 1024
HIDDEN: Final = "***"


class Secrets:
    """Where secrets come from: values by name, and a folder with a file for each."""

    def __init__(self, values: Mapping[str, str], folder: Path | None = None) -> None:
        self._values = values
        self._folder = folder

    def why_not(self, name: str) -> str:
        """In a sentence why there is no such secret; empty when there is one."""
        try:
            self._value(name)
        except _Missing as missing:
            return str(missing)
        return ""

    def where(self, name: str) -> str:
        """What to do about one that is missing."""
        if self._folder is not None:
            return f"set {VARIABLE}{name}, or write it to the file {self._folder / name}"
        return f"set {VARIABLE}{name}, or {FOLDER} to a folder that has a file {name}"

    def all_of(self, names: Iterable[str]) -> "Revealed":
        """The named secrets; raises `NoSecret` for the first that is missing."""
        values = {}
        for name in names:
            try:
                values[name] = self._value(name)
            except _Missing as missing:
                raise NoSecret(name, str(missing), self.where(name)) from None
        return Revealed(values)

    def some_of(self, names: Iterable[str]) -> "Revealed":
        """Those of the named secrets that are there."""
        return self.all_of(name for name in names if not self.why_not(name))

    def _value(self, name: str) -> str:
        value = self._values.get(name)
        if value is None:
            value = self._from_file(name)
        if len(value) < SHORTEST:
            raise _Missing(
                f"the secret '{name}' is too short to be hidden: {SHORTEST} characters at least"
            )
        return value

    def _from_file(self, name: str) -> str:
        file = None if self._folder is None else self._folder / name
        try:
            if file is None or not file.is_file():
                raise _Missing(f"the secret '{name}' is not set")
            with file.open(encoding="utf-8") as opened:
                value = opened.read(LONGEST + 1)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise _Missing(f"the secret '{name}' cannot be read: {why}") from error
        except UnicodeDecodeError as error:
            raise _Missing(f"the secret '{name}' cannot be read: it is no text") from error
        if len(value) > LONGEST:
            raise _Missing(f"the secret '{name}' is longer than {LONGEST:,} characters")
        return value.rstrip("\r\n")


class NoSecret(Refused):
    """A secret is not there; `name` says which."""

    def __init__(self, name: str, message: str, hint: str) -> None:
        super().__init__("SQ440", message, hint)
        self.name = name


class _Missing(Exception):  # noqa: N818 - it says what the secret is
    pass


class Revealed:
    """The secrets of one run."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        spelt = {way for value in values.values() for way in _spellings(value)}
        self._spelt = sorted(spelt, key=lambda way: (-len(way), way))

    def __repr__(self) -> str:
        """Their names."""
        return f"Revealed({', '.join(sorted(self._values))})"

    def put_into(self, probe: Probe) -> Probe | str:
        """The probe with its secrets in it, or in a sentence which is missing."""
        for name in names_in(probe):
            if name not in self._values:
                return f"the secret '{name}' is not set"
        return filled(probe, self._values.__getitem__)

    def hide(self, text: str) -> str:
        """The text without them, in any spelling they are likely to come back in."""
        body = text.removesuffix(CUT)
        for way in self._spelt:
            body = body.replace(way, HIDDEN)
        return self._without_end(body) + CUT if text.endswith(CUT) else body

    def hide_in(self, saw: Saw) -> Saw:
        """What a probe saw without them."""
        return replace(
            saw,
            values=tuple(
                (name, self.hide(value) if isinstance(value, str) else value)
                for name, value in saw.values
            ),
            headers=tuple((self.hide(name), self.hide(value)) for name, value in saw.headers),
        )

    def _without_end(self, body: str) -> str:
        """A text that was cut may end with the beginning of one."""
        for way in self._spelt:
            for length in range(min(len(way) - 1, len(body)), SHORTEST - 1, -1):
                if body.endswith(way[:length]):
                    return body[:-length] + HIDDEN
        return body


def _spellings(value: str) -> Iterator[str]:
    """A secret as it is, and as others may write it."""
    data = value.encode()
    escaped = {quote(value, safe=""), quote(value), quote_plus(value)}
    yield from (value, *escaped)
    yield from (re.sub("%..", lambda code: code[0].lower(), way) for way in escaped)
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield from (repr(value)[1:-1], repr(data)[2:-1], html.escape(value))
    yield from (data.hex(), data.hex().upper())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(data).decode()
        # In the middle of something longer it may begin at any of three places.
        for before in range(3):
            inside = encode(b"\0" * before + data).decode()
            whole = inside[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(whole) >= SHORTEST:
                yield whole
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= 2 * SHORTEST)
