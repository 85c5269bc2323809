"""A KPI's tables in words: sheets of every shape, breakdowns, and the line of kept figures with its marks."""

import json
from datetime import UTC, date, datetime

import pytest

from admin_ui import kpi_views, viewmodels
from admin_ui.i18n import Say
from admin_ui.kept_views import KeptRow, kept_row
from admin_ui.kpi_words import CHOICES, FAMILY_NAMES, PERIODS
from segments.metrics.catalog import CATALOG, FAMILIES, get
from segments.metrics.metric import Column, Measured, Shape, Sheet, Unit
from segments.metrics.result import Breakdown, Comparison, Group, GroupFigure, GroupKind, KpiResult
from segments.periods import NAMED
from segments.snapshots import EVERYONE, Snapshot, beside_everyone, choose, trend
from segments.windows import Window

JA, EN = Say("ja"), Say("en")
WINDOW = Window(date(2026, 10, 25), date(2026, 11, 21))
AS_OF = datetime(2026, 11, 22, 3, tzinfo=UTC)
CODES = {"a": {"ja": "甲", "en": "A"}, "b": {"ja": "乙", "en": "B"}}


def measured(value: float | None, numerator: float = 3) -> Measured:
    return Measured(
        slug="launch_rate", numerator=numerator, denominator=4, value=value, window=WINDOW, incomplete=False
    )


@pytest.mark.parametrize(
    ("unit", "value", "ja", "en"),
    [
        (Unit.RATE, 0.123, "12.3%", "12.3%"),
        (Unit.PEOPLE, 1200.0, "1,200人", "1,200 people"),
        (Unit.MONEY, 128000.0, "¥128,000", "¥128,000"),
        (Unit.TIMES, 2.345, "2.35", "2.35"),
        (Unit.DAYS, 12.34, "12.3日間", "12.3 days"),
        (Unit.SCORE, -12.0, "−12.0", "−12.0"),
        (Unit.SCORE, 40.0, "+40.0", "+40.0"),
        (Unit.MULTIPLE, 1.5, "1.50×", "1.50×"),
        (Unit.NUMBER, 0.242593, "0.242593", "0.242593"),
        (Unit.NUMBER, -9582.43, "-9,582.43", "-9,582.43"),
    ],
)
def test_every_unit_is_written(unit: Unit, value: float, ja: str, en: str) -> None:
    assert viewmodels.written(measured(value), unit, "JPY", JA) == ja
    assert viewmodels.written(measured(value), unit, "JPY", EN) == en
    assert viewmodels.written(measured(None), unit, "JPY", JA) == "—"


def test_a_matrix_is_shaded_by_its_rows() -> None:
    columns = (
        Column("from", "前", "From", codes=CODES),
        Column("to", "後", "To", codes=CODES),
        Column("customers", "人数", "Customers", Unit.PEOPLE),
        Column("share", "割合", "Share", Unit.RATE),
    )
    found = Sheet(
        shape=Shape.MATRIX, columns=columns, rows=(("a", "a", 3, 0.75), ("a", "b", 1, 0.25), ("b", "a", 2, 1.0))
    )
    view = kpi_views.sheet(found, "JPY", JA)
    assert (view.corner, view.across) == ("前 → 後", ("甲", "乙"))
    assert [name for name, _ in view.matrix] == ["甲", "乙"]
    assert [cell.shade for cell in view.matrix[0][1]] == ["heat-7", "heat-2"]
    assert view.matrix[0][1][0].tip == "甲 → 甲\n人数 3\n割合 75.0%"
    assert view.matrix[1][1][1].shade == ""
    drawn = json.loads(view.chart or "")
    assert (drawn["kind"], [line["values"] for line in drawn["series"]]) == ("heat", [[3, 1], [2, None]])


@pytest.mark.parametrize("shape", [Shape.DISTRIBUTION, Shape.FUNNEL, Shape.LIST])
def test_other_sheets_are_bars_and_a_table(shape: Shape) -> None:
    columns = (
        Column("group", "区分", "Group", codes=CODES),
        Column("event", "行動", "Event"),
        Column("customers", "人数", "Customers", Unit.PEOPLE),
        Column("spend", "金額", "Spend", Unit.MONEY),
        Column("since", "日", "Day"),
        Column("open", "集計中", "Open"),
    )
    rows = (("a", "Store Visited", 12345, 99.6, date(2026, 11, 3), True), ("b", "<b>", None, None, None, False))
    view = kpi_views.sheet(Sheet(shape=shape, columns=columns, rows=rows), "JPY", EN)
    assert [[cell.text for cell in row] for row in view.rows] == [
        ["A", "Store visited", "12,345", "¥100", "3 Nov 2026", "Yes"],
        ["B", "<b>", "—", "—", "—", "No"],
    ]
    labels = {Shape.DISTRIBUTION: ["A", "B"], Shape.FUNNEL: ["1. Store visited", "2. <b>"]}
    assert (json.loads(view.chart)["days"] if view.chart else None) == labels.get(shape)
    assert kpi_views.sheet(Sheet(shape=shape, columns=columns), "JPY", EN).rows == ()


