"""YAML as people write it by hand: any indentation, comments anywhere, brackets over lines."""

from typing import NamedTuple

from hypothesis import strategies as st

WORDS = ["a", "light", "no", "on", "1:30", "012", "0x1F", "0o17", "1e3", "1.20", "1_000", "true",
         "null", "~", "2001-01-01", "100ms", "10%", "http://127.0.0.1:8080", "a b", "x#y", "é", "🌩",
         "日本", "-3", ".5", "/orders/*", "a:b", "<<x", "=", "${{inputs.x}}", "y",
         "N", "yes", "long" * 12, "longer" * 7]  # fmt: skip
QUOTED = ['"a"', "'a'", '"no"', "'012'", '"a # b"', "'it''s'", '"\\u00e9\\n"', '"x: y"', "'- a'",
          '""', "''", '"a\\\\b"', "'\\d'", '"say \\"hi\\""', "'two words'", '"true"', "' a'",
          "'1 - 2'",
          '"${{ inputs.base }}"']  # fmt: skip
KEYS = ["a", "name", "steps", '"x"', "'y'", "on", "two words", "é", "k-1", "'no'", '"1"', "f", "g"]
COMMENTS = ["# c", "#", "#c", "# a: b", "# 'x", "#  é 🌩", "# ]", "# - x", "# | >"]
BLOCKS = ["|", ">", "|-", ">-", "|+", ">+", "| # head", "|2-", ">1"]


class Handwritten(NamedTuple):
    """A text, and the comments that were written into it."""

    text: str
    comments: list[str]


class Writer:
    """Draws one text, line by line."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.anchors: list[str] = []
        self.comments: list[str] = []
        self.line = ""
        self.marked = 0
        self.is_item = False

    def pick(self, choices) -> object:
        return self.draw(st.sampled_from(choices))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def comment(self) -> str:
        self.comments.append(self.pick(COMMENTS))
        return self.comments[-1]

    def end(self, indent: int) -> None:
        """End a line: a comment behind it, blank lines, comments of their own."""
        if self.chance(4):
            self.line += self.pick([" ", "   "]) + self.comment()
        elif self.chance(6):
            self.line += "  "
        self.lines.append(self.line)
        self.line = ""
        while self.chance(5):
            space = " " * (self.draw(st.integers(0, 8)) if self.chance(3) else indent)
            self.lines.append(space + self.comment() if self.chance(2) else self.pick(["", "   "]))

    def scalar(self) -> str:
        return self.pick(WORDS if self.chance(2) else QUOTED)

    def flow_scalar(self) -> str:
        return self.pick([word for word in WORDS if not set(word) & set("[]{},")] + QUOTED)

    def flow(self, indent: int, depth: int) -> None:
        is_map = self.chance(2)
        self.line += "{" if is_map else "["
        keys = self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))
        for index, key in enumerate(keys):
            self.space(indent)
            if is_map:
                self.line += key + ":" + (" " if self.chance(4) is False else "  ")
            if depth and self.chance(4):
                self.flow(indent, depth - 1)
            else:
                self.line += self.flow_scalar()
            if index + 1 < len(keys):
                self.space(indent)
                self.line += "," + ("" if is_map and self.chance(9) else " ")
        self.space(indent)
        self.line += "}" if is_map else "]"

    def space(self, indent: int) -> None:
        if self.chance(8):
            self.end(indent)
            self.line = " " * (indent + self.draw(st.integers(1, 5)))
        elif self.chance(4):
            self.line += " "

    def value(self, indent: int, depth: int) -> None:
        """Behind a key or a dash: something on this line, or a block below it."""
        kind = self.draw(st.integers(0, 9))
        if kind > 5 and self.chance(9):
            self.line += self.pick([" &t", " !!str"]) + ("" if self.chance(2) else " ")
        if depth and kind in {0, 1, 2}:
            anchors = self.anchor() if self.chance(8) else []
            self.end(indent + 2)
            # A list may stand as far left as the key it belongs to.
            deeper = indent + self.draw(st.integers(1 if kind or self.is_item else 0, 6))
            self.mapping(deeper, depth - 1) if kind else self.sequence(deeper, depth - 1)
            self.anchors += anchors
        elif kind == 3:
            self.line += " "
            self.flow(indent, 2)
            self.end(indent)
        elif kind == 4:
            self.block_text(indent)
        elif kind == 5:
            self.line += " " + self.pick(
                ["one\n{}two", '"one\n\n{} two"', "'it''s\n{}two'"]
            ).format(" " * (indent + self.draw(st.integers(1, 4))))
            self.end(indent)
        elif kind == 6 and self.anchors and self.chance(2):
            self.line += " *" + self.pick(self.anchors)
            self.end(indent)
        elif kind == 7 and self.chance(2):
            self.end(indent)
        else:
            anchors = self.anchor() if self.chance(9) else []
            if anchors and self.chance(3):
                self.end(indent + 2)
                self.line = " " * (indent + 2)
            self.line += self.pick([" ", "   "]) + self.scalar()
            self.end(indent)
            self.anchors += anchors

    def anchor(self) -> list[str]:
        """Mark what follows; other values may repeat it once it is complete."""
        self.marked += 1
        self.line += f" &n{self.marked}"
        return [f"n{self.marked}"]

    def block_text(self, indent: int) -> None:
        head = self.pick(BLOCKS)
        inner = indent + (int(d) if (d := "".join(c for c in head if c.isdigit())) else 3)
        if indent < 0:
            inner += 1
        self.lines.append(f"{self.line} {head}")
        self.comments += [head[2:]] if "#" in head else []
        self.line = ""
        for number in range(self.draw(st.integers(1, 4))):
            more = "  " if number and self.chance(3) else ""
            self.lines.append(
                self.pick(["", " " * inner + more + self.pick(["text", "# no comment", "a: b "])])
            )

    def mapping(self, indent: int, depth: int) -> None:
        keys = self.draw(
            st.lists(
                st.sampled_from(KEYS), unique_by=lambda k: k.strip("'\""), min_size=1, max_size=4
            )
        )
        for key in keys:
            self.line = self.line or " " * indent
            self.line += key + ":"
            self.is_item = False
            self.value(indent, depth)

    def sequence(self, indent: int, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 3))):
            self.line = " " * indent + "-"
            if depth and self.chance(3):
                gap = self.draw(st.integers(1, 3))
                self.line += " " * gap
                self.mapping(indent + 1 + gap, depth - 1)
            else:
                self.is_item = True
                self.value(indent, depth)


@st.composite
def handwritten(draw) -> Handwritten:
    """A text; not every one can be read, as a block text may end where it must not."""
    writer = Writer(draw)
    for number in range(draw(st.integers(1, 2))):
        if number or writer.chance(4):
            writer.line = "---"
            writer.end(0)
            writer.anchors.clear()
        writer.mapping(0, 3) if writer.chance(4) is False else writer.sequence(0, 3)
    text = "\n".join(writer.lines) + draw(st.sampled_from(["", "\n", "\n\n\n"]))
    return Handwritten(text.replace("\n", "\r\n") if writer.chance(9) else text, writer.comments)
