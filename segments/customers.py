"""Contract of the customer frame: one row per customer, as of one business day.

The frame is what rules, audiences and merge fields read. It holds surrogate ids only. Beside the columns
declared here it has one list column per event name that was ever seen, ``days:<event name>``: the business
days of the customer's occurrences, newest first, one entry per occurrence, cut at `NEWEST` entries.
"at least n times in the last d days" is then one gather: entry ``n - 1`` exists and is recent enough. What is asked
most needs no gather: the newest `LATEST` of these days, and how many entries there are, are plain columns beside it.
Figures read more: since when someone is on record (`ON_RECORD`), every counted order (`ORDER_LISTS`), activity bitmaps
(`BITMAP_PREFIX`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

NEWEST = 100
"""How many occurrences of one event a list column keeps; a rule may not ask for more."""

DAYS_PREFIX = "days:"
"""Prefix of the list columns."""


def days_column(event: str) -> str:
    """Name of the list column of one event."""
    return f"{DAYS_PREFIX}{event}"


LATEST = 5
"""Of how many newest occurrences of an event the day is a plain column, too (`segments.reduce.latest`)."""

LATEST_PREFIX = "latest:"
"""Prefix of the columns with one day of a list each: its number as `segments.reduce.latest` counts, 0 where there is none."""

TIMES_PREFIX = "times:"
"""Prefix of the columns that say how long a list is."""


def latest_column(event: str, place: int) -> str:
    """Name of the column with the ``place``-th newest day of an event, the newest being the first."""
    return f"{LATEST_PREFIX}{event}:{place}"


def times_column(event: str) -> str:
    """Name of the column that says how many entries the list of an event has: occurrences, `NEWEST` at most."""
    return f"{TIMES_PREFIX}{event}"


BITMAP_PREFIX = "active:"
"""Prefix of the columns with activity bitmaps (`segments.reduce.bitmaps`): whole numbers, 0 where no bit is set."""


def bitmap_column(event: str, unit: str, word: int) -> str:
    """Name of one word of the bitmap of an event by day or week."""
    return f"{BITMAP_PREFIX}{event}:{unit}:{word}"


ORDERS_PREFIX = "orders:"
"""Prefix of the list columns that hold a customer's counted orders."""

ORDER_LISTS: dict[str, pl.DataType] = {
    "orders:business_day": pl.Date(),
    "orders:first_at": pl.Datetime("us", "UTC"),
    "orders:first_seq": pl.Int64(),
    "orders:store": pl.String(),
    "orders:net": pl.Int64(),
}
"""The list columns with counted orders, oldest first (by day, moment, number), and what they list; all of a row are equally long."""


ON_RECORD: dict[str, pl.DataType] = {"known_since": pl.Date(), "acted_since": pl.Date()}
"""First business day with any fact, and with one of the customer's own acts (null where there is none), by whomever reported."""


class View(Protocol):
    """The customer frame at one moment."""

    @property
    def frame(self) -> pl.LazyFrame:
        """One row a customer."""
        ...

    @property
    def rows(self) -> pl.LazyFrame:
        """Every stored row, older ones of the same customers among them: who asks a question of all of them copies none."""
        ...

    @property
    def current(self) -> pl.Expr:
        """Over `rows`: whether it is a row of the frame."""
        ...

    @property
    def as_of(self) -> datetime:
        """Up to when facts are in the frame; it moves on while there is nothing new."""
        ...

    @property
    def made_at(self) -> datetime:
        """When the frame was made."""
        ...

    @property
    def day(self) -> date:
        """The business day of `made_at`."""
        ...

    @property
    def seq(self) -> int:
        """The last event of the log that is in the frame."""
        ...

    @property
    def raw_since(self) -> date | None:
        """The first business day of which raw history is all there, where rules that the frame was read for ask for any; else None."""
        ...

    @property
    def customers(self) -> int:
        """How many rows."""
        ...

    @property
    def figures(self) -> str:
        """What figures may rely on in every row (`segments.reduce.bitmaps.read_as`); empty while rows are being made anew."""
        ...

    @property
    def weighty(self) -> frozenset[str]:
        """Weighty events that anybody has reported."""
        ...

    @property
    def verified(self) -> frozenset[str]:
        """Those of them for which the word of a trusted source stands."""
        ...


class StoredFrame(Protocol):
    """Where the customer frame is read from."""

    def read(self) -> View:
        """The frame as it stands."""
        ...


