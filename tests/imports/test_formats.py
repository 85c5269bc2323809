"""The same rows come out of every format, encoding and delimiter; what would take the machine down is refused unopened."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.errors import BadInput
from backend.store import import_csv, import_excel, import_files, import_json
from backend.store.import_tables import Reading
from segments.cells import protect
from segments.import_checks import ROW

HEADER = ("会員番号", "氏名", "金額")
ROWS = [("0012", "佐藤 花子", "1280"), ("13", "髙﨑\n①㈱", "-5"), ("14", 'say "hi", ok', "")]


def as_csv(path: Path, encoding: str, delimiter: str, end: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([HEADER, *ROWS])


def as_excel(path: Path) -> None:
    with xlsxwriter.Workbook(path, {"strings_to_numbers": False}) as book:
        sheet = book.add_worksheet("会員")
        for number, row in enumerate([HEADER, *ROWS]):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)


def as_parquet(path: Path) -> None:
    pl.DataFrame(ROWS, list(HEADER), orient="row").write_parquet(path)


def as_ndjson(path: Path) -> None:
    path.write_text("".join(f"{json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False)}\n" for row in ROWS))


def rows_of(path: Path, wish: Reading | None = None, chunk: int = 50_000) -> list[tuple[Any, ...]]:
    look = import_files.look(path, wish)
    assert list(look.columns) == list(HEADER)
    frames = [table.frame(ROW) for table in import_files.tables(path, look.reading, chunk=chunk)]
    return [tuple(cell or "" for cell in row) for row in pl.concat(frames).select(HEADER).rows()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_in_every_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    as_csv(tmp_path / "members.csv", encoding, delimiter, end)
    assert rows_of(tmp_path / "members.csv") == ROWS
    named = Reading(encoding=encoding, delimiter=delimiter)
    assert rows_of(tmp_path / "members.csv", named) == ROWS


@pytest.mark.parametrize(
    ("name", "write"),
    [("m.xlsx", as_excel), ("m.parquet", as_parquet), ("m.ndjson", as_ndjson), ("m.jsonl", as_ndjson)],
)
def test_every_other_format(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    assert rows_of(tmp_path / name) == ROWS
    assert rows_of(tmp_path / name, chunk=1) == ROWS


cell_texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)


@given(rows=st.lists(st.tuples(cell_texts, cell_texts, cell_texts), min_size=1, max_size=20), block=st.integers(1, 60))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str, str]], block: int
) -> None:
    path = tmp_path / "any.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerows([HEADER, *([protect(cell) for cell in row] for row in rows)])
    monkeypatch.setattr(import_csv, "_BLOCK", block)
    reading = import_files.look(path, Reading(encoding="utf-8", delimiter=",")).reading
    tables = list(import_files.tables(path, reading, chunk=3))
    assert [reject for table in tables for reject in table.unread] == []
    assert [row for table in tables for row in table.frame(ROW).select(HEADER).rows()] == rows


@pytest.mark.parametrize("quoted", [False, True])
def test_line_numbers_are_those_of_the_file(tmp_path: Path, quoted: bool) -> None:
    tick = '"' if quoted else ""
    lines = ["a,b", f"1,{tick}x{tick}", "2", f"3,{tick}y{tick},z", "", f"4,{tick}w{tick}"]
    (tmp_path / "m.csv").write_text("\n".join(lines))
    reading = import_files.look(tmp_path / "m.csv").reading
    [table] = import_files.tables(tmp_path / "m.csv", reading)
    assert list(table.numbers) == [2, 6]
    assert [(reject.row, reject.cells) for reject in table.unread] == [(3, ("2",)), (4, ("3", "y", "z"))]


def test_a_row_over_many_lines_has_the_number_of_its_first(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('a,b\n1,"x\ny\nz"\n2,w\n')
    reading = import_files.look(tmp_path / "m.csv").reading
    assert [number for table in import_files.tables(tmp_path / "m.csv", reading) for number in table.numbers] == [2, 5]


def test_a_quote_that_never_closes_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('a,b\n1,"x\n2,y\n')
    reading = import_files.look(tmp_path / "m.csv").reading
    with pytest.raises(BadInput, match="is no CSV"):
        list(import_files.tables(tmp_path / "m.csv", reading))


def test_excel_says_days_and_times_as_text_and_a_day_has_no_hour(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "m.xlsx") as book:
        book.add_worksheet("表紙")
        sheet = book.add_worksheet("売上")
        form = book.add_format({"num_format": "yyyy/m/d h:mm"})
        sheet.write_row(0, 0, ["日", "時", "番号", "金額"])
        sheet.write_datetime(1, 0, datetime(2026, 4, 1), form)  # noqa: DTZ001 - Excel has no zones
        sheet.write_datetime(1, 1, datetime(2026, 4, 1, 10, 30), form)  # noqa: DTZ001 - Excel has no zones
        sheet.write_row(1, 2, [17850, 12.5])
        sheet.write_row(3, 2, [17851, 1280])
    look = import_files.look(tmp_path / "m.xlsx")
    assert (look.sheets, look.reading.sheet, look.columns) == (("表紙", "売上"), "売上", ("日", "時", "番号", "金額"))
    [table] = import_files.tables(tmp_path / "m.xlsx", look.reading)
    assert list(table.numbers) == [2, 4]
    first = table.frame(ROW).select(look.columns).row(0)
    assert first == ("2026-04-01", "2026-04-01 10:30:00", "17850", "12.5")
    with pytest.raises(BadInput, match="no sheet 無"):
        import_files.look(tmp_path / "m.xlsx", Reading(sheet="無"))


def workbook(path: Path, sheet: bytes, *, level: int = 9) -> None:
    """A workbook around the XML of a sheet."""
    as_excel(path)
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as book:
        for name, content in parts.items():
            book.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else content)


def never(*_: Any) -> None:
    raise AssertionError("opened although it is too large")


def test_a_workbook_that_inflates_to_much_is_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_excel, "_open", never)
    monkeypatch.setattr(import_excel, "LARGEST_INFLATED", 10_000_000)
    workbook(tmp_path / "bomb.xlsx", b" " * 20_000_000)
    assert (tmp_path / "bomb.xlsx").stat().st_size < 100_000
    with pytest.raises(BadInput, match="too large for a workbook"):
        import_files.look(tmp_path / "bomb.xlsx")


@pytest.mark.parametrize("cell", [b'<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>', b"<row r='1'><c r='A1'/></row><row r = '1048576'><c s='1' r = 'XFD1048576'/></row>"])  # fmt: skip
def test_a_workbook_with_one_cell_in_the_last_corner_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: bytes
) -> None:
    monkeypatch.setattr(import_excel, "_open", never)
    workbook(tmp_path / "sparse.xlsx", b"<worksheet><sheetData>" + cell + b"</sheetData></worksheet>")
    with pytest.raises(BadInput, match="too large for a workbook"):
        import_files.look(tmp_path / "sparse.xlsx")


def test_a_workbook_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "liar.xlsx"
    workbook(path, b" " * 1_000_000)
    content = bytearray(path.read_bytes())
    told = (1_000_000).to_bytes(4, "little")
    assert content.count(told) == 2
    path.write_bytes(bytes(content).replace(told, (10).to_bytes(4, "little")))
    with pytest.raises(BadInput, match=r"is no \.xlsx workbook"):
        import_files.look(path)


def test_a_table_of_too_many_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text(",".join(map(str, range(1001))) + "\n")
    with pytest.raises(BadInput, match="1,001 columns"):
        import_files.look(tmp_path / "wide.csv")


def test_a_parquet_file_is_measured_by_its_footer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backend.store import import_parquet

    as_parquet(tmp_path / "m.parquet")
    monkeypatch.setattr(import_parquet, "MOST_ROWS", 2)
    with pytest.raises(BadInput, match="too large"):
        import_files.look(tmp_path / "m.parquet")


def test_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "m.ndjson").open("wb") as file:
        file.write(b'{"a":1}\n' + b"x" * (import_json.LONGEST_ROW * 3) + b'\n{"a":2}\n')
    [(batch, _)] = import_json.lines(tmp_path / "m.ndjson", chunk=10)
    assert [(number, len(line)) for number, line in batch] == [(1, 7), (2, import_json.LONGEST_ROW + 1), (3, 7)]


def test_a_large_csv_is_read_in_pieces(tmp_path: Path) -> None:
    path, text = tmp_path / "large.csv", io.StringIO()
    csv.writer(text).writerows((number, "x" * 40) for number in range(150_000))
    path.write_text(f"a,b\n{text.getvalue()}")
    reading = import_files.look(path).reading
    tables = list(import_files.tables(path, reading))
    assert max(len(table.numbers) for table in tables) <= 50_000
    assert len(tables) >= 3
    assert [number for table in tables for number in table.numbers] == list(range(2, 150_002))
    assert tables[0].share < 0.9
