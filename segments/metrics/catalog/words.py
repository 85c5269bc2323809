"""Words and options that several KPIs share."""

from segments.metrics.metric import Option, Words


def words(ja: str, en: str) -> Words:
    """The same text in both languages."""
    return {"ja": ja, "en": en}


P = words("指定した期間 P（両端の営業日を含む）", "the window P, both business days included")
END = words("P の最終営業日に終わる期間", "the span that ends on the last business day of P")
NONE = words("なし（人数）", "none: a count")
BUYERS = words("P に1回以上購入した人", "customers with at least one purchase in P")
AT_END = words(
    "P の最終営業日の終わり（P が進行中なら今日）", "the end of the last business day of P (today while P runs)"
)
BASIS = Option(
    "basis", "購入の数え方", "What counts as one purchase", "days", choices=("days", "receipts", "store_days")
)
