"""Where everything stands in a drawing of the step graph: sizes, places, and the way of each link.

Works from the inside out: a leaf is as large as its text, a group as large as its children laid
out in rows, each below what it waits for. Steps that have nothing to do with one another stand side
by side. A link that passes over a row gets a lane of its own there, so no line runs through a box.
It knows nothing of SVG; lengths are in pixels, places are relative to the box around.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from squall.core.playbook.graph import Link, Node, Region

Point = tuple[float, float]
_LANE: Final = 22.0
_BESIDE: Final = 18.0
_BELOW: Final = 30.0
_BELOW_BENT: Final = 44.0
_BELOW_WORDS: Final = 54.0
_WIDEST: Final = 1080.0
_SWEEPS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a box needs around its children, or, for a leaf, its whole size."""

    width: float
    top: float
    side: float = 0.0
    bottom: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A link's way from the lower edge of one box to the upper edge of another."""

    link: Link
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A step in its place, with everything inside."""

    node: Node
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    children: "tuple[Box, ...]" = ()
    routes: tuple[Route, ...] = ()


def arrange(node: Node, frame: Callable[[Node], Frame]) -> Box:
    """The node with everything inside it in its place, itself at the origin."""
    around = frame(node)
    if node.region is None:
        return Box(node=node, width=around.width, height=around.top)
    children = [arrange(child, frame) for child in node.region.nodes]
    blocks = [
        _Block(part, children, node.region)
        for part in (node.region.layers() if node.region.parallel else (_column(node.region),))
    ]
    inner_width, inner_height = _flow(blocks)
    width = max(around.width, inner_width + 2 * around.side)
    left = (width - inner_width) / 2
    for block in blocks:
        block.move(left, around.top)
    placed = sorted((child for block in blocks for child in block.placed()), key=lambda x: x[0])
    return Box(
        node=node,
        width=width,
        height=around.top + inner_height + around.bottom,
        children=tuple(box for _, box in placed),
        routes=tuple(route for block in blocks for route in block.routes()),
    )


def _column(region: Region) -> tuple[tuple[int, ...], ...]:
    return tuple((index,) for index in range(len(region.nodes)))


def _flow(blocks: "Sequence[_Block]") -> tuple[float, float]:
    """Put blocks side by side, and below where they would become too wide; the size of all."""
    x = y = widest = row_height = 0.0
    for block in blocks:
        if x and x + block.width > _WIDEST:
            x, y, row_height = 0.0, y + row_height + _BESIDE, 0.0
        block.move(x, y)
        x += block.width + _BESIDE
        widest, row_height = max(widest, x - _BESIDE), max(row_height, block.height)
    return widest, y + row_height


@dataclass(slots=True, eq=False)
class _Item:
    """A box in a row, or the lane of a link that passes through it."""

    child: int | None
    width: float
    height: float
    before: "list[_Item]"
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


class _Block:
    """Connected children in rows. Rows are centred; their order follows what they wait for."""

    def __init__(self, rows: Sequence[Sequence[int]], boxes: Sequence[Box], region: Region) -> None:
        self._boxes = boxes
        self._of = {
            index: _Item(index, boxes[index].width, boxes[index].height, [])
            for row in rows
            for index in row
        }
        self._rows = [[self._of[index] for index in row] for row in rows]
        self._ways = {
            link: self._way(link, rows) for link in region.reduced() if link.before in self._of
        }
        self._order()
        self.width = max(_row_width(row) for row in self._rows)
        self.height = self._place()

    def _way(self, link: Link, rows: Sequence[Sequence[int]]) -> list[_Item]:
        """The items a link passes, opening a lane in each row between its ends."""
        at = {index: number for number, row in enumerate(rows) for index in row}
        way = [self._of[link.before]]
        for number in range(at[link.before] + 1, at[link.after]):
            lane = _Item(None, _LANE, 0.0, [way[-1]])
            self._rows[number].append(lane)
            way.append(lane)
        last = self._of[link.after]
        last.before.append(way[-1])
        return [*way, last]

    def _order(self) -> None:
        """Sort each row by the middle of what its items wait for, so that few links cross."""
        for row in self._rows:
            _spread(row)
        for _ in range(_SWEEPS):
            for row in self._rows[1:]:
                row.sort(key=lambda item: _mean([b.middle for b in item.before], item.middle))
                _spread(row)

    def _place(self) -> float:
        y = 0.0
        for number, row in enumerate(self._rows):
            left = (self.width - _row_width(row)) / 2
            height = max(item.height for item in row)
            _spread(row, left)
            for item in row:
                item.y = y
                # A lane is as high as its row; boxes stand at its top.
                item.height = height if item.child is None else item.height
            y += height
            if number < len(self._rows) - 1:
                y += self._gap(self._rows[number + 1])
        return y

    def _gap(self, below: list[_Item]) -> float:
        """More room where a link carries words, or has to bend."""
        arriving = {id(item) for item in below}
        worded = any(
            (link.outcomes or link.tolerated) and id(way[-1]) in arriving
            for link, way in self._ways.items()
        )
        if worded:
            return _BELOW_WORDS
        return _BELOW if max(map(len, self._rows)) == 1 else _BELOW_BENT

    def move(self, x: float, y: float) -> None:
        for row in self._rows:
            for item in row:
                item.x += x
                item.y += y

    def placed(self) -> list[tuple[int, Box]]:
        return [
            (index, replace(self._boxes[index], x=item.x, y=item.y))
            for index, item in self._of.items()
        ]

    def routes(self) -> list[Route]:
        found = []
        for link, way in self._ways.items():
            points = [(way[0].middle, way[0].y + way[0].height)]
            for lane in way[1:-1]:
                points += [(lane.middle, lane.y), (lane.middle, lane.y + lane.height)]
            points.append((way[-1].middle, way[-1].y))
            found.append(Route(link=link, points=tuple(points)))
        return found


def _spread(row: list[_Item], left: float | None = None) -> None:
    """Put a row's items beside one another, around zero where no left edge is given."""
    x = -_row_width(row) / 2 if left is None else left
    for item in row:
        item.x = x
        x += item.width + _BESIDE


def _row_width(row: list[_Item]) -> float:
    return sum(item.width for item in row) + _BESIDE * (len(row) - 1)


def _mean(numbers: list[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
