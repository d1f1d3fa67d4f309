"""Secrets written in clear: what in a playbook looks like a password, a token or a key.

Called by `load`; every finding is a warning, because only its author knows. To be believed, a rule
here must hardly ever be wrong: a value that is plainly a stand-in, a word, or a reference is none,
and a long random value counts only beside a name that says what it is. Messages never repeat it.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from squall.core.diagnostics import Severity
from squall.core.playbook.places import Places
from squall.core.playbook.secrets import texts
from squall.core.playbook.source import Data, Path

_HINT: Final = (
    "write ${{ secrets.NAME }} in a probe's headers, body, send or env, and set SQUALL_SECRET_NAME"
)
_KNOWN: Final = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_\w{36,}|github_pat_\w{40,})")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[\w-]{10,}")),
    ("a Stripe key", re.compile(r"\b[rs]k_live_\w{20,}")),
    ("a Google API key", re.compile(r"\bAIza[\w-]{35}\b")),
    ("a signed token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
)
_IN_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/?#:@]*:([^\s/?#@]+)@", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(r"(?:Bearer|Basic|Token|ApiKey)\s+(\S+)", re.IGNORECASE)
_PASSWORD: Final = r"password|passwd|passphrase|[-_]pwd"  # noqa: S105 - a pattern
_KEY: Final = (
    r"secret|(?:api|access|private|signing|encryption)[-_]?key|(?:auth|access|api|refresh)[-_]?token"
    r"|credentials?"
)
_NAMED: Final = re.compile(
    rf"(?<![\w.-])([\w.-]{{0,40}}?(?:(?P<password>{_PASSWORD})|{_KEY}))[\"']?\s*"
    r"(?:=|:\s*[\"'])\s*[\"']?(?P<value>[^\s\"'&,;}]+)",
    re.IGNORECASE,
)
_PASSWORD_NAME: Final = re.compile(rf"(?:{_PASSWORD})$", re.IGNORECASE)
_KEY_NAME: Final = re.compile(rf"(?:^|[-_])(?:{_KEY}|token)$", re.IGNORECASE)
_SUSPECT: Final = (
    "pass", "pwd", "secret", "key", "token", "credential", "authorization", "-----begin",
    "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat", "xox", "_live_",
    "aiza", "eyj", "://",
)  # fmt: skip
"""What any finding has in it, in lower case; most texts have none of it and need no closer look."""
_STAND_IN: Final = re.compile(
    r"[<$%{*].*|.*(?:example|changeme|change[-_]me|placeholder|dummy|redacted|your[-_]|xxx|fake).*"
    r"|(?:my|the|a|some|test|no|wrong|bad|invalid)?[-_]?"
    r"(?:password|passwd|pass|pwd|secret|token|key|test|none|null|true|false|yes|no|wrong|invalid)",
    re.IGNORECASE,
)
_SHORTEST: Final = 4
_LONG: Final = 16
_BITS: Final = 3.0
"""Of entropy to a character: words have fewer, random letters and digits more."""


def check_in_clear(places: Places) -> None:
    """Warn of every text that looks like a secret, once each."""
    suspect = _suspect("\n".join(_words(places.document.data)).lower(), _SUSPECT)
    spans = set()
    for path, text in texts(places.document.data) if suspect else ():
        if not _suspect((f"{path[-1]}={text}" if path else text).lower(), suspect):
            continue
        what = next(_seen(path, text), None)
        span = places.document.locate(path)
        if what is not None and span not in spans:
            spans.add(span)
            message = f"{what} in clear; whoever reads the playbook has it"
            places.note(path, "SQ340", message, _HINT, severity=Severity.WARNING)


def _words(data: Data) -> Iterator[str]:
    """Every key and every text."""
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _suspect(text: str, signs: Collection[str]) -> list[str]:
    """Those of the signs that a text in lower case has; a URL is one when it names somebody."""
    return [sign for sign in signs if sign in text and (sign != "://" or "@" in text)]


def _seen(path: Path, text: str) -> Iterator[str]:
    """What the text looks like."""
    for what, pattern in _KNOWN:
        if pattern.search(text):
            yield f"this looks like {what}"
    for url in _IN_URL.finditer(text):
        if not _harmless(url[1]):
            yield "this looks like a URL with a password"
    name = str(path[-1]) if path else ""
    if name.lower() in {"authorization", "proxy-authorization"}:
        credentials = _AUTHORIZATION.fullmatch(text.strip())
        if credentials and not _harmless(credentials[1]):
            yield f"the value of '{name}' looks like a secret"
    if _PASSWORD_NAME.search(name) and " " not in text and not _harmless(text):
        yield f"the value of '{name}' looks like a secret"
    if _KEY_NAME.search(name) and _random(text):
        yield f"the value of '{name}' looks like a secret"
    for pair in _NAMED.finditer(text):
        value = pair["value"]
        if _random(value) or (pair["password"] and not _harmless(value)):
            yield f"the value of '{pair[1]}' looks like a secret"


def _harmless(value: str) -> bool:
    """Whether it is too short to be a secret, a reference, or plainly a stand-in for one."""
    return len(value) < _SHORTEST or bool(_STAND_IN.fullmatch(value))


def _random(value: str) -> bool:
    """Whether it looks made by a machine: long, letters and digits mixed, no repetition."""
    if len(value) < _LONG or " " in value or _harmless(value):
        return False
    if not (re.search(r"[0-9]", value) and re.search(r"[A-Za-z]", value)):
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= _BITS
