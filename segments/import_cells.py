"""Cells of imported files as typed values: what people write into spreadsheets, read strictly. Pure.

Every reader takes a column and its type and gives a Polars expression; a cell that is not what it should be becomes
null, never something else. Full-width digits and letters count as their plain ones.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

LARGEST = 10**13
"""No amount or quantity of a shop is larger."""

LONGEST_ID = 255
LONGEST_TEXT = 1000

_GENDERS = {
    "female": ("female", "f", "女", "女性", "2"),
    "male": ("male", "m", "男", "男性", "1"),
    "other": ("other", "x", "その他", "無回答", "未回答", "不明", "9", "0"),
}
_FLAGS = {
    True: ("true", "1", "yes", "y", "on", "はい", "有", "有り", "あり", "○", "◯", "可", "許可", "同意", "同意する", "希望する"),
    False: ("false", "0", "no", "n", "off", "いいえ", "無", "無し", "なし", "×", "x", "不可", "拒否", "不同意", "同意しない", "希望しない"),
}  # fmt: skip
_LANGUAGES = {"日本語": "ja", "英語": "en", "japanese": "ja", "english": "en", "中国語": "zh", "韓国語": "ko"}

_ERAS = {"明治": 1867, "M": 1867, "大正": 1911, "T": 1911, "昭和": 1925, "S": 1925, "平成": 1988, "H": 1988, "令和": 2018, "R": 2018}  # fmt: skip
_ERA = r"^(明治|大正|昭和|平成|令和|[MTSHR])\s?(\d{1,2}|元)(?:年|[./-])"
_NUMBER = r"^[+-]?(\d{1,3}(,\d{3})+|\d+|\d*\.\d+)(\.\d*)?([eE][+-]?\d{1,3})?$"
_EMAIL = r"^[^\s@,;:\"<>()\[\]\\]{1,64}@[^\s@.,;]+(\.[^\s@.,;]+)+$"
_LONGEST_EMAIL = 254
_PHONE = r"^\+?[0-9()./ -]{6,24}$"

_WITH_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
_NAIVE = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_OFFSET = re.compile(r"([Zz]|[+-]\d{2}:?\d{2})$").pattern


def text(column: pl.Expr) -> pl.Expr:
    """A text without the blanks around it and without NUL; null where nothing is left."""
    cleaned = column.cast(pl.String).str.replace_all("\0", "", literal=True).str.strip_chars()
    return pl.when(cleaned != "").then(cleaned)


def identifier(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """An id as text: 17850, not 17850.0; null where it is blank."""
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        column = pl.when(whole == column).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
    return text(column)


def number(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A number: ``1280``, ``¥1,280``, ``１，２８０円``, ``▲500``, ``(500)``; null for anything else and where it is not finite.

    A comma stands before three digits or the cell is no number: 12,50 is not guessed to be 12.50 or 1250.
    """
    if not dtype.is_numeric():
        plain = column.cast(pl.String).str.normalize("NFKC").str.replace_all(r"[\s¥\\円]", "")
        plain = plain.str.replace(r"^[▲△−‐–]", "-").str.replace(r"^\((.+)\)$", "-${1}")
        column = pl.when(plain.str.contains(_NUMBER)).then(plain.str.replace_all(",", "", literal=True))
    value = column.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite() & (value.abs() <= LARGEST)).then(value)


def moment(column: pl.Expr, dtype: pl.DataType, zone: str) -> pl.Expr:
    """A moment in UTC; one that names no offset is local time of ``zone``.

    A day without a time is taken as its noon, so that no day boundary moves it to another day.
    """
    if isinstance(dtype, pl.Datetime):
        zoned = column.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
        return _utc(column, zone) if dtype.time_zone is None else zoned
    if dtype == pl.Date:
        return _utc(_noon(column), zone)
    written = _date_text(column).str.replace(r"^(\S+)\s+", "${1}T").str.replace_all(r"\s+", "")
    offset = written.str.contains(_OFFSET) & written.str.contains("T", literal=True)
    exact = pl.coalesce(written.str.to_datetime(form, strict=False, time_unit="us") for form in _WITH_OFFSET)
    naive = pl.coalesce(
        *(written.str.to_datetime(form, strict=False, time_unit="us") for form in _NAIVE),
        _noon(written.str.to_date("%Y-%m-%d", strict=False)),
    )
    return pl.when(offset).then(exact).otherwise(_utc(naive, zone))


