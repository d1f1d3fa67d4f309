"""The step graph as an SVG picture that stands alone: no fonts, no scripts, light and dark.

Used by ``squall graph --format svg``. Boxes are steps, with a bar whose colour says what kind;
frames are groups, a loop's with an arrow back up. A solid arrow means "then", a dashed one
"then, even after a failure", a bold one "only after this outcome". `layout` decides where things
stand.
"""

import html
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Final

from squall.core.playbook.drawing import labels
from squall.core.playbook.drawing.layout import Box, Frame, Point, Route, arrange
from squall.core.playbook.graph import FINALLY, MAIN, Node, StepGraph

_LIGHT: Final = {
    "page": "#ffffff",
    "frame": "#5a6b7f0d",
    "box": "#ffffff",
    "edge": "#d3d9e0",
    "text": "#1b2430",
    "soft": "#5d6b7b",
    "line": "#8593a3",
    "warn": "#b26a00",
    "scenario": "#d6453d",
    "load": "#2f6fd6",
    "http": "#2b8a57",
    "wait": "#9aa6b2",
}
_DARK: Final = {
    "page": "#10161e",
    "frame": "#a9bdd40d",
    "box": "#1a2330",
    "edge": "#334152",
    "text": "#e8edf3",
    "soft": "#9cabbb",
    "line": "#73859a",
    "warn": "#f0b254",
    "scenario": "#ff6f66",
    "load": "#6ea5ff",
    "http": "#58c48c",
    "wait": "#66768a",
}
_AS: Final = {"tcp": "http", "exec": "http"}
"""Kinds of step that are coloured like another: all that ask are one."""
_MARGIN: Final = 28.0
_PADDING: Final = 16.0
_NARROWEST: Final = 208.0
_LINE: Final = 17.0
_COLUMNS: Final = 40
_MOST_LINES: Final = 4
_LOOP_LANE: Final = 26.0
_FONT: Final = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def draw(graph: StepGraph) -> str:
    """The whole playbook as one document, ending with a newline."""
    main, last = arrange(graph.main, _frame), None
    if graph.finally_ is not None:
        last = arrange(graph.finally_, _frame)
    title = list(_title(graph))
    header = _MARGIN + 26 + _LINE * (len(title) - 1) + 18
    width = max(main.width, last.width if last else 0.0, *(w for w, _ in title)) + 2 * _MARGIN
    middle = width / 2
    body = [each.format(y=_MARGIN + 14 + _LINE * i) for i, (_, each) in enumerate(title)]
    y = header
    body += [_dot(middle, y), _arrow(((middle, y + 5), (middle, y + 30)))]
    y += 30
    body.append(_moved(main, middle - main.width / 2, y))
    y += main.height
    if last is not None:
        way = ((middle, y), (middle, y + 46))
        body += [_arrow(way, "always"), _sign(way, "always", "always")]
        y += 46
        body.append(_moved(last, middle - last.width / 2, y))
        y += last.height
    body += [_arrow(((middle, y), (middle, y + 25))), _dot(middle, y + 34, end=True)]
    return _document(labels.plain(graph.playbook.name), width, y + 42 + _MARGIN, body)


def _title(graph: StepGraph) -> Iterator[tuple[float, str]]:
    """Lines of the heading, with their widths and a place to fill in where they stand."""
    playbook = graph.playbook
    name = labels.plain(playbook.name)
    yield _width(name, 18), _text(name, _MARGIN, "{y}", "name", template=True)
    texts = [playbook.description] if playbook.description else []
    texts += [
        f"{each.name} {each.listen} → {each.upstream or 'the built-in echo'}"
        for each in playbook.targets
    ]
    for text in texts:
        short = textwrap.shorten(labels.plain(text), 100, placeholder="…")
        yield _width(short, 12), _text(short, _MARGIN, "{y}", "soft", template=True)


def _frame(node: Node) -> Frame:
    if node.region is None:
        return _leaf_frame(node)
    if not _framed(node):
        return Frame(width=0, top=0)
    words = _width("  ".join((labels.plain(node.step.name), *_heading(node))), 12)
    loop = _width(labels.repeats(node.step), 11) + 46 if node.step.loop else 0
    return Frame(
        width=words + loop + 2 * _PADDING,
        top=42,
        side=_PADDING + (_LOOP_LANE if _goes_back(node) else 0),
        bottom=_PADDING,
    )


def _goes_back(node: Node) -> bool:
    """Whether an arrow leads from the last child to the first; side by side there is no last."""
    return node.step.loop is not None and node.region is not None and not node.region.parallel


def _framed(node: Node) -> bool:
    """Whether a group has a frame; a playbook's own steps need none unless they loop."""
    return node.path != MAIN or node.step.loop is not None


def _heading(node: Node) -> tuple[str, ...]:
    """What a frame says beside its name."""
    if node.path == FINALLY:
        return ("always, when every fault is off",)
    return (*labels.does(node.step), *labels.modifiers(node))


