"""KPIs of buying and buying again."""

from segments.events import EventName
from segments.metrics.catalog.words import BASIS, BUYERS, P, words
from segments.metrics.metric import AsOf, Metric, Option, Unit

_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))
_FN_OPTIONS = (
    Option("days", "日数 D", "Days D", 60, low=1, high=730),
    BASIS,
)
_FN_WINDOW = words(
    "n 回目の購入が P にあり、D 日が過ぎた人", "customers whose n-th purchase lies in P and for whom D days have passed"
)
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
)