def day(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A calendar day; of a moment the day that is written."""
    if isinstance(dtype, pl.Datetime) or dtype == pl.Date:
        return column.dt.date()
    return (
        _date_text(column)
        .str.extract(r"^(\d{4}-\d{1,2}-\d{1,2})(?:[T\s].*)?$", 1)
        .str.to_date("%Y-%m-%d", strict=False)
    )


def flag(column: pl.Expr) -> pl.Expr:
    """Yes or no, in the words that forms use."""
    words = {word: meaning for meaning, all_words in _FLAGS.items() for word in all_words}
    return _plain(column).replace_strict(words, default=None, return_dtype=pl.Boolean)


def gender(column: pl.Expr) -> pl.Expr:
    """female, male or other; also by their numbers in JIS X 0303 (1 is male, 2 is female)."""
    words = {word: meaning for meaning, all_words in _GENDERS.items() for word in all_words}
    return _plain(column).replace_strict(words, default=None, return_dtype=pl.String)


def language(column: pl.Expr) -> pl.Expr:
    """A language tag such as ja or en-GB; some languages by their names."""
    plain = _plain(column).replace(_LANGUAGES)
    return pl.when(plain.str.contains(r"^[a-z]{2,3}([-_][a-z0-9]{2,8})*$")).then(plain)


def email(column: pl.Expr) -> pl.Expr:
    """A mail address, by its form."""
    plain = column.cast(pl.String).str.normalize("NFKC").str.strip_chars()
    return pl.when(plain.str.contains(_EMAIL) & (plain.str.len_chars() <= _LONGEST_EMAIL)).then(plain)


def phone(column: pl.Expr) -> pl.Expr:
    """A phone number in plain digits and the signs between them."""
    plain = column.cast(pl.String).str.normalize("NFKC").str.replace_all("[‐−–ー]", "-").str.strip_chars()
    return pl.when(plain.str.contains(_PHONE)).then(plain)


def _plain(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String).str.normalize("NFKC").str.strip_chars().str.to_lowercase()


def _noon(date: pl.Expr) -> pl.Expr:
    return date.cast(pl.Datetime("us")) + pl.duration(hours=12)


def _utc(naive: pl.Expr, zone: str) -> pl.Expr:
    """Local time to UTC: of two possible moments the earlier, of none (a clock put forward) nothing."""
    local = naive.cast(pl.Datetime("us")).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _date_text(column: pl.Expr) -> pl.Expr:
    """The ways Japanese systems write a day, as ``2026-4-1``: 2026年4月1日, 2026/4/1, 20260401, 令和8年4月1日, R8.4.1."""
    plain = column.cast(pl.String).str.normalize("NFKC").str.strip_chars()
    plain = _from_era(plain.str.replace(r"\([月火水木金土日]\)", ""))
    plain = plain.str.replace(r"^(\d{4})年(\d{1,2})月(\d{1,2})日\s*", "${1}-${2}-${3} ")
    plain = plain.str.replace(r"(\d{1,2})時(\d{1,2})分(?:(\d{1,2})秒)?$", "${1}:${2}:${3}").str.strip_chars_end(": ")
    plain = plain.str.replace(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})", "${1}-${2}-${3}")
    plain = plain.str.replace(r"^(\d{4})(\d\d)(\d\d)$", "${1}-${2}-${3}")
    plain = plain.str.replace(r"^(\d{4})(\d\d)(\d\d)[T ]?(\d\d)(\d\d)(\d\d)$", "${1}-${2}-${3}T${4}:${5}:${6}")
    return plain.str.replace(r"^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$", "${1}-${2}-${3}T${4}:${5}")


def _from_era(plain: pl.Expr) -> pl.Expr:
    base = plain.str.extract(_ERA, 1).replace_strict(_ERAS, default=None, return_dtype=pl.Int64)
    year = plain.str.extract(_ERA, 2).replace("元", "1").cast(pl.Int64, strict=False)
    rest = plain.str.replace(_ERA, "").str.replace(r"^(\d{1,2})[月./-](\d{1,2})日?", "${1}-${2} ")
    return (
        pl.when(base.is_not_null())
        .then(pl.concat_str((base + year).cast(pl.String), pl.lit("-"), rest))
        .otherwise(plain)
    )


Reader: TypeAlias = Callable[[pl.Expr, pl.DataType], pl.Expr]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a chunk of rows by field: of a field without a column, nothing."""

    rows: pl.DataFrame
    columns: Mapping[str, str]

    def column(self, field: str) -> pl.Expr:
        """A field's cells as they are."""
        return pl.col(self.columns[field]) if field in self.columns else pl.lit(None, dtype=pl.String)

    def dtype(self, field: str) -> pl.DataType:
        """Their type: text, unless the file has types."""
        return self.rows.schema[self.columns[field]] if field in self.columns else pl.String()

    def given(self, field: str) -> pl.Expr:
        """What stands in them, as text; null where nothing does."""
        return text(self.column(field))

    def id(self, field: str) -> pl.Expr:
        """See `identifier`."""
        return identifier(self.column(field), self.dtype(field))

    def number(self, field: str) -> pl.Expr | pl.Series:
        """See `number`."""
        return self._each_once(field, number)

    def moment(self, field: str, zone: str) -> pl.Expr | pl.Series:
        """See `moment`."""
        return self._each_once(
            field, lambda column, dtype: moment(column, dtype, zone), quickly=lambda column: _iso(column, zone)
        )

    def day(self, field: str) -> pl.Expr | pl.Series:
        """See `day`."""
        return self._each_once(field, day)

    def _each_once(
        self, field: str, read: Reader, *, quickly: Callable[[pl.Expr], pl.Expr] | None = None
    ) -> pl.Expr | pl.Series:
        """A reader of text run over each different text once: days and amounts repeat, and reading them is slow.

        ``quickly`` reads the usual form; what it gives null for is read by ``read``.
        """
        dtype = self.dtype(field)
        if field not in self.columns or dtype != pl.String:
            return read(self.column(field), dtype)
        cells = self.rows.get_column(self.columns[field])
        words = pl.DataFrame({"word": cells.unique()})
        unread = words
        if quickly is not None:
            known = words.select("word", quickly(pl.col("word")).alias("meaning"))
            words, unread = (
                known.filter(pl.col("meaning").is_not_null()),
                known.filter(pl.col("meaning").is_null()).select("word"),
            )
        slow = unread.select("word", read(pl.col("word"), dtype).alias("meaning"))
        meanings = pl.concat([words, slow]) if quickly is not None else slow
        asked = cells.alias("word").to_frame()
        return asked.join(meanings, on="word", how="left", nulls_equal=True, maintain_order="left").get_column(
            "meaning"
        )


def _iso(column: pl.Expr, zone: str) -> pl.Expr:
    """`moment` for the form that machines write: 2026-04-01T10:00:00, with or without parts of a second."""
    plain = pl.when(column.str.contains(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$")).then(
        column.str.replace(" ", "T", literal=True)
    )
    return _utc(plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"), zone)
