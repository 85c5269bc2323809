"""The catalogue: every KPI with the words that stand beside its figure."""

from segments.errors import UnknownMetric
from segments.events import EventName
from segments.metrics.metric import AsOf, Metric, Option, Unit, Words

_HORIZON = 104
_LAUNCH = (str(EventName.APPLICATION_OPENED),)
_INSTALLED = (*_LAUNCH, str(EventName.APPLICATION_UNINSTALLED), str(EventName.ADDRESS_RETIRED))
_ISSUED = (str(EventName.COUPON_ISSUED), str(EventName.COUPON_VIEWED))
_PRESENTED = (str(EventName.COUPON_PRESENTED),)
_REDEEMED = (str(EventName.COUPON_REDEEMED),)
_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))


def _words(ja: str, en: str) -> Words:
    return {"ja": ja, "en": en}


_P = _words("指定した期間 P（両端の営業日を含む）", "the window P, both business days included")
_END = _words("P の最終営業日に終わる期間", "the span that ends on the last business day of P")
_ISSUED_IN = _words("P に発行された組。その後の行動は今日まで", "pairs issued in P; what became of them up to today")
_BASIS = Option(
    "basis", "購入の数え方", "What counts as one purchase", "days", choices=("days", "receipts", "store_days")
)
_BUYERS = _words("P に1回以上購入した人", "customers with at least one purchase in P")
_PAIRS = _words("P に発行された（会員×クーポン）の組", "pairs (customer, coupon) issued in P")
_LAUNCHERS = _words("P に起動した人", "customers who launched in P")
_NONE = _words("なし（人数）", "none: a count")
_MAU = _words("P の最終日までの30日間に起動した人", "customers with a launch in the 30 days that end P")

_LAUNCHES: tuple[Metric, ...] = (
    Metric(
        slug="launch_rate",
        sources=_INSTALLED,
        title=_words("起動率", "Launch rate"),
        unit=Unit.RATE,
        numerator=_LAUNCHERS,
        denominator=_words("P のいずれかの時点でアプリが入っていた人", "customers installed at any time in P"),
        window=_P,
        definition=_words(
            "アプリが入っている人のうち、P に1回以上起動した人の割合。P に端末の記録がある、または P の前の180日に記録があり、"
            "その後に削除も通知先の失効もなければ「入っている」とみなします。",
            "Share of the customers with the app installed who launched it in P. Installed: a device was seen in P, or in "
            "the 180 days before it without an uninstall or an unregistered address since; or the customer launched in P.",
        ),
    ),
    Metric(
        slug="launch_days",
        sources=_LAUNCH,
        title=_words("起動日数", "Launch days"),
        unit=Unit.TIMES,
        numerator=_words("P に起動した日の延べ数（人×日）", "distinct customer-days with a launch in P"),
        denominator=_LAUNCHERS,
        window=_P,
        definition=_words(
            "起動した人1人あたりの、P に起動した日数。",
            "Mean distinct days with a launch in P, per customer who launched.",
        ),
    ),
    Metric(
        slug="dau",
        sources=_LAUNCH,
        title=_words("DAU", "DAU"),
        unit=Unit.PEOPLE,
        numerator=_words("P の最終日に起動した人", "customers with a launch on the last day of P"),
        denominator=_NONE,
        window=_END,
        definition=_words("1日に起動した人数。", "Distinct customers with a launch in the day."),
    ),
    Metric(
        slug="wau",
        sources=_LAUNCH,
        title=_words("WAU", "WAU"),
        unit=Unit.PEOPLE,
        numerator=_words("P の最終日までの7日間に起動した人", "customers with a launch in the 7 days that end P"),
        denominator=_NONE,
        window=_END,
        definition=_words("7日間に起動した人数。", "Distinct customers with a launch in 7 days."),
    ),
    Metric(
        slug="mau",
        sources=_LAUNCH,
        title=_words("MAU", "MAU"),
        unit=Unit.PEOPLE,
        numerator=_MAU,
        denominator=_NONE,
        window=_END,
        definition=_words("30日間に起動した人数。", "Distinct customers with a launch in 30 days."),
    ),
    Metric(
        slug="stickiness",
        sources=_LAUNCH,
        title=_words("定着度（DAU÷MAU）", "Stickiness (DAU ÷ MAU)"),
        unit=Unit.RATE,
        numerator=_words("P の最終日に起動した人", "customers with a launch on the last day of P"),
        denominator=_MAU,
        window=_END,
        definition=_words(
            "月に起動する人のうち、その日に起動した人の割合。", "Share of the month's users who launched on the day."
        ),
    ),
    Metric(
        slug="weekly_stickiness",
        sources=_LAUNCH,
        title=_words("週の定着度（WAU÷MAU）", "Weekly stickiness (WAU ÷ MAU)"),
        unit=Unit.RATE,
        numerator=_words("P の最終日までの7日間に起動した人", "customers with a launch in the 7 days that end P"),
        denominator=_MAU,
        window=_END,
        definition=_words(
            "月に起動する人のうち、その週に起動した人の割合。毎日は使わない店舗アプリにはこちらが向きます。",
            "Share of the month's users who launched in the week; the better one for shops.",
        ),
    ),
)

