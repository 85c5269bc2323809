"""The merge fields a text may use: their names in both languages, where they come from, what they look like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

LONGEST_VALUE = 200
"""Characters of one value; longer ones are cut, so that one field cannot fill a push."""


@dataclass(frozen=True, slots=True)
class MergeField:
    """One merge field.

    Attributes:
        name: as English texts write it.
        ja: as Japanese texts write it, and its label.
        en: its English label.
        kind: ``str``, ``int`` or ``date``; values of dates are kept as texts like 2026-11-30.
        money: a number of minor units of the shop's currency.
        column: column of the customer frame it is taken from at launch; None for what is private and read
            from the database only at the moment of sending.
        sample: values for previews, Japanese and English.
    """

    name: str
    ja: str
    en: str
    kind: type[str] | type[int] | type[date]
    column: str | None
    sample: tuple[str | int, str | int]
    money: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """Both spellings."""
        return (self.name, self.ja)


FIELDS: tuple[MergeField, ...] = (
    MergeField("family_name", "姓", "Family name", str, None, ("佐藤", "Sato")),
    MergeField("given_name", "名", "Given name", str, None, ("花子", "Hanako")),
    MergeField("rank", "ランク", "Rank", str, "rank", ("ゴールド", "Gold")),
    MergeField(
        "favorite_category", "よく買うカテゴリー", "Favourite category", str, "favorite_category", ("紅茶", "Tea")
    ),
    MergeField("points", "ポイント", "Points", int, "points", (1280, 1280)),
    MergeField("store", "店舗", "Last store", str, "last_store", ("渋谷店", "Shibuya")),
    MergeField("orders", "購入回数", "Orders", int, "orders", (1, 1)),
    MergeField("spend", "購入金額", "Net spend", int, "spend", (12800, 12800), money=True),
    MergeField("joined", "入会日", "Joined", date, "joined", ("2026-04-01", "2026-04-01")),
    MergeField(
        "coupon_expiry", "クーポン期限", "Next coupon expiry", date, "next_coupon_expiry", ("2026-11-30", "2026-11-30")
    ),
    MergeField("coupons_held", "クーポン枚数", "Coupons held", int, "coupons_held", (2, 2)),
    MergeField("prefecture", "都道府県", "Prefecture", str, "prefecture", ("東京都", "Tokyo")),
)
"""The catalogue, in the order in which pages list it."""

BY_NAME: dict[str, MergeField] = {name: field for field in FIELDS for name in field.names}
"""Fields by either spelling."""

PRIVATE = frozenset(field.name for field in FIELDS if field.column is None)
"""Fields that never leave the database before the moment of sending."""


def clean(values: Mapping[str, object]) -> dict[str, str | int]:
    """Values fit for a text: known fields only, empty ones gone, texts on one line and not too long."""
    cleaned: dict[str, str | int] = {}
    for name, value in values.items():
        field = BY_NAME.get(name)
        if field is None or value is None or isinstance(value, bool):
            continue
        if field.kind is int and isinstance(value, int):
            cleaned[field.name] = value
        elif field.kind is date:
            cleaned.update({field.name: day} if (day := _day(value)) is not None else {})
        elif field.kind is str and (text := _one_line(str(value))):
            cleaned[field.name] = text
    return cleaned


def _day(value: object) -> str | None:
    """As 2026-11-30; None for what is no day."""
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        return None


def _one_line(text: str) -> str:
    shown = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:LONGEST_VALUE]


def samples(language: str) -> dict[str, str | int]:
    """Values for a preview."""
    return {field.name: field.sample[language == "en"] for field in FIELDS}
