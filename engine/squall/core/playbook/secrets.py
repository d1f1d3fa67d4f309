"""References to secrets: where they may stand, which a playbook needs, how values take their place.

A secret is written ``${{ secrets.NAME }}`` in a header, in what a probe sends, or in a variable of
a program's environment, and nowhere else. The reference stays text in model, digest and journal;
only who asks the question puts the value in, with `filled`. `load` calls the check. Secrets that
are no references are `in_clear`'s business; where values come from, the services'.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from squall.core.diagnostics import Diagnostic, Span, printable, short
from squall.core.playbook.model import ExecProbe, HttpProbe, Playbook, Probe, TcpProbe, canonical
from squall.core.playbook.source import Data, Document, Path

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE: Final = re.compile(rf"\$\{{\{{\s*secrets\.({_NAME})\s*\}}\}}")
_TEMPLATE: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_MENTION: Final = re.compile(r"(?<![\w.'\"])secrets\s*(?:[.\[]|$)")
_HOMES: Final = (("http", "headers"), ("http", "body"), ("tcp", "send"), ("exec", "env"))


def check_secrets(document: Document, file: str) -> tuple[Diagnostic, ...]:
    """What is wrong with the references of a document."""
    found: dict[Span, Diagnostic] = {}
    for path, text in texts(document.data):
        wrong = _wrong(path, text) if "${{" in text else None
        if wrong:
            code, message, hint = wrong
            span = document.locate(path)
            found[span] = Diagnostic(
                file=file, span=span, code=code, message=printable(message), hint=hint
            )
    return tuple(found.values())


def texts(data: Data) -> Iterator[tuple[Path, str]]:
    """Every text among the values of a document, in order, with its path."""
    waiting: list[tuple[Path, Data]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            waiting += [((*path, key), below) for key, below in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*path, at), value[at]) for at in range(len(value) - 1, -1, -1)]


def _wrong(path: Path, text: str) -> tuple[str, str, str] | None:
    """A text's first mistake with secrets: its code, a sentence, what to do."""
    for template in _TEMPLATE.finditer(text):
        inner = template[1].strip()
        if not _MENTION.search(inner):
            continue
        if not _REFERENCE.fullmatch(template[0]):
            hint = "write ${{ secrets.NAME }}, with letters, digits and _ in its name"
            return "SQ241", f"'{short(inner)}' names no secret", hint
        if not any(path[at : at + 2] in _HOMES for at in range(len(path))):
            hint = "secrets go into the headers, body, send or env of a probe"
            return "SQ240", f"'{inner}' may not stand here", hint
    return None


def names_of(playbook: Playbook) -> tuple[str, ...]:
    """Every secret the playbook refers to, in order; also where steps are built while it runs."""
    return tuple(sorted(set(_REFERENCE.findall(canonical(playbook).decode()))))


def place_of(document: Document, name: str) -> Path:
    """Where a secret is first asked for; the whole document when that is not in its text."""
    for path, text in texts(document.data):
        if name in _REFERENCE.findall(text):
            return path
    return ()


def names_in(probe: Probe) -> tuple[str, ...]:
    """The secrets a probe needs, in order."""
    found: set[str] = set()

    def note(name: str) -> str:
        found.add(name)
        return ""

    filled(probe, note)
    return tuple(sorted(found))


def filled(probe: Probe, value: Callable[[str], str]) -> Probe:
    """The probe with what `value` says of each name in place of the reference to it."""

    def fill(text: str) -> str:
        return _REFERENCE.sub(lambda reference: value(reference[1]), text)

    def fill_all(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((name, fill(text)) for name, text in pairs)

    match probe:
        case HttpProbe(headers=headers, body=body):
            written = None if body is None else fill(body)
            return replace(probe, headers=fill_all(headers), body=written)
        case TcpProbe(send=send):
            return probe if send is None else replace(probe, send=fill(send))
        case ExecProbe(env=env):
            return replace(probe, env=fill_all(env))
