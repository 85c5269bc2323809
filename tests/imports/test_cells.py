"""Cells are read as people mean them, or not at all."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments import import_cells as cells
from segments.import_checks import ROW

few = settings(max_examples=15)
"""Examples of a whole column each."""

TOKYO = ZoneInfo("Asia/Tokyo")
WIDE = str.maketrans("0123456789,.-/: ", "０１２３４５６７８９，．－／：　")


def read(expression: Any, *texts: str | None, dtype: pl.DataType | None = None) -> list[Any]:
    """What a reader makes of texts; it gets the column and its type."""
    frame = pl.DataFrame({"cell": pl.Series(texts, dtype=pl.String)})
    return frame.select(expression(pl.col("cell"), dtype or pl.String())).to_series().to_list()


dressed = st.tuples(
    st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.booleans(), st.sampled_from(["{}", "¥{}", "{}円", " {} "])
)  # fmt: skip


@few
@given(st.lists(dressed, min_size=20, max_size=60))
def test_any_number_however_it_is_dressed(given_numbers: list[tuple[Decimal, bool, str]]) -> None:
    texts = [dress.format(f"{number:,}") for number, _, dress in given_numbers]
    wide = [
        text.translate(WIDE) if is_wide else text for text, (_, is_wide, _) in zip(texts, given_numbers, strict=True)
    ]
    assert read(cells.number, *wide) == pytest.approx([float(number) for number, _, _ in given_numbers])


@few
@given(st.lists(st.text("0123456789,.-+()▲¥ 円e", max_size=12), min_size=20, max_size=60))
def test_a_text_is_the_number_that_python_reads_or_nothing(texts: list[str]) -> None:
    for text, found in zip(texts, read(cells.number, *texts), strict=True):
        plain = re.sub(r"[\s¥円]", "", text).replace("▲", "-").replace(",", "")
        plain = f"-{plain[1:-1]}" if plain.startswith("(") else plain
        assert found is None or found == pytest.approx(float(plain)), text


@pytest.mark.parametrize("text", ["12,50", "1,28,000", "1.280,50", "12 500 x", "", "-", "¥", "1-2", "NaN", "inf", "0x10", "一万", "1e400"])  # fmt: skip
def test_what_might_mean_two_things_is_no_number(text: str) -> None:
    assert read(cells.number, text) == [None]


@pytest.mark.parametrize(("text", "number"), [("▲1,280", -1280), ("△500", -500), ("(1,280)", -1280), ("（500）", -500), ("−3", -3), ("＋4", 4), ("\\980", 980), ("5.", 5), (".5", 0.5)])  # fmt: skip
def test_losses_as_bookkeepers_write_them(text: str, number: float) -> None:
    assert read(cells.number, text) == [number]


moments = st.datetimes(datetime(1950, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001 - local times
    lambda at: at.replace(microsecond=0)
)
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y年%m月%d日 %H時%M分%S秒", "%Y年%m月%d日%H時%M分%S秒")  # fmt: skip


@few
@given(st.lists(st.tuples(moments, st.sampled_from(FORMS), st.booleans()), min_size=20, max_size=60))
def test_any_moment_in_any_form_is_business_time(given_moments: list[tuple[datetime, str, bool]]) -> None:
    texts = [at.strftime(form).translate(WIDE if wide else {}) for at, form, wide in given_moments]
    found = read(lambda c, t: cells.moment(c, t, "Asia/Tokyo"), *texts)
    assert found == [at.replace(tzinfo=TOKYO) for at, _, _ in given_moments]


@few
@given(st.lists(st.tuples(moments, st.integers(-14 * 4, 14 * 4)), min_size=20, max_size=60))
def test_a_time_with_an_offset_is_exact(given_moments: list[tuple[datetime, int]]) -> None:
    texts = [
        f"{at.isoformat()}{'-' if q < 0 else '+'}{abs(q) * 15 // 60:02}:{abs(q) * 15 % 60:02}"
        for at, q in given_moments
    ]
    found = read(lambda c, t: cells.moment(c, t, "Asia/Tokyo"), *texts)
    assert found == [(at - timedelta(minutes=q * 15)).replace(tzinfo=UTC) for at, q in given_moments]


ERAS = (("令和", "R", 2019, 2099), ("平成", "H", 1989, 2018), ("昭和", "S", 1927, 1988))


def written(day: date, form: int) -> str:
    ja, letter, first, _ = next(each for each in ERAS if each[2] <= day.year <= each[3])
    year = day.year - first + (2 if ja == "昭和" else 1)
    return (
        day.isoformat(), f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日", f"{day:%Y%m%d}",
        f"{ja}{year}年{day.month}月{day.day}日", f"{letter}{year}.{day.month}.{day.day}", f"{day.isoformat()} 23:59:59",
    )[form]  # fmt: skip


@few
@given(st.lists(st.tuples(st.dates(date(1927, 1, 1), date(2099, 12, 31)), st.integers(0, 6)), min_size=20, max_size=60))
def test_any_day_in_any_form(days: list[tuple[date, int]]) -> None:
    assert read(cells.day, *(written(day, form) for day, form in days)) == [day for day, _ in days]


@pytest.mark.parametrize("text", ["26/4/1", "4/1/2026", "2026-02-30", "2026-13-01", "soon", "20261301", "", "2026-04-01 25:00", "2026年4月"])  # fmt: skip
def test_what_is_no_moment_is_nothing(text: str) -> None:
    assert read(lambda c, t: cells.moment(c, t, "Asia/Tokyo"), text) == [None]


@pytest.mark.parametrize(
    ("reader", "text", "meaning"),
    [
        (cells.gender, "女性", "female"), (cells.gender, " Ｆ ", "female"), (cells.gender, "1", "male"), (cells.gender, "その他", "other"), (cells.gender, "?", None),
        (cells.flag, "はい", True), (cells.flag, "○", True), (cells.flag, "ＮＯ", False), (cells.flag, "同意しない", False), (cells.flag, "maybe", None),
        (cells.language, "日本語", "ja"), (cells.language, "en-GB", "en-gb"), (cells.language, "日本", None),
        (cells.email, " hanako＠example.jp", "hanako@example.jp"), (cells.email, "hanako@example", None), (cells.email, "a@b@c.jp", None), (cells.email, "a b@c.jp", None),
        (cells.phone, "０９０−１２３４−５６７８", "090-1234-5678"), (cells.phone, "なし", None),
    ],
)  # fmt: skip
def test_words_of_forms(reader: Any, text: str, meaning: object) -> None:
    assert read(lambda column, _: reader(column), text) == [meaning]


def test_each_different_text_is_read_once_and_means_the_same_everywhere() -> None:
    texts = ["2026-04-01T10:00:00", "2026/4/1", None, "", "soon", "2026-04-01 10:00:00.5", "2026-04-01T10:00:00"]
    rows = pl.DataFrame({ROW: range(7), "cell": pl.Series(texts, dtype=pl.String)})
    quick = cells.Cells(rows, {"at": "cell"}).moment("at", "Asia/Tokyo")
    slow = rows.select(cells.moment(pl.col("cell"), pl.String(), "Asia/Tokyo")).to_series()
    assert isinstance(quick, pl.Series)
    assert quick.to_list() == slow.to_list()
