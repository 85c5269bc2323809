"""A journey drawn: nodes in rows and columns with arrows between them, laid out from the list of steps. A value for pages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.journey_checks import successors, ways
from campaigns.journey_words import Words, name_of, way_of
from campaigns.steps import Step

START = -1
"""The place of the node before the first step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """People at a step.

    Attributes:
        here: who stand or wait there now.
        passed: how often it was passed, by the way out; one without branches under the empty word.
        aside: who were put aside there because the step always failed.
    """

    here: int = 0
    passed: Mapping[str, int] = field(default_factory=dict)
    aside: int = 0


NOBODY = Count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box.

    Attributes:
        place: of the step in the list; `START` for the beginning, the length of the list for the end.
        kind: of the step as JSON has it; ``start`` and ``end``.
        text: what it does.
        row: from 0 at the top, below everything that leads to it except from below.
        column: from 0; the way that most things take is 0.
        here: people there now; at the end, those who left.
        passed: how often it was passed.
        aside: people put aside there.
    """

    place: int
    kind: str
    text: str
    row: int
    column: int
    here: int = 0
    passed: int = 0
    aside: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One arrow between boxes, by their places.

    Attributes:
        text: what the way is called where there are several.
        people: how often it was taken.
        back: it leads to an earlier row.
    """

    begins: int
    ends: int
    text: str = ""
    people: int = 0
    back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All boxes and arrows, and how many rows and columns they take."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    rows: int
    columns: int


def draw(
    steps: Sequence[Step],
    words: Words,
    *,
    counts: Mapping[int, Count],
    entered: int = 0,
    left: int = 0,
    start: str = "",
) -> Picture:
    """The picture of a journey.

    Args:
        steps: a list that can stand.
        words: how it is told.
        counts: people by the place of the step.
        entered: how many ever entered.
        left: how many left, by whatever way.
        start: what begins it, in words.
    """
    rows = _rows(steps)
    columns = _columns(rows)
    nodes = [Node(place=START, kind="start", text=start or words.say("開始", "Start"), row=0, column=0, passed=entered)]
    for place, step in enumerate(steps):
        count = counts.get(place, NOBODY)
        kind, text = str(step.__struct_config__.tag), name_of(step, words)
        nodes.append(
            Node(
                place=place, kind=kind, text=text, row=rows[place], column=columns[place],
                here=count.here, passed=sum(count.passed.values()), aside=count.aside,
            )
        )  # fmt: skip
    end = len(steps)
    if end in rows:
        text = words.say("終了", "End")
        nodes.append(Node(place=end, kind="end", text=text, row=rows[end], column=columns[end], here=left))
    arrows = [Arrow(begins=START, ends=0, people=entered)] if steps else []
    for place in range(len(steps)):
        arrows.extend(_arrows(steps, place, rows, words, counts.get(place, NOBODY)))
    return Picture(
        nodes=tuple(nodes),
        arrows=tuple(arrows),
        rows=max(rows.values(), default=0) + 1,
        columns=max(columns.values(), default=0) + 1,
    )


def _arrows(steps: Sequence[Step], place: int, rows: Mapping[int, int], words: Words, count: Count) -> Iterator[Arrow]:
    for way, ends in ways(steps, place):
        yield Arrow(
            begins=place,
            ends=ends,
            text=way_of(steps[place], way, words) if way else "",
            people=count.passed.get(way, 0),
            back=rows[ends] <= rows[place],
        )


def _rows(steps: Sequence[Step]) -> dict[int, int]:
    """Each place one row below the lowest that leads to it from before; what nothing leads to stands where it is listed.

    The list's own order is an order of the forward arrows, so one pass is enough; arrows back to earlier steps are left out.
    """
    rows: dict[int, int] = {}
    for place in range(len(steps)):
        row = rows.setdefault(place, max(rows.values(), default=0) + 1 if place else 1)
        for following in successors(steps, place):
            if following > place:
                rows[following] = max(rows.get(following, 0), row + 1)
    return rows


def _columns(rows: Mapping[int, int]) -> dict[int, int]:
    """Of what shares a row, what is listed first stands left."""
    taken: dict[int, int] = {}
    columns: dict[int, int] = {}
    for place in sorted(rows):
        columns[place] = taken.get(rows[place], 0)
        taken[rows[place]] = columns[place] + 1
    return columns
