"""Files of an export: what is written is read again as it was, by our own import and by others."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.store import export_files
from backend.store.export_files import GETA, Columns, Written, in_cp932, open_writer
from segments.cells import STARTS
from segments.exports import Encoding, FileFormat
from tests.exports.reading import cells

MOMENT = datetime(2026, 3, 31, 15, 30, 0, 5000, tzinfo=UTC)
COLUMNS: Columns = {
    "会員": pl.String(),
    "=n": pl.Int64(),
    "f": pl.Float64(),
    "b": pl.Boolean(),
    "d": pl.Date(),
    "at": pl.Datetime("us", "UTC"),
}
ROWS: list[tuple[Any, ...]] = [
    ("=cmd|' /C calc'!A0", -1, -0.5, True, date(2026, 4, 1), MOMENT),
    ('彼は"はい"\r\nと言った, まる', 2**60, 1.5, False, date(1899, 1, 1), MOMENT),
    (None, None, None, None, None, None),
]
texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(
    st.sampled_from("=+-@\t\r\n\0'\",＝−あ"), max_size=6
)
japanese = st.text(st.sampled_from("=＋－'\",\r\nあ漢髙﨑①㈱ｱ゛～"), max_size=8)


def written(
    folder: Path,
    rows: list[tuple[Any, ...]],
    columns: Columns = COLUMNS,
    *,
    kind: FileFormat = FileFormat.CSV,
    encoding: Encoding = Encoding.UTF8,
    chunk: int = 2,
) -> tuple[Path, Written]:
    path = folder / f"x.{kind}"
    path.unlink(missing_ok=True)
    writer = open_writer(path, columns, file_format=kind, encoding=encoding, zone="Asia/Tokyo")
    frame = pl.DataFrame(rows, schema=dict(columns), orient="row")
    for start in range(0, frame.height, chunk):
        writer.write(frame.slice(start, chunk))
    return path, writer.close()


def test_csv_is_as_rfc_4180_says_and_numbers_stay_numbers(tmp_path: Path) -> None:
    path, counted = written(tmp_path, ROWS)
    assert path.read_bytes().decode() == (
        '"会員","\'=n","f","b","d","at"\r\n'
        '"\'=cmd|\' /C calc\'!A0",-1,-0.5,"true","2026-04-01","2026-04-01T00:30:00.005+09:00"\r\n'
        '"彼は""はい""\r\nと言った, まる",1152921504606846976,1.5,"false","1899-01-01","2026-04-01T00:30:00.005+09:00"\r\n'
        ",,,,,\r\n"
    )
    assert counted == Written(rows=3)


def test_a_file_without_rows_still_names_its_columns(tmp_path: Path) -> None:
    for kind in FileFormat:
        path, counted = written(tmp_path, [], kind=kind)
        assert counted.rows == 0
        read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "xlsx": as_sheet}[kind](path)
        assert len(read.columns) == len(COLUMNS)


@given(rows=st.lists(st.tuples(texts, texts), max_size=8), encoding=st.sampled_from([Encoding.UTF8, Encoding.UTF8_BOM]))
def test_import_of_export_is_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], encoding: Encoding
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path, _ = written(folder, rows, {"a": pl.String(), "b": pl.String()}, encoding=encoding)
    assert [(row["a"], row["b"]) for row in cells(path, "utf-8")] == rows


@given(rows=st.lists(st.tuples(japanese, japanese), max_size=8))
def test_what_cp932_has_comes_back_from_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    columns = {"a": pl.String(), "b": pl.String()}
    path, counted = written(tmp_path_factory.getbasetemp(), rows, columns, encoding=Encoding.CP932)
    found = [(row["a"], row["b"]) for row in cells(path, "cp932")]
    assert (found, counted.replaced) == (rows, 0)


@given(st.lists(st.tuples(texts), max_size=8), st.sampled_from(Encoding))
def test_no_cell_of_text_begins_like_a_formula(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str]], encoding: Encoding
) -> None:
    path, _ = written(tmp_path_factory.getbasetemp(), rows, {"a": pl.String()}, encoding=encoding)
    text = path.read_bytes().decode("cp932" if encoding is Encoding.CP932 else "utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple(STARTS))]


def test_characters_that_cp932_lacks_are_marked_and_counted() -> None:
    assert in_cp932("髙橋—¥500") == ("髙橋―￥500".encode("cp932"), 0)
    assert in_cp932("花子😀♡😀") == (f"花子{GETA * 3}".encode("cp932"), 3)


def test_kana_in_two_pieces_are_put_together_for_cp932(tmp_path: Path) -> None:
    path, counted = written(tmp_path, [("カ\u3099",)], {"a": pl.String()}, encoding=Encoding.CP932)
    assert path.read_bytes().decode("cp932") == '"a"\r\n"ガ"\r\n'
    assert counted.replaced == 0


def as_sheet(path: Path, sheet: int = 0) -> pl.DataFrame:
    return fastexcel.read_excel(path).load_sheet(sheet).to_polars()


def test_excel_holds_texts_numbers_and_the_shops_time(tmp_path: Path) -> None:
    path, counted = written(tmp_path, ROWS, kind=FileFormat.XLSX)
    assert counted == Written(rows=3)
    read = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()
    assert read.columns == list(COLUMNS)
    assert read.row(0)[:3] == ("=cmd|' /C calc'!A0", "-1", "-0.5")
    assert as_sheet(path)["at"][0] == datetime.fromisoformat("2026-04-01T00:30:00.005")
    assert read.row(1)[1] == str(2**60)
    assert b"<f" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")


def test_excel_goes_on_in_the_next_sheet_and_counts_what_it_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "LAST_ROW", 4)
    rows = [(f"r{n}",) for n in range(7)] + [("x" * 40_000,)]
    path, counted = written(tmp_path, rows, {"a": pl.String()}, kind=FileFormat.XLSX, chunk=5)
    assert counted == Written(rows=8, cut=1)
    sheets = [as_sheet(path, n)["a"].to_list() for n in range(3)]
    assert [*sheets[0], *sheets[1]] == [f"r{n}" for n in range(6)]
    assert [len(text) for text in sheets[2]] == [2, 32_767]


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    path, _ = written(tmp_path, ROWS, kind=FileFormat.PARQUET)
    assert pl.read_parquet(path).equals(pl.DataFrame(ROWS, schema=dict(COLUMNS), orient="row"))