_COUPONS: tuple[Metric, ...] = (
    Metric(
        slug="coupon_view_rate",
        sources=_ISSUED,
        title=_words("クーポン閲覧率", "Coupon view rate"),
        unit=Unit.RATE,
        numerator=_words("そのうち閲覧された組", "of those, pairs viewed"),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        definition=_words(
            "発行されたクーポンのうち閲覧された割合。公開クーポンは最初の閲覧を発行とみなします。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were viewed. A public coupon counts as issued when first viewed. "
            "Incomplete until its validity ends.",
        ),
    ),
    Metric(
        slug="coupon_presentation_rate",
        sources=(*_ISSUED, *_PRESENTED),
        title=_words("クーポン提示率", "Coupon presentation rate"),
        unit=Unit.RATE,
        numerator=_words("そのうち提示された組", "of those, pairs presented"),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        definition=_words(
            "発行されたクーポンのうち、店頭で提示された（使うボタンを押した、コードを見せた）割合。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were presented: use button or code shown. Incomplete until validity ends.",
        ),
    ),
    Metric(
        slug="coupon_use_rate",
        sources=(*_ISSUED, *_PRESENTED, *_REDEEMED),
        title=_words("クーポン利用率", "Coupon use rate"),
        unit=Unit.RATE,
        numerator=_words(
            "そのうち利用された組（レジ未連携の店では提示された組）",
            "of those, pairs redeemed (presented where no till is linked)",
        ),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        definition=_words(
            "発行されたクーポンのうち利用された割合。レジの消込がない店では提示を利用とみなし、その旨を示します。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were used. Where no till reports redemptions, presented counts as used and "
            "the figure says so. Incomplete until validity ends.",
        ),
    ),
    Metric(
        slug="coupon_redemption_rate",
        sources=(*_ISSUED, *_PRESENTED, *_REDEEMED),
        title=_words("クーポン消込率", "Coupon redemption rate"),
        unit=Unit.RATE,
        numerator=_words("そのうちレジで消し込まれた組", "of those, pairs also redeemed"),
        denominator=_words("P に発行され、提示された組", "pairs issued in P and presented"),
        window=_ISSUED_IN,
        definition=_words(
            "提示されたクーポンのうち、レジで消し込まれた割合。有効期限が来るまで集計中です。",
            "Share of the presented coupons that were redeemed at the till. Incomplete until validity ends.",
        ),
    ),
)

