"""KPIs of membership ranks, as the shop's own system reports them."""

from segments.events import EventName
from segments.metrics.catalog.words import NONE, P, words
from segments.metrics.metric import Column, Metric, Shape, Sheet, Unit

_SOURCES = (str(EventName.MEMBERSHIP_RANK_CHANGED),)
_AT_END = words("P の最終営業日の終わり", "the end of the last business day of P")
_RANKED = words("P の初めにランクがあった人", "customers with a rank at the start of P")
_NO_RANK = {"": words("（なし）", "(none)")}
_CUSTOMERS = Column("customers", "人数", "Customers", Unit.PEOPLE)

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="rank_distribution",
        sources=_SOURCES,
        title=words("ランク別会員数", "Members by rank"),
        unit=Unit.PEOPLE,
        numerator=words("P の終わりにランクがある人", "customers with a rank at the end of P"),
        denominator=NONE,
        window=_AT_END,
        definition=words(
            "P の終わりの時点の会員ランク別の人数と割合。ランクは最後に報告されたものです。",
            "Customers by membership rank at the end of P, with shares; the rank is the one reported last.",
        ),
        sheet=Sheet(
            shape=Shape.DISTRIBUTION,
            columns=(Column("rank", "ランク", "Rank"), _CUSTOMERS, Column("share", "割合", "Share", Unit.RATE)),
        ),
    ),
    Metric(
        slug="rank_transitions",
        sources=_SOURCES,
        title=words("ランクの推移", "Rank transitions"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち P の終わりに別のランクになった人", "of those, customers in another rank at the end of P"
        ),
        denominator=_RANKED,
        window=P,
        definition=words(
            "P の初めのランクと終わりのランクの組み合わせごとの人数。割合は P の初めに同じランクだった人に対するものです。",
            "Customers by their rank at the start and at the end of P; shares are of those who began in the same rank.",
        ),
        sheet=Sheet(
            shape=Shape.MATRIX,
            columns=(
                Column("from", "P の初め", "Start of P", codes=_NO_RANK),
                Column("to", "P の終わり", "End of P"),
                _CUSTOMERS,
                Column("share", "割合", "Share", Unit.RATE),
            ),
        ),
    ),
    Metric(
        slug="rank_up_rate",
        sources=_SOURCES,
        title=words("ランクアップ率", "Rank-up rate"),
        unit=Unit.RATE,
        numerator=words("そのうち P の終わりに上のランクの人", "of those, customers in a higher rank at the end of P"),
        denominator=_RANKED,
        window=P,
        definition=words(
            "P の初めにランクがあった人のうち、P の終わりに上のランクになった人の割合。ランクの順序は設定によります。",
            "Share of the customers ranked at the start of P who hold a higher rank at its end; the order is set by the shop.",
        ),
    ),
    Metric(
        slug="rank_down_rate",
        sources=_SOURCES,
        title=words("ランクダウン率", "Rank-down rate"),
        unit=Unit.RATE,
        numerator=words("そのうち P の終わりに下のランクの人", "of those, customers in a lower rank at the end of P"),
        denominator=_RANKED,
        window=P,
        definition=words(
            "P の初めにランクがあった人のうち、P の終わりに下のランクになった人の割合。ランクの順序は設定によります。",
            "Share of the customers ranked at the start of P who hold a lower rank at its end; the order is set by the shop.",
        ),
    ),
)
