"""KPIs of coupons, which count pairs of customer and coupon."""

from segments.events import EventName
from segments.metrics.catalog.words import words
from segments.metrics.metric import Column, Metric, Shape, Sheet, Unit

_ISSUED = (str(EventName.COUPON_ISSUED), str(EventName.COUPON_VIEWED))
_PRESENTED = (str(EventName.COUPON_PRESENTED),)
_REDEEMED = (str(EventName.COUPON_REDEEMED),)
_ISSUED_IN = words("P に発行された組。その後の行動は今日まで", "pairs issued in P; what became of them up to today")
_PAIRS = words("P に発行された（会員×クーポン）の組", "pairs (customer, coupon) issued in P")
_BY_COUPON = Sheet(
    shape=Shape.LIST,
    columns=(
        Column("coupon", "クーポン", "Coupon"),
        Column("numerator", "分子", "Numerator", Unit.TIMES),
        Column("denominator", "分母", "Denominator", Unit.TIMES),
        Column("rate", "割合", "Rate", Unit.RATE),
        Column("incomplete", "集計中", "Incomplete"),
    ),
)

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="coupon_view_rate",
        sources=_ISSUED,
        title=words("クーポン閲覧率", "Coupon view rate"),
        unit=Unit.RATE,
        numerator=words("そのうち閲覧された組", "of those, pairs viewed"),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        sheet=_BY_COUPON,
        definition=words(
            "発行されたクーポンのうち閲覧された割合。公開クーポンは最初の閲覧を発行とみなします。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were viewed. A public coupon counts as issued when first viewed. "
            "Incomplete until its validity ends.",
        ),
    ),
    Metric(
        slug="coupon_presentation_rate",
        sources=(*_ISSUED, *_PRESENTED),
        title=words("クーポン提示率", "Coupon presentation rate"),
        unit=Unit.RATE,
        numerator=words("そのうち提示された組", "of those, pairs presented"),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        sheet=_BY_COUPON,
        definition=words(
            "発行されたクーポンのうち、店頭で提示された（使うボタンを押した、コードを見せた）割合。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were presented: use button or code shown. Incomplete until validity ends.",
        ),
    ),
    Metric(
        slug="coupon_use_rate",
        sources=(*_ISSUED, *_PRESENTED, *_REDEEMED),
        title=words("クーポン利用率", "Coupon use rate"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち利用された組（レジ未連携の店では提示された組）",
            "of those, pairs redeemed (presented where no till is linked)",
        ),
        denominator=_PAIRS,
        window=_ISSUED_IN,
        sheet=_BY_COUPON,
        definition=words(
            "発行されたクーポンのうち利用された割合。レジの消込がない店では提示を利用とみなし、その旨を示します。有効期限が来るまで集計中です。",
            "Share of the issued coupons that were used. Where no till reports redemptions, presented counts as used and "
            "the figure says so. Incomplete until validity ends.",
        ),
    ),
    Metric(
        slug="coupon_redemption_rate",
        sources=(*_ISSUED, *_PRESENTED, *_REDEEMED),
        title=words("クーポン消込率", "Coupon redemption rate"),
        unit=Unit.RATE,
        numerator=words("そのうちレジで消し込まれた組", "of those, pairs also redeemed"),
        denominator=words("P に発行され、提示された組", "pairs issued in P and presented"),
        window=_ISSUED_IN,
        sheet=_BY_COUPON,
        definition=words(
            "提示されたクーポンのうち、レジで消し込まれた割合。有効期限が来るまで集計中です。",
            "Share of the presented coupons that were redeemed at the till. Incomplete until validity ends.",
        ),
    ),
    Metric(
        slug="coupon_uses",
        sources=(*_PRESENTED, *_REDEEMED),
        title=words("クーポン利用者数", "Coupon users"),
        unit=Unit.PEOPLE,
        numerator=words("P にクーポンを使った人", "customers who used a coupon in P"),
        denominator=words("なし（人数）", "none: a count"),
        window=words("P の利用（レジ未連携の店では提示）", "uses in P (presentations where no till is linked)"),
        definition=words(
            "P にクーポンを利用した人数と、店舗ごとの利用。レジの消込がない店では提示を利用とみなします。",
            "Customers who used a coupon in P, and uses by store. Where no till reports redemptions, presented counts as used.",
        ),
        sheet=Sheet(
            shape=Shape.LIST,
            columns=(
                Column("store", "店舗", "Store", codes={"": words("（不明）", "(unknown)")}),
                Column("uses", "利用回数", "Uses", Unit.TIMES),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
            ),
        ),
    ),
)