def _leaf_frame(node: Node) -> Frame:
    lines, notes = _lines(node), _notes(node)
    widths = [_first_line(node), *(_width(x, 12) for x in lines), *(_width(x, 11) for x in notes)]
    return Frame(
        width=max(_NARROWEST, max(widths) + 22 + _PADDING),
        top=30 + _LINE * (len(lines) + len(notes)) + 10,
    )


def _first_line(node: Node) -> float:
    """How wide a leaf's name, loop mark and duration are together."""
    loop = _width(labels.repeats(node.step), 11) + 40 if node.step.loop else 0
    return _width(labels.plain(node.step.name), 13) * 1.06 + _width(_corner(node), 12) + 18 + loop


def _lines(node: Node) -> list[str]:
    return [] if labels.kind(node.step) == "wait" else _wrapped(labels.does(node.step), node)


def _notes(node: Node) -> list[str]:
    return _wrapped((" · ".join(labels.modifiers(node)),), node)


def _corner(node: Node) -> str:
    duration = labels.lasts(node.step)
    return f"wait {duration}" if labels.kind(node.step) == "wait" else duration


def _wrapped(phrases: tuple[str, ...], node: Node) -> list[str]:
    columns = max(_COLUMNS, round(_first_line(node) / 7))
    return [
        line
        for phrase in phrases
        for line in textwrap.wrap(
            phrase, columns, max_lines=_MOST_LINES, placeholder=" …", break_on_hyphens=False
        )
    ]


def _moved(box: Box, x: float, y: float) -> str:
    inside = _group(box) if box.node.region is not None else _leaf(box)
    return f'<g transform="translate({x:.1f} {y:.1f})">{"".join(inside)}</g>'


def _leaf(box: Box) -> Iterator[str]:
    step = box.node.step
    kind = labels.kind(step)
    full = "; ".join((labels.plain(step.name), *labels.does(step), *labels.modifiers(box.node)))
    yield f"<title>{html.escape(full)}</title>"
    yield f'<rect class="box" width="{box.width:.1f}" height="{box.height:.1f}" rx="9"/>'
    yield f'<rect class="{_AS.get(kind, kind)}" x="9" y="11" width="3.5" '
    yield f'height="{box.height - 22:.1f}" rx="1.75"/>'
    yield _text(labels.plain(step.name), 22, 23, "step")
    right = box.width - _PADDING
    if corner := _corner(box.node):
        yield _text(corner, right, 23, "time")
        right -= _width(corner, 12) + 8
    if step.loop:
        yield _loop_mark(labels.repeats(step), right, 19)
    y = 23 + _LINE + 2
    for line in _lines(box.node):
        yield _text(line, 22, y, "text")
        y += _LINE
    for line in _notes(box.node):
        yield _text(line, 22, y, "note")
        y += _LINE


def _group(box: Box) -> Iterator[str]:
    step = box.node.step
    if _framed(box.node):
        yield f'<rect class="frame" width="{box.width:.1f}" height="{box.height:.1f}" rx="13"/>'
        name = html.escape(labels.plain(step.name))
        words = html.escape(" · ".join(_heading(box.node)))
        yield f'<text class="head" x="{_PADDING}" y="25">{name}'
        yield f'<tspan class="soft" dx="9">{words}</tspan></text>'
    if step.loop:
        yield _loop_mark(labels.repeats(step), box.width - _PADDING, 21)
    if _goes_back(box.node):
        yield _way_back(box)
    for child in box.children:
        yield _moved(child, child.x, child.y)
    for route in box.routes:
        yield _arrow(route.points, _kind(route))
    # Signs come last: no line may run through one.
    for route in box.routes:
        if words := labels.condition(route.link):
            yield _sign(route.points, _kind(route), words)


def _kind(route: Route) -> str:
    return "only" if route.link.outcomes else "even" if route.link.tolerated else "then"


