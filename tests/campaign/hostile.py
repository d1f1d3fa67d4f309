"""Folders nobody would write: files of the corpus bent at random, and bytes of no kind.

A `Random` decides everything, so a seed says which folder it was. Texts are bent byte by byte and
line by line; what can be read is also bent as data; expressions, templates, calls and project files
are made of pieces of their own kind.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from squall.core.playbook.source import read

TESTS = Path(__file__).parents[1]
PLAYBOOKS = [
    path.read_bytes()
    for folder in ("corpus/good", "corpus/bad", "../playbooks")
    for path in sorted((TESTS / folder).glob("*.yaml"))
    if path.stat().st_size < 20_000
]
PROJECTS = [path.read_bytes() for path in sorted(TESTS.glob("projects/*/**/squall.yaml"))]
CALLING = sorted(path for path in TESTS.glob("projects/*/*") if path.is_dir())

SIGNS = [
    b"[", b"]", b"{", b"}", b":", b": ", b"- ", b"? ", b"#", b" #", b"&a ", b"*a", b"<<: *a",
    b"!!int ", b"!x ", b"|", b">", b"|+\n", b"'", b'"', b"\\", b"\n", b"\r", b"\r\n", b"\t",
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xf0\x9f\x8c\xa9",
    b"\xed\xa0\x80", b'"\\ud800"', b'"\\u2028"', b"---\n", b"...\n", b"%YAML 1.1\n", b"~", b".nan",
    b".inf", b"-.inf", b"1e999", b"-0", b"0x", b"0o7", b"9" * 40, b"9" * 5_000, b"1.5h", b"1e9s",
    b"100%", b"101%", b"-1", b"${{", b"}}", b"${{ inputs.base }}", b"${{ steps.a.ran }}",
    b"# squall: ignore[SQ304] because\n", b"# squall: ignore-file[SQ101,SQ999]\n",
    b"# squall: ignroe[]", b"# yaml-language-server: $schema=playbook\n", b"name: a\nsteps:\n",
    b"finally:\n", b"parallel:\n", b"  ",
]  # fmt: skip
SCALARS: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, 1e300, 10 ** 40, "", " ", "\n", "\x00", "\x1b[2J", "\u2028",
    "é", "a" * 5_000, "1s", "0s", "100 years", "36500d", "10%", "110%", "-1%", "1e9",
    "127.0.0.1:9001", "[::1]:0", ":", "http://[::1", "http://a:b@c", "builtin:echo", "~(a+)+$",
    "~[", "/**/*", "*", "10/s", "1/0s", "* * * * *", "0 0 30 2 *", "61 * * * *", "L * * * *",
    "Europe/Berlin", "Europe/Nowhere", "../../etc/passwd", "2026-13-01", "2026-03-29T02:30:00",
    "${{", "${{ }}", "${{ inputs.base }}", "${{ secrets.A }}", "${{ steps.a.body }}",
    "${{ loop.index }}", [], {}, [[]], {"": ""},
]  # fmt: skip
KEYS = [
    "name", "steps", "parallel", "finally", "targets", "scenarios", "scenario", "latency",
    "errors", "match", "load", "http", "tcp", "exec", "replay", "approve", "wait", "playbook",
    "inputs", "outputs", "when", "expect", "loop", "times", "each", "until", "while", "forever",
    "max", "retry", "needs", "timeout", "delay", "duration", "schedule", "cron", "every", "once",
    "windows", "allow", "deny", "for", "timezone", "depends_on", "renamed_from", "approval",
    "suspend", "steady_state", "abort_if", "limits", "defaults", "playbooks", "version", "seed",
    "record", "rate", "listen", "upstream", "labels", "<<",
]  # fmt: skip
WORDS = [
    "status", "latency", "body", "json", "headers", "measured.p99", "measured.error_rate",
    "inputs.base", "inputs.x", "steps.a.ran", "steps.a.outcome", "steps.a.json",
    "steps.look.status", "loop.index", "loop.item", "outputs.x", "true", "false", "null", "0", "1",
    "-1", "1.5", "1e400", "9" * 30, "0x7fffffffffffffff", "'a'", '"b"', "b'c'", "r'\\d+'",
    "'" + "a" * 300 + "'", "duration('1s')", "duration('x')", "timestamp('2026-01-01T00:00:00Z')",
    "==", "!=", "<", ">=", "+", "-", "*", "/", "%", "&&", "||", "!", "?", ":", "(", ")", "[", "]",
    "{", "}", ",", ".", "in", "size(", "has(", "int(", "string(", ".matches('(a+)+$')",
    ".matches('(')", ".all(x, ", ".exists(x, ", ".map(x, ", ".filter(x, ", ".contains('",
    ".startsWith(", "[0]", "['a']", "[" * 40, "(" * 40, "!" * 40, "-" * 40, "\\", "'", '"', "`",
    "//", "\n", "é", "\u2028", "}}", "${{",
]  # fmt: skip

Files = dict[str, bytes]


def folder(random: Random) -> Files:
    """The files of one hostile folder, by the names they have in it."""
    way = random.choice(
        [_noise, _bent, _bent, _bent_data, _bent_data, _speaking, _project, _calling]
    )
    files = way(random)
    odd = os.fsdecode(random.choice([b"\xff", b"\x1b[2J", b" ", "é".encode()]))
    return {f"{odd}/{name}": data for name, data in files.items()} if _rarely(random) else files


def _rarely(random: Random) -> bool:
    return random.random() < 0.05


def _noise(random: Random) -> Files:
    size = random.choice([0, 1, 10, 200, 5_000])
    data = random.randbytes(size) if random.random() < 0.5 else _signs(random, size // 4)
    return {"a.yaml": data}


def _signs(random: Random, count: int) -> bytes:
    return b"".join(random.choices(SIGNS, k=count))


def _bent(random: Random) -> Files:
    return {"a.yaml": bent(random, random.choice(PLAYBOOKS))}


def _bent_data(random: Random) -> Files:
    text = bent_data(random, random.choice(PLAYBOOKS))
    return {random.choice(["a.yaml", "a.json"]): text}


def _project(random: Random) -> Files:
    bend = random.choice([bent, bent_data])
    return {"squall.yaml": bend(random, random.choice(PROJECTS)), **_bent(random)}


def _calling(random: Random) -> Files:
    place = random.choice(CALLING)
    files = {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(place.rglob("*.yaml"))
    }
    for name in random.sample(sorted(files), k=random.randint(1, min(2, len(files)))):
        files[name] = random.choice([bent, bent_data])(random, files[name])
    return files


def _speaking(random: Random) -> Files:
    """A playbook full of expressions and templates made of their own pieces."""
    step: dict[str, Any] = {"name": "a", "http": {"get": "http://127.0.0.1:1/"}}
    playbook = {
        "name": "speaks",
        "inputs": {"base": {"type": random.choice(["duration", "list"]), "default": "1s"}},
        "outputs": {"x": _expression(random)},
        "abort_if": _expression(random),
        "steps": [
            {**step, "expect": [_expression(random) for _ in range(random.randint(1, 3))]},
            {"name": "look", "when": _expression(random), "wait": _template(random)},
            {**step, "name": "b", "loop": {"until": _expression(random), "max": 3}},
            {"name": "c", "loop": {"each": _template(random)}, "duration": "1s",
             "scenario": {"latency": _template(random), "errors": {"rate": _template(random)}}},
            {"name": "d", "http": {"post": _template(random), "headers": {"a": _template(random)}}},
        ],
    }  # fmt: skip
    return {"a.json": json.dumps(playbook).encode()}


def _expression(random: Random) -> str:
    count = random.choice([1, 3, 3, 5, 8, 30, 300])
    return random.choice([" ", ""]).join(random.choices(WORDS, k=count))


def _template(random: Random) -> str:
    parts = [
        random.choice(["", "a ", "${{", "}}"])
        + "${{ "
        + _expression(random)
        + random.choice([" }}", "}}", ""])
        for _ in range(random.randint(1, 2))
    ]
    return "".join(parts)


def bent(random: Random, data: bytes) -> bytes:
    """Some bytes with a few accidents."""
    for _ in range(random.choice([1, 1, 2, 4, 10])):
        data = random.choice(_ACCIDENTS)(random, data)[:200_000]
    return data


def _somewhere(random: Random, data: bytes) -> int:
    return random.randint(0, len(data))


def _put(random: Random, data: bytes) -> bytes:
    at, sign = _somewhere(random, data), random.choice(SIGNS)
    return data[:at] + sign * random.choice([1, 1, 1, 2, 100, 1_000]) + data[at:]


def _flip(random: Random, data: bytes) -> bytes:
    at = _somewhere(random, data)
    return data[:at] + random.randbytes(1) + data[at + 1 :]


def _cut(random: Random, data: bytes) -> bytes:
    first, last = sorted((_somewhere(random, data), _somewhere(random, data)))
    return data[:first] + data[last:] if random.random() < 0.7 else data[:first]


def _again(random: Random, data: bytes) -> bytes:
    first, last = sorted((_somewhere(random, data), _somewhere(random, data)))
    return data[:last] + data[first:last] * random.choice([1, 1, 2, 50]) + data[last:]


def _join(random: Random, data: bytes) -> bytes:
    other = random.choice(PLAYBOOKS)
    return data[: _somewhere(random, data)] + other[_somewhere(random, other) :]


def _lines(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            lines[one], lines[two] = lines[two], lines[one]
        case 1:
            lines[one] = b"  " * random.randint(0, 70) + lines[one].lstrip()
        case 2:
            lines.insert(one, lines[two])
        case _:
            lines[one] = b"\t" + lines[one]
    return b"\n".join(lines)


_ACCIDENTS: list[Callable[[Random, bytes], bytes]] = [
    _put,
    _put,
    _flip,
    _cut,
    _again,
    _join,
    _lines,
]


def bent_data(random: Random, data: bytes) -> bytes:
    """What can be read in some bytes, with a few accidents to it, as JSON."""
    documents = read(data, "f").documents
    if not documents:
        return bent(random, data)
    whole: Any = json.loads(json.dumps(documents[0].data))
    for _ in range(random.choice([1, 1, 2, 4])):
        whole = _accident(random, whole)
    return json.dumps(whole, indent=random.choice([None, 1])).encode()[:200_000]


def _accident(random: Random, whole: Any) -> Any:
    places = list(_places(whole))
    if not places:
        return random.choice(SCALARS)
    around, key = random.choice(places)
    value, other = around[key], random.choice(places)
    match random.randrange(7):
        case 0:
            around[key] = random.choice(SCALARS)
        case 1:
            around[key] = json.loads(json.dumps(other[0][other[1]]))
        case 2:
            del around[key]
        case 3:
            around[key] = [value] * random.choice([1, 2, 300])
        case 4:
            around[key] = {random.choice(KEYS): value}
        case 5 if isinstance(around, dict):
            around[random.choice(KEYS)] = around.pop(key)
        case _:
            around[key] = _expression(random) if random.random() < 0.5 else _template(random)
    return whole


def _places(data: Any) -> Any:
    pairs: Any = ()
    if isinstance(data, dict):
        pairs = list(data.items())
    elif isinstance(data, list):
        pairs = list(enumerate(data))
    for key, value in pairs:
        yield data, key
        yield from _places(value)
