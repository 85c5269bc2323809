"""Retention: one KPI with many options."""

from segments.metrics.catalog.words import words
from segments.metrics.free_texts import read_conditions
from segments.metrics.metric import AsOf, Metric, Option, Unit

_HORIZON = 104

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="retention",
        title=words("継続率", "Retention"),
        unit=Unit.RATE,
        numerator=words("そのうち、指定した期に戻ってきた人", "of those, customers active in the period asked for"),
        denominator=words(
            "起点の行動が P にあり、期が終わった組の人",
            "customers with the start event in P, in cohorts for which the horizon has ended",
        ),
        window=words("起点の行動が P にある人", "customers whose start lies in P"),
        definition=words(
            "起点の期（日・週・月）に始めた人のうち、m 期後に戻りの行動が k 回（または k 日）以上あった人の割合。"
            "exact は n 期後ちょうど、range は a〜b 期後のいずれか、rolling は n〜H 期後のいずれか。まとめの行は H まで終わった組だけで計算します。"
            "月は締め日で終わります。条件の category は注文の明細も見ます（category=tea は tea を含む注文、category!=tea は tea を一つも含まない注文）。",
            "Share of those who started in a period (day, week, month) with at least k return events, or return events on at "
            "least k days, m periods later: exactly n (exact), in some of a..b (range), in some of n..H (rolling). "
            "The pooled line uses only cohorts complete for H. Months end on the closing day. A category of a filter looks at an "
            "order's lines too: category=tea keeps orders that hold tea, category!=tea those of which no line is tea.",
        ),
        as_of=AsOf.COHORT,
        options=(
            Option("start", "起点の行動", "Start event", "Application Opened"),
            Option("return", "戻りの行動", "Return event", "Application Opened"),
            Option("starts", "起点", "Which starts", "first", choices=("first", "every")),
            Option("k", "回数 k", "At least k", 1, low=1, high=1000),
            Option("count_by", "k の数え方", "k counts", "events", choices=("events", "days")),
            Option(
                "start_where", "起点の条件（例 store=S1）", "Start only where (store=S1)", "", reads=read_conditions
            ),
            Option(
                "return_where",
                "戻りの条件（例 amount>=1000）",
                "Return only where (amount>=1000)",
                "",
                reads=read_conditions,
            ),
            Option("type", "種類", "Type", "exact", choices=("exact", "range", "rolling")),
            Option("unit", "期の単位", "Unit", "week", choices=("day", "week", "month")),
            Option("n", "期 n", "Period n", 1, high=_HORIZON),
            Option("a", "期 a から", "From period a", 1, high=_HORIZON),
            Option("b", "期 b まで", "To period b", 4, high=_HORIZON),
            Option("horizon", "期限 H", "Horizon H", 4, high=_HORIZON),
            Option("periods", "表の列数", "Columns of the table", 12, high=_HORIZON),
        ),
    ),
)