def _arrow(points: tuple[Point, ...], kind: str = "then") -> str:
    """A line that leaves and arrives vertically, its head touching the last point."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for number, (next_x, next_y) in enumerate(rest):
        stop = next_y - 5 if number == len(rest) - 1 else next_y
        bend = (stop - y) * 0.7
        path += f"C{x:.1f} {y + bend:.1f} {next_x:.1f} {stop - bend:.1f} {next_x:.1f} {stop:.1f}"
        x, y = next_x, next_y
    tip = f'<path class="{kind}-tip" d="M{x:.1f} {y:.1f}l-4.5 -7.5h9z"/>'
    return f'<path class="{kind}" d="{path}"/>{tip}'


def _sign(points: tuple[Point, ...], kind: str, words: str) -> str:
    """The words of a link, in the middle of its last stretch."""
    (from_x, from_y), (to_x, to_y) = points[-2:]
    middle, y, width = (from_x + to_x) / 2, (from_y + to_y) / 2 - 3, _width(words, 11) + 14
    return (
        f'<rect class="sign" x="{middle - width / 2:.1f}" y="{y - 9:.1f}" '
        f'width="{width:.1f}" height="18" rx="9"/>'
        + _text(words, middle, y + 4, f"words {kind}-words")
    )


def _way_back(box: Box) -> str:
    """The arrow of a loop: from below its last child up to its first, along the right side."""
    top, bottom = box.children[0], box.children[-1]
    first, last = top.x + top.width, bottom.x + bottom.width
    lane = max(child.x + child.width for child in box.children) + _LOOP_LANE - 6
    end, start = top.y + min(top.height / 4, 24), bottom.y + bottom.height * 0.75
    path = (
        f"M{last + 2:.1f} {start:.1f}H{lane - 8:.1f}Q{lane:.1f} {start:.1f} {lane:.1f} "
        f"{start - 8:.1f}V{end + 8:.1f}Q{lane:.1f} {end:.1f} {lane - 8:.1f} {end:.1f}"
        f"H{first + 7:.1f}"
    )
    tip = f'<path class="then-tip" d="M{first + 2:.1f} {end:.1f}l7.5 -4.5v9z"/>'
    return f'<path class="then" d="{path}"/>{tip}'


def _loop_mark(words: str, right: float, y: float) -> str:
    """A small pill with a circular arrow: how often."""
    width = _width(words, 11) + 30
    x = right - width
    return (
        f'<rect class="pill" x="{x:.1f}" y="{y - 9:.1f}" width="{width:.1f}" height="19" rx="9.5"/>'
        f'<path class="turn" d="M{x + 16:.1f} {y - 3:.1f}a4.4 4.4 0 1 0 1.2 4.6"/>'
        f'<path class="turn-tip" d="M{x + 17.6:.1f} {y - 5.6:.1f}v5h-5z"/>'
        + _text(words, x + 23, y + 4.5, "note")
    )


def _dot(x: float, y: float, *, end: bool = False) -> str:
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="8"/>' if end else ""
    return f'{ring}<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{4.5 if end else 5}"/>'


def _text(text: str, x: float, y: float | str, style: str, *, template: bool = False) -> str:
    written = html.escape(text)
    if template:
        written = written.replace("{", "{{").replace("}", "}}")
    return f'<text class="{style}" x="{x:.1f}" y="{y}">{written}</text>'


def _width(text: str, size: float) -> float:
    """About how wide a text is in the sans-serif fonts people have, rather too much than less."""
    return sum(_advance(letter) for letter in text) * size


def _advance(letter: str) -> float:
    if letter in "iljftrI.,:;'|!()[]/ ·-":
        return 0.36
    if letter in "mwMW@%—…" or unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    return 0.7 if letter.isupper() else 0.6


def _document(name: str, width: float, height: float, body: list[str]) -> str:
    style = f"{_style(_LIGHT)}@media (prefers-color-scheme:dark){{{_style(_DARK)}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="Step graph of {html.escape(name)}">\n'
        f"<style>text{{font:12px {_FONT}}}.time,.words{{font-variant-numeric:tabular-nums}}"
        ".name{font-size:18px;font-weight:650}.step{font-size:13px;font-weight:600}"
        ".head{font-weight:600}.head .soft{font-weight:400}.note{font-size:11px}"
        ".time{text-anchor:end}.words{font-size:11px;text-anchor:middle}.then,.even,.only,.always,.turn{fill:none}"
        ".then,.turn{stroke-width:1.5}.even{stroke-width:1.5;stroke-dasharray:6 4}"
        ".only{stroke-width:2.5}.always{stroke-width:1.5;stroke-dasharray:1.5 4;"
        f"stroke-linecap:round}}{style}</style>\n"
        '<rect class="page" width="100%" height="100%"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _style(color: dict[str, str]) -> str:
    """The same rules in other colours; written out, as not every viewer knows CSS variables."""
    kinds = "".join(f".{k}{{fill:{color[k]}}}" for k in ("scenario", "load", "http", "wait"))
    return kinds + (
        f".page{{fill:{color['page']}}}"
        f".box{{fill:{color['box']};stroke:{color['edge']}}}"
        f".frame{{fill:{color['frame']};stroke:{color['edge']}}}"
        f".pill{{fill:{color['box']};stroke:{color['edge']}}}"
        f".name,.step,.head,.text{{fill:{color['text']}}}"
        f".soft,.note,.time,.words{{fill:{color['soft']}}}"
        f".sign{{fill:{color['box']};stroke:{color['edge']}}}"
        f".then,.always,.turn{{stroke:{color['line']}}}"
        f".then-tip,.always-tip,.turn-tip,.dot{{fill:{color['line']}}}"
        f".ring{{fill:none;stroke:{color['line']};stroke-width:1.5}}"
        f".even{{stroke:{color['warn']}}}.even-tip,.even-words{{fill:{color['warn']}}}"
        f".only{{stroke:{color['scenario']}}}.only-tip,.only-words{{fill:{color['scenario']}}}"
    )
