"""Where the boxes and arrows of a journey's picture stand, in units of the drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin_ui.journey_form import KINDS
from campaigns.journey_picture import Arrow, Node, Picture

WIDTH, HEIGHT = 208, 58
"""Of a box."""
_ACROSS, _DOWN = 44, 46
"""Between boxes."""
_MARGIN = 12
_BEND = 26
"""How far an arrow that passes other boxes goes out beside them; more for each row that it passes."""
_FAN = 56
"""Between the arrows that leave one box."""

_ENDS: Mapping[str, str] = {"start": "arrow", "end": "check"}


@dataclass(frozen=True, slots=True)
class Box:
    """A box with its upper left corner."""

    node: Node
    x: float
    y: float
    icon: str


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow: its path, and where its words begin."""

    arrow: Arrow
    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything, and how large it is."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: float
    height: float


def drawing(picture: Picture) -> Drawing:
    """The picture with the places of everything in it."""
    rows = {node.place: node.row for node in picture.nodes}
    columns = {node.place: node.column for node in picture.nodes}
    beside = [each for each in picture.arrows if {each.begins, each.ends} <= {*rows} and _passes(each, rows, columns)]
    left, right = (_BEND * 2 if any(each.back is back for each in beside) else _MARGIN for back in (True, False))
    boxes = {node.place: _box(node, left) for node in picture.nodes}
    lines = [
        _line(arrow, boxes[arrow.begins], boxes[arrow.ends], *_place_among(arrow, picture.arrows))
        for arrow in picture.arrows
        if arrow.begins in boxes and arrow.ends in boxes
    ]
    return Drawing(
        boxes=[*boxes.values()],
        lines=lines,
        width=left + right + picture.columns * (WIDTH + _ACROSS) - _ACROSS,
        height=2 * _MARGIN + picture.rows * (HEIGHT + _DOWN) - _DOWN,
    )


def _box(node: Node, side: float) -> Box:
    icon = _ENDS.get(node.kind) or KINDS.get(node.kind, ("", ""))[1]
    return Box(node, side + node.column * (WIDTH + _ACROSS), _MARGIN + node.row * (HEIGHT + _DOWN), icon)


def _place_among(arrow: Arrow, every: Sequence[Arrow]) -> tuple[int, int]:
    """Which of the arrows that leave its box it is, and how many there are."""
    own = [each for each in every if each.begins == arrow.begins]
    return own.index(arrow), len(own)


def _line(arrow: Arrow, begin: Box, end: Box, which: int, of: int) -> Line:
    places = (arrow.begins, arrow.ends)
    rows, columns = (
        dict(zip(places, pair, strict=True))
        for pair in ((begin.node.row, end.node.row), (begin.node.column, end.node.column))
    )
    if _passes(arrow, rows, columns):
        return _around(arrow, begin, end, abs(end.node.row - begin.node.row))
    return _down(arrow, begin, end, which, of)


def _passes(arrow: Arrow, rows: Mapping[int, int], columns: Mapping[int, int]) -> bool:
    """Whether it has to go round other boxes: back, beside, or down over boxes of its own column."""
    down = rows[arrow.ends] - rows[arrow.begins]
    return down < 1 or (down > 1 and columns[arrow.begins] == columns[arrow.ends])


def _down(arrow: Arrow, begin: Box, end: Box, which: int, of: int) -> Line:
    """From the bottom of one box to the top of another. Where several part, the words stand at the tip: no arrow crosses them there."""
    x, y = begin.x + WIDTH / 2 + (which - (of - 1) / 2) * _FAN, begin.y + HEIGHT
    to_x, to_y = end.x + WIDTH / 2, end.y - 5
    bend = min(40.0, (to_y - y) / 2)
    path = f"M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"
    parted = of > 1 and begin.node.column + which == end.node.column
    return Line(arrow, path, to_x + 8, to_y - 10) if parted else Line(arrow, path, x + 6, y + 15)


def _around(arrow: Arrow, begin: Box, end: Box, rows: int) -> Line:
    """Beside the boxes between: forwards on the right, backwards on the left."""
    side = -1 if arrow.back else 1
    x = begin.x + (WIDTH if side > 0 else 0)
    to_x = end.x + (WIDTH + 5 if side > 0 else -5)
    y, to_y = begin.y + HEIGHT / 2, end.y + HEIGHT / 2
    out = (max(x, to_x) if side > 0 else min(x, to_x)) + side * (_BEND + 6 * min(rows, 8))
    path = f"M{x:g} {y:g}C{out:g} {y:g} {out:g} {to_y:g} {to_x:g} {to_y:g}"
    return Line(arrow, path, x + side * 6 - (40 if side < 0 else 0), y - 6)
