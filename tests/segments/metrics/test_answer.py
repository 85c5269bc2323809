"""A figure as JSON and as a flat table: nothing of it is lost, and codes, groups and cells stay what they are."""

from datetime import UTC, date, datetime

import msgspec

from segments.metrics.answer import kpi_answer, metric_answer
from segments.metrics.catalog import CATALOG, get
from segments.metrics.metric import Cell, Cohort, Column, Measured, Shape, Sheet, Triangle, Unit
from segments.metrics.result import Breakdown, Comparison, Group, GroupFigure, GroupKind, KpiResult
from segments.metrics.tables import COLUMNS, sheet_table, table
from segments.windows import Window

WINDOW = Window(date(2026, 3, 1), date(2026, 3, 31))
SHEET = Sheet(
    shape=Shape.DISTRIBUTION,
    columns=(
        Column("group", "区分", "Group", codes={"a": {"ja": "甲", "en": "A"}}),
        Column("customers", "人数", "Customers", Unit.PEOPLE),
        Column("share", "割合", "Share", Unit.RATE),
        Column("since", "開始日", "Since"),
    ),
    rows=(("a", 3, 0.75, date(2026, 3, 1)), ("=1+1", 1, None, None)),
)


def measured(value: float | None, *, numerator: float = 1, **more: object) -> Measured:
    return Measured(
        slug="launch_rate",
        numerator=numerator,
        denominator=2,
        value=value,
        window=WINDOW,
        incomplete=False,
        **more,  # type: ignore[arg-type]
    )


def result(**more: object) -> KpiResult:
    return KpiResult(
        metric=get("launch_rate"),
        as_of=datetime(2026, 4, 1, tzinfo=UTC),
        today=date(2026, 4, 1),
        currency="JPY",
        **{"measured": measured(0.5), **more},  # type: ignore[arg-type]
    )


def test_every_part_of_a_figure_is_in_its_document() -> None:
    groups = (
        GroupFigure(Group("gold", GroupKind.VALUE), measured(0.75), measured(0.5)),
        GroupFigure(Group(None, GroupKind.UNKNOWN, {"ja": "不明", "en": "Unknown"}), measured(None)),
    )
    whole = result(
        measured=measured(0.5, interval=(0.4, 0.6), notes=("nobody",), sheet=SHEET),
        compared=Comparison(how="previous", measured=measured(0.25)),
        breakdown=Breakdown(name="rank", title={"ja": "ランク", "en": "Rank"}, rule="cohort", groups=groups),
        as_of_day=date(2026, 3, 31),
    )
    found = msgspec.json.decode(msgspec.json.encode(kpi_answer(whole)))
    assert (found["value"], found["interval"], found["as_of_day"]) == (0.5, [0.4, 0.6], "2026-03-31")
    assert found["window"] == {"from": "2026-03-01", "to": "2026-03-31"}
    assert found["notes"][0]["en"] == "There is nobody and nothing to count: 0 of 0"
    assert (found["compared"]["how"], found["compared"]["change"]) == ("previous", 0.25)
    assert [(g["label"], g["kind"], g["change"]) for g in found["breakdown"]["groups"]] == [
        ("gold", "value", 0.25),
        (None, "unknown", None),
    ]
    assert found["sheet"]["rows"] == [["a", 3, 0.75, "2026-03-01"], ["=1+1", 1, None, None]]
    assert found["sheet"]["columns"][0]["codes"] == {"a": {"ja": "甲", "en": "A"}}


def test_the_flat_table_has_a_row_for_the_figure_each_group_and_each_cell() -> None:
    triangle = Triangle("week", 1, (Cohort(date(2026, 3, 2), 4, (Cell(0, 4, 4), Cell(1, 1, 4))),), ())
    groups = (GroupFigure(Group("gold", GroupKind.VALUE), measured(0.75), measured(0.5)),)
    whole = result(
        measured=measured(0.5, table=triangle, sheet=SHEET),
        compared=Comparison(how="previous", measured=measured(0.25)),
        breakdown=Breakdown(name="rank", title={"ja": "ランク", "en": "Rank"}, rule="cohort", groups=groups),
    )
    rows = table([whole]).to_dicts()
    assert list(rows[0]) == list(COLUMNS)
    assert [row["numerator"] for row in rows[:4]] == [1, 1, 4, 1]
    assert [row["group"] for row in rows[:2]] == [None, "gold"]
    assert (rows[0]["compared_with"], rows[0]["change"], rows[1]["change"]) == ("previous", 0.25, 0.25)
    assert [(row["cohort"], row["period"]) for row in rows[2:4]] == [(date(2026, 3, 2), 0), (date(2026, 3, 2), 1)]
    cells = [(row["row"], row["column"], row["text"], row["value"]) for row in rows[4:]]
    assert cells[:4] == [
        (1, "group", "a", None),
        (1, "customers", None, 3.0),
        (1, "share", None, 0.75),
        (1, "since", "2026-03-01", None),
    ]
    assert cells[4] == (2, "group", "=1+1", None)


def test_a_numerator_that_is_no_whole_number_stays_what_it_is() -> None:
    assert table([result(measured=measured(0.5, numerator=1.5))]).item(0, "numerator") == 1.5
    assert str(table([result()]).schema["numerator"]) == "Int64"
    assert table([]).is_empty()


def test_a_sheet_keeps_its_types() -> None:
    rows = sheet_table(SHEET)
    assert [str(kind) for kind in rows.dtypes] == ["String", "Int64", "Float64", "Date"]
    assert rows.rows() == list(SHEET.rows)
    empty = sheet_table(Sheet(shape=Shape.LIST, columns=SHEET.columns))
    assert (empty.height, [str(kind) for kind in empty.dtypes]) == (0, ["String", "Float64", "Float64", "String"])


def test_every_kpi_of_the_catalogue_is_a_document() -> None:
    for metric in CATALOG.values():
        found = msgspec.json.decode(msgspec.json.encode(metric_answer(metric)))
        assert found["slug"] == metric.slug
        assert [each["name"] for each in found["options"]] == [option.name for option in metric.options]
