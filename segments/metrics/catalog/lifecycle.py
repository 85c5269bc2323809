"""KPIs of where customers stand: life-cycle states, churn, lifetime value."""

from segments.coded_values import CODE_WORDS
from segments.events import EventName
from segments.metrics.catalog.words import AT_END, BASIS, P, words
from segments.metrics.metric import Column, Metric, Shape, Sheet, Unit

_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))
_PARAMETERS = {
    "r": words("r（購入頻度の形）", "r (shape of purchase rates)"),
    "alpha": words("α（購入頻度の尺度、日）", "alpha (scale of purchase rates, days)"),
    "a": words("a（離脱確率）", "a (chance to leave)"),
    "b": words("b（離脱確率）", "b (chance to leave)"),
    "log_likelihood": words("対数尤度（BG/NBD）", "log-likelihood (BG/NBD)"),
    "p": words("p（購入額の形）", "p (shape of purchase values)"),
    "q": words("q（会員間のばらつき）", "q (spread across customers)"),
    "v": words("v（購入額の尺度、最小単位）", "v (scale of purchase values, minor units)"),
    "log_likelihood_money": words("対数尤度（Gamma-Gamma）", "log-likelihood (Gamma-Gamma)"),
}
_KNOWN = words(
    "P の前日の終わりに、購入があり最終購入から T3 日以内の人",
    "customers with a purchase at most T3 days before P began",
)
_THRESHOLDS = Sheet(
    shape=Shape.LIST,
    columns=(
        Column("t1", "T1（離反予備軍）", "T1 (at risk)", Unit.DAYS),
        Column("t2", "T2（休眠）", "T2 (dormant)", Unit.DAYS),
        Column("t3", "T3（離反）", "T3 (churned)", Unit.DAYS),
        Column("version", "版", "Version", Unit.NUMBER),
        Column("since", "適用開始日", "In force since"),
        Column("provisional", "暫定", "Provisional"),
    ),
)
_BUYERS = words("P の終わりまでに購入した人", "customers with a purchase by the end of P")

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="life_cycle_states",
        sources=_ORDERS,
        title=words("ライフサイクル", "Life-cycle states"),
        unit=Unit.RATE,
        numerator=words(
            "そのうち最終購入から T1 日以内の人（稼働・復帰・新規）",
            "of those, customers who bought in the last T1 days",
        ),
        denominator=words("P の終わりまでに記録のある会員すべて", "all members on record by the end of P"),
        window=AT_END,
        definition=words(
            "会員を最終購入からの日数で必ず1つの状態に分けます（上から順に判定）。未購入、離反（T3 超）、休眠（T2 超）、離反予備軍（T1 超）、"
            "新規（購入1回）、復帰（T2 を超える空白の後の購入が T1 日以内）、稼働。しきい値は店の購入間隔から：T1＝75パーセンタイル（14日以上）、"
            "T2＝90パーセンタイル（T1＋14日以上）、T3＝T2×2。期間の初めの版を使います。",
            "Every member is in exactly one state by the days since the last purchase; the first that fits: no purchase, churned (over T3), "
            "dormant (over T2), at risk (over T1), new (one purchase), returned (a gap beyond T2 closed at most T1 days ago), active. "
            "Thresholds from the shop's own gaps: T1 75th percentile (at least 14 days), T2 90th (at least T1 + 14), T3 = 2 × T2; the "
            "version in force when P begins.",
        ),
        options=(BASIS,),
        sheet=Sheet(
            shape=Shape.DISTRIBUTION,
            columns=(
                Column("state", "状態", "State", codes=CODE_WORDS["life_cycle"]),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
                Column("share", "割合", "Share", Unit.RATE),
                Column("over", "最終購入から（日超）", "Days since purchase, over", Unit.DAYS),
                Column("up_to", "最終購入から（日以内）", "Days since purchase, up to", Unit.DAYS),
            ),
        ),
    ),
    Metric(
        slug="churn_rate",
        sources=_ORDERS,
        title=words("離脱率", "Churn rate"),
        unit=Unit.RATE,
        numerator=words("そのうち P の終わりに T3 日を超えた人", "of those, customers beyond T3 days at the end of P"),
        denominator=_KNOWN,
        window=P,
        definition=words(
            "P の初めにまだ離反していなかった購入者のうち、P の終わりに離反（最終購入から T3 日超）となった人の割合。しきい値は P の初めの版を両端に使います。",
            "Share of the buyers not yet churned when P began who are churned (over T3 days since the last purchase) at its end. The version "
            "of the thresholds in force when P begins holds at both ends.",
        ),
        sheet=_THRESHOLDS,
    ),
    Metric(
        slug="customer_kept_rate",
        sources=_ORDERS,
        title=words("顧客維持率", "Customers kept"),
        unit=Unit.RATE,
        numerator=words("そのうち P の終わりに T3 日以内の人", "of those, customers within T3 days at the end of P"),
        denominator=_KNOWN,
        window=P,
        definition=words(
            "離脱率と同じ人を分母とする、その残り。継続率（retention）とは別の指標です。",
            "The complement of the churn rate on the same people; it is not retention.",
        ),
        sheet=_THRESHOLDS,
    ),
    Metric(
        slug="ltv_realised",
        sources=_ORDERS,
        title=words("LTV（実績）", "Lifetime value, realised"),
        unit=Unit.MONEY,
        numerator=words(
            "その人たちの P の終わりまでの純売上（返金・取消を引いた額、最小単位）",
            "their net sales to the end of P (refunds and cancellations taken off), minor units",
        ),
        denominator=words(
            "P の終わりの時点で有効な購入がある人", "customers with an order that counts as of the end of P"
        ),
        window=AT_END,
        definition=words(
            "購入した人1人あたりの、これまでの純売上。売上は購入日、返金は返金日に数えます。粗利では ltv_margin。",
            "Net sales to date per customer who bought; sales count on the order's day, refunds on the refund's. By margin: "
            "ltv_margin.",
        ),
    ),
    Metric(
        slug="ltv_margin",
        sources=_ORDERS,
        title=words("LTV（粗利実績）", "Lifetime value by margin, realised"),
        unit=Unit.MONEY,
        numerator=words(
            "その人たちの P の終わりまでの粗利（返金・取消を引いた純売上 × 粗利率、最小単位）",
            "their gross margin to the end of P: net sales (refunds and cancellations taken off) × margin rate, minor units",
        ),
        denominator=words(
            "P の終わりの時点で有効な購入がある人", "customers with an order that counts as of the end of P"
        ),
        window=AT_END,
        definition=words(
            "購入した人1人あたりの、これまでの粗利。注文ごとに、返金後の純額を明細の金額の比（金額がなければ数量の比）で分類に分け、購入日に有効な版の"
            "分類別の粗利率、なければ標準の粗利率を掛け、注文ごとに四捨五入します。返金は同じ比で粗利を減らし、元の注文が不明な返金・取消は"
            "標準の粗利率で引きます。粗利率のない売上の粗利は含めず、粗利が分かる売上の割合を表に示します。どの売上にも粗利率がないときは"
            "示しません（データ不足）。",
            "Gross margin to date per customer who bought. Each order's net amount is parted among the categories of its lines by their money "
            "(by quantity where no line has a price), each part times the category's rate in the version in force on the order's day, or else "
            "the default rate; the margin of an order is rounded once, half up. Refunds take margin away in the same proportion; money given "
            "back for an order nobody knows does at the default rate. Sales without a rate give no margin: the table states the share of sales "
            "that is covered. Withheld where none is.",
        ),
        sheet=Sheet(
            shape=Shape.LIST,
            columns=(
                Column("sales", "有効な購入の純売上", "Net sales of counted orders", Unit.MONEY),
                Column("covered", "うち粗利率のある売上", "Of these, with a margin rate", Unit.MONEY),
                Column("share", "割合", "Share", Unit.RATE),
            ),
        ),
    ),
    Metric(
        slug="ltv_12m",
        sources=_ORDERS,
        title=words("LTV（今後12か月の予測）", "Lifetime value, next 12 months"),
        unit=Unit.MONEY,
        numerator=words(
            "その人たちの今後12か月（365日）の予測売上", "their expected net sales of the next 12 months (365 days)"
        ),
        denominator=_BUYERS,
        window=AT_END,
        definition=words(
            "購入した人1人あたりの、P の終わりから12か月の予測純売上。購入回数は BG/NBD、購入額は Gamma-Gamma を全購入者に最尤推定で当てはめます"
            "（同じ営業日の購入は1回）。購入者500人未満、履歴180日未満、3回以上購入した人がいないときは示しません（データ不足）。",
            "Net sales to be expected per buyer in the 12 months after P: purchases by BG/NBD, their value by Gamma-Gamma, fitted to all "
            "buyers of the shop by maximum likelihood (orders of one business day are one purchase). Withheld under 500 buyers, 180 days "
            "of history, or without anybody who bought 3 times.",
        ),
        sheet=Sheet(
            shape=Shape.LIST,
            columns=(
                Column("parameter", "モデルの値", "Of the model", codes=_PARAMETERS),
                Column("value", "値", "Value", Unit.NUMBER),
            ),
        ),
    ),
)
