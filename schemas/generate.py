"""Write what follows from the hand-written schemas: the editors' builds and the reference.

``python schemas/generate.py`` writes ``*.draft-07.schema.json`` and the reference in ``README.md``
below its hand-written part; with ``--check`` it writes nothing and exits with 1 when one of them is
stale. A developer runs it after a change to a schema, and a test makes sure of that. It judges no
schema and adds nothing that is not said in one.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
NAMES: Final = ("playbook", "project", "recording", "event", "finding", "graph")
FOR_EDITORS: Final = ("playbook", "project")
MARK: Final = "<!-- From here on written by schemas/generate.py. -->\n"
EXPRESSION: Final = r"\$\{\{.+\}\}"
MESSAGE: Final = "patternErrorMessage"
"""A word of VS Code's and the YAML language server's; other readers pass it over."""
NEVER_FILLED: Final = {"version", "inputs"}
"""Top-level keys of a playbook that are read before anything is filled in."""
ROOM: Final = 130
HEADINGS: Final = {
    "playbook": "Playbook", "project": "squall.yaml", "recording": "Recording",
    "event": "Event", "finding": "Findings", "graph": "Graph",
}  # fmt: skip
WORDS: Final = {
    "string": "text", "number": "number", "integer": "whole number", "boolean": "true or false",
    "array": "list", "object": "mapping", "null": "nothing",
}  # fmt: skip

Node = dict[str, Any]


def main() -> int:
    """Write everything that is stale, or with ``--check`` only say so."""
    schemas = {name: json.loads(_path(name).read_text(encoding="utf-8")) for name in NAMES}
    page = HERE / "README.md"
    by_hand = page.read_text(encoding="utf-8").partition(MARK)[0]
    fresh = {page: by_hand + MARK + "".join(_reference(schemas))}
    for name in FOR_EDITORS:
        built = json.dumps(_for_editors(schemas, name), indent=2, ensure_ascii=False)
        fresh[_path(f"{name}.draft-07")] = built + "\n"
    stale = [p for p, text in fresh.items() if not p.exists() or p.read_text("utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            sys.stderr.write(f"{path.name} is stale: run python schemas/generate.py\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(fresh[path], encoding="utf-8")
    return 0


def _path(name: str) -> Path:
    return HERE / f"{name}.schema.json"


def _pointed(schemas: dict[str, Node], reference: str, name: str) -> tuple[str, str, Node]:
    """What a ``$ref`` in the schema `name` leads to: which schema, where in it, what is there."""
    address, _, pointer = reference.partition("#")
    name = address.split(":")[-1].partition(".")[0] or name
    node = schemas[name]
    for part in pointer.split("/")[1:]:
        node = node[part]
    return name, pointer, node


# -- draft-07, for editors ---------------------------------------------------------------------


def _for_editors(schemas: dict[str, Node], name: str) -> Node:
    """The schema in draft-07, in one piece; in a playbook ``${{ … }}`` may stand for a value."""
    own = schemas[name]
    builder = _Editors(schemas, name, fills=name == "playbook")
    root = {key: value for key, value in own.items() if key not in {"$schema", "$id", "$defs"}}
    built = builder.node(root)
    for key in NEVER_FILLED & root["properties"].keys():
        built["properties"][key] = _Editors(schemas, name, fills=False).node(own["properties"][key])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:squall:schemas:{name}.draft-07.schema.json",
        "$comment": f"Written by schemas/generate.py from {name}.schema.json, for editors.",
        **built,
        "definitions": dict(sorted(builder.definitions().items())),
    }


class _Editors:
    """Rewrites one schema; keeps which definitions were asked for, whichever schema has them."""

    def __init__(self, schemas: dict[str, Node], name: str, *, fills: bool) -> None:
        self.schemas = schemas
        self.name = name
        self.fills = fills
        self.asked: dict[str, tuple[str, Node]] = {}

    def definitions(self) -> Node:
        """Every definition that was asked for, and those that these ask for."""
        done: Node = {}
        while waiting := [each for each in self.asked if each not in done]:
            for each in waiting:
                self.name, node = self.asked[each]
                done[each] = self.node(node, fills=self.fills and each != "input")
        return done

    def node(self, node: Node, *, fills: bool | None = None) -> Node:
        """One place of the schema."""
        fills = self.fills if fills is None else fills
        if "$ref" in node:
            return self._reference(node)
        built: Node = {}
        for word, value in node.items():
            if word == "properties":
                built[word] = {key: self.node(each, fills=fills) for key, each in value.items()}
            elif word in {"items", "additionalProperties", "then", "else"} and value is not False:
                built[word] = self.node(value, fills=fills)
            else:
                built[word] = value
        return _shown(_fillable(built) if fills else _explained(built))

    def _reference(self, node: Node) -> Node:
        name, pointer, target = _pointed(self.schemas, node["$ref"], self.name)
        said = {word: value for word, value in node.items() if word != "$ref"}
        parts = pointer.split("/")
        if parts[1] != "$defs" or len(parts) > 3:  # into the middle of another schema
            around, self.name = self.name, name
            found = self.node(target)
            self.name = around
            return _shown({**found, **said})
        known = self.asked.setdefault(parts[2], (name, target))
        assert known[0] == name, f"two schemas define {parts[2]}"
        return _shown({"$ref": f"#/definitions/{parts[2]}", **said})


def _fillable(node: Node) -> Node:
    """The same place, where ``${{ … }}`` may stand instead of a scalar or a list."""
    if "enum" in node or "const" in node:
        word = "enum" if "enum" in node else "const"
        rest = {key: value for key, value in node.items() if key != word}
        filled_in = {"type": "string", "pattern": EXPRESSION, "title": "Filled in"}
        return {"anyOf": [{word: node[word]}, filled_in], **rest}
    types = node.get("type", "object")
    types = types if isinstance(types, list) else [types]
    if types == ["object"]:
        return node
    if "string" not in types:
        kinds = " or ".join(_article(WORDS[kind]) for kind in types)
        said = f"Write {kinds}, or ${{{{ … }}}}"
        return {**node, "type": [*types, "string"], "pattern": EXPRESSION, MESSAGE: said}
    if "pattern" in node:
        return {**_explained(node), "pattern": f"{node['pattern']}|{EXPRESSION}"}
    return node


def _explained(node: Node) -> Node:
    """The same place, where what is wrong with a text is said in words."""
    if "pattern" not in node or "examples" not in node:
        return node
    title, example = _article(node["title"].lower()), _flow(node["examples"][0])
    return {**node, MESSAGE: f"Not written as {title}; for example {example}"}


def _article(words: str) -> str:
    return words if words == WORDS["boolean"] else f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _shown(node: Node) -> Node:
    """The same place, saying of itself what an editor is to show.

    Editors show no defaults, and of a place with a short and a full form they show first what the
    form at hand says.
    """
    shown = dict(node)
    if "default" in node and "description" in node and "Default:" not in node["description"]:
        shown["description"] = f"{node['description']} Default: {_flow(node['default'])}."
    if "if" in node and "examples" in node:
        said = {word: shown[word] for word in ("title", "description", "examples")}
        del shown["examples"]
        for form in {"then", "else"} & node.keys():
            shown[form] = {**node[form], **said}
    return shown


# -- the reference ---------------------------------------------------------------------------------


def _reference(schemas: dict[str, Node]) -> Iterator[str]:
    for name, schema in schemas.items():
        writer = _Writer(schemas, name)
        yield f"\n## {HEADINGS[name]}\n\n{schema['description']}\n"
        yield from writer.table(schema)
        defined = schema.get("$defs", {})
        for key in sorted(defined, key=lambda each: (each != "step", not _has_keys(defined[each]))):
            yield from writer.definition(key, defined[key])


def _has_keys(node: Node) -> bool:
    return "properties" in node or "properties" in node.get("then", {})


class _Writer:
    """Puts one schema into tables."""

    def __init__(self, schemas: dict[str, Node], name: str) -> None:
        self.schemas = schemas
        self.name = name

    def definition(self, key: str, node: Node) -> Iterator[str]:
        """A section of its own, which others link to."""
        yield f"\n### {_heading(self.name, key)}\n\n{node['description']}\n"
        if not _has_keys(node):
            yield f"Written as {self.kind(node)}; for example {_examples(node)}.\n"
            return
        if "else" in node:
            yield f"In short {self.kind(node['else'])}, or in full:\n"
        yield from self.table(node)

    def table(self, node: Node) -> Iterator[str]:
        """The keys of a mapping, those of the mappings in it after their own."""
        yield "\n| key | type | default | meaning | example |\n| --- | --- | --- | --- | --- |\n"
        for cells in self._rows(node, ""):
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"

    def _rows(self, node: Node, before: str) -> Iterator[tuple[str, ...]]:
        inner = node.get("then", node) if "properties" not in node else node
        for key, written in inner.get("properties", {}).items():
            said = self._said(written)
            default = f"`{_flow(said['default'])}`" if "default" in said else ""
            if key in inner.get("required", ()):
                default = "required"
            cells = (self.kind(written), default, str(said["description"]), _examples(said))
            yield (f"`{before}{key}`", *cells)
            if "$ref" not in written:
                yield from self._inside(written, f"{before}{key}")

    def _said(self, node: Node) -> Node:
        """What a place says of itself, and where it is silent what it points to says."""
        if "$ref" not in node:
            return node
        name, _, target = _pointed(self.schemas, node["$ref"], self.name)
        return {**_Writer(self.schemas, name)._said(target), **node}

    def _inside(self, node: Node, path: str) -> Iterator[tuple[str, ...]]:
        """The keys of what stands in a key, when that has no section of its own."""
        for branch in (node, node.get("then", {}), node.get("else", {})):
            if "properties" in branch:
                yield from self._rows(branch, f"{path}.")
            for word, sign in (("items", "[]"), ("additionalProperties", ".NAME")):
                inner = branch.get(word)
                if isinstance(inner, dict) and _has_keys(inner):
                    yield from self._rows(inner, f"{path}{sign}.")

    def kind(self, node: Node) -> str:
        """What may stand there, in a few words, with links."""
        if "$ref" in node:
            name, pointer, target = _pointed(self.schemas, node["$ref"], self.name)
            parts = pointer.split("/")
            if len(parts) == 1:
                return f"[{name}](#{_slug(HEADINGS[name])})"
            if parts[1] != "$defs" or len(parts) > 3:
                return _Writer(self.schemas, name).kind(target)
            return f"[{parts[2].replace('_', ' ')}](#{_slug(_heading(name, parts[2]))})"
        if "allOf" in node:
            return "one of " + ", ".join(self.kind(branch["then"]) for branch in node["allOf"])
        if "anyOf" in node:
            return " or ".join(self.kind(branch) for branch in node["anyOf"])
        if "if" in node and ("else" in node or "type" not in node):
            return f"{self.kind(node['else'])}, or {self.kind(node['then'])}"
        if "enum" in node or "const" in node:
            choices = node.get("enum", [node.get("const")])
            return ", ".join(f"`{_flow(choice)}`" for choice in choices)
        types = node.get("type", "object")
        kinds = types if isinstance(types, list) else [types]
        return " or ".join(self._plain(node, kind) for kind in kinds) + _bounds(node, kinds)

    def _plain(self, node: Node, kind: str) -> str:
        of = node.get("items" if kind == "array" else "additionalProperties")
        if kind == "array" and isinstance(of, dict):
            return f"list of {self.kind(of)}"
        if kind == "object" and isinstance(of, dict):
            return f"mapping to {self.kind(of)}"
        return WORDS[kind]


def _bounds(node: Node, kinds: list[str]) -> str:
    if not {"integer", "number"} & set(kinds):
        return ""
    least, most = node.get("minimum"), node.get("maximum")
    above = node.get("exclusiveMinimum")
    low = f"{least:,}" if least is not None else f"more than {above}" if above is not None else ""
    if most is not None:
        return f", {low} to {most:,}" if least is not None else f", {low}, at most {most:,}"
    return f", from {low}" if least is not None else f", {low}" if low else ""


def _heading(name: str, key: str) -> str:
    return f"`{key}`" if name == "playbook" else f"{HEADINGS[name]}: `{key}`"


def _slug(heading: str) -> str:
    """The anchor a heading has on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _examples(node: Node) -> str:
    """Two at most, and none that no cell of a table has room for."""
    written = [f"`{_flow(example)}`" for example in node["examples"]]
    return ", ".join([each for each in written if len(each) <= ROOM][:2])


def _flow(value: object) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9./][\w ./%+-]*", value):
        return value if not re.fullmatch(r"[0-9.]+|true|false|null", value) else f'"{value}"'
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