def test_a_breakdown_with_its_comparison() -> None:
    groups = (
        GroupFigure(Group("gold", GroupKind.VALUE), measured(0.75), measured(0.5)),
        GroupFigure(Group(None, GroupKind.UNKNOWN, {"ja": "不明", "en": "Unknown"}), measured(None, 0), measured(0.5)),
    )
    broken = Breakdown(name="rank", title={"ja": "会員ランク", "en": "Rank"}, rule="today", groups=groups)
    result = KpiResult(
        metric=get("launch_rate"),
        measured=measured(0.6),
        as_of=AS_OF,
        today=date(2026, 11, 22),
        currency="JPY",
        compared=Comparison(how="previous", measured=measured(0.5)),
        breakdown=broken,
    )
    view = kpi_views.groups(result, broken, JA)
    assert [(row.name, row.value, row.compared) for row in view.rows] == [
        ("gold", "75.0%", "50.0%"),
        ("不明", "—", "50.0%"),
    ]
    assert [row.change and (row.change.text, row.change.direction) for row in view.rows] == [("+25.0pt", "up"), None]
    drawn = json.loads(view.chart)
    assert (drawn["horizontal"], [line["values"] for line in drawn["series"]]) == (True, [[75, None], [50, 50]])
    row = kpi_views.compared_row(result, JA)
    assert row is not None
    assert row.change is not None
    assert row.change.text == "+10.0pt"


def test_the_line_marks_where_its_definition_changed_and_public_holidays() -> None:
    kept = [
        Snapshot(
            choice="launch_rate", segment_id=1, business_day=date(2026, 11, day), segment_version=1 + (day > 2),
            definition="d", window=WINDOW, numerator=3.0, denominator=4, value=0.75, incomplete=day == 4, notes=(),
            taken_at=AS_OF,
        )
        for day in (4, 1, 2, 3)
    ]  # fmt: skip
    view = kpi_views.trend(get("launch_rate"), trend(kept), "JPY", JA, holidays=True)
    assert view is not None
    assert [(row.day, row.holiday, row.changed, row.numerator) for row in view.rows] == [
        ("2026年11月4日", "", False, "3"),
        ("2026年11月3日", "文化の日", True, "3"),
        ("2026年11月2日", "", False, "3"),
        ("2026年11月1日", "", False, "3"),
    ]
    drawn = json.loads(view.chart)
    assert drawn["marks"] == [{"at": 2, "text": "定義の変更"}]
    assert drawn["days"][2] == "11/3 ●"
    assert kpi_views.trend(get("launch_rate"), (), "JPY", JA, holidays=True) is None


def test_public_holidays_of_a_window() -> None:
    assert kpi_views.holidays_in(WINDOW, JA) == ("11/3 文化の日",)
    assert kpi_views.holidays_in(Window(date(2026, 11, 5), date(2026, 11, 6)), EN) == ()


def test_every_family_window_and_choice_has_a_name() -> None:
    assert [family[0].slug for family in FAMILIES] == list(FAMILY_NAMES)
    assert list(PERIODS) == list(NAMED)
    choices = {choice for metric in CATALOG.values() for option in metric.options for choice in option.choices}
    assert choices <= CHOICES.keys()


def test_parameters_of_models_keep_digits_that_tell_something() -> None:
    assert kpi_views._number(0.0034427, Unit.NUMBER, "JPY", EN) == "0.003443"
    assert kpi_views._number(417, Unit.NUMBER, "JPY", JA) == "417"


def test_a_count_is_not_compared_with_everyones() -> None:
    def line(slug: str, denominator: int | None) -> KeptRow:
        kept = [
            Snapshot(
                choice=slug, segment_id=who, business_day=date(2026, 11, 4), segment_version=None, definition="d",
                window=WINDOW, numerator=3.0, denominator=denominator, value=value, incomplete=False, notes=(),
                taken_at=AS_OF,
            )
            for who, value in ((7, 3.0), (EVERYONE, 9.0))
        ]  # fmt: skip
        [found] = beside_everyone([choose(slug)], kept)
        return kept_row(found, 7, "JPY", EN)

    assert line("mau", None).change is None
    row = line("orders_per_customer", 4)
    assert (row.value, row.everyone, row.change and row.change.text) == ("3.00", "9.00", "−6.00")


def test_what_is_not_kept_yet_is_left_out() -> None:
    assert beside_everyone([choose("mau")], []) == ()


def test_a_kept_choice_tells_its_options_in_words() -> None:
    choice = choose("repeat_purchase_rate", {"n": 3, "basis": "receipts"})
    kept = Snapshot(
        choice=choice.key, segment_id=7, business_day=date(2026, 11, 4), segment_version=1, definition="d", window=WINDOW,
        numerator=3.0, denominator=4, value=0.75, incomplete=False, notes=(), taken_at=AS_OF,
    )  # fmt: skip
    [found] = beside_everyone([choice], [kept])
    row = kept_row(found, 7, "JPY", EN)
    named = {option.name: option.en for option in get("repeat_purchase_rate").options}
    assert row.options == f"{named['basis']} by receipt, {named['n']} 3"
    assert (row.everyone, row.href) == ("—", "/analysis/repeat_purchase_rate?basis=receipts&n=3&segment=7")
