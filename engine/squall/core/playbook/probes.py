"""What the probe steps say: one question over HTTP or TCP, or a program to run.

Called by `build` for steps and checks once the schema holds. Finds what a schema cannot say: two
methods in one question, an address without a port, a shell's line where a program's name belongs.
References to secrets stay in the texts as they are written; `secrets` says where they may stand.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from squall.core.diagnostics import Severity, short
from squall.core.playbook.addresses import is_url, parse_address
from squall.core.playbook.model import Address, ExecProbe, HttpProbe, Probe, TcpProbe
from squall.core.playbook.places import Places
from squall.core.playbook.source import Path
from squall.core.playbook.traffic import one_method

PROBES: Final = ("http", "tcp", "exec")
METHODS: Final = ("get", "head", "post", "put", "delete")
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "env", "busybox"})
_OF_A_SHELL: Final = frozenset(
    {"&&", "||", "2>&1", ">/dev/null", "2>/dev/null", "&>/dev/null", ">>", "2>"}
)
_VARIABLE: Final = re.compile(r"\$\{?[A-Z_][A-Z0-9_]+\}?")
_NOWHERE: Final = Address(host="127.0.0.1", port=1)

Node = Mapping[str, Any]


def build_probe(places: Places, path: Path, node: Node) -> Probe:
    """The probe written at `path`, whose last key says which kind it is."""
    match path[-1]:
        case "http":
            return _http(places, path, node)
        case "tcp":
            return _tcp(places, path, node)
        case _:
            return _exec(places, path, node)


def _http(places: Places, path: Path, node: Node) -> HttpProbe:
    method = one_method(places, path, node, METHODS)
    url = node.get(method, "")
    if url and not is_url(url):
        hint = "write http://127.0.0.1:8080/health"
        places.note((*path, method), "SQ105", f"'{url}' is not a URL", hint)
    headers = node.get("headers", {})
    return HttpProbe(
        method=method.upper(),
        url=url,
        headers=tuple(sorted((name.lower(), value) for name, value in headers.items())),
        body=node.get("body"),
        follow=node.get("follow", False),
    )


def _tcp(places: Places, path: Path, node: Node) -> TcpProbe:
    written = node["connect"]
    address = parse_address(written)
    if address is None or not address.port:
        message = f"'{short(written)}' is not a host and a port"
        places.note((*path, "connect"), "SQ105", message, "write 127.0.0.1:5432")
    send = node.get("send")
    if send is not None:
        _escapes(places, (*path, "send"), send)
    return TcpProbe(connect=address or _NOWHERE, send=send, tls=node.get("tls", False))


def _escapes(places: Places, path: Path, send: str) -> None:
    r"""A ``\n`` outside double quotes is a backslash and an n, which nobody means to send."""
    if "\\n" in send or "\\r" in send:
        message = r"\r and \n are sent here as they stand, a backslash and a letter"
        hint = r'put the text in double quotes: "PING\r\n"'
        places.note(path, "SQ341", message, hint, severity=Severity.WARNING)


def _shell(places: Places, path: Path, run: tuple[str, ...]) -> None:
    """What only a shell would understand reaches the program as it stands."""
    if run[0].rpartition("/")[2] in _SHELLS:
        return
    for index, argument in enumerate(run[1:], 1):
        variable = _VARIABLE.fullmatch(argument)
        if argument not in _OF_A_SHELL and not variable:
            continue
        what = "puts a variable in" if variable else "reads the line"
        message = f"'{argument}' is an argument like any other: no shell {what} here"
        hint = f"write [sh, -c, '{short(' '.join(run))}']"
        places.note((*path, index), "SQ342", message, hint, severity=Severity.WARNING)


def _exec(places: Places, path: Path, node: Node) -> ExecProbe:
    run = tuple(node["run"])
    program, words = run[0], run[0].split()
    if not words:
        places.note((*path, "run", 0), "SQ105", "the program has no name", "write [curl, -f, URL]")
    elif len(words) > 1 and "/" not in words[0]:
        message = f"'{short(program)}' is no program, and there is no shell here to take it apart"
        places.note((*path, "run", 0), "SQ105", message, f"write [{short(', '.join(words))}]")
    _shell(places, (*path, "run"), run)
    env = node.get("env", {})
    cwd = node.get("cwd", ".")
    texts: list[tuple[Path, str]] = [(("run", at), argument) for at, argument in enumerate(run)]
    texts += [(("env", name), value) for name, value in env.items()]
    for at, text in (*texts, (("cwd",), cwd)):
        if "\0" in text:
            message = "no program can be given the character NUL"
            places.note((*path, *at), "SQ105", message, "leave it out")
    return ExecProbe(run=run, env=tuple(sorted(env.items())), cwd=cwd)