@dataclass(frozen=True, slots=True)
class Attribute:
    """One scalar column of the frame, and how people call it.

    Attributes:
        facet: "profile", "behaviour", "purchase", "membership", "coupon", "reach" or "message": where pages list it.
        private: filled by the shell from PostgreSQL (profile, devices, consents), not by reduce.
    """

    name: str
    dtype: pl.DataType
    ja: str
    en: str
    facet: str
    private: bool = False


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("customer_id", pl.Int64(), "会員番号（内部）", "Customer (internal)", "profile"),
    Attribute("as_of", pl.Date(), "基準日", "As of", "profile"),
    Attribute("first_seen", pl.Date(), "初回の記録", "First seen", "behaviour"),
    Attribute("last_seen", pl.Date(), "最後の記録", "Last seen", "behaviour"),
    Attribute("joined", pl.Date(), "入会日", "Joined", "membership"),
    Attribute("withdrawn", pl.Date(), "退会日", "Withdrawn", "membership"),
    Attribute("rank", pl.String(), "会員ランク", "Rank", "membership"),
    Attribute("rank_since", pl.Date(), "ランクの開始日", "Rank since", "membership"),
    Attribute("rank_rose", pl.Date(), "最後にランクが上がった日", "Rank last rose", "membership"),
    Attribute("rank_fell", pl.Date(), "最後にランクが下がった日", "Rank last fell", "membership"),
    Attribute("computed_rank", pl.String(), "計算上のランク", "Computed rank", "membership"),
    Attribute("computed_rank_since", pl.Date(), "計算上のランクの開始日", "Computed rank since", "membership"),
    Attribute(
        "computed_rank_rose", pl.Date(), "最後に計算上のランクが上がった日", "Computed rank last rose", "membership"
    ),
    Attribute(
        "computed_rank_fell", pl.Date(), "最後に計算上のランクが下がった日", "Computed rank last fell", "membership"
    ),
    Attribute("to_next_rank", pl.Int64(), "次のランクまで", "To the next rank", "membership"),
    Attribute("rank_review", pl.Date(), "ランクが見直される日", "Rank review", "membership"),
    Attribute("points", pl.Int64(), "ポイント残高", "Points", "membership"),
    Attribute("orders", pl.Int64(), "購入回数", "Orders", "purchase"),
    Attribute("purchase_days", pl.Int64(), "購入日数", "Purchase days", "purchase"),
    Attribute("spend", pl.Int64(), "購入金額（返金を引いた額、最小単位）", "Net spend (minor units)", "purchase"),
    Attribute("first_order", pl.Date(), "初回購入日", "First order", "purchase"),
    Attribute("second_order", pl.Date(), "2回目の購入日", "Second purchase day", "purchase"),
    Attribute("last_order", pl.Date(), "最終購入日", "Last order", "purchase"),
    Attribute("favorite_category", pl.String(), "よく買うカテゴリー", "Favourite category", "purchase"),
    Attribute("last_store", pl.String(), "最後の店舗", "Last store", "purchase"),
    Attribute("launches", pl.Int64(), "起動回数", "Launches", "behaviour"),
    Attribute("last_launch", pl.Date(), "最終起動日", "Last launch", "behaviour"),
    Attribute("visits", pl.Int64(), "来店回数", "Visits", "behaviour"),
    Attribute("last_visit", pl.Date(), "最終来店日", "Last visit", "behaviour"),
    Attribute("coupons_held", pl.Int64(), "未使用のクーポン", "Coupons held, unused", "coupon"),
    Attribute("coupons_used", pl.Int64(), "使ったクーポン", "Coupons used", "coupon"),
    Attribute("next_coupon_expiry", pl.Date(), "次に失効するクーポンの期限", "Next coupon expiry", "coupon"),
    Attribute("platform", pl.String(), "OS", "Platform", "profile", private=True),
    Attribute("gender", pl.String(), "性別", "Gender", "profile", private=True),
    Attribute("birth_year", pl.Int32(), "生まれ年", "Birth year", "profile", private=True),
    Attribute("birth_month", pl.Int8(), "誕生月", "Birth month", "profile", private=True),
    Attribute("birth_day", pl.Int8(), "誕生日（日）", "Birthday (day of the month)", "profile", private=True),
    Attribute("prefecture", pl.String(), "都道府県", "Prefecture", "profile", private=True),
    Attribute("language", pl.String(), "言語", "Language", "profile", private=True),
    Attribute("app_version", pl.String(), "アプリのバージョン", "App version", "profile", private=True),
    Attribute("consented", pl.Boolean(), "お知らせへの同意", "Consented to marketing", "reach", private=True),
    Attribute("has_address", pl.Boolean(), "届く端末がある", "Has a live address", "reach", private=True),
    Attribute("reachable", pl.Boolean(), "通知が届く", "Can be reached by push", "reach", private=True),
    Attribute("test_account", pl.Boolean(), "テスト会員", "Test account", "profile", private=True),
)

SCHEMA: dict[str, pl.DataType] = {attribute.name: attribute.dtype for attribute in ATTRIBUTES}
"""Scalar columns of the frame in order."""

ASKED: tuple[Attribute, ...] = (
    Attribute("life_cycle", pl.String(), "ライフサイクル", "Life-cycle state", "purchase", private=True),
    Attribute("rfm_group", pl.String(), "RFMグループ", "RFM group", "purchase", private=True),
    Attribute(
        "ltv_12m",
        pl.Int64(),
        "今後12か月の予測売上（最小単位）",
        "Expected sales in 12 months (minor units)",
        "purchase",
        private=True,
    ),
    Attribute("nps_score", pl.Int64(), "NPSの最新の回答", "Latest NPS answer", "behaviour", private=True),
    Attribute(
        "days_since_push", pl.Int64(), "最後の配信からの日数", "Days since the last push", "message", private=True
    ),
)
"""What rules may ask beside the columns that are stored: it depends on everyone, on the running day's thresholds or on the
send ledger, so that it is worked out for the frame as it stands (`segments.frame.Frame`). Null for whom there is nothing to say."""

BY_NAME: dict[str, Attribute] = {attribute.name: attribute for attribute in (*ATTRIBUTES, *ASKED)}
"""Attributes by column name: those that are stored, and those that are worked out when a rule asks."""
