"""KPIs of RFM groups."""

from segments.coded_values import CODE_WORDS
from segments.events import EventName
from segments.metrics.catalog.words import AT_END, BASIS, words
from segments.metrics.free_texts import read_limits
from segments.metrics.metric import Column, Metric, Option, Shape, Sheet, Unit

_ORDERS = (str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED), str(EventName.ORDER_CANCELLED))
_GROUPS = CODE_WORDS["rfm_group"]
_PLACES = {**_GROUPS, "outside": words("（対象外：期間内に購入なし）", "(outside: no purchase in the span)")}
_OPTIONS = (
    Option("span", "さかのぼる日数", "Days looked back", 365, low=1, high=3650),
    Option("scores", "点数の付け方", "Scores by", "ranks", choices=("ranks", "thresholds")),
    Option(
        "recency", "R のしきい値（日、小さいほど高得点）", "Thresholds of R (days)", "30,60,90,180", reads=read_limits
    ),
    Option("frequency", "F のしきい値（回）", "Thresholds of F (purchases)", "2,3,5,10", reads=read_limits),
    Option(
        "money",
        "M のしきい値（最小単位）",
        "Thresholds of M (minor units)",
        "5000,10000,30000,100000",
        reads=read_limits,
    ),
    BASIS,
)
_SCORED = words("P の終わりからさかのぼる期間に購入した人", "customers who bought in the span that ends with P")

METRICS: tuple[Metric, ...] = (
    Metric(
        slug="rfm",
        sources=_ORDERS,
        title=words("RFM分析", "RFM groups"),
        unit=Unit.RATE,
        numerator=words("そのうち最優良客・優良客", "of those, champions and loyal customers"),
        denominator=_SCORED,
        window=AT_END,
        definition=words(
            "最終購入（R）、回数（F）、純売上（M）を店全体の中で1〜5点にし、10のグループに分けます（上から順に判定）。"
            "点数＝ceil(5×最小順位÷人数)で、同じ値は同じ点。しきい値の指定もできます。最優良：R4以上・F4以上・M4以上／優良：すべて3以上／"
            "休眠優良：R2以下でF・M4以上／離反注意：R2以下でFかMが3以上／新規：R5・F1／有望：R4・F1／優良候補：R4以上／"
            "要フォロー：R3でF2以上かM3以上／休眠予備：R2以上／休眠：その他。",
            "Recency (R), purchases (F) and net sales (M), each scored 1 to 5 within the whole shop, make ten groups; the first that "
            "matches wins. Score = ceil(5 × minimum rank ÷ n), so that equals score equally; or fixed thresholds. Champions: R, F, M ≥ 4; "
            "loyal: all ≥ 3; cannot lose: R ≤ 2, F and M ≥ 4; at risk: R ≤ 2, F or M ≥ 3; new: R 5, F 1; promising: R 4, F 1; potential "
            "loyalists: R ≥ 4; needing attention: R 3, F ≥ 2 or M ≥ 3; about to sleep: R ≥ 2; hibernating: the rest.",
        ),
        options=_OPTIONS,
        sheet=Sheet(
            shape=Shape.DISTRIBUTION,
            columns=(
                Column("group", "グループ", "Group", codes=_GROUPS),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
                Column("share", "割合", "Share", Unit.RATE),
                Column("recency", "最終購入からの平均日数", "Mean days since purchase", Unit.DAYS),
                Column("purchases", "平均購入回数", "Mean purchases", Unit.TIMES),
                Column("spend", "平均純売上", "Mean net sales", Unit.MONEY),
            ),
        ),
    ),
    Metric(
        slug="rfm_transitions",
        sources=_ORDERS,
        title=words("RFMの推移", "RFM transitions"),
        unit=Unit.RATE,
        numerator=words("そのうち別のグループに移った人", "of those, customers in another group now"),
        denominator=words(
            "P の終わりとその W 週前の両方で点数のある人", "customers scored both at the end of P and W weeks before"
        ),
        window=AT_END,
        definition=words(
            "W 週前（初期値1週）のグループから P の終わりのグループへの移動。割合は移動元のグループの人に対するものです。",
            "From the group W weeks before (one week unless set) to the group at the end of P; shares are of those who were in the first.",
        ),
        options=(Option("weeks", "週数 W", "Weeks W", 1, low=1, high=52), *_OPTIONS),
        sheet=Sheet(
            shape=Shape.MATRIX,
            columns=(
                Column("from", "W 週前", "W weeks before", codes=_PLACES),
                Column("to", "P の終わり", "End of P", codes=_PLACES),
                Column("customers", "人数", "Customers", Unit.PEOPLE),
                Column("share", "割合", "Share", Unit.RATE),
            ),
        ),
    ),
)
