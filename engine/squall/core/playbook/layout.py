"""An outline written anew, in squall's one style; only space, and quotes nobody needs, change.

Called by `rewrite`. Two spaces a level, dashes a level in, two spaces before a comment, one blank
line at most. What is in brackets stays in brackets: on one line if it stands on one, as comments
speak of lines, or fits on one; else one entry a line. Texts are copied as they stand.
"""

import re
from typing import Final

from squall.core.playbook.outline import Comment, Document, Node, Outline
from squall.core.playbook.scalars import meaning

WIDTH: Final = 100
STEP: Final = 2
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+)*")
_LENGTH: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:us|ms|s|m|h|d)|[0-9]+(?:\.[0-9]+)?%")
"""A quantity with its unit, which no reader of YAML takes for a number."""
_NOT_FOR_ALL: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML 1.1 takes for something else: quotes around them are meant for other readers."""
_BLANK: Final = re.compile(r"\n[ \t]*\n")


class CannotLayOut(ValueError):  # noqa: N818 - it names what is the matter
    """There is something in the text that this does not know how to write; says what."""


def lay_out(of: Outline) -> str:
    """The text in squall's style; raises `CannotLayOut`."""
    return _Layout(of).write()


class _Layout:
    """Writes line after line; `last` is how far of the old text is written."""

    def __init__(self, of: Outline) -> None:
        self.of = of
        self.text = of.text
        self.comments = list(reversed(of.comments))
        self.lines: list[str] = []
        self.line = ""
        self.last = 0

    def write(self) -> str:
        for index, document in enumerate(self.of.documents):
            self._document(document, index)
        self._leading(len(self.text) + 1, 0)
        self._end_line()
        return "".join(f"{line}\n" for line in self.lines)

    def _document(self, document: Document, index: int) -> None:
        if document.marker is not None or index:
            marker = document.marker
            self._leading(document.root.start if marker is None else marker, 0)
            self._end_line()
            self.line = "---"
            self.last = self.last if marker is None else marker + 3
        root = document.root
        limit = self._limit(index)
        if root.is_block:
            self._block(root, 0, -1, limit)
        elif root.start < root.stop:
            self._leading(root.inside, 0)
            self._end_line()
            self._inline(root, 0, 0)
        self._closing(-1, 0, limit)

    def _limit(self, index: int) -> int:
        """Where comments no longer belong to this document."""
        later = self.of.documents[index + 1 :]
        marker = later[0].marker if later else None
        return len(self.text) + 1 if marker is None else marker

    # -- lines and comments -------------------------------------------------------------------

    def _end_line(self) -> None:
        if self.line:
            self.lines.append(self.line.rstrip() if not self.line.isspace() else "")
        self.line = ""

    def _leading(self, start: int, indent: int, *, fresh: bool = False) -> bool:
        """Write the comments before a place; whether there were any."""
        found = False
        while self.comments and self.comments[-1].start < start:
            self._comment(self.comments.pop(), indent, fresh=fresh and not found)
            found = True
        return found

    def _comment(self, comment: Comment, indent: int, *, fresh: bool = False) -> None:
        beside = "\n" not in self.text[self.last : comment.start]
        if beside and self.line.strip():
            self.line += "  " + comment.text.rstrip()
        else:
            self._new_line(comment.start, indent, fresh=fresh)
            self.line += comment.text.rstrip()
        self.last = comment.end

    def _new_line(self, start: int, indent: int, *, fresh: bool = False) -> None:
        """Begin a line for what stands at `start`, after a blank one if there was one."""
        self._end_line()
        blank = self.lines and self.lines[-1] and not fresh
        if blank and _BLANK.search(self.text, self.last, start):
            self.lines.append("")
        self.line = " " * indent

    def _closing(self, outer: int, indent: int, limit: int) -> None:
        """Comments behind the last entry that are indented more than what is around it."""
        while self.comments and self.comments[-1].start < limit:
            comment = self.comments[-1]
            beside = "\n" not in self.text[self.last : comment.start]
            if not beside and self._column(comment.start) <= outer:
                return
            self._comment(self.comments.pop(), indent)

    def _column(self, at: int) -> int:
        return at - (self.text.rfind("\n", 0, at) + 1)

    # -- block collections --------------------------------------------------------------------

    def _block(
        self, node: Node, indent: int, outer: int, limit: int, *, joined: bool = False
    ) -> None:
        """Its entries, a line each; `joined`: the first may stand behind the dash before it."""
        column = self._column(node.inside)
        starts = [item.dash for item in node.children] if node.kind == "seq" else [
            key.start for key, _ in node.pairs
        ]  # fmt: skip
        for index, start in enumerate(starts):
            self._begin(start, indent, first=index == 0, joined=joined)
            until = starts[index + 1] if index + 1 < len(starts) else limit
            if node.kind == "seq":
                self._item(node.children[index], indent, column, until)
            else:
                self._pair(*node.pairs[index], indent, column, until)
        self._closing(outer, indent, limit)

    def _begin(self, start: int, indent: int, *, first: bool, joined: bool) -> None:
        commented = self._leading(start, indent, fresh=first)
        if first and joined and not commented:
            self.line += " "
        else:
            self._new_line(start, indent, fresh=first and not commented)

    def _item(self, node: Node, indent: int, column: int, until: int) -> None:
        self.line += "-"
        self.last = node.dash + 1
        if node.is_block:
            self._properties(node)
            self._block(node, indent + STEP, column, until, joined=not node.properties)
        else:
            self._value(node, indent + STEP, indent)

    def _pair(self, key: Node, value: Node, indent: int, column: int, until: int) -> None:
        written = self._scalar(key, 0)
        if "\n" in written or key.style in {"|", ">"}:
            raise CannotLayOut("a key is spread over several lines")
        self.line += " ".join([*key.properties, written]) + ":"
        self.last = max(key.stop, self.last)
        if value.is_block:
            self._properties(value)
            self._block(value, indent + STEP, column, until)
        else:
            self._value(value, indent + STEP, indent)

    def _properties(self, node: Node) -> None:
        for written in node.properties:
            self.line += " " + written
            self.last = max(self.last, self.text.index(written, node.start) + len(written))

    def _value(self, node: Node, indent: int, around: int) -> None:
        """What stands behind a dash or a key: on its line, unless a comment is in between."""
        if node.start == node.stop and not node.properties:
            self.last = max(self.last, node.stop)
            return
        empty = node.kind == "scalar" and not node.style and not node.value
        if not empty and self._leading(node.inside, indent, fresh=True):
            self._new_line(node.inside, indent, fresh=True)
        elif node.flow and not self._fits(node, len(self.line) + 1):
            if self.line.endswith(":"):
                self._new_line(node.inside, indent, fresh=True)
            else:
                self.line += " "
            self.line += "".join(f"{written} " for written in node.properties)
            self._spread(node, indent)
            return
        else:
            self.line += " "
        self._inline(node, indent, around)

    # -- what stands within a line ------------------------------------------------------------

    def _inline(self, node: Node, indent: int, around: int | None = None) -> None:
        written = " ".join(node.properties)
        if node.style in {"|", ">"}:
            self.line += f"{written} " if written else ""
            self._block_text(node, indent if around is None else around + STEP)
        elif node.flow:
            self.line += f"{written} " if written else ""
            self._flow(node, indent)
        else:
            body = self._scalar(node, indent)
            self.line += " ".join(part for part in (written, body) if part)
            *before, self.line = self.line.split("\n")
            self.lines += before
            self.last = node.stop

    def _scalar(self, node: Node, indent: int) -> str:
        """A text as it stands, its further lines indented; without quotes that nobody needs."""
        if node.kind == "alias":
            return "*" + node.value
        written = self.text[node.inside : node.stop]
        if "\n" in written:
            return self._lines_of(written, node.style, indent)
        if node.style not in {"'", '"'} or node.tagged:
            return written
        if _is_word(node.value):
            return node.value
        if node.style == "'" and node.value.isprintable() and not set('"\\') & set(node.value):
            return f'"{node.value}"'
        return written

    @staticmethod
    def _lines_of(written: str, style: str, indent: int) -> str:
        """A text over several lines: space around its line ends says nothing, unless escaped."""
        first, *rest = written.split("\n")
        lines = [first, *(" " * indent + line.lstrip(" \t") for line in rest)]
        lines[:-1] = [_without_space(line, escapes=style == '"') for line in lines[:-1]]
        return "\n".join(lines)

    def _block_text(self, node: Node, indent: int) -> None:
        """A literal or folded text: its lines moved, and nothing else."""
        head, *body = self.text[node.inside : node.stop].split("\n")
        indicator, _, comment = head.partition("#")
        indicator = indicator.rstrip()
        old = self._indentation(indicator, body, node)
        if any(digit.isdigit() for digit in indicator):
            indicator = re.sub("[0-9]", str(STEP), indicator)
        if node.value and not node.value.endswith("\n") and "-" not in indicator:
            # The file ended without a line end, and from now on it has one.
            indicator = indicator.replace("+", "") + "-"
        self.line += indicator + (f"  #{comment.rstrip()}" if comment else "")
        self._end_line()
        self.lines += [" " * indent + line[old:] if line[old:] else "" for line in body]
        self.last = node.stop

    def _indentation(self, indicator: str, body: list[str], node: Node) -> int:
        """How many spaces stand before each line of a block text."""
        for digit in indicator:
            if digit.isdigit():
                line = self.text[self.text.rfind("\n", 0, node.start) + 1 : node.start]
                return _block_column(line) + int(digit)
        full = next((line for line in body if line.strip(" ")), "")
        return len(full) - len(full.lstrip(" "))

    # -- brackets -----------------------------------------------------------------------------

    def _fits(self, node: Node, column: int) -> bool:
        one = self._one_line(node)
        if one is None or "\n" not in self.text[node.inside : node.stop]:
            return one is not None
        return column + sum(len(written) + 1 for written in node.properties) + len(one) <= WIDTH

    def _one_line(self, node: Node) -> str | None:
        """Brackets and all in them on one line; None where a comment or a text forbids it."""
        if self.comments and self.comments[-1].start < node.stop:
            return None
        parts = []
        if node.kind == "seq":
            parts = [self._flat(item) for item in node.children]
        else:
            parts = [self._flat_pair(key, value) for key, value in node.pairs]
        if any(part is None or "\n" in part for part in parts):
            return None
        return _brackets(node)[0] + ", ".join(map(str, parts)) + _brackets(node)[1]

    def _flat(self, node: Node) -> str | None:
        written = self._one_line(node) if node.flow else self._scalar(node, 0)
        return None if written is None else " ".join([*node.properties, written]).rstrip()

    def _flat_pair(self, key: Node, value: Node) -> str | None:
        first, second = self._flat(key), self._flat(value)
        if first is None or second is None:
            return None
        return f"{first}: {second}" if second else first

    def _flow(self, node: Node, indent: int) -> None:
        if self._fits(node, len(self.line)):
            self.line += self._one_line(node) or ""
            self.last = node.stop
        else:
            self._spread(node, indent)

    def _spread(self, node: Node, indent: int) -> None:
        """Brackets with an entry a line."""
        opening, closing = _brackets(node)
        self.line += opening
        self.last = max(self.last, node.inside + 1)
        entries = [(item, None) for item in node.children] if node.kind == "seq" else node.pairs
        for index, (first, second) in enumerate(entries):
            commented = self._leading(first.start, indent + STEP, fresh=index == 0)
            self._new_line(first.start, indent + STEP, fresh=index == 0 and not commented)
            self._entry(first, second, indent + STEP)
            if index + 1 < len(entries):
                self.line += ","
                self._behind_comma()
        self._leading(node.stop, indent + STEP)
        self._new_line(node.stop, indent, fresh=True)
        self.line += closing
        self.last = node.stop

    def _behind_comma(self) -> None:
        """The comma is written: what follows it on its line is beside it."""
        at = self.text.find(",", self.last)
        comment = self.comments[-1].start if self.comments else len(self.text)
        if 0 <= at < comment:
            self.last = at + 1

    def _entry(self, first: Node, second: Node | None, indent: int) -> None:
        self._inline(first, indent)
        if second is None or (second.start == second.stop and not second.properties):
            return
        self.line += ":"
        if self._leading(second.inside, indent + STEP, fresh=True):
            self._new_line(second.inside, indent + STEP, fresh=True)
        else:
            self.line += " "
        self._inline(second, indent)


def _is_word(text: str) -> bool:
    """Whether it is the same text for every reader of YAML without quotes."""
    plain = (_WORD.fullmatch(text) or _LENGTH.fullmatch(text)) and text.lower() not in _NOT_FOR_ALL
    return bool(plain) and isinstance(meaning(text, None, plain=True), str)


def _without_space(line: str, *, escapes: bool) -> str:
    bare = line.rstrip(" \t")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2 == 1
    return line[: len(bare) + 1] if escapes and escaped else bare


def _brackets(node: Node) -> tuple[str, str]:
    return ("[", "]") if node.kind == "seq" else ("{", "}")


def _block_column(line: str) -> int:
    """Where the innermost block begins on the line that a block text's head stands on."""
    at = len(line) - len(line.lstrip(" "))
    while line[at : at + 2] == "- ":
        rest = line[at + 2 :]
        inner = at + 2 + len(rest) - len(rest.lstrip(" "))
        if ":" not in rest and not rest.lstrip(" ").startswith("- "):
            break
        at = inner
    return at
