"""KPIs of buying and buying again."""

from segments.events import EventName
from segments.metrics.catalog.words import BASIS, BUYERS, NONE, P, words
from segments.metrics.metric import AsOf, Column, Metric, Option, Shape, Sheet, Unit

_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))
_FN_OPTIONS = (
    Option("days", "日数 D", "Days D", 60, low=1, high=730),
    BASIS,
)
_FN_WINDOW = words(
    "n 回目の購入が P にあり、D 日が過ぎた人", "customers whose n-th purchase lies in P and for whom D days have passed"
)
_REPEATERS = words("P に2回目以降の購入をした人", "customers with a repeat purchase in P")
_NEW = words("P に初回購入をした人", "customers with their first purchase in P")

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="repeat_purchase_rate",
        sources=_ORDERS,
        title=words("リピート購入率", "Repeat purchase rate"),
        unit=Unit.RATE,
        numerator=words("P に N 回以上購入した人", "customers with at least N purchases in P"),
        denominator=BUYERS,
        window=P,
        definition=words(
            "P に購入した人のうち、N 回以上購入した人の割合。全額返品・取消の購入は数えません。",
            "Share of the buyers of P who bought at least N times. Cancelled and wholly refunded orders do not count.",
        ),
        options=(Option("n", "回数 N", "Times N", 2, low=2, high=100), BASIS),
    ),
    Metric(
        slug="f2_conversion",
        sources=_ORDERS,
        title=words("F2転換率", "F2 conversion"),
        unit=Unit.RATE,
        numerator=words("そのうち D 日以内に2回目を購入した人", "of those, customers who bought again within D days"),
        denominator=words(
            "初回購入が P にあり、D 日が過ぎた人",
            "customers whose first purchase ever lies in P and for whom D days have passed",
        ),
        window=_FN_WINDOW,
        definition=words(
            "初回購入者のうち、D 日以内に2回目を購入した人の割合。D 日は営業日の差（0〜D）で数え、全員の D 日が過ぎるまで集計中です。",
            "Share of the first-time buyers who bought again within D days (differences of business days, 0 to D). "
            "Incomplete until D has passed for all of P.",
        ),
        as_of=AsOf.COHORT,
        options=_FN_OPTIONS,
    ),
    Metric(
        slug="fn_conversion",
        sources=_ORDERS,
        title=words("Fn転換率", "Fn conversion"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち D 日以内に n＋1 回目を購入した人", "of those, customers who bought again within D days"
        ),
        denominator=_FN_WINDOW,
        window=_FN_WINDOW,
        definition=words(
            "n 回目の購入者のうち、D 日以内に n＋1 回目を購入した人の割合。",
            "Share of the customers with an n-th purchase in P who bought again within D days.",
        ),
        as_of=AsOf.COHORT,
        options=(Option("n", "回数 n", "Purchase n", 2, low=1, high=100), *_FN_OPTIONS),
    ),
    Metric(
        slug="average_order_value",
        sources=_ORDERS,
        title=words("客単価", "Average order value"),
        unit=Unit.MONEY,
        numerator=words(
            "P の購入金額（各購入の返金を引いた額、最小単位）", "net sales of the purchases in P, minor units"
        ),
        denominator=words("P の購入回数", "purchases in P"),
        window=P,
        definition=words(
            "購入1回あたりの金額。各購入からその返金を引きます。", "Net sales per purchase, each less its own refunds."
        ),
        options=(BASIS,),
    ),
    Metric(
        slug="orders_per_customer",
        sources=_ORDERS,
        title=words("1人あたり購入回数", "Purchases per customer"),
        unit=Unit.TIMES,
        numerator=words("P の購入回数", "purchases in P"),
        denominator=BUYERS,
        window=P,
        definition=words("購入した人1人あたりの購入回数。", "Purchases per customer who bought in P."),
        options=(BASIS,),
    ),
    Metric(
        slug="repeat_rate_cumulative",
        sources=_ORDERS,
        title=words("リピート率（累計新規比）", "Repeat rate, of all customers so far"),
        unit=Unit.RATE,
        numerator=_REPEATERS,
        denominator=words("P の終わりまでに初回購入をした人", "customers with a first purchase by the end of P"),
        window=P,
        definition=words(
            "これまでに一度でも購入した人のうち、P に2回目以降の購入をした人の割合。新規獲得が増えると下がります。",
            "Share of everyone who has bought by the end of P who made a repeat purchase in P. It falls when acquisition rises.",
        ),
        options=(BASIS,),
    ),
    Metric(
        slug="repeat_rate_same_period",
        sources=_ORDERS,
        title=words("リピート倍率（同期間の新規比）", "Repeaters per new customer"),
        unit=Unit.MULTIPLE,
        numerator=_REPEATERS,
        denominator=_NEW,
        window=P,
        definition=words(
            "P に2回目以降の購入をした人の、P に初回購入をした人に対する倍率。割合ではなく、1 を超えることがあります。",
            "Customers with a repeat purchase in P per customer with a first one in P. A multiple, not a rate: it may exceed 1.",
        ),
        options=(BASIS,),
    ),
    Metric(
        slug="repeat_rate_of_new",
        sources=_ORDERS,
        title=words("新規客の期間内リピート率", "Repeat rate of new customers"),
        unit=Unit.RATE,
        numerator=words("そのうち P に2回目の購入もした人", "of those, customers with their second purchase in P too"),
        denominator=_NEW,
        window=P,
        definition=words(
            "P に初回購入をした人のうち、P のうちに2回目を購入した人の割合。P の終わり近くの新規客ほど時間が短い点は、F2転換率と異なります。",
            "Share of the first-time buyers of P who bought again within P. Unlike F2 conversion, who came late in P had less time.",
        ),
        options=(BASIS,),
    ),
    Metric(
        slug="purchase_interval",
        sources=_ORDERS,
        title=words("購入間隔", "Purchase interval"),
        unit=Unit.DAYS,
        numerator=words(
            "続けて行われた購入の間隔のうち、後の購入が P にあるものの数",
            "gaps between consecutive purchases whose later one lies in P",
        ),
        denominator=NONE,
        window=P,
        definition=words(
            "続けて行われた購入の間隔（営業日）の中央値。表に90パーセンタイルと件数（線形補間）。",
            "Median business days between consecutive purchases; the table adds the 90th percentile (linear interpolation) and "
            "the number of gaps.",
        ),
        options=(BASIS,),
        sheet=Sheet(
            shape=Shape.LIST,
            columns=(
                Column("median", "中央値", "Median", Unit.DAYS),
                Column("p90", "90パーセンタイル", "90th percentile", Unit.DAYS),
                Column("gaps", "件数", "Gaps", Unit.NUMBER),
            ),
        ),
    ),
)
