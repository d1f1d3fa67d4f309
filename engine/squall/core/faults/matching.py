r"""Which requests a scenario touches: a `Match` compiled once, asked for every request.

Paths are globs (``*`` stays within a segment, ``**`` goes across, ``?`` is one character) or, after
``~``, regular expressions found anywhere in the path, as in nginx. The query never counts. Python's
engine backtracks and nothing else runs meanwhile, so stars that need not go back do not, a pattern
that could take long is refused when it is compiled, and what it is held against is the shorter the
more it repeats. `problem_with` tells a checker what is
wrong before anything runs.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined] # the parser has no public name
from re import _parser as grammar  # type: ignore[attr-defined]
from typing import Final

from squall.core.faults import dice
from squall.core.faults.kinds import EVERY, Match

LONGEST_PATTERN: Final = 512
LONGEST_PATH: Final = 2048
"""Characters; a longer path matches no pattern."""

LONGEST_FOR: Final = (LONGEST_PATH, LONGEST_PATH, 390, 120)
"""The same for a regular expression with so many open repetitions: at most ten million steps."""

_MOST_REPEATS: Final = 6
_MOST_ACROSS: Final = 2
"""Stars that go across segments in one glob; each multiplies the time by the length."""
_GLOB: Final = re.compile(r"\*\*+|\*|\?|[^*?]+")
_REPEATS: Final = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}


class Matcher:
    """A compiled `Match`; raises `ValueError` with a sentence if it cannot be used.

    `key` is what the draw of who is in its share of clients depends on.
    """

    __slots__ = (
        "_clients", "_headers", "_host", "_key", "_longest", "_match", "_methods", "_path", "plain"
    )  # fmt: skip

    def __init__(self, match: Match, key: int = 0) -> None:
        self._match = match
        self._key = key
        self._methods = frozenset(method.upper() for method in match.method)
        self._path = _compile_path(match.path) if match.path else None
        self._longest = _longest(match.path)
        self._host = _compile_glob(match.host.lower(), ".*") if match.host else None
        self._headers = frozenset(match.headers)
        self._clients = tuple(map(network, match.client))
        self.plain = not (
            self._headers
            or self._clients
            or match.share < EVERY
            or match.min_body is not None
            or match.max_body is not None
        )
        """Whether `names` alone decides."""

    @property
    def reads_headers(self) -> bool:
        """Whether it asks for header fields."""
        return bool(self._headers)

    @property
    def glob(self) -> str | None:
        """The pattern of its path, if that is a glob."""
        return self._path.pattern if self._path and not self._match.path.startswith("~") else None

    def names(self, method: str, path: str, host: str) -> bool:
        """Whether method, path without query and host, in lower case, are meant."""
        if self._methods and method not in self._methods:
            return False
        if self._path and (len(path) > self._longest or not self._path.search(path)):
            return False
        return not self._host or bool(
            self._host.search(host) or self._host.search(_without_port(host))
        )

    def admits(self, headers: Iterable[tuple[str, str]], client: str, body: int) -> bool:
        """Whether the rest holds: header fields, client, length of the body (negative: unknown)."""
        match = self._match
        if not self._headers.issubset(headers):
            return False
        if match.min_body is not None and body < match.min_body:
            return False
        if match.max_body is not None and not 0 <= body <= match.max_body:
            return False
        if self._clients and not _among(client, self._clients):
            return False
        return match.share >= EVERY or dice.draw(self._key, "share", client, 0) < match.share


def paths_of(matchers: Iterable[Matcher]) -> re.Pattern[str] | None:
    """One pattern that finds every path that any of them means; None: that cannot be said.

    Most requests are meant by none of a hundred globs, and this knows at once.
    """
    patterns = set()
    for matcher in matchers:
        glob = matcher.glob
        if glob is None:
            return None
        patterns.add(glob)
    return re.compile("|".join(sorted(patterns)), re.DOTALL) if patterns else None


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network(written: str) -> Network:
    """Read ``10.0.0.0/8`` or an address alone; raises `ValueError` with a sentence.

    IPv4 addresses written as IPv6 ones, ``::ffff:10.0.0.0/104``, are what they stand for.
    """
    try:
        found = ipaddress.ip_network(written)
        mapped = getattr(found.network_address, "ipv4_mapped", None)
        if mapped and found.prefixlen >= 96:
            return ipaddress.IPv4Network((mapped, found.prefixlen - 96))
    except ValueError as wrong:
        raise ValueError(f"{written!r} is not a network: {wrong}") from None
    return found


@lru_cache(maxsize=4096)
def _among(client: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:  # a client without an address, at a Unix socket
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in one for one in networks)


def problem_with(path: str) -> str | None:
    """What is wrong with a path pattern, as the end of a sentence, or None."""
    try:
        _compile_path(path)
    except ValueError as wrong:
        return str(wrong)
    return None


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _compile_path(path: str) -> re.Pattern[str]:
    if len(path) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN} characters")
    if not path.startswith("~"):
        return _compile_glob(path, "[^/]*")
    try:
        parsed = grammar.parse(path[1:])
        compiled = re.compile(path[1:])
    except (re.error, OverflowError, RecursionError) as wrong:
        raise ValueError(f"{path!r} is not a regular expression: {wrong}") from None
    if _unbounded(parsed, inside=False) >= len(LONGEST_FOR):
        raise ValueError(f"{path!r} has more than {len(LONGEST_FOR) - 1} open repetitions")
    return compiled


def _longest(path: str) -> int:
    """How long a path may be that is held against this pattern."""
    if not path.startswith("~"):
        return LONGEST_PATH
    return LONGEST_FOR[_unbounded(grammar.parse(path[1:]), inside=False)]


def _compile_glob(glob: str, star: str) -> re.Pattern[str]:
    # Stars, each with what stands behind it up to the next: the first chunk has none before it.
    chunks: list[tuple[str, str]] = [("", "")]
    for part in _GLOB.findall(glob):
        if part.startswith("*"):
            chunks.append((part[:2], ""))
        else:
            sign, text = chunks[-1]
            chunks[-1] = (sign, text + ("[^/]" if part == "?" else re.escape(part)))
    if len(chunks) - 1 > _MOST_REPEATS:
        raise ValueError(f"{glob!r} has more than {_MOST_REPEATS} stars")
    if sum(sign == "**" for sign, _ in chunks) > _MOST_ACROSS:
        raise ValueError(f"{glob!r} has '**' more than {_MOST_ACROSS} times")
    pattern = chunks[0][1]
    for number, (sign, text) in enumerate(chunks[1:], 1):
        if sign == "**":
            pattern += f".*{text}"
        elif number == len(chunks) - 1:
            pattern += f"{star}{text}"
        else:  # where the text comes first is as good as anywhere: the next star takes the rest
            pattern += f"(?>{star}?{text})"
    return re.compile(rf"\A{pattern}\Z", re.DOTALL)


def _unbounded(parsed: Iterable[object], *, inside: bool) -> int:
    """Count open repetitions; refuse one inside another, and looking back at a group."""
    found = 0
    for node in parsed:
        if not isinstance(node, tuple):
            continue
        code, argument = node[0], node[1]
        if code in {codes.GROUPREF, codes.GROUPREF_EXISTS}:
            raise ValueError("a back reference can take for ever; write the pattern without it")
        open_ended = code in _REPEATS and argument[1] > 16
        if open_ended and inside:
            raise ValueError("a repetition inside a repetition can take for ever; write it flat")
        found += open_ended + sum(
            _unbounded(part, inside=inside or open_ended) for part in _parts(argument)
        )
    return found


def _parts(argument: object) -> Iterable[Iterable[object]]:
    """What is nested in a node of the parsed expression."""
    if isinstance(argument, grammar.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _parts(part)