_FN_OPTIONS = (
    Option("days", "日数 D", "Days D", 60, low=1, high=730),
    _BASIS,
)
_FN_WINDOW = _words(
    "n 回目の購入が P にあり、D 日が過ぎた人", "customers whose n-th purchase lies in P and for whom D days have passed"
)
_PURCHASES: tuple[Metric, ...] = (
    Metric(
        slug="repeat_purchase_rate",
        sources=_ORDERS,
        title=_words("リピート購入率", "Repeat purchase rate"),
        unit=Unit.RATE,
        numerator=_words("P に N 回以上購入した人", "customers with at least N purchases in P"),
        denominator=_BUYERS,
        window=_P,
        definition=_words(
            "P に購入した人のうち、N 回以上購入した人の割合。全額返品・取消の購入は数えません。",
            "Share of the buyers of P who bought at least N times. Cancelled and wholly refunded orders do not count.",
        ),
        options=(Option("n", "回数 N", "Times N", 2, low=2, high=100), _BASIS),
    ),
    Metric(
        slug="f2_conversion",
        sources=_ORDERS,
        title=_words("F2転換率", "F2 conversion"),
        unit=Unit.RATE,
        numerator=_words("そのうち D 日以内に2回目を購入した人", "of those, customers who bought again within D days"),
        denominator=_words(
            "初回購入が P にあり、D 日が過ぎた人",
            "customers whose first purchase ever lies in P and for whom D days have passed",
        ),
        window=_FN_WINDOW,
        definition=_words(
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
        title=_words("Fn転換率", "Fn conversion"),
        unit=Unit.RATE,
        numerator=_words(
            "そのうち D 日以内に n＋1 回目を購入した人", "of those, customers who bought again within D days"
        ),
        denominator=_FN_WINDOW,
        window=_FN_WINDOW,
        definition=_words(
            "n 回目の購入者のうち、D 日以内に n＋1 回目を購入した人の割合。",
            "Share of the customers with an n-th purchase in P who bought again within D days.",
        ),
        as_of=AsOf.COHORT,
        options=(Option("n", "回数 n", "Purchase n", 2, low=1, high=100), *_FN_OPTIONS),
    ),
    Metric(
        slug="average_order_value",
        sources=_ORDERS,
        title=_words("客単価", "Average order value"),
        unit=Unit.MONEY,
        numerator=_words(
            "P の購入金額（各購入の返金を引いた額、最小単位）", "net sales of the purchases in P, minor units"
        ),
        denominator=_words("P の購入回数", "purchases in P"),
        window=_P,
        definition=_words(
            "購入1回あたりの金額。各購入からその返金を引きます。", "Net sales per purchase, each less its own refunds."
        ),
        options=(_BASIS,),
    ),
    Metric(
        slug="orders_per_customer",
        sources=_ORDERS,
        title=_words("1人あたり購入回数", "Purchases per customer"),
        unit=Unit.TIMES,
        numerator=_words("P の購入回数", "purchases in P"),
        denominator=_BUYERS,
        window=_P,
        definition=_words("購入した人1人あたりの購入回数。", "Purchases per customer who bought in P."),
        options=(_BASIS,),
    ),
)

_RETENTION = Metric(
    slug="retention",
    title=_words("継続率", "Retention"),
    unit=Unit.RATE,
    numerator=_words("そのうち、指定した期に戻ってきた人", "of those, customers active in the period asked for"),
    denominator=_words(
        "起点の行動が P にあり、期が終わった組の人",
        "customers with the start event in P, in cohorts for which the horizon has ended",
    ),
    window=_words("起点の行動が P にある人", "customers whose start lies in P"),
    definition=_words(
        "起点の期（日・週・月）に始めた人のうち、m 期後に戻りの行動が k 回（または k 日）以上あった人の割合。"
        "exact は n 期後ちょうど、range は a〜b 期後のいずれか、rolling は n〜H 期後のいずれか。まとめの行は H まで終わった組だけで計算します。",
        "Share of those who started in a period (day, week, month) with at least k return events, or return events on at "
        "least k days, m periods later: exactly n (exact), in some of a..b (range), in some of n..H (rolling). "
        "The pooled line uses only cohorts complete for H.",
    ),
    as_of=AsOf.COHORT,
    options=(
        Option("start", "起点の行動", "Start event", "Application Opened"),
        Option("return", "戻りの行動", "Return event", "Application Opened"),
        Option("starts", "起点", "Which starts", "first", choices=("first", "every")),
        Option("k", "回数 k", "At least k", 1, low=1, high=1000),
        Option("count_by", "k の数え方", "k counts", "events", choices=("events", "days")),
        Option("type", "種類", "Type", "exact", choices=("exact", "range", "rolling")),
        Option("unit", "期の単位", "Unit", "week", choices=("day", "week", "month")),
        Option("n", "期 n", "Period n", 1, high=_HORIZON),
        Option("a", "期 a から", "From period a", 1, high=_HORIZON),
        Option("b", "期 b まで", "To period b", 4, high=_HORIZON),
        Option("horizon", "期限 H", "Horizon H", 4, high=_HORIZON),
        Option("periods", "表の列数", "Columns of the table", 12, high=_HORIZON),
    ),
)

CATALOG: dict[str, Metric] = {metric.slug: metric for metric in (*_LAUNCHES, *_COUPONS, _RETENTION, *_PURCHASES)}
"""KPIs by slug, in the order pages list them."""


def get(slug: str) -> Metric:
    """The KPI of that name.

    Raises:
        UnknownMetric: no KPI has it; the message lists those there are.
    """
    if slug not in CATALOG:
        message = f"no KPI is called {slug}; there are {', '.join(CATALOG)}"
        raise UnknownMetric(message)
    return CATALOG[slug]
